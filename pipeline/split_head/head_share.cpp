#include "pipeline/split_head/head_share.h"

#include <algorithm>
#include <cstddef>

#include "nn/base/error.h"

namespace pipeline {

namespace {

constexpr nn::index width = nn::ClassBlocks::width;

nn::index blocks_of(nn::index classes) { return (classes + width - 1) / width; }

nn::real count_of(std::span<const int> targets) {
  return static_cast<nn::real>(
      std::ranges::count_if(targets, [](int target) { return target >= 0; }));
}

}  // namespace

int most_head_shares(nn::index classes) { return static_cast<int>(blocks_of(classes)); }

nn::HeadRows rows_of_share(nn::index classes, int shares, int share) {
  const nn::index blocks = blocks_of(classes), even = blocks / shares, more = blocks % shares;
  const auto first = [&](nn::index s) {
    return std::min(classes, width * (s * even + std::min(s, more)));
  };
  return {first(share), first(share + 1) - first(share)};
}

Scores scores_of(nn::HeadRows rows, nn::index n, nn::index in) {
  return {blocks_of(rows.count), n, in};
}

nn::ClassBlocks HeadShare::Flight::blocks(const nn::LanguageModel& model, nn::Precision precision) {
  return {static_cast<nn::index>(targets.size()),
          model.config().hidden_size,
          model.rows()->count,
          exponentials.data(),
          factors.data(),
          precision};
}

nn::ConstView HeadShare::Flight::input(const nn::LanguageModel& model) const {
  return {x.data(), {static_cast<nn::index>(targets.size()), model.config().hidden_size}};
}

HeadShare::Flight& HeadShare::start_flight(int microbatch, nn::index tokens) {
  auto found = std::ranges::find_if(
      flights_, [](const auto& flight) { return flight->is_free && flight->lease.is_free(); });
  if (found == flights_.end()) {
    flights_.push_back(std::make_unique<Flight>());
    found = flights_.end() - 1;
  }
  (*found)->microbatch = microbatch;
  (*found)->is_free = false;
  (*found)->scores.resize(scores_of(*model_.rows(), tokens, model_.config().hidden_size).size());
  return **found;
}

HeadShare::Flight& HeadShare::flight(int microbatch) {
  for (const auto& flight : flights_)
    if (!flight->is_free && flight->microbatch == microbatch) return *flight;
  throw nn::Error(nn::concat("head: microbatch ", microbatch, " is not in flight"));
}

// Fills the part of flight.scores that the loss needs.
void HeadShare::compute_scores(Flight& flight, std::span<const nn::real> x,
                               std::span<const int> targets) {
  const nn::HeadRows rows = *model_.rows();
  const nn::index n = static_cast<nn::index>(targets.size()), in = model_.config().hidden_size;
  nn::require(static_cast<nn::index>(x.size()) == n * in, "head: got ", x.size(), " numbers for ",
              n, " tokens");
  const Scores layout = scores_of(rows, n, in);
  flight.x.assign(x.begin(), x.end());
  flight.targets.assign(targets.begin(), targets.end());
  for (int& target : flight.targets)
    if (target >= 0) target -= static_cast<int>(rows.first);
  flight.exponentials.resize(n * rows.count);
  flight.factors.resize(layout.blocks * n);

  nn::real* const scores = flight.scores.data();
  std::fill_n(scores + layout.wanted(), n, nn::real(0));
  nn::compute_exponentials(flight.blocks(model_, precision_), flight.input(model_),
                           model_.head_rows().value(), flight.targets, scores + layout.sums(),
                           scores + layout.wanted(), team_);
  std::ranges::copy(flight.factors, scores + layout.largest());
}

std::span<const nn::real> HeadShare::scores(int microbatch, std::span<const nn::real> x,
                                            std::span<const int> targets, nn::real weight) {
  const nn::HeadRows rows = *model_.rows();
  const nn::index n = static_cast<nn::index>(targets.size()), in = model_.config().hidden_size;
  const Scores layout = scores_of(rows, n, in);
  Flight& flight = start_flight(microbatch, n);
  flight.share = weight / count_of(targets);
  compute_scores(flight, x, targets);

  nn::real* const scores = flight.scores.data();
  const nn::ConstView weights = model_.head_rows().value();
  std::fill_n(scores + layout.target_rows(), n * in, nn::real(0));
  for (nn::index i = 0; i < n; ++i)
    if (flight.targets[i] >= 0 && flight.targets[i] < rows.count)
      std::copy_n(weights.data + flight.targets[i] * in, in,
                  scores + layout.target_rows() + i * in);
  nn::compute_products(flight.blocks(model_, precision_), weights, flight.share,
                       scores + layout.products(), team_);
  return flight.scores;
}

std::span<const nn::real> HeadShare::scores_for_loss(std::span<const nn::real> x,
                                                     std::span<const int> targets) {
  const auto n = static_cast<nn::index>(targets.size());
  evaluation_.scores.resize(
      scores_of(*model_.rows(), n, model_.config().hidden_size).size_for_loss());
  compute_scores(evaluation_, x, targets);
  return evaluation_.scores;
}

void HeadShare::weights(int microbatch, std::span<const nn::real> factors) {
  Flight& flight = this->flight(microbatch);
  nn::require(factors.size() == flight.factors.size(), "head: got ", factors.size(), " factors of ",
              flight.factors.size());
  std::ranges::copy(factors, flight.factors.begin());
  nn::add_weight_gradient(flight.blocks(model_, precision_), flight.input(model_), flight.targets,
                          flight.share, model_.head_rows().gradient(), team_, arena_);
  flight.is_free = true;
}

namespace {

bool has_row(nn::HeadRows rows, int target) {
  return target >= rows.first && target < rows.first + rows.count;
}

// The loss, and the factors of all blocks.
nn::real finish(nn::index classes, std::span<const std::span<const nn::real>> scores,
                std::span<const int> targets, nn::Team& team, std::vector<nn::real>& factors) {
  const auto n = static_cast<nn::index>(targets.size());
  const int shares = static_cast<int>(scores.size());
  std::vector<nn::real> sums, wanted(n);
  for (int share = 0; share < shares; ++share) {
    const nn::HeadRows rows = rows_of_share(classes, shares, share);
    const Scores layout = scores_of(rows, n, 0);
    nn::require(scores[share].size() >= layout.size_for_loss(), "head: got ", scores[share].size(),
                " scores of ", layout.size_for_loss());
    const nn::real* const numbers = scores[share].data();
    const nn::index size = layout.blocks * n;
    factors.insert(factors.end(), numbers + layout.largest(), numbers + layout.largest() + size);
    sums.insert(sums.end(), numbers + layout.sums(), numbers + layout.sums() + size);
    for (nn::index i = 0; i < n; ++i)
      if (has_row(rows, targets[i])) wanted[i] = numbers[layout.wanted() + i];
  }
  nn::Arena arena;
  const nn::index blocks = static_cast<nn::index>(factors.size()) / n;
  const double losses =
      nn::finish_rows(factors.data(), blocks, sums.data(), wanted.data(), targets, team, arena);
  return static_cast<nn::real>(losses / count_of(targets));
}

}  // namespace

HeadSum HeadShare::sum(std::span<const std::span<const nn::real>> scores,
                       std::span<const int> targets, nn::real weight) {
  const nn::index classes = model_.config().vocab_size, in = model_.config().hidden_size;
  const auto n = static_cast<nn::index>(targets.size());
  const int shares = static_cast<int>(scores.size());
  HeadSum sum;
  std::vector<const nn::real*> products, target_rows(n);
  for (int share = 0; share < shares; ++share) {
    const nn::HeadRows rows = rows_of_share(classes, shares, share);
    const Scores layout = scores_of(rows, n, in);
    nn::require(scores[share].size() == layout.size(), "head: got ", scores[share].size(),
                " scores of ", layout.size());
    const nn::real* const numbers = scores[share].data();
    for (nn::index b = 0; b < layout.blocks; ++b)
      products.push_back(numbers + layout.products() + b * n * in);
    for (nn::index i = 0; i < n; ++i)
      if (has_row(rows, targets[i])) target_rows[i] = numbers + layout.target_rows() + i * in;
  }
  const auto blocks = static_cast<nn::index>(products.size());
  sum.loss = finish(classes, scores, targets, team_, sum.factors);
  sum.gradient.resize(n * in);
  nn::add_input_gradient(
      sum.factors.data(), blocks, targets, weight / count_of(targets),
      [&](nn::index b) { return products[b]; }, [&](nn::index i) { return target_rows[i]; },
      nn::View{sum.gradient.data(), {n, in}}, team_);
  return sum;
}

nn::real loss_of_shares(nn::index classes, std::span<const std::span<const nn::real>> scores,
                        std::span<const int> targets, nn::Team& team) {
  std::vector<nn::real> factors;
  return finish(classes, scores, targets, team, factors);
}

}  // namespace pipeline
