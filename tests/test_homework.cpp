#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "data/mnist.h"
#include "nn/base/csv.h"
#include "nn/base/error.h"
#include "tests/arguments.h"
#include "tests/complaint.h"
#include "tests/toy.h"
#include "tools/federated/compare.h"
#include "tools/federated/dataset.h"
#include "tools/homework/exercises.h"
#include "tools/homework/options.h"
#include "tools/homework/record.h"

using namespace homework;

namespace {

Run made_up_run(std::vector<double> accuracies) {
  Run run;
  for (double accuracy : accuracies) {
    fl::Round& round = run.rounds.emplace_back();
    round.number = static_cast<int>(run.rounds.size());
    round.accuracy = accuracy;
    round.messages = 20 * round.number;
    round.ideal_seconds = 1.26 * round.number;
  }
  run.experiment.rounds = static_cast<int>(run.rounds.size());
  return run;
}

nn::Metadata made_somehow() {
  return {{"command", "hw1 run --csv 'a b'"}, {"dataset", "mnist"}, {"date", "2026-11-24"}};
}

const std::string header = "Round,Algorithm,N,C,B,E,η,Seed,Message count,Test accuracy\n";

}  // namespace

TEST_CASE("numbers are printed as Python prints them") {
  CHECK(number(0.1) == "0.1");
  CHECK(number(1) == "1.0");
  CHECK(number(46) == "46.0");
  CHECK(number(90.55) == "90.55");
  CHECK(number(100.0 * 9055 / 10000) == "90.55");
  CHECK(number(1e-5) == "1e-05");
  CHECK(number(0) == "0.0");
  CHECK(percent(9.1) == "9.10");
}

TEST_CASE("the CSV has the notebook's columns, and the full batch is ∞") {
  Run run = made_up_run({9.1, 46});
  run.experiment.algorithm = "fedsgd";
  run.experiment = settled(run.experiment);
  CHECK(to_csv(std::vector{run}) == header +
                                        "1,FedSGDGradient,100,0.1,∞,1,0.01,10,20,9.1\n"
                                        "2,FedSGDGradient,100,0.1,∞,1,0.01,10,40,46.0\n");
  run.experiment = {};
  run.experiment.training.epochs = 2;
  const std::string csv = to_csv(std::vector{run}, std::vector<std::string>{"mine"}, true);
  CHECK(csv ==
        "Round,Algorithm,N,C,B,E,η,Seed,Wall time,Message count,Test accuracy,Split,Curve\n"
        "1,FedAvg,100,0.1,100,2,0.01,10,1.3,20,9.1,iid,mine\n"
        "2,FedAvg,100,0.1,100,2,0.01,10,2.5,40,46.0,iid,mine\n");
}

TEST_CASE("a curve's name is one cell, whatever it holds") {
  const Run run = made_up_run({9.1});
  for (const std::string name : {"FedAvg (non-IID, η=0.001, C=0.5)", "a \"b\"", "a\nb"}) {
    const auto table = nn::parse_csv(to_csv(std::vector{run}, std::vector{name}), "table.csv");
    REQUIRE(table.size() == 2);
    CHECK(table[1].cells.back() == name);
  }
}

TEST_CASE("an algorithm settles what it leaves no choice about") {
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

TEST_CASE("options of an algorithm are in its name, CSV, JSON and are read back") {
  Run run = made_up_run({9.1, 46});
  run.experiment.algorithm = "fedprox";
  run.experiment.options = {{"mu", 0.25}};
  Run usual = run;
  usual.experiment.options = {};
  CHECK(describe(run.experiment) ==
        "fedprox mu=0.25 mnist_cnn N=100 C=0.1 B=100 E=1 η=0.01 iid seed=10");
  CHECK(describe(usual.experiment) ==
        "fedprox mu=0.01 mnist_cnn N=100 C=0.1 B=100 E=1 η=0.01 iid seed=10");
  CHECK(configuration_name(run.experiment) == "FedProx mu=0.25 N=100 C=0.1 E=1 seed=10");
  const std::string csv = to_csv(std::vector{run, made_up_run({9.1})});
  CHECK(csv ==
        "Round,Algorithm,N,C,B,E,η,Seed,Message count,Test accuracy,Options\n"
        "1,FedProx,100,0.1,100,1,0.01,10,20,9.1,mu=0.25\n"
        "2,FedProx,100,0.1,100,1,0.01,10,40,46.0,mu=0.25\n"
        "1,FedAvg,100,0.1,100,1,0.01,10,20,9.1,\n");
  const auto json = nlohmann::json::parse(to_json(run, made_somehow()));
  CHECK(json["options"] == nlohmann::json{{"mu", 0.25}});
  CHECK(!nlohmann::json::parse(to_json(made_up_run({9}), made_somehow())).contains("options"));

  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
    Run other = made_up_run({9.1});
    other.experiment.algorithm = algorithm.name;
    for (const fl::Option& option : algorithm.options)
      other.experiment.options[std::string(option.name)] = option.preset / 3 + 1e-7;
    const auto references = parse_results(to_csv(std::vector{other}), "table.csv");
    CHECK(describe(references.at(0).experiment) == describe(other.experiment));
  }
  for (const char* text : {"mu", "mu=", "mu=x", "mu=1x", "=", "mu 1"}) CHECK(!parse_options(text));
  const auto with_cell = [&](const std::string& cell) {
    return "Options," + header + cell + ",1,FedProx,100,0.1,100,1,0.01,10,20,9.1\n";
  };
  CHECK(contains(complaint_of([&] { parse_results(with_cell("mu"), "table.csv"); }),
                 "table.csv:2: \"mu\" are no options"));
  const auto odd = parse_results(with_cell("nu=1"), "table.csv").at(0).experiment;
  CHECK(complaint_of([&] { validate(odd); }) == "fedprox does not use --nu");
}

