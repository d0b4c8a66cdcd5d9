#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <span>
#include <thread>
#include <vector>

#include "nn/tensor.h"

namespace nn {

// Threads that run loops together, the caller's among them. For loops that take microseconds: idle
// helpers poll for a while before they sleep, and a loop does not wait for helpers that have not
// joined it because they are asleep or without a core.
class Team {
 public:
  explicit Team(int threads = 1);  // throws InputError if the system refuses one

  // A rehearsal for any number of threads: the caller's thread runs all parts, one by one. After
  // each loop, `record` gets the time that each part took by the clock, in seconds.
  using Clock = double (*)();
  using Record = std::function<void(std::span<const double> seconds)>;
  Team(int threads, Clock clock, Record record);

  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int threads() const { return threads_; }

  // Calls work(part) for part = 0 .. parts - 1, in any order and concurrently, and returns when all
  // are done. Work must not throw or use the team.
  template <class Work>
  void each(index parts, const Work& work) {
    if (parts <= 1 || (threads_ == 1 && !record_)) {
      for (index part = 0; part < parts; ++part) work(part);
      return;
    }
    run({[](const void* work, index part) { (*static_cast<const Work*>(work))(part); }, &work,
         parts});
  }

  // Calls work(begin, end) for ranges that together cover 0 .. count: one per thread, but fewer if
  // they would be shorter than `shortest`. What happens to a number must not depend on its range;
  // then the result has the same bits for any number of threads.
  template <class Work>
  void split(index count, index shortest, const Work& work) {
    const index parts = std::max<index>(1, std::min<index>(threads(), count / shortest));
    each(parts, [&](index part) { work(count * part / parts, count * (part + 1) / parts); });
  }

 private:
  struct Loop {
    void (*call)(const void* work, index part) = nullptr;
    const void* work = nullptr;
    index parts = 0;
  };
  void run(const Loop& loop);
  void rehearse(const Loop& loop) const;
  void take_parts();
  void help();
  void dismiss();

  int threads_ = 1;
  Clock clock_ = nullptr;
  Record record_;
  Loop loop_;
  std::atomic<index> next_part_ = 0;
  std::atomic<unsigned> turn_ = 0;     // odd while a loop is open to helpers
  std::atomic<unsigned> working_ = 0;  // helpers inside the loop
  std::atomic<bool> is_over_ = false;
  std::vector<std::thread> helpers_;
};

}  // namespace nn
