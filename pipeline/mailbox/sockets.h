#pragma once

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/gate.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/mailbox/meter.h"
#include "pipeline/mailbox/pulse.h"

// The implementation of a mailbox: its sockets, and the state of the other ranks. Only the mailbox
// includes this.
namespace pipeline {

struct Network::Context {
  zmq::context_t zmq{1};
  std::atomic<int> watched = 0;

  // A socket that reports these events of another (zmq_socket_monitor(3)). Call it before they can
  // happen.
  zmq::socket_t watch(zmq::socket_t& socket, int events);
};

// A socket ready to connect to the address at which the rank listens.
zmq::socket_t outgoing_socket(zmq::context_t& context, const Mailbox::Options& options, int rank);

// Blocks all signals in this thread while it lives, and for good in threads started meanwhile: an
// interrupted ZeroMQ call fails.
class SignalsWait {
 public:
  SignalsWait() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsWait() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsWait(const SignalsWait&) = delete;
  SignalsWait& operator=(const SignalsWait&) = delete;

 private:
  sigset_t before_;
};

struct Mailbox::Sockets {
  using Clock = std::chrono::steady_clock;
  struct Outgoing {
    zmq::message_t header, payload;
  };
  // The state of another rank.
  struct Peer {
    zmq::socket_t out;
    zmq::socket_t events;          // of `out`: reports when the connection breaks
    std::deque<Outgoing> waiting;  // until the transport takes it
    std::uint64_t sent = 0, received = 0;
    bool was_met = false, has_parted = false;
    bool is_connected = false, is_gone = false, has_refused = false;  // `out`
    std::string failure;
    // By the clock `attended`: when it last sent anything, and last looked into its mailbox.
    Clock::duration heard{}, active{};
    std::optional<std::uint64_t> looks;  // into its mailbox, as its pulse counts them

    bool is_here() const { return was_met && looks; }  // with all its connections
  };

  // Listens at this rank's address and begins to connect to all others.
  Sockets(Network& network, Options given);
  void listen();
  void connect(Network::Context& context, int rank);

  // Queues a message and sends what the transport takes; the rest leaves with a later flush.
  void push(int to, Tag tag, zmq::message_t payload);
  void flush(Peer& peer);
  bool has_outgoing() const;

  // Receives what has arrived: keeps the messages of this run and counts others.
  void drain();
  void accept(const zmq::message_t& first, const std::shared_ptr<zmq::message_t>& payload,
              bool is_whole);
  // What is wrong with a message; empty if it belongs to this run and is expected.
  std::string fault_of(const zmq::message_t& first, const std::optional<Header>& header) const;
  bool is_expected(const Header& header) const;
  void hear_beat(int from, std::uint64_t looks, const zmq::message_t& payload);
  void keep(int from, Tag tag, const std::shared_ptr<zmq::message_t>& payload);

  // Messages not yet asked for, by (sender, tag). With a rule, also an empty entry for each one
  // handed out, so that none is accepted twice.
  using Early = std::map<std::pair<int, Tag>, std::optional<Message>>;
  std::optional<Message> take(Early::iterator place);
  void begin_step(int number);

  // Ranks that have not looked into their mailbox for half the deadline, and how long.
  std::map<int, Clock::duration> idle() const;

  void read_events();
  void move_messages();  // in both directions

  // "rank 3 has done nothing for 58 s", for ranks that run but do not look into their mailbox; if
  // there are none, "nothing came for 60 s".
  std::string idle_since(std::chrono::milliseconds waited) const;

  bool is_silent(const Peer& peer) const;  // no pulse for too long
  // What went wrong with another rank; empty if nothing did.
  std::string trouble() const;
  // Throws Stopped if this rank was told to stop, PeerLost if another one is in trouble. A rank
  // that stops sends its reason or goodbye before its connection breaks, but the break may be
  // noticed first: so it waits a moment.
  void throw_trouble(const std::string& what);

  // Sleeps until something may have changed. A lease that becomes free does not wake it.
  void sleep(std::chrono::milliseconds longest);

  Options options;
  Strangers strangers;
  zmq::socket_t in;
  Gate gate;
  Meter meter;
  std::map<int, Peer> peers;                      // the ranks that are linked with this one
  std::map<int, Clock::duration> idle_elsewhere;  // on other ranks, as rank 0 says, and how long
  Early early;
  Rule rule;
  int step = 0;
  std::vector<std::shared_ptr<std::atomic<int>>> read_by_messages;  // the leases in use
  // How long this rank has attended to its mailbox. The time between two looks is capped, so that
  // neither computation nor suspension of the process counts.
  Clock::duration attended{};
  Clock::time_point last_look = Clock::now();
  Pulse pulse;
};

}  // namespace pipeline