TEST_CASE("every algorithm's options are on the command line, for it alone") {
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
      const fl::OptionValues given{{std::string(option.name), 0.125}};
      CHECK(parse({"run", "--algorithm", name, word, "0.125"}).options == given);
      CHECK(complaint_of([&] {
              parse({"run", word, "0.125"});
            }) == nn::concat("fedavg does not use ", word));
      CHECK(contains(complaint_of([&] {
                       parse({"run", "--algorithm", name, word, "-1"});
                     }),
                     nn::concat(word, ": -1 is not a number from ")));
    }
  }
}

TEST_CASE("the JSON of a run is JSON and has its rounds") {
  Run run = made_up_run({9.1, 46});
  run.rounds[1].excluded.push_back({7, "its update is not finite"});
  const auto json = nlohmann::json::parse(to_json(run, made_somehow()));
  CHECK(json["algorithm"] == "fedavg");
  CHECK(json["made"]["command"] == "hw1 run --csv 'a b'");
  CHECK(json["planned_rounds"] == 2);
  CHECK(json["rounds"].size() == 2);
  CHECK(json["rounds"][1]["test_accuracy"] == 46.0);
  CHECK(json["rounds"][1]["left_out"][0]["client"] == 7);
}

TEST_CASE("results that were written are read back") {
  Run run = made_up_run({9.1, 46, 50.25});
  const auto references = parse_results(to_csv(std::vector{run, run}), "table.csv");
  REQUIRE(references.size() == 2);
  CHECK(references[0].accuracies == std::vector<double>{9.1, 46, 50.25});
  CHECK(references[1].experiment.rounds == 3);
  CHECK(describe(references[0].experiment) == describe(run.experiment));
  CHECK(largest_difference(references[0], made_up_run({9.1, 46.5, 50.5})) == 0.5);
}

TEST_CASE("whole numbers are read as pandas writes them beside an infinity or a gap") {
  const auto table = [](const std::string& batch) {
    return header + "1.0,FedAvg,100.0,0.1," + batch + ",2.0,0.01,10.0,20.0,9.1\n";
  };
  const Experiment e = parse_results(table("100.0"), "table.csv").at(0).experiment;
  CHECK(e.clients == 100);
  CHECK(e.training.batch == 100);
  CHECK(e.training.epochs == 2);
  CHECK(e.seed == 10);
  for (const char* batch : {"100.5", "100.", ".0", "100.0.0", "1e2", "100.00"}) {
    CAPTURE(batch);
    CHECK(contains(complaint_of([&] { parse_results(table(batch), "table.csv"); }),
                   "B is not a number"));
  }
}

TEST_CASE("a table that says how its samples are split is read back, for every split") {
  std::vector<Run> runs;
  std::vector<std::string> names;
  for (const fl::Partition& partition :
       {fl::Partition{}, fl::Partition{.split = fl::Split::shards},
        fl::Partition{.split = fl::Split::shards, .sort = fl::LabelSort::stable},
        fl::Partition{.split = fl::Split::dirichlet, .alpha = 0.3}}) {
    runs.push_back(made_up_run({9.1, 46}));
    runs.back().experiment.partition = partition;
    names.push_back(nn::concat("a curve, number ", names.size()));
  }
  const auto references = parse_results(to_csv(runs, names), "table.csv");
  REQUIRE(references.size() == 4);
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(describe(references[i].experiment) == describe(runs[i].experiment));
  CHECK(!parse_split("dirichlet(x)", {}));
  CHECK(!parse_split("dirichlet(0.3", {}));
  CHECK(!parse_split("dirichlet", {}));
  CHECK(!parse_split("", {}));
}

