#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/mailbox/meter.h"

namespace pipeline {

// The content of rank 0's beats: a rank and its idle time in milliseconds, each in 32 bits.
constexpr std::size_t idle_bytes = 8;
std::map<int, std::chrono::steady_clock::duration> parse_idle(std::string_view beat);

// Tells all linked ranks several times a second that this process is running, and how often its
// rank has looked into its mailbox: if that count stands still, the rank is stuck or computing. It
// has its own thread and connections, so neither computation nor large messages delay it. ZeroMQ's
// own heartbeats would do only the first half, and would drop a process as soon as it resumes after
// a suspension longer than their timeout. The thread also checks the meter, even while the rank
// computes.
class Pulse {
 public:
  Pulse() = default;
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

  void begin(zmq::context_t& context, const Mailbox::Options& options,
             const std::vector<int>& links, std::chrono::milliseconds interval, Meter& meter);
  void look() { ++looks_; }

  // From now on each beat says which ranks are idle and how long: the ranks that wait for them may
  // not be linked with them.
  void tell(const std::map<int, std::chrono::steady_clock::duration>& idle);

 private:
  struct Link {
    zmq::socket_t socket;
    bool is_due = false;  // to be told that this process is running
  };

  void beat();

  Header header_;
  std::vector<Link> links_;  // used by the thread alone once it runs
  std::atomic<std::uint64_t> looks_ = 0;
  std::string told_, idle_;  // as in a beat: by the rank, and by the thread
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;  // ends before the members above do
};

}  // namespace pipeline
