#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "nn/base/error.h"

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
// first exception stops all and is thrown again here. Throws nn::InputError if the system has no
// more threads; those that were started are over by then.
template <class Worker, class Produce, class Consume, class Leave>
void ordered_parallel(std::vector<Worker>& workers, int count, Produce produce, Consume consume,
                      Leave leave) {
  std::atomic<int> next_task = 0;
  int next_turn = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  std::condition_variable turn_changed;

  const auto fail = [&](const std::exception_ptr& exception) {
    const std::lock_guard lock(mutex);
    if (!failure) failure = exception;
    next_task = count;
    turn_changed.notify_all();
  };
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
      fail(std::current_exception());
    }
    leave(worker);
  };
  {
    const std::size_t busy = std::clamp<std::size_t>(count, 1, workers.size());
    for (std::size_t i = busy; i < workers.size(); ++i) leave(workers[i]);
    std::vector<std::jthread> threads;
    threads.reserve(busy - 1);
    std::size_t started = 1;
    try {
      for (; started < busy; ++started)
        threads.emplace_back([&, i = started] { work(workers[i]); });
    } catch (const std::system_error& error) {
      fail(std::make_exception_ptr(
          nn::InputError(nn::concat("cannot start ", busy, " threads: ", error.code().message()),
                         "choose fewer threads")));
    } catch (...) {
      fail(std::current_exception());
    }
    for (std::size_t i = started; i < busy; ++i) leave(workers[i]);
    work(workers[0]);
  }
  if (failure) std::rethrow_exception(failure);
}

template <class Worker, class Produce, class Consume>
void ordered_parallel(std::vector<Worker>& workers, int count, Produce produce, Consume consume) {
  ordered_parallel(workers, count, produce, consume, [](Worker&) {});
}

}  // namespace fl
