#include "pipeline/outer_steps/outer_steps.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "nn/files/checkpoint_folder.h"
#include "nn/optimizer.h"
#include "pipeline/checkpoint.h"
#include "pipeline/collectives.h"
#include "pipeline/outer_steps/sync_times.h"
#include "tests/complaint.h"
#include "tests/pipeline/toy_training.h"
#include "tools/program/temporary_folder.h"

namespace pipeline {

namespace {

using toy::config_of;

TrainingConfig alone(std::string_view schedule, int stages, int pipelines, Synchronisation sync,
                     std::string_view family = "llama") {
  TrainingConfig config = config_of(schedule, stages, pipelines, 2, *nn::find_family(family));
  config.steps = 7;
  config.sync = std::move(sync);
  return config;
}

// What is learnt, and the weights of every pipeline.
struct TrainedAlone {
  std::map<int, double> losses;  // by step, from 1
  std::vector<std::vector<nn::real>> weights;
  int first_step = 0;
  bool operator==(const TrainedAlone&) const = default;
};

// Takes a step after each order of rank 0, without which pipelines could run away from each other.
template <class Step>
void take_ordered_steps(toy::Rank& rank, int first, int last, Step step) {
  StepOrders orders(rank.mailbox);
  for (int done = first; done < last;) {
    step(done++);
    orders.go_on(done, done < last, false, "the test waited for an order");
  }
}

// From the newest checkpoint until `last` steps are done; then saves another.
TrainedAlone train_alone_until(const TrainingConfig& config, const std::filesystem::path& folder,
                               int last) {
  require_valid(config);
  TrainedAlone trained;
  auto stages = toy::as_ranks(config, "outer", [&](toy::Rank rank) {
    nn::CheckpointFolder saved(folder);
    Checkpoints checkpoints(saved, config, rank.stage, rank.worker, rank.mailbox);
    const int first = checkpoints.resume([](const std::string& note) {
      if (!note.starts_with("the checkpoint was made with steps ") &&
          !note.starts_with("the checkpoint was made with lr "))
        throw nn::Error(note);
    });
    take_ordered_steps(rank, first, last, [&](int step) {
      const auto loss = rank.worker.step(step);
      if (rank.rank == recorder_of(config)) trained.losses[step + 1] = loss.value();
    });
    if (first < last) checkpoints.save(last, {});
    if (rank.rank == 0) trained.first_step = first;
  });
  for (int pipeline = 0; pipeline < config.topology.pipelines; ++pipeline)
    trained.weights.push_back(toy::weights_of(stages, config, pipeline));
  return trained;
}

TrainedAlone train_alone(const TrainingConfig& config) {
  const tools::TemporaryFolder folder;
  return train_alone_until(config, folder.path, config.steps);
}

double farthest_apart(const std::vector<nn::real>& a, const std::vector<nn::real>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return largest;
}

// One pipeline of the toy training, in one piece.
class OnePipeline {
 public:
  OnePipeline(const TrainingConfig& config, int pipeline)
      : model(config.model, config.seed),
        config_(config),
        first_(pipeline * config.microbatches),
        text_(toy::some_text()) {}

  void step(int number) {
    model.parameters().zero_gradients();
    for (int microbatch = 0; microbatch < config_.microbatches; ++microbatch) {
      const auto begin =
          text_.begin() + (number * config_.batch + first_ + microbatch) * toy::length;
      const std::vector<int> ids(begin, begin + toy::length);
      std::vector<int> next(ids.begin() + 1, ids.end());
      next.push_back(-1);
      nn::Tape tape;
      tape.backward(nn::cross_entropy(model.logits(tape, ids, toy::length), next),
                    nn::real(1) / static_cast<nn::real>(config_.microbatches));
    }
    adam_.set_learning_rate(config_.learning_rate);
    adam_.step(model.parameters().values(), model.parameters().gradients());
  }

  nn::LanguageModel model;

