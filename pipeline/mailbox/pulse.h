#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/mailbox/meter.h"

namespace pipeline {

// Tells all other ranks several times a second that this process is running, and how often its rank
// has looked into its mailbox: if that count stands still, the rank is stuck or computing. It has
// its own thread and connections, so neither computation nor large messages delay it. ZeroMQ's own
// heartbeats would do only the first half, and would drop a process as soon as it resumes after a
// suspension longer than their timeout. The thread also checks the meter, even while the rank
// computes.
class Pulse {
 public:
  Pulse() = default;
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

  void begin(zmq::context_t& context, const Mailbox::Options& options,
             std::chrono::milliseconds interval, Meter& meter);
  void look() { ++looks_; }

 private:
  bool beat();

  Header header_;
  std::vector<zmq::socket_t> sockets_;  // used by the thread alone once it runs
  std::atomic<std::uint64_t> looks_ = 0;
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;  // ends before the members above do
};

}  // namespace pipeline
