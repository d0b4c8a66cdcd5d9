#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace fl {

// Runs produce(worker, task) for tasks 0 .. count-1, each worker in a thread of its own, and
// consume(worker, task) after each, strictly in the order of the tasks and never two at once. So
// whatever the number of workers, what is consumed is summed in the same order and gives the same
// bits, and no more than one product per worker is ever alive.
//
//   worker 0   produce 0 . consume 0 . produce 2 . . . . consume 2
//   worker 1   produce 1 . . . . . . . consume 1 . produce 3 . . .
//
// As soon as there is nothing left to do for a worker, leave(worker) is called in its thread. The
// first exception stops all and is thrown again here.
template <class Worker, class Produce, class Consume, class Leave>
void ordered_parallel(std::vector<Worker>& workers, int count, Produce produce, Consume consume,
                      Leave leave) {
  std::atomic<int> next_task = 0;
  int next_turn = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  std::condition_variable turn_changed;

  const auto work = [&](Worker& worker) {
    try {
      for (int task; (task = next_task++) < count;) {
        produce(worker, task);
        std::unique_lock lock(mutex);
        turn_changed.wait(lock, [&] { return next_turn == task || failure; });
        if (failure) break;
        consume(worker, task);
        ++next_turn;
        turn_changed.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      next_task = count;
      turn_changed.notify_all();
    }
    leave(worker);
  };
  {
    const std::size_t busy = std::clamp<std::size_t>(count, 1, workers.size());
    for (std::size_t i = busy; i < workers.size(); ++i) leave(workers[i]);
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < busy; ++i) threads.emplace_back([&, i] { work(workers[i]); });
    work(workers[0]);
  }
  if (failure) std::rethrow_exception(failure);
}

template <class Worker, class Produce, class Consume>
void ordered_parallel(std::vector<Worker>& workers, int count, Produce produce, Consume consume) {
  ordered_parallel(workers, count, produce, consume, [](Worker&) {});
}

}  // namespace fl
