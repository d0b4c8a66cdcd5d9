#pragma once

#include <climits>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace fl {

// Tasks that run at the same time and take each of their steps in the order of the tasks: a task
// begins a step when the task before it has done that step, or a later one.
//
//   task 0   0 1 2 3
//   task 1     0 1 2 3
//   task 2       0 1 2 3
//
// Tasks must be started in their order, as ordered_parallel() does: one that waits for a task that
// nobody has started would wait forever.
class Relay {
 public:
  explicit Relay(int tasks) : begun_(tasks) {}

  // One task's part. When it goes, however the task ends, nobody waits for the task any more.
  class Runner {
   public:
    Runner(Relay& relay, int task) : relay_(relay), task_(task) {}
    ~Runner() { relay_.begin(task_, INT_MAX); }
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    // Steps 0 to step - 1 are done. Returns when the task before has done step `last`, too.
    void begin(int step, int last) const {
      relay_.begin(task_, step);
      relay_.wait(task_ - 1, last);
    }

   private:
    Relay& relay_;
    int task_;
  };

 private:
  void begin(int task, int step) {
    const std::lock_guard lock(mutex_);
    begun_[task] = step;
    changed_.notify_all();
  }
  void wait(int task, int step) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return task < 0 || begun_[task] > step; });
  }

  std::vector<int> begun_;  // the step that each task is at
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace fl
