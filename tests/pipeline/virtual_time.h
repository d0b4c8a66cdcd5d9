#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <semaphore>
#include <utility>

namespace pipeline {

// A clock that jumps from one event to the next, and threads that take turns: a thread runs until
// it sleeps, and no other runs meanwhile. So the order of everything is that of the events, and
// nobody waits for real time.
class VirtualTime {
 public:
  using Clock = std::chrono::steady_clock;
  struct Over {};  // thrown to the threads that have not returned by the limit

  Clock::time_point now() const { return now_; }

  // Does something at a time, or now if that is past; events of one time happen in this order.
  void at(Clock::time_point time, std::function<void()> event);
  void after(Clock::duration duration, std::function<void()> event) {
    at(now_ + duration, std::move(event));
  }

  // Calls work(0) to work(threads - 1), each in a thread of its own, and returns when all have.
  void run(int threads, const std::function<void(int)>& work, Clock::duration limit);

  // For a thread of run(): lets time pass, until then or until wake().
  void sleep(int thread, Clock::duration duration);
  void wake(int thread);

 private:
  struct Thread {
    std::binary_semaphore turn{0};
    bool is_asleep = true, has_returned = false;
    std::uint64_t sleeps = 0;  // so far: tells an event for this sleep from earlier ones
  };

  void end_sleep(int thread, std::uint64_t sleep);
  int next();  // lets events happen until a thread is to go on; -1: all have returned
  void hand_over(int thread);

  Clock::time_point now_{}, limit_{};
  bool is_over_ = false;
  std::map<std::pair<Clock::time_point, std::uint64_t>, std::function<void()>> events_;
  std::uint64_t events_so_far_ = 0;
  std::deque<Thread> threads_;
  int awake_ = -1;  // the thread that an event has woken
};

}  // namespace pipeline
