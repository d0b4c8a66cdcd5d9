#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace pipeline {

// What a message is about. Sender and tag together name exactly one message of a run.
struct Tag {
  enum Kind : std::uint8_t {
    hello,
    activation,
    gradient,
    scores,   // of a share of the head
    factors,  // that scale them
    reduce,
    tied,  // gradients of the weights that embedding and head share
    loss,
    held_out,    // an activation of an evaluation
    validation,  // losses of an evaluation, and their sum
    story,       // a token of a story, or an activation for the next one
    weights,     // of a federation's server, and what it broadcasts
    assignment,  // of a client to a rank
    update,      // of that client
    clock,
    peak,  // operations per second, and their sum
    cut,
    checkpoint,
    verdict,
    order,         // from rank 0: whether to take another step
    stop_request,  // to rank 0: the sender was told to stop
    save,          // the final model's files
    report,
    handover,  // the state of a stage, for a rank that has come
    goodbye,
    beat,  // the sender's process is running; never kept
    failure
  };
  Kind kind;
  std::int32_t step = 0;
  std::int32_t item =
      0;  // microbatch, block of the model, window or batch of an evaluation, or token
  std::int32_t part = 0;  // chunk, turn of the ring, or moment of a block
  friend auto operator<=>(const Tag&, const Tag&) = default;
};

// "activation" for Tag::activation; "unknown" for values that are none of the kinds.
const char* text_of(Tag::Kind kind);

// Whether messages of this kind belong to the step in their tag and are useless after it.
bool is_of_a_step(Tag::Kind kind);

// The tag of the run's id, which rank 0 chooses and records in what it saves.
constexpr Tag run_name_tag{Tag::order, 0, 1};

// The first frame of every message; the second is its payload. Little-endian, as in memory.
struct Header {
  static constexpr std::uint32_t right_magic = 0x42495254;  // "TRIB"
  static constexpr std::uint16_t right_version = 9;

  std::uint32_t magic = right_magic;
  std::uint16_t version = right_version;
  Tag::Kind kind = Tag::hello;
  std::uint8_t real_bytes = 0;  // of the numbers that the sender computes with
  std::uint64_t run = 0;
  std::uint64_t sequence = 0;  // counts messages from sender to receiver; in a beat, see Pulse
  std::uint64_t bytes = 0;     // of the payload
  std::int32_t from = 0, step = 0, item = 0, part = 0;

  Tag tag() const { return {kind, step, item, part}; }
};

// Parses a header; nullopt unless it fits a payload of this many bytes. Sender and run are not
// checked.
std::optional<Header> parse_header(std::span<const std::byte> frame, std::size_t payload_bytes);

}  // namespace pipeline
