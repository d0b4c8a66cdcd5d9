// Clients whose model is cut over several ranks, which are threads here.
#include "tools/ranks/client_pipeline.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "data/text/characters.h"
#include "fl/attacks/attacks.h"
#include "fl/workers/client_worker.h"
#include "nn/models/models.h"
#include "pipeline/schedules/schedule.h"
#include "tests/complaint.h"
#include "tests/toy.h"
#include "tools/program/temporary_folder.h"
#include "tools/ranks/cutting.h"

namespace {

using nn::real;
using ranks::Cutting, ranks::StageRank;

constexpr int length = 12;

data::CharacterWindows some_text() {
  data::CharacterWindows windows(length);
  std::string text;
  for (int i = 0; text.size() < 2000; ++i) text += nn::concat("to be ", i * i, " or not, ");
  windows.add(text, 0);
  return windows;
}

std::unique_ptr<nn::Model> make_model(std::string_view name, nn::Generator& generator) {
  const auto entry = std::ranges::find(nn::model_table(), name, &nn::ModelEntry::name);
  return entry->make({1, 1, length}, data::character_count, generator);
}

fl::ClientWorker worker_with_llama() {
  const auto make = [](nn::Generator& generator) { return make_model("llama", generator); };
  fl::ClientWorker worker(make, nn::DropoutStream::mt);
  nn::Generator generator(3);
  std::ranges::copy(make(generator)->parameters().values(), worker.weights().begin());
  return worker;
}

// Lets the ranks of the second of two pipelines meet. The lead's is used here, the others serve.
void with_pipeline(
    const Cutting& cutting, const auto& use, const auto& serve,
    std::function<void(const std::string&)> say = [](const std::string&) {},
    std::chrono::milliseconds timeout = std::chrono::minutes(1)) {
  const tools::TemporaryFolder folder;
  nn::Generator unused;
  const auto config =
      config_of(*make_model("llama", unused), cutting, 2 * cutting.stages, nn::Precision::full);
  const auto meet = [&](int stage) {
    ranks::MeetingPlace place;
    place.folder = folder.path / "meeting";
    place.rank = config.topology.rank(1, stage);
    place.ranks = config.topology.ranks();
    place.timeout = timeout;
    return std::make_unique<StageRank>(place, config, "the same", stage % 2 + 1, place.timeout);
  };
  std::vector<std::jthread> others;
  for (int stage = 1; stage < cutting.stages; ++stage)
    others.emplace_back([&, stage] { serve(*meet(stage)); });
  ranks::ClientPipeline pipeline(
      meet(0), config, [](const auto&) { return nullptr; }, std::move(say));
  use(pipeline);
}

// The first so many windows.
std::vector<int> first_windows(int count) {
  std::vector<int> windows(count);
  std::iota(windows.begin(), windows.end(), 0);
  return windows;
}

}  // namespace

TEST_CASE("a client that is cut into stages has the gradients of one process, to the last bit") {
  const data::CharacterWindows text = some_text();
  fl::ClientWorker alone = worker_with_llama(), cut = worker_with_llama();
  const auto have_same_gradients = [&](fl::GradientSource& source, int batch) {
    cut.compute_with(&source);
    nn::Generator generator(1), other(1);
    const std::vector<int> samples = first_windows(batch);
    const double loss = alone.compute_gradient(text, samples, generator);
    CHECK(cut.compute_gradient(text, samples, other) == loss);
    CHECK(std::ranges::equal(cut.gradients(), alone.gradients()));
    CHECK(std::ranges::count(alone.gradients(), real(0)) <
          std::ssize(alone.gradients()) / 2);  // they are gradients
  };
  std::vector<Cutting> cuttings{{3}, {5}};
  for (const pipeline::ScheduleEntry& entry : pipeline::schedule_table())
    cuttings.push_back({2, std::string(entry.name)});
  for (const Cutting& cutting : cuttings) {
    CAPTURE(cutting.stages);
    CAPTURE(cutting.schedule);
    std::atomic<int> served = 0;
    with_pipeline(
        cutting,
        [&](ranks::ClientPipeline& pipeline) {
          for (const int batch : {130, 1, 57, 130}) have_same_gradients(pipeline, batch);
          for (real& weight : cut.weights()) weight *= real(0.99);
          std::ranges::copy(cut.weights(), alone.weights().begin());
          have_same_gradients(pipeline, 20);
        },
        [&](StageRank& rank) {
          int count = 0;
          rank.serve(count);
          served = count;
        });
    CHECK(served == 5);
  }
}