 private:
  const TrainingConfig& config_;
  int first_;
  std::vector<std::uint16_t> text_;
  nn::Adam adam_{0};
};

std::vector<Synchronisation> some_synchronisations() {
  return {{.every = 3},
          {.every = 2, .wire = "half"},
          {.every = 3, .wire = "int8"},
          {.every = 3, .wire = "int8", .fragments = 3, .delay = 1},
          {.every = 4, .wire = "float", .fragments = 2, .delay = 3},
          {.every = 3, .wire = "half", .fragments = 2, .delay = 0}};
}

}  // namespace

TEST_CASE("with plain steps an outer step after each is an average of gradients") {
  for (const char* family : {"llama", "gpt2"})
    for (const auto& [stages, pipelines] : {std::pair{1, 2}, {2, 2}, {3, 3}}) {
      TrainingConfig config =
          alone("1f1b", stages, pipelines, {.every = 1, .learning_rate = 1, .momentum = 0}, family);
      config.optimizer = "sgd";
      config.learning_rate = 0.1;
      const TrainedAlone outer = train_alone(config);
      config.sync = {};
      const TrainedAlone averaged = train_alone(config);
      for (const auto& [step, loss] : outer.losses)
        CHECK(loss == doctest::Approx(averaged.losses.at(step)).epsilon(1e-6));
      CHECK(farthest_apart(outer.weights[0], averaged.weights[0]) < 1e-6);
    }
}

TEST_CASE("outer steps are those written out here") {
  struct Case {
    Synchronisation sync;
    std::vector<int> starts, late_ends;  // after so many steps
  };
  for (const auto& [sync, starts, late_ends] :
       {Case{{.every = 3}, {3, 6, 7}, {}},
        Case{{.every = 4, .fragments = 1, .delay = 2}, {4, 7}, {6}}}) {
    const TrainingConfig config = alone("1f1b", 1, 2, sync);
    CAPTURE(to_text(sync, 2));
    OnePipeline first(config, 0), second(config, 1);
    const std::span<nn::real> a = first.model.parameters().values();
    const std::span<nn::real> b = second.model.parameters().values();
    std::vector<nn::real> agreed(a.begin(), a.end());
    nn::Sgd outer(sync.learning_rate, {.momentum = sync.momentum, .nesterov = true});
    for (int done = 1; done <= config.steps; ++done) {
      first.step(done - 1);
      second.step(done - 1);
      if (std::ranges::count(late_ends, done) == 1)
        for (const std::span<nn::real> own : {a, b})
          for (std::size_t i = 0; i < own.size(); ++i) own[i] = (own[i] + agreed[i]) / 2;
      if (std::ranges::count(starts, done) == 0) continue;
      std::vector<nn::real> gradients(agreed.size());
      for (std::size_t i = 0; i < agreed.size(); ++i) gradients[i] = agreed[i] - (a[i] + b[i]) / 2;
      outer.step(agreed, gradients);
      if (late_ends.empty() || done == config.steps)
        for (const std::span<nn::real> own : {a, b}) std::ranges::copy(agreed, own.begin());
    }
    CHECK(farthest_apart(train_alone(config).weights[0], agreed) < 2e-5);
  }
}

TEST_CASE("pipelines agree on the same bits, which do not depend on cut and schedule") {
  for (const Synchronisation& sync : some_synchronisations()) {
    CAPTURE(to_text(sync, 3));
    const TrainedAlone whole = train_alone(alone("gpipe", 1, 3, sync));
    CHECK(whole.weights[0] == whole.weights[1]);
    CHECK(whole.weights[0] == whole.weights[2]);
    CHECK(train_alone(alone("1f1b", 3, 3, sync)) == whole);
    CHECK(train_alone(alone("zb-v", 2, 3, sync)) == whole);
  }
}

TEST_CASE("between agreements pipelines differ") {
  const tools::TemporaryFolder folder;
  const TrainedAlone trained = train_alone_until(alone("1f1b", 2, 2, {.every = 3}), folder.path, 4);
  CHECK(trained.weights[0] != trained.weights[1]);
}

TEST_CASE("pipelines that train alone go on from a checkpoint bit for bit, after any step") {
  for (const Synchronisation& sync : some_synchronisations()) {
    CAPTURE(to_text(sync, 2));
    const TrainingConfig config = alone("1f1b", 2, 2, sync);
    const TrainedAlone undisturbed = train_alone(config);
    for (int step = 1; step < config.steps; ++step) {
      CAPTURE(step);
      const tools::TemporaryFolder folder;
      train_alone_until(config, folder.path, step);
      TrainingConfig then = alone("zb-h1", step % 2 ? 3 : 1, 2, sync);  // with any cut
      const TrainedAlone resumed = train_alone_until(then, folder.path, config.steps);
      CHECK(resumed.first_step == step);
      CHECK(resumed.weights == undisturbed.weights);
      for (const auto& [number, loss] : resumed.losses)
        CHECK(loss == undisturbed.losses.at(number));
    }
  }
}

TEST_CASE("a run that resumes with other steps adopts what its checkpoint was waiting for") {
  struct Run {
    int steps, last;
    double rate = 1e-30;  // too little to change a weight
  };
  const auto train = [](const std::vector<Run>& runs) {
    const tools::TemporaryFolder folder;
    TrainedAlone trained;
    for (const auto& [steps, last, rate] : runs) {
      TrainingConfig config = alone("1f1b", 1, 2, {.every = 4, .fragments = 1, .delay = 3});
      config.steps = steps;
      config.learning_rate = rate;
      trained = train_alone_until(config, folder.path, last);
    }
    return trained.weights;
  };
  const Run first{10, 9, 1e-3}, longer{20, 9, 1e-3};
  // Ten steps are over before an exchange that begins after 8 could end, so there is none.
  CHECK(train({first, {20, 11}}) == train({first}));
  CHECK(train({longer, {20, 11}}) != train({longer}));
  CHECK(train({longer, {10, 10}}) == train({longer, {20, 11}, {12, 12}}));
}

TEST_CASE("an outer step that is not finite is refused") {
  TrainingConfig config = alone("1f1b", 1, 2, {.every = 1, .wire = "int8"});
  config.sync.learning_rate = std::numeric_limits<double>::infinity();
  CHECK(complaint_of([&] {
          toy::as_ranks(config, "infinite", [](toy::Rank rank) { rank.worker.step(0); });
        }).ends_with("is not finite"));
}

TEST_CASE("a checkpoint of pipelines that train alone fits only those") {
  const tools::TemporaryFolder folder;
  const auto of_six_sequences = [](int pipelines, Synchronisation sync) {
    TrainingConfig config = toy::config_of_six("1f1b", 1, pipelines);
    config.sync = std::move(sync);
    return config;
  };
  train_alone_until(of_six_sequences(2, {.every = 3}), folder.path, 4);
  const auto resumed = [&](const TrainingConfig& config) {
    return complaint_of([&] { train_alone_until(config, folder.path, 7); });
  };
  const std::string made =
      "the checkpoint was made with sync every 3, 2 pipelines, outer-lr 0.7, outer-momentum 0.9, "
      "float, this run has ";
  CHECK(resumed(of_six_sequences(3, {.every = 3})).starts_with(made + "every 3, 3 pipelines"));
  CHECK(resumed(of_six_sequences(2, {.every = 4})).starts_with(made + "every 4, 2 pipelines"));
  CHECK(resumed(of_six_sequences(2, {})) == made + "none");
}

TEST_CASE("each pipeline clips its own gradients, and the copies of a shared weight stay equal") {
  TrainingConfig config =
      alone("zb-h1", 3, 2, {.every = 3, .wire = "half", .fragments = 2}, "gpt2");
  config.clip_norm = 0.5;
  std::map<int, std::vector<double>> norms;
  std::mutex mutex;
  auto stages = toy::as_ranks(config, "clip-alone", [&](toy::Rank rank) {
    take_ordered_steps(rank, 0, config.steps, [&](int step) {
      rank.worker.step(step);
      const std::lock_guard lock(mutex);
      norms[rank.rank].push_back(rank.worker.gradients().norm());
    });
  });
  CHECK(norms[0] == norms[2]);  // of the same pipeline
  CHECK(norms[3] == norms[5]);
  CHECK(norms[0] != norms[3]);
  const auto copy = [&](int rank, int block) {
    nn::LanguageModel& model = stages[rank].model();
    const auto [offset, size] = model.tied_range(block).value();
    return model.parameters().values().subspan(offset, size);
  };
  CHECK(std::ranges::equal(copy(0, 0), copy(2, 7)));
  CHECK(std::ranges::equal(copy(0, 0), copy(5, 7)));
}

TEST_CASE("fragments take turns, and all blocks are synchronised after the last step") {
  TrainingConfig config = alone("1f1b", 1, 2, {.every = 12, .fragments = 3, .delay = 2});
  config.steps = 30;
  const auto times = [&](auto holds, int block) {
    std::vector<int> all;
    for (int done = 0; done <= config.steps; ++done)
      if (holds(config, done, block)) all.push_back(done);
    return all;
  };
  using Times = std::vector<int>;
  CHECK(times(exchange_starts_after, 0) == Times{4, 16, 30});
  CHECK(times(exchange_ends_after, 0) == Times{6, 18, 30});
  CHECK(times(exchange_starts_after, 4) == Times{8, 20, 30});
  CHECK(times(exchange_ends_after, 2) == Times{14, 26, 30});
  CHECK(times(exchange_starts_after, 3) == times(exchange_starts_after, 0));
  config.steps = 18;  // an exchange is not begun that would end with the last one
  CHECK(times(exchange_starts_after, 0) == Times{4, 18});
}

TEST_CASE("what does not go with pipelines that train alone is refused") {
  const auto refusal = [](Synchronisation sync, auto change) {
    TrainingConfig config = alone("1f1b", 1, 2, std::move(sync));
    change(config);
    return complaint_of([&] { require_valid(config); });
  };
  const auto nothing = [](TrainingConfig&) {};
  CHECK(refusal({.every = 3}, nothing) == "nothing");
  CHECK(refusal({.every = 1000}, nothing) == "nothing");
  const auto does_not_go_with = [&](const char* option, auto change) {
    CHECK(refusal({.every = 3}, change)
              .starts_with(nn::concat("--sync-every does not go with ", option)));
  };
  does_not_go_with("--elastic", [](TrainingConfig& c) { c.is_elastic = true; });
  does_not_go_with("--zero1", [](TrainingConfig& c) { c.shares_moments = true; });
  does_not_go_with("--split-head", [](TrainingConfig& c) { c.splits_head = true; });
  does_not_go_with("--exact-sums", [](TrainingConfig& c) { c.has_exact_sums = true; });
  does_not_go_with("--skip-bad-steps", [](TrainingConfig& c) { c.skips_bad_steps = true; });
  CHECK(refusal({.every = -1}, nothing).starts_with("the number of steps between"));
  CHECK(refusal({.fragments = 2}, nothing).ends_with("are about pipelines that train alone"));
  CHECK(refusal({.wire = "half"}, nothing).ends_with("are about pipelines that train alone"));
  CHECK(refusal({.every = 3, .learning_rate = 0}, nothing).starts_with("the outer learning rate"));
  CHECK(
      refusal({.every = 3, .learning_rate = 1e7}, nothing).starts_with("the outer learning rate"));
  CHECK(refusal({.every = 6, .delay = 5}, nothing) == "--stream-delay is about fragments");
  CHECK(refusal({.every = 3, .momentum = 1}, nothing).starts_with("the outer momentum"));
  CHECK(refusal({.every = 3, .wire = "int4"}, nothing).starts_with("there is no --sync-wire"));
  CHECK(refusal({.every = 30, .fragments = 9}, nothing) ==
        "the model's 8 blocks do not divide into 9 fragments");
  CHECK(refusal({.every = 3, .fragments = 4}, nothing) ==
        "4 fragments cannot take turns in 3 steps");
  CHECK(refusal({.every = 3, .fragments = 2, .delay = 3}, nothing)
            .starts_with("an exchange must be over"));
  CHECK(refusal({.every = 3, .wire = "int8"}, [](TrainingConfig& c) {
          c.model = toy::tiny_model(*nn::find_family("gpt2"));
        }).starts_with("with int8 the two copies"));
}

}  // namespace pipeline