TEST_CASE("the notebook's code has curve names as Python's strings, whatever they hold") {
  const std::vector<std::string> names{"a \"b\"", "c\\", "d\ne"};
  const std::string code = plotting_code("a3", names).source;
  CHECK(contains(code, "curves = [\"a \\\"b\\\"\",\n          \"c\\\\\",\n          \"d\\ne\"]\n"));
}

TEST_CASE("a table that is not one of results is refused by its line") {
  const auto refused = [](const std::string& content) {
    return complaint_of([&] { parse_results(content, "table.csv"); });
  };
  CHECK(contains(refused(""), "there are no results"));
  CHECK(contains(refused(header), "there are no results"));
  CHECK(contains(refused("a,b\n1,2\n"), ":2: there is no column Algorithm"));
  CHECK(contains(refused(header + "1,FedAvg,100\n"), ":2: there are 3 cells for 10"));
  CHECK(contains(refused("Split," + header + "half,1,FedAvg,100,0.1,100,1,0.01,10,20,9.1\n"),
                 "\"half\" is none of iid"));
  CHECK(contains(refused(header + "1,FedFoo,100,0.1,100,1,0.01,10,20,9.1\n"), "FedFoo"));
  CHECK(contains(refused(header + "1,FedAvg,many,0.1,100,1,0.01,10,20,9.1\n"),
                 "N is not a number: \"many\""));
  CHECK(
      refused(header + "2,FedAvg,100,0.1,100,1,0.01,10,20,9.1\n").find("round 2 does not follow") !=
      std::string::npos);
  CHECK(contains(refused(header + "1,FedAvg,100,0.1,100,1,0.01,10,20,nan\n"), "not in percent"));
  CHECK(contains(complaint_of([] { read_results("no/such/file.csv"); }), "cannot read"));
}

TEST_CASE("values that make no sense are refused with a hint") {
  const data::ImageDataset dataset = toy::dataset();
  const auto refused = [&](auto change) {
    Experiment experiment;
    experiment.clients = 10;
    change(experiment);
    const std::string complaint = complaint_of([&] { validate(experiment, dataset); });
    // All but the number of clients can be said without the data.
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

TEST_CASE("a command line says nothing of the next one") {
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
  CHECK(last.out == "folder");
  CHECK(last.setting.base.training.batch == homework::Experiment().training.batch);
  CHECK(last.setting.base.training.learning_rate == homework::Experiment().training.learning_rate);
  CHECK(!last.outputs.has_wall_time);
  CHECK(!last.outputs.may_resume);
  CHECK(parse({"a1"}).out == "out");
}

TEST_CASE("every exercise plans runs that fit, with names of their own, as the homework says") {
  data::ImageDataset mnist_like;
  mnist_like.train.labels.resize(60000);
  for (const Exercise& exercise : exercise_table()) {
    std::set<std::string> names, runs;
    for (const Curve& curve : exercise.curves({})) {
      validate(curve.experiment, mnist_like);
      CHECK(names.insert(curve.name).second);
      CHECK(runs.insert(describe(curve.experiment)).second);  // no run twice
    }
  }
  const auto a3 = exercise_table()[2].curves({});
  CHECK(a3.size() == 8);
  CHECK(describe(a3[7].experiment) ==
        "fedavg mnist_cnn N=100 C=0.5 B=100 E=1 η=0.001 shards seed=10");
  CHECK(a3[7].experiment.rounds == 15);
}

TEST_CASE("reports are written from whatever the runs say") {
  for (const Exercise& exercise : exercise_table()) {
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

TEST_CASE("a run is computed once, as long as its longest use, and cut for the shorter ones") {
  const data::ImageDataset dataset = toy::dataset();
  Experiment shorter;
  shorter.model = "mlp";
  shorter.clients = 10;
  shorter.rounds = 2;
  Experiment longer = shorter;
  longer.rounds = 3;
  Runner runner(dataset, {});
  runner.plan({shorter, longer});
  const Run first = runner.run(shorter);
  const Run second = runner.run(longer);
  REQUIRE(first.rounds.size() == 2);
  REQUIRE(second.rounds.size() == 3);
  CHECK(first.rounds[1].seconds == second.rounds[1].seconds);  // the very same run
}

// The project's promise. hw1 compare checks every round of the tables; here it is a few.
TEST_CASE("same seed, same numbers as the notebook") {
  if (sizeof(nn::real) != 4) return;  // the notebook's are floats
  if (!data::dataset_is_present("data/raw/mnist")) {
    MESSAGE("no MNIST in data/raw");
    return;
  }
  const data::ImageDataset mnist = open_dataset("mnist", "data/raw/mnist");
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
