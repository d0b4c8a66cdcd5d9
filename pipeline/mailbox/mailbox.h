#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/real.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/keys.h"

namespace pipeline {

// Counts the messages that still read some memory: do not write to it before is_free().
class Lease {
 public:
  bool is_free() const { return *readers_ == 0; }

 private:
  friend class Mailbox;
  std::shared_ptr<std::atomic<int>> readers_ = std::make_shared<std::atomic<int>>(0);
};

// A received payload and its memory.
struct Message {
  std::span<const std::byte> bytes;  // as received, aligned for numbers
  std::shared_ptr<const void> owner;

  std::span<const nn::real> numbers() const { return numbers_as<nn::real>(); }
  template <class Number>
  std::span<const Number> numbers_as() const {
    return {reinterpret_cast<const Number*>(bytes.data()), bytes.size() / sizeof(Number)};
  }
  std::string_view characters() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  // Safe to print: see nn::printable_lines.
  std::string text() const;
};

class Network;

// Throws nn::InputError with the first line that differs. `other`: "rank 3", with its terms.
void require_same_terms(const std::string& other, const std::string& theirs,
                        const std::string& ours);

// Another rank stopped, vanished or stayed silent.
struct PeerLost : std::runtime_error {
  PeerLost(const std::string& what, std::string news)
      : std::runtime_error(what), news(std::move(news)) {}
  std::string news;  // for the other ranks, which would otherwise only see this one vanish
};

// One rank's mailbox. Sending never blocks: what the transport cannot take yet waits here and
// leaves on a later call. Messages that arrive before they are asked for wait here, too, so ranks
// may run ahead of each other. Use it from one thread.
//
// Every rank listens at one address and connects to those that it exchanges messages with. Rank 0
// is one of them, so that every rank hears of a failure anywhere. A message carries its run, sender
// and sequence number: messages of strangers are dropped and counted, a gap is an error. With keys
// only ranks of the run can connect, and none can impersonate another.
class Mailbox {
 public:
  struct Options {
    int rank = 0;
    std::vector<std::string> addresses;  // of every rank: ipc://..., tcp://host:port, inproc://...
    // Those that exchange messages with this one: rank 0, and others that have this one among
    // theirs. Empty: all. With keys, the addresses and keys of other ranks may be empty.
    std::optional<std::vector<int>> links = {};
    std::vector<int> numbers = {};  // what errors call the ranks, if not 0, 1, 2 ...
    std::uint64_t run = 0;          // the same number on every rank of a run
    int listener = -1;  // listens at this rank's address already, and is taken over; -1: none does
    // The longest wait for one message, and the longest time without a rank's pulse. Time during
    // which this process was suspended does not count.
    std::chrono::milliseconds deadline{60'000};
    std::chrono::milliseconds heartbeat{6'000};
    const std::atomic<bool>* stop = nullptr;  // when set, waiting ends with Stopped
    std::optional<Keys> keys = {};            // without them, only local addresses are allowed
    std::size_t largest_message = std::size_t{1} << 30;  // bytes; senders of more are cut off
    std::chrono::milliseconds handshake{5'000};  // peers that have not finished it are dropped
    // Called at the 1st, 2nd, 4th, 8th ... stranger of a kind, so that they cannot fill a log.
    std::function<void(const std::string& what)> on_stranger = [](const std::string&) {};
  };
  struct Stopped {};

  // Throws nn::InputError if it cannot listen at its address, or if there are no keys and strangers
  // can reach an address.
  Mailbox(Network& network, Options options);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  int rank() const;
  int ranks() const;
  std::string name() const;  // of this rank, for errors: "rank 3"

  // From now on accepts only messages that satisfy the rule, each tag once; others are dropped and
  // counted. Before a rank is met, only its greeting, goodbye or failure is accepted. `step` is
  // this rank's. Without a rule all messages of the run are accepted.
  using Rule = std::function<bool(int from, Tag tag, std::size_t bytes, int step)>;
  void expect(Rule rule);

  // Drops unread messages of earlier steps.
  void begin_step(int step);

  // Waits until every linked rank is connected, and compares their `terms`, one per line. Throws
  // PeerLost naming the missing ranks, nn::InputError naming the term that differs.
  void meet(const std::string& terms, std::chrono::milliseconds patience);

  // Large messages are not copied: the numbers must not change until the lease is free, and must
  // outlive the network. A rank may send to itself.
  void send(int to, Tag tag, std::span<const nn::real> numbers, Lease& lease);
  void send_bytes(int to, Tag tag, std::span<const std::byte> bytes, Lease& lease);
  void send_copy(int to, Tag tag, std::span<const nn::real> numbers);
  void send_text(int to, Tag tag, const std::string& text);
  void send_number(int to, Tag tag, double number);
  void send_numbers(int to, Tag tag, std::span<const double> numbers);

  // Bytes for a linked rank so far, headers included, signs of life not.
  std::uint64_t bytes_sent(int to) const;

  // The message if it has arrived; it is handed out once.
  std::optional<Message> try_receive(int from, Tag tag);

  // Moves messages until the condition holds. `what` names what this rank waits for, for errors.
  // Throws PeerLost if a rank is lost, or if the deadline passes: it then names the idle ranks.
  // Throws Stopped if told to stop.
  void wait(const std::function<bool()>& is_done, const std::string& what);
  Message receive(int from, Tag tag, const std::string& what);
  double receive_number(int from, Tag tag, const std::string& what);
  std::vector<double> receive_numbers(int from, Tag tag, std::size_t count,
                                      const std::string& what);

  // From now on wait() no longer throws Stopped: the caller handles the stop flag itself.
  void ignore_stop();

  // Moves what can be moved without waiting. Throws PeerLost if a rank has failed or vanished;
  // `what` names what this rank was doing.
  void progress(const std::string& what);

  // How long this rank has looked after its mailbox. Time during which its process was suspended
  // does not count, nor does most of that between two looks far apart.
  std::chrono::nanoseconds attended() const;

  // Exchanges goodbyes with all linked ranks: everything sent has then arrived.
  void part();

  // Tells all linked ranks why this one stops; takes a second at most. Never throws.
  void announce_failure(const std::string& reason) noexcept;

  // What was dropped, and how often: "malformed messages", 3.
  const std::map<std::string, int>& strangers() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Beat;
class Transport;
struct Strangers;

// What messages travel through. One per process; ranks that are threads share one for inproc, but
// each rank with keys needs its own.
class Network {
 public:
  Network();  // ZeroMQ

  // Another one: `join` connects a rank to those in its options.
  using Join =
      std::function<std::unique_ptr<Transport>(const Mailbox::Options&, const Beat&, Strangers&)>;
  explicit Network(Join join) : join_(std::move(join)) {}
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

 private:
  friend class Mailbox;
  Join join_;
};

}  // namespace pipeline
