#include "tests/pipeline/virtual_time.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

namespace pipeline {

void VirtualTime::at(Clock::time_point time, std::function<void()> event) {
  events_.emplace(std::pair(std::max(time, now_), events_so_far_++), std::move(event));
}

void VirtualTime::run(int threads, const std::function<void(int)>& work, Clock::duration limit) {
  limit_ = now_ + limit;
  is_over_ = false;
  threads_ = std::deque<Thread>(threads);
  std::vector<std::jthread> running;
  for (int thread = 0; thread < threads; ++thread) {
    wake(thread);
    running.emplace_back([this, thread, &work] {
      threads_[thread].turn.acquire();
      work(thread);
      threads_[thread].has_returned = true;
      hand_over(next());
    });
  }
  hand_over(next());
  running.clear();  // returns when all have
  events_.clear();
}

void VirtualTime::sleep(int thread, Clock::duration duration) {
  if (is_over_) throw Over();
  threads_[thread].is_asleep = true;
  at(now_ + duration,
     [this, thread, sleep = ++threads_[thread].sleeps] { end_sleep(thread, sleep); });
  if (const int other = next(); other != thread) {
    hand_over(other);
    threads_[thread].turn.acquire();
  }
  if (is_over_) throw Over();
}

void VirtualTime::wake(int thread) {
  at(now_, [this, thread, sleep = threads_[thread].sleeps] { end_sleep(thread, sleep); });
}

void VirtualTime::end_sleep(int thread, std::uint64_t sleep) {
  if (threads_[thread].sleeps != sleep || !std::exchange(threads_[thread].is_asleep, false)) return;
  awake_ = thread;
}

int VirtualTime::next() {
  const auto unfinished = std::ranges::find(threads_, false, &Thread::has_returned);
  if (unfinished == threads_.end()) return -1;
  while (!is_over_ && awake_ < 0) {
    is_over_ = events_.empty() || events_.begin()->first.first > limit_;
    if (is_over_) break;
    const auto event = events_.extract(events_.begin());
    now_ = event.key().first;
    event.mapped()();
  }
  if (is_over_) return static_cast<int>(unfinished - threads_.begin());
  return std::exchange(awake_, -1);
}

void VirtualTime::hand_over(int thread) {
  if (thread >= 0) threads_[thread].turn.release();
}

}  // namespace pipeline
