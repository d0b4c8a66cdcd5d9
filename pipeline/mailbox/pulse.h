#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "pipeline/mailbox/beat.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/mailbox/meter.h"

namespace pipeline {

// Sends a rank's beats over ZeroMQ. It has its own thread and connections, so neither computation
// nor large messages delay it. ZeroMQ's own heartbeats would say only that the process is running,
// and would drop a process as soon as it resumes after a suspension longer than their timeout. The
// thread also checks the meter, even while the rank computes.
class Pulse {
 public:
  Pulse() = default;
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

  // To the linked ranks. Beat and meter must outlive it.
  void begin(zmq::context_t& context, const Mailbox::Options& options, const Beat& beat,
             Meter& meter);

 private:
  struct Link {
    zmq::socket_t socket;
    bool is_due = false;  // to be told that this process is running
  };

  void send(const Beat& beat);

  std::vector<Link> links_;  // used by the thread alone once it runs
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;  // ends before the members above do
};

}  // namespace pipeline
