#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>

#include "nn/base/file.h"
#include "nn/base/stopwatch.h"
#include "pipeline/schedules/schedule_csv.h"
#include "pipeline/stage_worker.h"
#include "tests/pipeline/toy_training.h"

namespace pipeline {

namespace {

using toy::config_of, toy::length, toy::some_text;

struct Result {
  std::vector<double> losses;                                      // of each step
  std::map<std::pair<int, int>, std::vector<nn::real>> gradients;  // of (step, block)
  std::vector<nn::real> weights;                                   // after the last step
};

// The weights are those of one pipeline.
Result train(const TrainingConfig& config, const std::string& name, int pipeline = 0) {
  Result result;
  std::mutex result_mutex;
  auto stages = toy::as_ranks(config, name, [&](toy::Rank rank) {
    int step = 0;
    rank.worker.gradients().on_gradients = [&](int block, std::span<const nn::real> gradients) {
      const std::lock_guard lock(result_mutex);
      result.gradients[{step, block}].assign(gradients.begin(), gradients.end());
    };
    for (; step < config.steps; ++step) {
      const auto loss = rank.worker.step(step);
      if (rank.rank == recorder_of(config)) result.losses.push_back(loss.value());
    }
  });
  result.weights = toy::weights_of(stages, config, pipeline);
  return result;
}

// In one process, one microbatch after the other.
Result train_serially(int microbatches, const nn::ModelFamily& family = nn::families()[0]) {
  return train(config_of("gpipe", 1, 1, microbatches, family), "serial");
}

// |a - b| / |b|
double relative_difference(std::span<const nn::real> a, std::span<const nn::real> b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  REQUIRE(size > 0);
  return std::sqrt(difference / size);
}

// Calls f(config) for every schedule on 1, 2, 3 and 6 stages.
template <class Function>
void each_config(int pipelines, int microbatches, const nn::ModelFamily& family, Function f) {
  for (const ScheduleEntry& schedule : schedule_table())
    for (int stages : {1, 2, 3, 6}) {
      CAPTURE(schedule.name);
      CAPTURE(stages);
      CAPTURE(microbatches);
      f(config_of(schedule.name, stages, pipelines, microbatches, family));
    }
}

}  // namespace

TEST_CASE("a worker takes exactly the steps written out here") {
  TrainingConfig config = config_of("1f1b", 1, 1, 2);
  config.warmup = 2;
  const Result result = train(config, "written");

  nn::LanguageModel model(config.model, config.seed);
  nn::Adam adam(0);
  const std::vector<std::uint16_t> text = some_text();
  for (int step = 0; step < 3; ++step) {
    model.parameters().zero_gradients();
    double loss_of_step = 0;
    for (int window = 2 * step; window < 2 * step + 2; ++window) {
      std::vector<int> ids(text.begin() + window * length, text.begin() + (window + 1) * length);
      std::vector<int> next(ids.begin() + 1, ids.end());
      next.push_back(-1);
      nn::Tape tape;
      const nn::Var loss = nn::cross_entropy(model.logits(tape, ids, length), next);
      loss_of_step += loss.value()[0] / 2;
      tape.backward(loss, nn::real(0.5));
    }
    CHECK(result.losses[step] == doctest::Approx(loss_of_step).epsilon(1e-6));
    adam.set_learning_rate(config.learning_rate * (step == 0 ? 0.5 : 1));
    adam.step(model.parameters().values(), model.parameters().gradients());
  }
  CHECK(relative_difference(result.weights, model.parameters().values()) < 1e-5);
}

TEST_CASE("memory that a message still reads is not reused") {
  const nn::LanguageModelConfig config{.vocab_size = 7,
                                       .hidden_size = 64,
                                       .layers = 1,
                                       .heads = 1,
                                       .key_value_heads = 1,
                                       .intermediate_size = 8,
                                       .max_positions = 300};
  Stage stage(config, {{0, 1}}, 300, 0);
  Network network;
  const std::vector<std::string> addresses{"inproc://lease-0", "inproc://lease-1"};
  Mailbox sender(network, {.rank = 0, .addresses = addresses});
  Mailbox receiver(network, {.rank = 1, .addresses = addresses});
  const std::vector<int> first(300, 1), second(300, 2);
  const auto y = stage.forward(0, 0, {first, {}}, {});
  const std::vector<nn::real> before(y.begin(), y.end());
  sender.send(1, {Tag::activation}, y.span(), stage.lease(0, 0));
  {
    const Message message = receiver.receive(0, {Tag::activation}, "testing");
    CHECK(message.numbers().data() == y.data);  // not copied
    stage.backward(0, 0, before);
    stage.weights(0, 0, [](int) {});
    CHECK(stage.forward(0, 1, {second, {}}, {}).data != y.data);
    CHECK(std::ranges::equal(message.numbers(), before));
    stage.backward(0, 1, before);
    stage.weights(0, 1, [](int) {});
  }
  stage.forward(0, 2, {second, {}}, {});
  CHECK(stage.forward(0, 3, {second, {}}, {}).data != nullptr);
}

// ZeroMQ's threads end messages.
TEST_CASE("a message may end at any moment of the next forward") {
  const nn::LanguageModelConfig config{.vocab_size = 7, .hidden_size = 72, .layers = 1};
  Stage stage(config, {{0}}, 300, 0);
  Network network;
  const std::vector<std::string> addresses{"inproc://ends-0", "inproc://ends-1"};
  Mailbox sender(network, {.rank = 0, .addresses = addresses});
  Mailbox receiver(network, {.rank = 1, .addresses = addresses});
  Message message;
  std::atomic<int> received = 0, ended = 0;
  std::jthread ends([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (ended == received)
        std::this_thread::yield();
      else
        message = {}, ++ended;
    }
  });
  const auto receive = [&](int number) {
    std::optional<Message> came;
    while (!(came = receiver.try_receive(0, {Tag::activation, 0, number}))) {
      sender.progress("testing");
      receiver.progress("testing");
    }
    return *std::move(came);
  };
  const std::vector<int> ids(300, 1);
  const Stopwatch stopwatch;
  for (int i = 0; i < 50'000 && stopwatch.seconds() < 5; ++i) {
    const auto y = stage.forward(0, 0, {ids, {}}, {});
    for (; ended != i; std::this_thread::yield()) sender.progress("testing");
    sender.send(1, {Tag::activation, 0, i}, y.span(), stage.lease(0, 0));
    message = receive(i);
    stage.backward(0, 0, y.span());
    stage.weights(0, 0, [](int) {});
    received = i + 1;
    for (volatile int pause = 0; pause < i % 500;) pause = pause + 1;
  }
}

