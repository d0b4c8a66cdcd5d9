#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "data/images/mnist.h"
#include "nn/base/error.h"
#include "tests/arguments.h"
#include "tests/complaint.h"
#include "tests/tools/made_up_run.h"
#include "tests/toy.h"
#include "tools/federated/compare.h"
#include "tools/federated/dataset.h"
#include "tools/homework/exercises.h"
#include "tools/homework/options.h"
#include "tools/homework/record.h"

namespace homework {

TEST_CASE("an algorithm fixes the settings that it leaves no choice about") {
  Experiment experiment;
  experiment.algorithm = "fedsgd";
  experiment.training.epochs = 4;
  CHECK(settled(experiment).training.batch == 0);
  CHECK(settled(experiment).training.epochs == 1);
  experiment.algorithm = "centralized";
  CHECK(settled(experiment).clients == 1);
  CHECK(settled(experiment).fraction == 1);
  CHECK(settled(experiment).training.epochs == 4);
}

TEST_CASE(
    "every algorithm's options are on the command line, and no other algorithm accepts them") {
  homework::CommandLine line;
  const auto parse = [&](const std::vector<std::string>& words) {
    Arguments arguments("hw1", words);
    return line.parse(arguments.count(), arguments.values()).setting.base;
  };
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
    const std::string name(algorithm.name);
    CHECK(parse({"run", "--algorithm", name}).options.empty());
    for (const fl::Option& option : algorithm.options) {
      const std::string word = nn::concat("--", option.name);
      const double value = option.is_whole ? 1 : 0.125;
      const std::string text = nn::concat(value);
      const fl::OptionValues given{{std::string(option.name), value}};
      CHECK(parse({"run", "--algorithm", name, word, text}).options == given);
      CHECK(complaint_of([&] {
              parse({"run", word, text});
            }) == nn::concat("fedavg does not use ", word));
      CHECK(contains(complaint_of([&] {
                       parse({"run", "--algorithm", name, word, "-1"});
                     }),
                     nn::concat(word, ": -1 is not a number from ")));
    }
  }
}

TEST_CASE("values that make no sense are refused with a hint") {
  const data::ImageDataset dataset = toy::dataset();
  const auto refused = [&](auto change) {
    Experiment experiment;
    experiment.clients = 10;
    change(experiment);
    const std::string complaint = complaint_of([&] { validate(experiment, dataset); });
    // Only the number of clients needs the data to be checked.
    if (experiment.clients <= 600) CHECK(complaint_of([&] { validate(experiment); }) == complaint);
    return complaint != "nothing";
  };
  CHECK_FALSE(refused([](Experiment&) {}));
  CHECK(refused([](Experiment& e) { e.clients = 601; }));
  CHECK(refused([](Experiment& e) { e.clients = 0; }));
  CHECK(refused([](Experiment& e) { e.fraction = 0; }));
  CHECK(refused([](Experiment& e) { e.options = {{"mu", 1}}; }));
  CHECK(refused([](Experiment& e) { e.fraction = 1.1; }));
  CHECK(refused([](Experiment& e) { e.fraction = NAN; }));
  CHECK(refused([](Experiment& e) { e.rounds = 0; }));
  CHECK(refused([](Experiment& e) { e.training.epochs = 0; }));
  CHECK(refused([](Experiment& e) { e.training.batch = -1; }));
  CHECK(refused([](Experiment& e) { e.training.learning_rate = NAN; }));
  CHECK(refused([](Experiment& e) { e.partition.alpha = 0; }));
}

TEST_CASE("a command line does not affect the next one") {
  homework::CommandLine line;
  const auto parse = [&](const std::vector<std::string>& words) {
    Arguments arguments("hw1", words);
    return line.parse(arguments.count(), arguments.values());
  };
  const homework::Options first = parse({"run", "--batch", "7", "--wall-time", "--lr", "3"});
  CHECK(first.setting.base.training.batch == 7);
  CHECK(first.outputs.has_wall_time);
  CHECK_THROWS_AS(parse({"run", "--resume"}), nn::InputError);
  const homework::Options last = parse({"compare", "table.csv", "--out", "folder"});
  CHECK(last.comparison.out == "folder");
  CHECK(last.setting.base.training.batch == homework::Experiment().training.batch);
  CHECK(last.setting.base.training.learning_rate == homework::Experiment().training.learning_rate);
  CHECK(!last.outputs.has_wall_time);
  CHECK(!last.outputs.may_resume);
  CHECK(parse({"a1"}).out == "out");
}

TEST_CASE("every exercise plans valid runs with distinct names, as the homework says") {
  data::ImageDataset mnist_like;
  mnist_like.train.labels.resize(60000);
  for (const Exercise& exercise : homework_1().exercises) {
    std::set<std::string> names, runs;
    for (const Curve& curve : exercise.curves({})) {
      validate(curve.experiment, mnist_like);
      CHECK(names.insert(curve.name).second);
      CHECK(runs.insert(describe(curve.experiment)).second);  // no run twice
    }
  }
  const auto a3 = homework_1().exercises[2].curves({});
  CHECK(a3.size() == 8);
  CHECK(describe(a3[7].experiment) ==
        "fedavg mnist_cnn N=100 C=0.5 B=100 E=1 η=0.001 shards seed=10");
  CHECK(a3[7].experiment.rounds == 15);
}

