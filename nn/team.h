#pragma once

#include <atomic>
#include <functional>
#include <span>
#include <thread>
#include <vector>

#include "nn/tensor.h"

namespace nn {

// Threads that go through loops together, the caller's among them. For loops of microseconds: who
// waits for the next one keeps asking for a while before it sleeps, and nobody waits for a helper
// that has not come, because it sleeps or has no core.
class Team {
 public:
  explicit Team(int threads = 1);  // throws InputError if the system has no more

  // A rehearsal with as many threads as you like: the caller's alone goes through the parts, one by
  // one. After each loop `record` is told how many seconds by the clock each of its parts took.
  using Clock = double (*)();
  using Record = std::function<void(std::span<const double> seconds)>;
  Team(int threads, Clock clock, Record record);

  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int threads() const { return threads_; }

  // Calls work(part) for part = 0 .. parts - 1, in any order and at the same time, and returns when
  // all are done. Work must not throw, nor use the team.
  template <class Work>
  void each(index parts, const Work& work) {
    if (parts <= 1 || (threads_ == 1 && !record_)) {
      for (index part = 0; part < parts; ++part) work(part);
      return;
    }
    run({[](const void* work, index part) { (*static_cast<const Work*>(work))(part); }, &work,
         parts});
  }

  // Calls work(begin, end) for ranges that together are 0 .. count, one for each thread, but none
  // shorter than `shortest` if it can be helped. What becomes of a number must not depend on the
  // range that it is in: then a result has the same bits for any number of threads.
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
  std::atomic<unsigned> turn_ = 0;     // odd: a loop is open to helpers
  std::atomic<unsigned> working_ = 0;  // helpers that are in it
  std::atomic<bool> is_over_ = false;
  std::vector<std::thread> helpers_;
};

}  // namespace nn
