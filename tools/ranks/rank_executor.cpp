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
      own_hands_(pipeline_ ? 1 : static_cast<int>(own.workers().size())),
      others_(std::move(others)),
      reconnect_(std::move(reconnect)),
      say_(std::move(say)),
      own_threads_(std::ssize(own.workers())) {
  own_.workers()[0].compute_with(pipeline_.get());
  share_out_hands();
}

RankExecutor::~RankExecutor() {
  is_over_ = true;
  for (auto& each : returns_)
    if (auto latecomer = each.get()) others_.push_back(std::move(latecomer));
  for (const auto& other : others_) other->end();
  own_.workers()[0].compute_with(nullptr);
}

// In turns, so that few clients are shared out over all ranks.
void RankExecutor::share_out_hands() {
  hands_.clear();
  int most = own_hands_;
  for (const auto& other : others_) most = std::max(most, other->threads());
  for (int thread = 0; thread < most; ++thread) {
    if (thread < own_hands_) hands_.push_back({.worker = &own_.workers()[thread]});
    for (const auto& other : others_)
      if (thread < other->threads() && !other->is_lost())
        hands_.push_back({.connection = other.get()});
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
    share_out_hands();
}

void RankExecutor::train(int count, const Assign& assign, const Take& take) {
  take_in_those_that_are_back();
  if (!pipeline_ &&
      std::ranges::all_of(others_, [](const auto& other) { return other->is_lost(); })) {
    hands_.clear();  // with their spare workers
    return own_.train(count, assign, take);
  }
  const fl::NobodyIdle afterwards(own_.idle());
  std::vector<fl::Trained> trained(count);
  fl::ordered_parallel(
      hands_, count,
      [&](Hand& hand, int number) {
        if (const std::optional<fl::Assignment> assignment = assign(number))
          trained[number] = train_with(hand, *assignment);
      },
      [&](Hand& hand, int number) {
        take(number, trained[number]);
        trained[number] = {};
        hand.parcel = {};
      },
      [&](Hand& hand) {
        if (hand.worker) own_.idle().add(*hand.worker);
      });
}

void RankExecutor::test(int count, const Assign& assign, const Take& take) {
  pipeline_ ? own_.train(count, assign, take) : train(count, assign, take);
}

fl::Trained RankExecutor::train_with(Hand& hand, const fl::Assignment& assignment) {
  for (;;) {
    Connection* connection = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (hand.connection && hand.connection->is_lost()) hand.connection = replacement();
      connection = hand.connection;
    }
    if (!connection) return train_here(hand, assignment);
    try {
      hand.parcel = connection->train(assignment);
      return hand.parcel.value;
    } catch (const pipeline::PeerLost& lost) {
      if (!lost.news.empty()) lose(*connection, lost.what());
    }
  }
}

// For rank 0's own hands and those that have lost their ranks: no more train at once than there are
// threads.
fl::Trained RankExecutor::train_here(Hand& hand, const fl::Assignment& assignment) {
  struct Permit {
    explicit Permit(std::counting_semaphore<>& of) : all(of) { all.acquire(); }
    ~Permit() { all.release(); }
    Permit(const Permit&) = delete;
    Permit& operator=(const Permit&) = delete;
    std::counting_semaphore<>& all;
  };
  const Permit permit(own_threads_);
  if (!hand.worker && !hand.spare) hand.spare = own_.new_worker();
  return own_.train_client(assignment, hand.worker ? *hand.worker : *hand.spare);
}

void RankExecutor::lose(const Connection& connection, const std::string& why) {
  say_(why + "; others take over its work");
  const std::lock_guard lock(mutex_);
  returns_.push_back(
      std::async(std::launch::async, reconnect_, connection.rank(), std::cref(is_over_)));
}

// The rank with the fewest hands for its threads; null if all are lost.
Connection* RankExecutor::replacement() {
  Connection* best = nullptr;
  double least = 0;
  for (const auto& other : others_) {
    if (other->is_lost()) continue;
    const auto hands = std::ranges::count(hands_, other.get(), &Hand::connection);
    const double load = static_cast<double>(hands) / other->threads();
    if (!best || load < least) best = other.get(), least = load;
  }
  return best;
}

}  // namespace ranks