TEST_CASE("every schedule on any number of stages trains like one process, bit for bit") {
  for (const nn::ModelFamily& family : nn::families())
    for (int microbatches : {1, 2, 3, 5}) {
      CAPTURE(family.name);
      const Result serial = train_serially(microbatches, family);
      each_config(1, microbatches, family, [&](const TrainingConfig& config) {
        const Result result = train(config, "one");
        CHECK(result.losses == serial.losses);
        CHECK(result.gradients == serial.gradients);
        CHECK(result.weights == serial.weights);
      });
    }
}

TEST_CASE("PyTorch's schedules train like one process, bit for bit") {
  for (const char* name :
       {"gpipe", "1f1b", "interleaved", "interleaved-zb", "zb-v", "breadth-first"}) {
    CAPTURE(name);
    const std::string csv = nn::read_file(nn::concat("tests/golden/schedules/", name, ".csv"));
    const Plan plan = parse_schedule_csv(csv, name);
    TrainingConfig config = config_of("gpipe", 1, 1, plan.microbatches);
    const Result serial = train_serially(plan.microbatches);
    give_plan(config, plan, csv);
    config.cut = default_cut(6, plan.placement.parts());
    const Result result = train(config, "csv");
    CHECK(result.losses == serial.losses);
    CHECK(result.gradients == serial.gradients);
    CHECK(result.weights == serial.weights);
  }
}