TEST_CASE("an answer claims only what the figures show") {
  const Exercise& a3 = homework_1().exercises[2];
  const auto answers = [&](const std::vector<double>& accuracies) {
    std::vector<Run> runs;
    std::vector<std::string> names;
    for (const Curve& curve : a3.curves({})) {
      runs.push_back(made_up_run(accuracies));
      runs.back().experiment = curve.experiment;
      names.push_back(curve.name);
    }
    std::string all;
    for (const report::Block& block : a3.write(runs, names).blocks)
      if (const auto* question = std::get_if<report::Question>(&block)) all += question->answer;
    return all;
  };
  CHECK(contains(answers({10, 20, 30}), "hardly ever falls, so they do not show it"));
  CHECK(!contains(answers({10, 20, 30}), "instead of 0.00"));
  CHECK(contains(answers({10, 30, 20}), "These runs do not show it"));
  CHECK(contains(answers({10, 20, 30}), "here that is no advantage"));
  CHECK(difference(0.004) == "no different");
  CHECK(difference(-1.25) == "1.25 points lower");
}

TEST_CASE("reports are written whatever the results of the runs") {
  for (const Exercise& exercise : homework_1().exercises) {
    std::vector<Run> runs;
    std::vector<std::string> names;
    for (const Curve& curve : exercise.curves({})) {
      Run& run = runs.emplace_back(made_up_run({10, 30, 20, 40}));
      run.experiment = curve.experiment;
      names.push_back(curve.name);
    }
    const report::Document document = exercise.write(runs, names);
    int questions = 0, plots = 0, tables = 0, cells = 0;
    for (const report::Block& block : document.blocks) {
      cells += std::holds_alternative<report::Code>(block);
      questions += std::holds_alternative<report::Question>(block);
      plots += std::holds_alternative<report::LinePlot>(block);
      tables += std::holds_alternative<report::Table>(block);
    }
    CHECK(questions >= 1);
    CHECK(plots >= 2);
    CHECK(cells == plots);  // so that the notebook draws every plot when it is run
    CHECK(tables >= 2);
  }
}

static Experiment small_run(int rounds) {
  Experiment experiment;
  experiment.model = "mlp";
  experiment.clients = 10;
  experiment.rounds = rounds;
  return experiment;
}

TEST_CASE("a run is computed once, for its longest use, and cut for shorter ones") {
  const data::ImageDataset dataset = toy::dataset();
  const Experiment shorter = small_run(2), longer = small_run(3);
  Runner runner(dataset, {});
  runner.plan({shorter, longer});
  const Run first = runner.run(shorter);
  const Run second = runner.run(longer);
  REQUIRE(first.rounds.size() == 2);
  REQUIRE(second.rounds.size() == 3);
  CHECK(first.rounds[1].seconds == second.rounds[1].seconds);  // the very same run
}

TEST_CASE("leaving out tests changes no other number, and the last round always has one") {
  const data::ImageDataset dataset = toy::dataset();
  const Experiment every = small_run(5);
  Experiment second = every;
  second.test_every = 2;
  const Run whole = Runner(dataset, {}).run(every), sparse = Runner(dataset, {}).run(second);
  for (int i = 0; i < 5; ++i) {
    const fl::Round &round = sparse.rounds[i], &same = whole.rounds[i];
    CHECK(round.measures.at("Training loss") == same.measures.at("Training loss"));
    if (i % 2 == 1 || i == 4) {
      CHECK(round.accuracy == same.accuracy);
      CHECK(round.measures.at("Test loss") == same.measures.at("Test loss"));
    } else {
      CHECK(std::isnan(round.accuracy));
      CHECK(!round.measures.contains("Test loss"));
    }
  }
}

// The project's promise. hw1 compare checks every round of the tables; this checks a few.
TEST_CASE("same seed, same numbers as the notebook") {
  if (sizeof(nn::real) != 4) return;  // the notebook's are floats
  if (!data::dataset_is_present("data/raw/mnist")) {
    MESSAGE("no MNIST in data/raw");
    return;
  }
  const data::ImageDataset mnist = open_images("mnist", "data/raw/mnist");
  Runner runner(mnist, {.threads = 2});
  const auto check = [&](const Reference& reference, int rounds) {
    Experiment experiment = reference.experiment;
    experiment.rounds = rounds;
    const Run run = runner.run(experiment);
    CAPTURE(describe(experiment));
    CHECK(largest_difference(reference, run) <= 0.05 + 1e-9);
  };
  for (const Reference& reference : read_results("tests/golden/hfl-seed10.csv"))
    if (reference.experiment.fraction == 0.01) check(reference, 3);
  for (const Reference& reference : read_results("tests/golden/hfl-more-seeds.csv"))
    if (reference.experiment.seed == 7 && reference.experiment.clients == 100) check(reference, 2);
}

}  // namespace homework
