#pragma once

#include <atomic>
#include <csignal>
#include <map>
#include <memory>
#include <zmq.hpp>

#include "pipeline/mailbox/beat.h"
#include "pipeline/mailbox/bell.h"
#include "pipeline/mailbox/gate.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/mailbox/meter.h"
#include "pipeline/mailbox/pulse.h"
#include "pipeline/mailbox/transport.h"

namespace pipeline {

// Joins ranks over ZeroMQ, with a context of its own. Without keys, addresses must be local.
Network::Join over_zeromq();

struct Context {
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

// One rank's end of ZeroMQ.
class Sockets : public Transport {
 public:
  // Listens at the rank's address and begins to connect to all linked ranks. Everything must
  // outlive it.
  Sockets(Context& context, const Mailbox::Options& options, const Beat& beat,
          Strangers& strangers);

  Clock::time_point now() override { return Clock::now(); }
  void attend() override;
  bool send(int to, const Header& header, const Message& payload) override;
  std::optional<Arrival> receive() override;
  Connection connection(int to) const override;
  void close_to(int rank) override { gate_.close_to(rank); }
  void sleep(std::chrono::milliseconds longest) override;
  std::size_t least_lent() const override { return 64 << 10; }

 private:
  struct Peer {
    zmq::socket_t out;
    zmq::socket_t events;  // of `out`: reports when the connection breaks
    bool is_full = false;  // send() found no room
    bool is_connected = false, is_gone = false, has_refused = false;  // `out`
  };

  void listen(const Mailbox::Options& options);
  void connect(Context& context, const Mailbox::Options& options, int rank);
  void read_events(Peer& peer);

  Strangers& strangers_;
  zmq::socket_t in_;
  Gate gate_;
  Meter meter_;
  std::map<int, Peer> peers_;
  std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();  // rung when lent memory comes back
  Pulse pulse_;
};

}  // namespace pipeline