TEST_CASE("two pipelines train like one process on the same global batch") {
  for (const nn::ModelFamily& family : nn::families())
    for (int microbatches : {1, 2, 3, 5}) {
      CAPTURE(family.name);
      const Result serial = train_serially(2 * microbatches, family);
      each_config(2, microbatches, family, [&](const TrainingConfig& config) {
        const Result result = train(config, "two");
        REQUIRE(result.losses.size() == serial.losses.size());
        for (std::size_t step = 0; step < serial.losses.size(); ++step)
          CHECK(result.losses[step] == doctest::Approx(serial.losses[step]).epsilon(1e-6));
        for (int block = 0; block < 8; ++block)
          CHECK(relative_difference(result.gradients.at({0, block}),
                                    serial.gradients.at({0, block})) < 1e-6);
      });
    }
}

TEST_CASE("the copies of a weight that embedding and head share stay equal") {
  for (int stages : {1, 3}) {
    const TrainingConfig config = config_of("zb-h1", stages, 2, 3, *nn::find_family("gpt2"));
    auto done = toy::as_ranks(config, "tied", [&](toy::Rank rank) {
      for (int step = 0; step < config.steps; ++step) rank.worker.step(step);
    });
    nn::LanguageModel &first = done.front().model(), &last = done[stages - 1].model();
    const auto copy = [](nn::LanguageModel& model, int block) {
      const auto [offset, size] = model.tied_range(block).value();
      return model.parameters().values().subspan(offset, size);
    };
    CHECK(std::ranges::equal(copy(first, 0), copy(last, 7)));
    const nn::LanguageModel untrained(config.model, config.seed);
    const auto [offset, size] = untrained.tied_range(0).value();
    CHECK(
        !std::ranges::equal(copy(first, 0), untrained.parameters().values().subspan(offset, size)));
  }
}

TEST_CASE("stages without layers pass on what they receive") {
  const Result serial = train_serially(3);
  for (const Cut& cut : {Cut{6, 0, 0}, Cut{0, 0, 6}, Cut{0, 6, 0}, Cut{3, 0, 3}}) {
    TrainingConfig config = config_of("1f1b", 3, 1, 3);
    config.cut = cut;
    CHECK(train(config, "cut").weights == serial.weights);
  }
  TrainingConfig config = config_of("interleaved", 3, 1, 3);
  config.cut = {2, 0, 2, 0, 0, 2};
  CHECK(train(config, "cut").weights == serial.weights);
}

TEST_CASE("a pipeline learns") {
  TrainingConfig config = config_of("zb-h1", 3, 1, 3);
  config.steps = 100;
  config.learning_rate = 3e-3;
  const Result result = train(config, "learns");
  CHECK(result.losses.back() < 0.9 * result.losses.front());
}

TEST_CASE("replicas stay identical, bit for bit") {
  const TrainingConfig config = config_of("1f1b", 2, 3, 2);
  const TrainingConfig tied = config_of("zb-h1", 2, 3, 2, *nn::find_family("gpt2"));
  CHECK(train(tied, "three", 0).weights == train(tied, "three", 2).weights);
  const Result first = train(config, "three", 0), last = train(config, "three", 2);
  CHECK(first.weights == last.weights);
  CHECK(first.weights != train_serially(6).weights);  // another order of sums
}

TEST_CASE("cutting a batch into microbatches does not change what is learnt") {
  TrainingConfig config = config_of("1f1b", 3, 1, 1);
  config.batch = 6;
  const Result whole = train(config, "whole"), cut = train_serially(6);
  for (int block = 0; block < 8; ++block)
    CHECK(relative_difference(whole.gradients.at({0, block}), cut.gradients.at({0, block})) < 2e-6);
}

}  // namespace pipeline
