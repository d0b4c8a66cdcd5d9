#include <doctest/doctest.h>

#include <limits>
#include <map>
#include <mutex>

#include "nn/base/file.h"
#include "nn/files/checkpoint.h"
#include "nn/files/engine.h"
#include "pipeline/checkpoint.h"
#include "tests/complaint.h"
#include "tests/manifest_text.h"
#include "tests/pipeline/toy_training.h"
#include "tools/program/temporary_folder.h"

namespace pipeline {

using toy::config_of_six;

namespace {

// The results of a training, or of a part of one.
struct PartialResult {
  std::map<int, double> losses;  // by step, from 1
  std::vector<nn::real> weights;
  std::map<int, std::vector<nn::real>> moments;  // of each block, means and squares
  int first_step = 0;                            // where it began
  std::vector<std::string> reports;
};

// Goes on from the newest checkpoint until `last` steps are done, then saves another.
PartialResult train_until(const TrainingConfig& config, const std::filesystem::path& path,
                          int last) {
  PartialResult result;
  std::mutex mutex;
  auto stages = toy::as_ranks(config, "checkpoint", [&](toy::Rank rank) {
    nn::CheckpointFolder folder(path);
    Checkpoints checkpoints(folder, config, rank.stage, rank.worker, rank.mailbox);
    const auto report = [&](const std::string& line) { result.reports.push_back(line); };
    const int first = checkpoints.resume(report);
    for (int step = first; step < last; ++step) {
      const auto loss = rank.worker.step(step);
      if (rank.rank == recorder_of(config)) result.losses[step + 1] = loss.value();
    }
    if (first < last) checkpoints.save(last, {});
    const std::lock_guard lock(mutex);
    result.first_step = first;
    for (int block = 0; block <= rank.stage.model().head_block(); ++block)
      if (rank.stage.model().range(block).size > 0) {
        std::vector<nn::real>& all = result.moments[block];
        for (const auto& [name, values] : rank.worker.gradients().optimizer_state(block).arrays)
          all.insert(all.end(), values.begin(), values.end());
      }
  });
  result.weights = toy::weights_of(stages, config);
  return result;
}

}  // namespace

TEST_CASE("training goes on from a checkpoint bit for bit, after any step") {
  for (const auto& [stages, pipelines, family] :
       {std::tuple{1, 1, "llama"}, {3, 1, "llama"}, {2, 2, "llama"}, {3, 2, "gpt2"}}) {
    const TrainingConfig config = config_of_six("1f1b", stages, pipelines, family);
    const tools::TemporaryFolder undisturbed_folder;
    const PartialResult undisturbed = train_until(config, undisturbed_folder.path, 4);
    for (int step : {1, 2, 3}) {
      CAPTURE(step);
      const tools::TemporaryFolder folder;
      train_until(config, folder.path, step);
      const PartialResult resumed = train_until(config, folder.path, 4);
      CHECK(resumed.first_step == step);
      CHECK(resumed.reports.empty());
      CHECK(resumed.weights == undisturbed.weights);
      CHECK(resumed.moments == undisturbed.moments);
      REQUIRE(resumed.losses.size() == static_cast<std::size_t>(4 - step));
      for (const auto& [number, loss] : resumed.losses)
        CHECK(loss == undisturbed.losses.at(number));
    }
  }
}

TEST_CASE("a checkpoint of three stages goes on in any layout") {
  for (const char* family : {"llama", "gpt2"}) {
    const TrainingConfig written = config_of_six("1f1b", 3, 1, family);
    const tools::TemporaryFolder undisturbed_folder;
    const PartialResult undisturbed = train_until(written, undisturbed_folder.path, 4);
    for (const auto& [stages, pipelines] :
         {std::pair{1, 1}, {2, 1}, {3, 1}, {6, 1}, {1, 2}, {2, 2}, {3, 2}, {6, 2}}) {
      const char* schedule = stages == 2 ? "interleaved" : stages == 3 ? "zb-v" : "zb-h1";
      CAPTURE(family);
      CAPTURE(pipelines);
      CAPTURE(stages);
      const tools::TemporaryFolder folder;
      train_until(written, folder.path, 2);
      const PartialResult resumed =
          train_until(config_of_six(schedule, stages, pipelines, family), folder.path, 4);
      CHECK(resumed.first_step == 2);
      for (int step : {3, 4})
        CHECK(resumed.losses.at(step) ==
              doctest::Approx(undisturbed.losses.at(step)).epsilon(1e-6));
      if (pipelines == 1) CHECK(resumed.losses.at(4) == undisturbed.losses.at(4));
      if (pipelines == 1) CHECK(resumed.weights == undisturbed.weights);
      CHECK(resumed.reports.size() == (pipelines == 1 ? 0 : 2));  // says that rounding differs
    }
  }
}

TEST_CASE("a checkpoint of a split head goes on in one process, and the other way round") {
  TrainingConfig split = toy::config_with_split_head("1f1b", 3, 1, 2), whole = split;
  whole.splits_head = false;
  TrainingConfig two_pipelines = toy::config_with_split_head("zb-v", 2, 2, 1);
  two_pipelines.shares_moments = true;
  for (TrainingConfig* config : {&split, &whole, &two_pipelines}) config->steps = 4;
  const tools::TemporaryFolder undisturbed_folder;
  const PartialResult undisturbed = train_until(whole, undisturbed_folder.path, 4);
  const auto train_with = [](const TrainingConfig& first, const TrainingConfig& then) {
    const tools::TemporaryFolder folder;
    train_until(first, folder.path, 2);
    return train_until(then, folder.path, 4);
  };
  for (const TrainingConfig* first : {&split, &whole})
    for (const TrainingConfig* then : {&split, &whole})
      CHECK(train_with(*first, *then).weights == undisturbed.weights);
  const PartialResult fewer = train_with(two_pipelines, split);
  CHECK(fewer.first_step == 2);
  CHECK(fewer.losses.at(4) == doctest::Approx(undisturbed.losses.at(4)).epsilon(1e-6));
  const tools::TemporaryFolder folder;
  CHECK(train_with(two_pipelines, two_pipelines).weights ==
        train_until(two_pipelines, folder.path, 4).weights);
}

TEST_CASE("a checkpoint of two pipelines goes on in one") {
  const tools::TemporaryFolder undisturbed_folder, folder;
  const PartialResult undisturbed =
      train_until(config_of_six("1f1b", 2, 2), undisturbed_folder.path, 4);
  train_until(config_of_six("1f1b", 2, 2), folder.path, 2);
  const PartialResult resumed = train_until(config_of_six("1f1b", 3, 1), folder.path, 4);
  for (int step : {3, 4})
    CHECK(resumed.losses.at(step) == doctest::Approx(undisturbed.losses.at(step)).epsilon(1e-6));
}

TEST_CASE("a checkpoint of exact sums goes on with the same bits in any number of pipelines") {
  TrainingConfig config = config_of_six("zb-h1", 3, 2), other = config_of_six("1f1b", 2, 3);
  config.has_exact_sums = other.has_exact_sums = true;
  const tools::TemporaryFolder whole, folder;
  const PartialResult undisturbed = train_until(config, whole.path, 4);
  train_until(config, folder.path, 2);
  const PartialResult resumed = train_until(other, folder.path, 4);
  CHECK(resumed.reports.empty());
  CHECK(resumed.losses.at(3) == undisturbed.losses.at(3));
  CHECK(resumed.weights == undisturbed.weights);
  other.has_exact_sums = false;
  CHECK(train_until(other, folder.path, 5).reports ==
        std::vector<std::string>{"the checkpoint was made with 6 exact-microbatches, this run has "
                                 "0: the same training but for rounding"});
}

TEST_CASE("a checkpoint of another training is refused") {
  const TrainingConfig config = config_of_six("1f1b", 2, 1);
  const tools::TemporaryFolder folder;
  train_until(config, folder.path, 2);
  TrainingConfig other = config;
  other.seed = 1;
  CHECK(complaint_of([&] { train_until(other, folder.path, 4); }) ==
        "the checkpoint was made with seed 0, this run has 1");
  other = config;
  other.batch = 12;
  CHECK(contains(complaint_of([&] { train_until(other, folder.path, 4); }),
                 "batch 6, this run has 12"));
  other = config;
  other.clip_norm = 0.5;
  CHECK(complaint_of([&] { train_until(other, folder.path, 4); }) ==
        "the checkpoint was made with clip-norm none, this run has 0.5");
  other = config;
  other.model.intermediate_size += 8;
  CHECK(contains(complaint_of([&] { train_until(other, folder.path, 4); }), "hidden"));
  other = config;
  other.steps = 1, other.warmup = 0;
  CHECK(contains(complaint_of([&] { train_until(other, folder.path, 1); }),
                 "the checkpoint is from step 2"));
  other = config;
  other.learning_rate /= 2;
  CHECK(train_until(other, folder.path, 4).reports ==
        std::vector<std::string>{"the checkpoint was made with lr 8e-04, this run has 4e-04"});
}

// Changes a line in the manifest of step `step` to what another version might write.
void change_state(const std::filesystem::path& folder, int step, const std::string& from,
                  const std::string& to) {
  const auto file = folder / nn::concat("step-", step) / "manifest.txt";
  std::string text = nn::read_file(file);
  const std::size_t at = text.find(from);
  REQUIRE(at != text.npos);
  rewrite_manifest(file, text.replace(at, from.size(), to));
}

TEST_CASE("a checkpoint with an invalid state is reported, and the one before it is used") {
  const TrainingConfig config = config_of_six("1f1b", 2, 1);
  const tools::TemporaryFolder undisturbed_folder;
  const PartialResult undisturbed = train_until(config, undisturbed_folder.path, 4);
  struct Case {
    const char *from, *to, *words;
  };
  for (const auto& [from, to, words] :
       {Case{"steps-left-out 0", "steps-left-out abc",
             "steps-left-out \"abc\" is not a whole number"},
        Case{"steps-left-out 0", "steps-left-out -1",
             "steps-left-out \"-1\" is not a whole number"},
        Case{"state steps-left-out 0\n", "", "there is no steps-left-out"},
        Case{"state seed 0\n", "", "there is no seed"},
        Case{"state depth 6", "state depth six", "depth \"six\" is not a whole number"},
        Case{"state depth 6", "state depth 2147483647", "there is no piece-8.safetensors"},
        Case{"file piece-3.safetensors", "file piece-9.safetensors", "it is missing"}}) {
    CAPTURE(to);
    const tools::TemporaryFolder folder;
    train_until(config, folder.path, 2);
    train_until(config, folder.path, 3);
    change_state(folder.path, 3, from, to);
    const PartialResult resumed = train_until(config, folder.path, 4);
    CHECK(resumed.first_step == 2);
    REQUIRE(resumed.reports.size() == 1);
    CHECK(contains(resumed.reports[0], (folder.path / "step-3").string()));
    CHECK(contains(resumed.reports[0], words));
    CHECK(resumed.weights == undisturbed.weights);
  }
}

TEST_CASE("a block without its number of updates is damage, too") {
  const TrainingConfig config = config_of_six("1f1b", 2, 1);
  for (const char* updates : {"abc", "-1", "99999999999", ""}) {
    const tools::TemporaryFolder folder;
    train_until(config, folder.path, 2);
    train_until(config, folder.path, 3);
    const auto file = folder.path / "step-3" / "piece-4.safetensors";
    const nn::Checkpoint block = nn::read_safetensors(file);
    std::vector<nn::SavedTensor> tensors;
    for (const auto& [name, tensor] : block.tensors)
      tensors.push_back({name, tensor.shape(), tensor.span()});
    const nn::SafetensorsContent content(tensors, {{"updates", updates}});
    nn::write_file_atomically(file, content.parts());
    nn::SavedFile saved{"piece-4.safetensors", 0, 0};
    for (std::string_view part : content.parts()) saved = nn::extended(saved, part);
    const std::string text = nn::read_file(folder.path / "step-3" / "manifest.txt");
    const std::size_t at = text.find("file piece-4.safetensors");
    change_state(folder.path, 3, text.substr(at, text.find('\n', at) - at),
                 "file " + nn::to_text(saved));
    const PartialResult resumed = train_until(config, folder.path, 4);
    CHECK(resumed.first_step == 2);
    REQUIRE(resumed.reports.size() == 1);
    CHECK(contains(resumed.reports[0], file.string() + ": updates"));
  }
}

TEST_CASE("a checkpoint says what made it, and a different processor is reported on resuming") {
  const TrainingConfig config = config_of_six("zb-h1", 2, 1);
  const tools::TemporaryFolder folder;
  train_until(config, folder.path, 2);
  const auto saved = nn::CheckpointFolder(folder.path).newest([](const std::string&) {});
  const nn::Metadata engine = nn::describe_engine();
  for (const auto& [name, value] : engine) CHECK(saved->state.at(name) == value);
  CHECK(saved->state.at("schedule") == "zb-h1");
  CHECK(saved->state.at("layers") == "3,3");
  change_state(folder.path, 2, "state blas-core " + engine.at("blas-core"),
               "state blas-core Other");
  change_state(folder.path, 2, "state vectors " + engine.at("vectors"), "state vectors MMX");
  change_state(folder.path, 2, "state engine " + engine.at("engine"), "state engine 0123");
  CHECK(
      train_until(config, folder.path, 3).reports ==
      std::vector<std::string>{"the checkpoint was made with blas-core Other, here it is " +
                                   engine.at("blas-core") + ": the same training but for rounding",
                               "the checkpoint was made with vectors MMX, here it is " +
                                   engine.at("vectors") + ": the same training but for rounding"});
}

TEST_CASE("a checkpoint of version 1, which does not say what made it, resumes silently") {
  const TrainingConfig config = config_of_six("1f1b", 2, 1);
  const tools::TemporaryFolder folder;
  train_until(config, folder.path, 2);
  for (const auto& [name, value] : nn::describe_engine())
    change_state(folder.path, 2, "state " + name + ' ' + value + '\n', "");
  for (const char* newer :
       {"clip-norm none", "optimizer adam", "weight-decay 0", "lr-floor 0", "held-out 0"})
    change_state(folder.path, 2, nn::concat("state ", newer, '\n'), "");
  change_state(folder.path, 2, "manifest 2\n", "");
  const PartialResult resumed = train_until(config, folder.path, 4);
  CHECK(resumed.first_step == 2);
  CHECK(resumed.reports.empty());
}

TEST_CASE("the id of a run is saved with it and found again") {
  const TrainingConfig config = config_of_six("1f1b", 2, 1);
  const tools::TemporaryFolder folder;
  for (const char* id : {"", "0123abcd"})
    for (const bool saves : {true, false}) {
      CAPTURE(id);
      std::filesystem::remove_all(saves ? folder.path / "step-1" : folder.path / "none");
      toy::as_ranks(config, "run-id", [&](toy::Rank rank) {
        nn::CheckpointFolder checkpoints_folder(folder.path);
        Checkpoints checkpoints(checkpoints_folder, config, rank.stage, rank.worker, rank.mailbox);
        checkpoints.run_id = saves && rank.rank == 0 ? id : "another";
        if (saves) {
          rank.worker.step(0);
          return checkpoints.save(1, {});
        }
        CHECK(checkpoints.resume([](const std::string&) {}) == 1);
        if (rank.rank == 0) CHECK(checkpoints.run_id == id);
      });
    }
}

TEST_CASE("a weight that is not finite is not saved") {
  const TrainingConfig config = config_of_six("1f1b", 2, 1);
  const tools::TemporaryFolder path;
  const std::string complaint = complaint_of([&] {
    toy::as_ranks(config, "infinite", [&](toy::Rank rank) {
      nn::CheckpointFolder folder(path.path);
      Checkpoints checkpoints(folder, config, rank.stage, rank.worker, rank.mailbox);
      if (rank.rank == 1)
        rank.stage.model().parameters().values().back() = std::numeric_limits<nn::real>::infinity();
      checkpoints.save(1, {});
    });
  });
  CHECK(complaint == "after step 1 lm_head.weight is not finite");
  CHECK(!nn::CheckpointFolder(path.path).newest([](const std::string&) {}));
}

}  // namespace pipeline
