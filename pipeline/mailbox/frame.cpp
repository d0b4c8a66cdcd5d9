#include "pipeline/mailbox/frame.h"

#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

namespace pipeline {

static_assert(sizeof(Header) == 48 && std::is_trivially_copyable_v<Header>);
static_assert(std::endian::native == std::endian::little);

const char* text_of(Tag::Kind kind) {
  constexpr std::array names{
      "hello", "activation", "gradient",   "scores",     "factors", "reduce",     "tied",
      "loss",  "held-out",   "validation", "story",      "weights", "assignment", "update",
      "clock", "peak",       "cut",        "checkpoint", "verdict", "order",      "stop",
      "save",  "report",     "handover",   "goodbye",    "beat",    "failure"};
  static_assert(names.size() == Tag::failure + 1);
  return kind < names.size() ? names[kind] : "unknown";
}

bool is_of_a_step(Tag::Kind kind) {
  switch (kind) {
    case Tag::activation:
    case Tag::gradient:
    case Tag::scores:
    case Tag::factors:
    case Tag::reduce:
    case Tag::tied:
    case Tag::loss:
    case Tag::held_out:
    case Tag::validation:
    case Tag::story:
    case Tag::checkpoint:
    case Tag::verdict:
    case Tag::order:
      return true;
    default:
      return false;
  }
}

std::optional<Header> parse_header(std::span<const std::byte> frame, std::size_t payload_bytes) {
  Header header;
  if (frame.size() != sizeof header) return std::nullopt;
  std::memcpy(&header, frame.data(), sizeof header);
  const bool is_right = header.magic == Header::right_magic &&
                        header.version == Header::right_version && header.kind <= Tag::failure &&
                        header.bytes == payload_bytes;
  return is_right ? std::optional(header) : std::nullopt;
}

}  // namespace pipeline
