#include "tools/ranks/rank_executor.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

#include "fl/workers/parallel.h"
#include "nn/base/error.h"

namespace ranks {

RankExecutor::RankExecutor(fl::ThreadExecutor& own, std::unique_ptr<ClientPipeline> pipeline,
                           Connections others, Reconnect reconnect,
                           std::function<void(const std::string&)> say)
    : own_(own),
      pipeline_(std::move(pipeline)),
      own_slots_(pipeline_ ? 1 : static_cast<int>(own.workers().size())),
      others_(std::move(others)),
      reconnect_(std::move(reconnect)),
      say_(std::move(say)),
      own_threads_(std::ssize(own.workers())) {
  own_.workers()[0].compute_with(pipeline_.get());
  share_out_slots();
}

RankExecutor::~RankExecutor() {
  is_over_ = true;
  for (auto& each : returns_)
    if (auto newcomer = each.get()) others_.push_back(std::move(newcomer));
  for (const auto& other : others_) other->end();
  own_.workers()[0].compute_with(nullptr);
}

// In turns, so that few clients are shared out over all ranks.
void RankExecutor::share_out_slots() {
  slots_.clear();
  int most = own_slots_;
  for (const auto& other : others_) most = std::max(most, other->threads());
  for (int thread = 0; thread < most; ++thread) {
    if (thread < own_slots_) slots_.push_back({.worker = &own_.workers()[thread]});
    for (const auto& other : others_)
      if (thread < other->threads() && !other->is_lost())
        slots_.push_back({.connection = other.get()});
  }
}

void RankExecutor::take_in_those_that_are_back() {
  const auto is_here = [](const auto& each) {
    return each.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  };
  for (auto& each : returns_) {
    if (!is_here(each)) continue;
    std::unique_ptr<Connection> back = each.get();
    say_(nn::concat("rank ", back->rank(), " is back"));
    *std::ranges::find(others_, back->rank(), &Connection::rank) = std::move(back);
  }
  if (std::erase_if(returns_, [](const auto& each) { return !each.valid(); }) > 0)
    share_out_slots();
}

void RankExecutor::train(int count, const Assign& assign, const Take& take) {
  take_in_those_that_are_back();
  if (!pipeline_ &&
      std::ranges::all_of(others_, [](const auto& other) { return other->is_lost(); })) {
    slots_.clear();  // with their spare workers
    return own_.train(count, assign, take);
  }
  const fl::NobodyIdle afterwards(own_.idle());
  std::vector<fl::Trained> trained(count);
  fl::ordered_parallel(
      slots_, count,
      [&](Slot& slot, int number) {
        if (const std::optional<fl::Assignment> assignment = assign(number))
          trained[number] = train_with(slot, *assignment);
      },
      [&](Slot& slot, int number) {
        take(number, trained[number]);
        trained[number] = {};
        slot.parcel = {};
      },
      [&](Slot& slot) {
        if (slot.worker) own_.idle().add(*slot.worker);
      });
}

void RankExecutor::test(int count, const Assign& assign, const Take& take) {
  pipeline_ ? own_.train(count, assign, take) : train(count, assign, take);
}

fl::Trained RankExecutor::train_with(Slot& slot, const fl::Assignment& assignment) {
  for (;;) {
    Connection* connection = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (slot.connection && slot.connection->is_lost()) slot.connection = replacement();
      connection = slot.connection;
    }
    if (!connection) return train_here(slot, assignment);
    try {
      slot.parcel = connection->train(assignment);
      return slot.parcel.value;
    } catch (const pipeline::PeerLost& lost) {
      if (!lost.news.empty()) lose(*connection, lost.what());
    }
  }
}

// For rank 0's own slots and those that have lost their ranks: no more train at once than there are
// threads.
fl::Trained RankExecutor::train_here(Slot& slot, const fl::Assignment& assignment) {
  struct Permit {
    explicit Permit(std::counting_semaphore<>& of) : all(of) { all.acquire(); }
    ~Permit() { all.release(); }
    Permit(const Permit&) = delete;
    Permit& operator=(const Permit&) = delete;
    std::counting_semaphore<>& all;
  };
  const Permit permit(own_threads_);
  if (!slot.worker && !slot.spare) slot.spare = own_.new_worker();
  return own_.train_client(assignment, slot.worker ? *slot.worker : *slot.spare);
}

void RankExecutor::lose(const Connection& connection, const std::string& why) {
  say_(why + "; others take over its work");
  const std::lock_guard lock(mutex_);
  returns_.push_back(
      std::async(std::launch::async, reconnect_, connection.rank(), std::cref(is_over_)));
}

// The rank with the fewest slots for its threads; null if all are lost.
Connection* RankExecutor::replacement() {
  Connection* best = nullptr;
  double least = 0;
  for (const auto& other : others_) {
    if (other->is_lost()) continue;
    const auto slots = std::ranges::count(slots_, other.get(), &Slot::connection);
    const double load = static_cast<double>(slots) / other->threads();
    if (!best || load < least) best = other.get(), least = load;
  }
  return best;
}

}  // namespace ranks
