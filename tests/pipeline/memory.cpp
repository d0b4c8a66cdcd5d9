#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <mutex>

#include "nn/base/file.h"
#include "nn/files/checkpoint_folder.h"
#include "pipeline/checkpoint.h"
#include "tests/pipeline/toy_training.h"
#include "tools/program/temporary_folder.h"

namespace pipeline {

namespace {

struct Trained {
  std::vector<double> losses;  // of each step
  std::vector<nn::real> weights;
};

Trained train_on_all_ranks(const TrainingConfig& config) {
  Trained result;
  auto stages = toy::as_ranks(config, "memory", [&](toy::Rank rank) {
    for (int step = 0; step < config.steps; ++step) {
      const auto loss = rank.worker.step(step);
      if (rank.rank == recorder_of(config)) result.losses.push_back(loss.value());
    }
  });
  result.weights = toy::weights_of(stages, config);
  CHECK(result.weights == toy::weights_of(stages, config, config.topology.pipelines - 1));
  return result;
}

// Calls f(config) for every kind of model and schedule on 1, 2 and 3 stages.
template <class Function>
void each_config(int pipelines, Function f) {
  for (const nn::ModelFamily& family : nn::families())
    for (const ScheduleEntry& schedule : schedule_table())
      for (int stages : {1, 2, 3}) {
        CAPTURE(family.name);
        CAPTURE(schedule.name);
        CAPTURE(stages);
        f(toy::config_of(schedule.name, stages, pipelines, 3, family));
      }
}

}  // namespace

TEST_CASE("layers that are recomputed train the same bits") {
  for (int pipelines : {1, 2})
    each_config(pipelines, [](TrainingConfig config) {
      const Trained plain = train_on_all_ranks(config);
      config.recomputes = true;
      const Trained recomputed = train_on_all_ranks(config);
      CHECK(recomputed.losses == plain.losses);
      CHECK(recomputed.weights == plain.weights);
    });
}

TEST_CASE("a chunk without blocks takes only what passes through it") {
  Stage stage(toy::tiny_model(), {{0}, {}}, toy::length, 0);
  const std::vector<int> one(toy::length, 1), many(20 * toy::length, 1);
  const std::vector<nn::real> numbers(many.size() * stage.model().config().hidden_size, 1);
  const std::span<const nn::real> of_one(numbers.data(), numbers.size() / 20);
  const auto none = [](int) {};
  stage.forward(0, 0, {many, {}}, {});
  stage.backward(0, 0, numbers);
  stage.weights(0, 0, none);
  stage.forward(1, 0, {}, of_one);
  stage.backward(1, 0, of_one);
  stage.weights(1, 0, none);
  CHECK(stage.bytes_of_microbatch(1) >= 2.0 * of_one.size_bytes());
  CHECK(stage.bytes_of_microbatch(1) < 3.0 * of_one.size_bytes());
}

TEST_CASE("moments that are shared out train the same bits") {
  for (int pipelines : {1, 2, 3})
    each_config(pipelines, [&](TrainingConfig config) {
      config.clip_norm = config.topology.stages == 2 ? 0.5 : 0;
      config.skips_bad_steps = config.topology.stages == 3;
      const Trained whole = train_on_all_ranks(config);
      config.shares_moments = true;
      const Trained shared = train_on_all_ranks(config);
      CHECK(shared.losses == whole.losses);
      CHECK(shared.weights == whole.weights);
    });
}

TEST_CASE("every rank has its share of the moments, and tied blocks stay whole") {
  for (const nn::ModelFamily& family : nn::families()) {
    TrainingConfig config = toy::config_of("1f1b", 2, 3, 3, family);
    config.shares_moments = true;
    std::mutex mutex;
    std::map<int, std::size_t> sums;  // of each block, over its stage group
    toy::as_ranks(config, "shares", [&](toy::Rank rank) {
      rank.worker.step(0);
      const std::lock_guard lock(mutex);
      for (int block : rank.stage.blocks(0)) {
        const std::size_t size = rank.stage.model().range(block).size;
        const auto state = rank.worker.gradients().optimizer_state(block);
        const bool is_tied = rank.stage.model().tied_range(block).has_value();
        for (const auto& [name, values] : state.arrays)
          CHECK(values.size() <= (is_tied ? size : (size + 2) / 3));
        sums[block] += state.arrays[0].values.size();
      }
    });
    const bool has_tied = nn::tied_tensor(config.model).has_value();
    for (const auto& [block, sum] : sums) {
      const bool is_whole = has_tied && (block == 0 || block == 7);
      CHECK(sum == (is_whole ? 3 : 1) * block_size(config.model, block));
    }
  }
}

TEST_CASE("checkpoints do not tell whether moments were shared out, and any run resumes them") {
  for (const char* family : {"llama", "gpt2"}) {
    CAPTURE(family);
    const auto resumed = [&](int pipelines, bool shares, const std::filesystem::path& path,
                             int last) {
      TrainingConfig config = toy::config_of_six("zb-h1", 2, pipelines, family);
      config.shares_moments = shares;
      auto stages = toy::as_ranks(config, "resumed", [&](toy::Rank rank) {
        nn::CheckpointFolder folder(path);
        Checkpoints checkpoints(folder, config, rank.stage, rank.worker, rank.mailbox);
        for (int step = checkpoints.resume([](const std::string&) {}); step < last; ++step)
          rank.worker.step(step);
        checkpoints.save(last, {});
      });
      return toy::weights_of(stages, config);
    };
    const tools::TemporaryFolder whole, shared;
    resumed(2, false, whole.path, 2);
    resumed(2, true, shared.path, 2);
    for (int block = 0; block < 8; ++block) {
      const std::string file = nn::concat("step-2/piece-", block, ".safetensors");
      CHECK(nn::read_file(whole.path / file) == nn::read_file(shared.path / file));
    }
    for (int pipelines : {1, 2, 3}) {
      CAPTURE(pipelines);
      const tools::TemporaryFolder one, other;
      std::filesystem::copy(whole.path, one.path, std::filesystem::copy_options::recursive);
      std::filesystem::copy(shared.path, other.path, std::filesystem::copy_options::recursive);
      CHECK(resumed(pipelines, true, one.path, 4) == resumed(pipelines, false, other.path, 4));
    }
  }
}

}  // namespace pipeline
