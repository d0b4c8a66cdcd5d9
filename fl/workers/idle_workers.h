#pragma once

#include <algorithm>
#include <mutex>
#include <vector>

namespace fl {

class ClientWorker;

// The workers that have no client of their own, for those that have one to borrow.
class IdleWorkers {
 public:
  void add(ClientWorker& worker) {
    const std::lock_guard lock(mutex_);
    workers_.push_back(&worker);
  }

  // All of them, but not more than can be used.
  std::vector<ClientWorker*> take(int most) {
    const std::lock_guard lock(mutex_);
    const auto count = std::min(workers_.size(), static_cast<std::size_t>(std::max(0, most)));
    std::vector<ClientWorker*> taken(workers_.end() - static_cast<std::ptrdiff_t>(count),
                                     workers_.end());
    workers_.resize(workers_.size() - count);
    return taken;
  }

  void clear() { workers_.clear(); }

 private:
  std::mutex mutex_;
  std::vector<ClientWorker*> workers_;
};

// Empties the list when it goes, however a round ends.
struct NobodyIdle {
  explicit NobodyIdle(IdleWorkers& workers) : idle(workers) {}
  ~NobodyIdle() { idle.clear(); }
  NobodyIdle(const NobodyIdle&) = delete;
  NobodyIdle& operator=(const NobodyIdle&) = delete;
  IdleWorkers& idle;
};

}  // namespace fl
