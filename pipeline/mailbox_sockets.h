#pragma once

#include <deque>
#include <map>
#include <zmq.hpp>

#include "pipeline/mailbox.h"
#include "pipeline/mailbox_gate.h"

// The inside of a mailbox: its sockets, and what it knows of the other ranks. Only mailbox*.cpp
// include this.
namespace pipeline {

struct Network::Context {
  zmq::context_t zmq{1};
  std::atomic<int> watched = 0;

  // Tells of such events of a socket (zmq_socket_monitor(3)); watch before they can happen.
  zmq::socket_t watch(zmq::socket_t& socket, int events);
};

struct Mailbox::Sockets {
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
  };

  // Listens at this rank's address and begins to connect to all others.
  Sockets(Network& network, Options given);
  void listen();
  void connect(Network::Context& context, int rank);

  // Puts a message on its way, as far as the transport takes it; the rest goes with a later flush.
  void push(int to, Tag tag, zmq::message_t payload);
  void flush(Peer& peer);
  bool has_outgoing() const;

  // Takes in what has come: messages of this run are kept, strangers are counted.
  void drain();
  void accept(const zmq::message_t& first, std::shared_ptr<zmq::message_t> payload, bool is_whole);
  // What makes a message one of a stranger; empty if it is one of this run.
  std::string fault_of(const zmq::message_t& first, const std::optional<Header>& header) const;
  void keep(int from, Tag tag, std::shared_ptr<zmq::message_t> payload);
  void read_events();
  void move_messages();  // all of it, in both directions

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
  std::vector<Peer> peers;
  std::map<std::pair<int, Tag>, Message> early;                     // nobody has asked for them yet
  std::vector<std::shared_ptr<std::atomic<int>>> read_by_messages;  // counts of leases taken
};

}  // namespace pipeline
