#pragma once

#include <csignal>
#include <deque>
#include <map>
#include <zmq.hpp>

#include "pipeline/mailbox/gate.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/mailbox/meter.h"
#include "pipeline/mailbox/pulse.h"

// The inside of a mailbox: its sockets, and what it knows of the other ranks. Only the mailbox
// includes this.
namespace pipeline {

struct Network::Context {
  zmq::context_t zmq{1};
  std::atomic<int> watched = 0;

  // Tells of such events of a socket (zmq_socket_monitor(3)); watch before they can happen.
  zmq::socket_t watch(zmq::socket_t& socket, int events);
};

// A socket ready to connect to the address where the rank listens.
zmq::socket_t outgoing_socket(zmq::context_t& context, const Mailbox::Options& options, int rank);

// While one lives, no signal reaches this thread, nor ever the threads that it starts: a ZeroMQ
// call that is interrupted fails.
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

constexpr int connections_of_a_rank = 2;  // one for messages, one for its pulse

struct Mailbox::Sockets {
  using Clock = std::chrono::steady_clock;
  struct Outgoing {
    zmq::message_t header, payload;
  };
  // What this rank knows of another one.
  struct Peer {
    zmq::socket_t out;
    zmq::socket_t events;          // of `out`: tells when the connection breaks
    std::deque<Outgoing> waiting;  // for the transport to take it
    std::uint64_t sent = 0, received = 0;
    bool was_met = false, has_parted = false, is_gone = false, has_refused = false;
    std::string failure;
    // On the clock `attended`: when it last sent anything, and last looked into its mailbox.
    Clock::duration heard{}, active{};
    std::optional<std::uint64_t> looks;  // into its mailbox, according to its pulse

    bool is_here() const { return was_met && looks; }  // with all its connections
  };

  // Listens at this rank's address and begins to connect to all others.
  Sockets(Network& network, Options given);
  void listen();
  void connect(Network::Context& context, int rank);

  // Puts a message on its way, as far as the transport takes it; the rest goes with a later flush.
  void push(int to, Tag tag, zmq::message_t payload);
  void flush(Peer& peer);
  bool has_outgoing() const;

  // Receives what has arrived: messages of this run are kept, others are counted.
  void drain();
  void accept(const zmq::message_t& first, std::shared_ptr<zmq::message_t> payload, bool is_whole);
  // What is wrong with a message; empty if it belongs to this run and is expected.
  std::string fault_of(const zmq::message_t& first, const std::optional<Header>& header) const;
  bool is_expected(const Header& header) const;
  void hear_beat(int from, std::uint64_t looks);
  void keep(int from, Tag tag, std::shared_ptr<zmq::message_t> payload);

  // By (sender, tag): messages not yet asked for. With a rule, also an empty entry for each one
  // handed out, so that none is accepted twice.
  using Early = std::map<std::pair<int, Tag>, std::optional<Message>>;
  std::optional<Message> take(Early::iterator place);
  void begin_step(int number);

  void read_events();
  void move_messages();  // all of it, in both directions

  // "rank 3 has done nothing for 58 s", for ranks that are running but do not look into their
  // mailbox; if there are none, "nothing came for 60 s".
  std::string idle_since(std::chrono::milliseconds waited) const;

  bool is_silent(const Peer& peer) const;  // not even a pulse for too long
  // What went wrong with another rank; empty if nothing did.
  std::string trouble() const;
  // Throws Stopped if this rank was told to stop, PeerLost if another one is in trouble. A rank
  // that stops sends its reason, or goodbye, before its connection breaks, but that news may
  // overtake it.
  void throw_trouble(const std::string& what);

  // Until something may have changed. Nothing wakes it when a lease becomes free.
  void sleep(std::chrono::milliseconds longest);

  Options options;
  Strangers strangers;
  zmq::socket_t in;
  Gate gate;
  Meter meter;
  std::vector<Peer> peers;
  Early early;
  Rule rule;
  int step = 0;
  std::vector<std::shared_ptr<std::atomic<int>>> read_by_messages;  // counts of leases taken
  // How long this rank has been at its mailbox. The time between two looks is capped, so that
  // neither computation nor a suspension of the process counts.
  Clock::duration attended{};
  Clock::time_point last_look = Clock::now();
  Pulse pulse;
};

}  // namespace pipeline