TEST_CASE("malicious clients can be cut, too") {
  const data::CharacterWindows text = some_text();
  fl::ClientWorker alone = worker_with_llama(), cut = worker_with_llama();
  fl::Config config = toy::config("fedavg", 1);
  config.attack = fl::find_attack("flip");
  const auto flip = config.attack->make(config);
  nn::Generator generator(1);
  const std::vector<int> samples = first_windows(60);
  const double honest = alone.compute_gradient(text, samples, generator);
  alone.set_attack(flip.get());
  cut.set_attack(flip.get());
  with_pipeline(
      {2},
      [&](ranks::ClientPipeline& pipeline) {
        cut.compute_with(&pipeline);
        const double loss = alone.compute_gradient(text, samples, generator);
        CHECK(loss != honest);
        CHECK(cut.compute_gradient(text, samples, generator) == loss);
        CHECK(std::ranges::equal(cut.gradients(), alone.gradients()));
      },
      [](StageRank& rank) {
        int count = 0;
        rank.serve(count);
      });
}

TEST_CASE("a pipeline that has lost a rank leaves its client to the lead") {
  const data::CharacterWindows text = some_text();
  fl::ClientWorker alone = worker_with_llama(), cut = worker_with_llama();
  std::vector<std::string> said;
  with_pipeline(
      {3},
      [&](ranks::ClientPipeline& pipeline) {
        cut.compute_with(&pipeline);
        for (const int batch : {60, 70, 80}) {
          nn::Generator generator(1);
          const std::vector<int> samples = first_windows(batch);
          const double loss = alone.compute_gradient(text, samples, generator);
          CHECK(cut.compute_gradient(text, samples, generator) == loss);
          CHECK(std::ranges::equal(cut.gradients(), alone.gradients()));
        }
      },
      [](StageRank& rank) {
        if (rank.mailbox().rank() == 5) {
          const pipeline::Message shares =
              rank.mailbox().receive(3, ranks::shares_tag(1), "testing");
          return rank.play(1, shares.numbers_as<double>());  // and no other batch
        }
        int count = 0;
        try {
          rank.serve(count);
        } catch (const pipeline::PeerLost&) {
        }
      },
      [&](const std::string& what) { said.push_back(what); });
  REQUIRE(said.size() == 1);
  CHECK(contains(said[0], "rank 5 is gone, while "));
  CHECK(contains(said[0], "; rank 3 goes on without its pipeline"));
}

TEST_CASE("a stage may take longer for a batch than ranks wait for each other at the start") {
  const data::CharacterWindows text = some_text();
  fl::ClientWorker cut = worker_with_llama();
  std::vector<std::string> said;
  int served = 0;
  with_pipeline(
      {2},
      [&](ranks::ClientPipeline& pipeline) {
        cut.compute_with(&pipeline);
        nn::Generator generator(1);
        cut.compute_gradient(text, first_windows(4), generator);
      },
      [&](StageRank& rank) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2500));
        rank.serve(served);
      },
      [&](const std::string& what) { said.push_back(what); }, std::chrono::seconds(2));
  CHECK(said == std::vector<std::string>());
  CHECK(served == 1);
}

TEST_CASE("the stages of a lead that ends by an error end, too") {
  struct Failure {};
  std::atomic<int> ended = 0;
  CHECK_THROWS_AS(with_pipeline(
                      {3}, [](ranks::ClientPipeline&) { throw Failure(); },
                      [&](StageRank& rank) {
                        int count = 0;
                        rank.serve(count);
                        ++ended;
                      }),
                  Failure);
  CHECK(ended == 2);
}

TEST_CASE("a lead that fails in a batch tells its stages") {
  const data::CharacterWindows text = some_text();
  fl::ClientWorker cut = worker_with_llama();
  std::string told;
  const auto compute = [&](ranks::ClientPipeline& pipeline) {
    cut.compute_with(&pipeline);
    nn::Generator generator(1);
    cut.compute_gradient(text, first_windows(4), generator);
  };
  const auto send_no_losses = [&](StageRank& rank) {
    rank.mailbox().send_text(2, {pipeline::Tag::loss, 1}, "");
    int count = 0;
    try {
      rank.serve(count);
    } catch (const pipeline::PeerLost& lost) {
      told = lost.what();
    }
  };
  CHECK_THROWS_AS(with_pipeline({2}, compute, send_no_losses), nn::Error);
  CHECK(contains(told, "rank 2 failed in a batch"));
}

TEST_CASE("models that cannot be cut are refused") {
  const auto complaint_about = [](const char* model) {
    nn::Generator generator;
    return complaint_of(
        [&] { ranks::config_of(*make_model(model, generator), {2}, 2, nn::Precision::full); });
  };
  CHECK(complaint_about("gpt2") ==
        "--stages cannot cut gpt2, whose first and last stage share weights");
  CHECK(complaint_about("mlp") ==
        "--stages cuts language models alone, and --model is another one");
}
