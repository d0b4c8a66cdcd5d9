#include "tools/ranks/rank_executor.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "fl/parallel.h"
#include "nn/base/error.h"

namespace ranks {

// In turns, so that few clients are shared out over all ranks.
RankExecutor::RankExecutor(fl::ThreadExecutor& own, Connections others,
                           std::function<void(const std::string&)> on_loss)
    : own_(own), others_(std::move(others)), on_loss_(std::move(on_loss)) {
  int most = static_cast<int>(own.workers().size());
  for (const auto& other : others_) most = std::max(most, other->threads());
  for (int thread = 0; thread < most; ++thread) {
    if (thread < std::ssize(own.workers())) hands_.push_back({.worker = &own.workers()[thread]});
    for (const auto& other : others_)
      if (thread < other->threads()) hands_.push_back({.connection = other.get()});
  }
}

RankExecutor::~RankExecutor() {
  for (const auto& other : others_) other->end();
}

void RankExecutor::train(int count, const Assign& assign, const Take& take) {
  if (std::ranges::all_of(others_, [](const auto& other) { return other->is_lost(); })) {
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

fl::Trained RankExecutor::train_with(Hand& hand, const fl::Assignment& assignment) {
  for (;;) {
    Connection* connection = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (hand.connection && hand.connection->is_lost()) hand.connection = replacement();
      connection = hand.connection;
    }
    if (!connection) break;
    try {
      hand.parcel = connection->train(assignment);
      return hand.parcel.value;
    } catch (const pipeline::PeerLost& lost) {
      if (!lost.news.empty()) on_loss_(lost.what());
    }
  }
  if (!hand.worker && !hand.spare) hand.spare = own_.new_worker();
  return own_.train_client(assignment, hand.worker ? *hand.worker : *hand.spare);
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
