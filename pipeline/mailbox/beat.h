#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/mailbox.h"

namespace pipeline {

// How long ranks have been idle.
using IdleTimes = std::map<int, std::chrono::steady_clock::duration>;

// The content of rank 0's beats: a rank and its idle time in milliseconds, each in 32 bits.
constexpr std::size_t idle_bytes = 8;
IdleTimes parse_idle(std::string_view beat);  // without negative numbers

// What a rank tells all linked ranks several times a second: that its process is running, and how
// often it has looked into its mailbox. If that count stands still, the rank is stuck or computing.
// Transports send it without the rank's help. Safe to use from two threads.
class Beat {
 public:
  explicit Beat(const Mailbox::Options& options);

  void look() { ++looks_; }

  // From now on it says which ranks are idle and how long: the ranks that wait for them may not be
  // linked with them.
  void tell(const IdleTimes& idle);

  struct Content {
    Header header;
    std::string idle;  // the payload
  };
  Content content() const;

  std::chrono::milliseconds interval() const { return interval_; }

 private:
  Header header_;
  std::chrono::milliseconds interval_;
  std::atomic<std::uint64_t> looks_ = 0;
  std::string told_, idle_;  // as in a beat: by the rank, and for the transport
  mutable std::mutex mutex_;
};

}  // namespace pipeline
