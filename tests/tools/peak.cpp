#include "tools/training/peak.h"

#include <doctest/doctest.h>

#include <vector>

#include "nn/models/language_model.h"
#include "tests/pipeline/toy_training.h"

namespace training {

TEST_CASE("a token takes three times the operations of the forward's matrix products") {
  const double layer = 0.755e9, head = 4.72e9;  // of 256 tokens of the course's LLaMA
  CHECK(operations_per_token({}, 256) ==
        doctest::Approx(3 * (6 * layer + head) / 256).epsilon(0.001));
  nn::LanguageModelConfig headed;
  headed.layers = 0;
  CHECK(operations_per_token(headed, 256) == doctest::Approx(3 * head / 256).epsilon(0.001));
}

TEST_CASE("all ranks agree on their peak, which tells how long a step would take") {
  pipeline::TrainingConfig config = pipeline::toy::config_of("1f1b", 2, 2, 1);
  std::vector<double> peaks(config.topology.ranks());
  pipeline::toy::as_ranks(config, "peak", [&](pipeline::toy::Rank rank) {
    peaks[rank.rank] = measure_peak(rank.stage.team(), rank.mailbox);
  });
  CHECK(peaks[0] > 0);
  CHECK(peaks == std::vector<double>(peaks.size(), peaks[0]));
  const double operations =
      operations_per_token(config.model, config.length) * config.batch * config.length;
  CHECK(seconds_at_peak(config, 2 * operations) == doctest::Approx(0.5));
}

}  // namespace training
