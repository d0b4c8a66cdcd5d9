#include "tools/training/peak.h"

#include <vector>

#include "nn/base/stopwatch.h"
#include "nn/blas.h"
#include "nn/models/language_model.h"
#include "nn/real.h"
#include "nn/tensor.h"
#include "pipeline/collectives.h"
#include "pipeline/mailbox/frame.h"

namespace training {

double operations_per_token(const nn::LanguageModelConfig& model, int length) {
  const auto layers = static_cast<double>(model.layers);
  const double head = static_cast<double>(block_size(model, static_cast<int>(model.layers) + 1));
  const double weights = head + (model.layers > 0 ? layers * block_size(model, 1) : 0);
  return 6 * weights + 12 * layers * static_cast<double>(model.hidden_size) * length;
}

double measure_peak(nn::Team& team, pipeline::Mailbox& mailbox) {
  constexpr nn::index n = 512;
  constexpr double seconds = 0.04;
  constexpr auto as_is = nn::blas::Transpose::no;
  std::vector<std::vector<nn::real>> matrices(team.threads(), std::vector<nn::real>(3 * n * n, 1));
  const auto multiply = [&] {
    team.each(team.threads(), [&](nn::index thread) {
      nn::real* const a = matrices[thread].data();
      nn::blas::gemm(as_is, as_is, n, n, n, 1, a, n, a + n * n, n, 0, a + 2 * n * n, n);
    });
  };
  multiply();
  sum_over_ranks(mailbox, {0}, {pipeline::Tag::peak, 0, 0}, "waiting to measure the peak");
  const nn::Stopwatch stopwatch;
  int times = 0;
  for (; stopwatch.seconds() < seconds; ++times) multiply();
  const double own = 2.0 * n * n * n * team.threads() * times / stopwatch.seconds();
  return sum_over_ranks(mailbox, {own}, {pipeline::Tag::peak, 0, 1}, "measuring the peak");
}

double seconds_at_peak(const pipeline::TrainingConfig& config, double peak) {
  const double tokens = static_cast<double>(config.batch) * config.length;
  return tokens * operations_per_token(config.model, config.length) / peak;
}

}  // namespace training
