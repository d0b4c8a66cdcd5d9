#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nn/real.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/keys.h"

namespace pipeline {

// Counts the messages that still read a piece of memory: do not write to it before is_free().
class Lease {
 public:
  bool is_free() const { return *readers_ == 0; }

 private:
  friend class Mailbox;
  std::shared_ptr<std::atomic<int>> readers_ = std::make_shared<std::atomic<int>>(0);
};

// A received payload and the memory it lies in.
struct Message {
  std::span<const std::byte> bytes;  // as received, aligned for numbers
  std::shared_ptr<const void> owner;

  std::span<const nn::real> numbers() const {
    return {reinterpret_cast<const nn::real*>(bytes.data()), bytes.size() / sizeof(nn::real)};
  }
  // Safe to print: see nn::printable_lines.
  std::string text() const;
};

// What messages travel through. One for a process; ranks that are threads share one for inproc, but
// ranks with keys have one each.
class Network {
 public:
  Network();
  ~Network();

 private:
  friend class Mailbox;
  struct Context;
  std::unique_ptr<Context> context_;
};

// Another rank stopped, vanished or stayed silent.
struct PeerLost : std::runtime_error {
  PeerLost(const std::string& what, std::string news)
      : std::runtime_error(what), news(std::move(news)) {}
  std::string news;  // for the others, who would otherwise only see this rank go
};

// One rank's post box. Sending never blocks: what the transport cannot take waits here and goes out
// on any later call. Messages that nobody asked for yet wait here as well, so that ranks may run
// ahead of each other. One thread uses it.
//
// Every rank listens at one address and connects to all others. Messages carry the number of the
// run, their sender and a running number: strangers are dropped and counted, a gap is an error.
// With keys nobody else can connect, and no rank can speak in the name of another.
class Mailbox {
 public:
  struct Options {
    int rank = 0;
    std::vector<std::string> addresses;  // of every rank: ipc://..., tcp://host:port, inproc://...
    std::uint64_t run = 0;               // the same number on every rank of a run
    // The longest wait for one message, and the longest silence from a rank, its pulse included.
    // Time in which this process was suspended does not count.
    std::chrono::milliseconds deadline{60'000};
    std::chrono::milliseconds heartbeat{6'000};
    const std::atomic<bool>* stop = nullptr;  // when set, waiting ends with Stopped
    std::optional<Keys> keys = {};            // without, only local addresses may be used
    std::size_t largest_message = std::size_t{1} << 30;  // bytes; who sends more is cut off
    std::chrono::milliseconds handshake{5'000};  // who has not introduced himself by then, too
    // Hears of strangers the 1st, 2nd, 4th, 8th ... time, so that they cannot fill a log.
    std::function<void(const std::string& what)> on_stranger = [](const std::string&) {};
  };
  struct Stopped {};

  // Throws nn::InputError if the address cannot be listened at, or if there are no keys and
  // strangers may reach an address.
  Mailbox(Network& network, Options options);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  int rank() const;
  int ranks() const;

  // Accepts from now on only messages that satisfy the rule, each tag once. Others are dropped and
  // counted. Before a rank is met, only its greeting, goodbye or failure is accepted. `step` is
  // this rank's. Without a rule, all messages of the run are accepted.
  using Rule = std::function<bool(int from, Tag tag, std::size_t bytes, int step)>;
  void expect(Rule rule);

  // Drops unread messages of earlier steps.
  void begin_step(int step);

  // Waits until every rank is there and was started with the same `terms`, one per line; throws
  // PeerLost naming the missing ones, nn::InputError naming the term that differs.
  void meet(const std::string& terms, std::chrono::milliseconds patience);

  // Many numbers are not copied: they must stay as they are until the lease is free, and outlive
  // the network. A rank may write to itself.
  void send(int to, Tag tag, std::span<const nn::real> numbers, Lease& lease);
  void send_text(int to, Tag tag, const std::string& text);
  void send_number(int to, Tag tag, double number);

  // The message if it is here already; it is handed out once.
  std::optional<Message> try_receive(int from, Tag tag);

  // Moves messages until the condition holds. Throws PeerLost, with `what` as what was waited for,
  // if a rank is lost or the deadline passes; in the latter case it names the idle ranks. Throws
  // Stopped if told to stop.
  void wait(const std::function<bool()>& is_done, const std::string& what);
  Message receive(int from, Tag tag, const std::string& what);
  double receive_number(int from, Tag tag, const std::string& what);

  // From now on wait() no longer throws Stopped: the caller handles the stop flag itself.
  void ignore_stop();

  // Moves what can be moved without waiting. Throws PeerLost, with `what` as what this rank was at,
  // if a rank has failed or vanished.
  void progress(const std::string& what);

  // Says goodbye to all and waits until all have: everything sent has then arrived.
  void part();

  // Tells all others why this rank stops; takes a second at most. Never throws.
  void announce_failure(const std::string& reason) noexcept;

  // How often each kind of thing from outside the run was dropped: "malformed messages", 3.
  const std::map<std::string, int>& strangers() const;

 private:
  struct Sockets;
  std::unique_ptr<Sockets> sockets_;
};

}  // namespace pipeline
