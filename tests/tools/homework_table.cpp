#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "nn/base/csv.h"
#include "tests/complaint.h"
#include "tests/tools/made_up_run.h"
#include "tools/federated/compare.h"
#include "tools/federated/split_name.h"
#include "tools/homework/options.h"
#include "tools/homework/record.h"

namespace homework {

namespace {

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

TEST_CASE("the JSON of a run is valid and has its rounds") {
  Run run = made_up_run({9.1, 46});
  run.rounds[1].excluded.push_back({7, "its update is not finite"});
  auto json = nlohmann::json::parse(to_json(run, made_somehow()));
  CHECK(json["algorithm"] == "fedavg");
  CHECK(json["made"]["command"] == "hw1 run --csv 'a b'");
  CHECK(json["planned_rounds"] == 2);
  CHECK(json["rounds"].size() == 2);
  CHECK(json["rounds"][1]["test_accuracy"] == 46.0);
  CHECK(json["rounds"][1]["excluded"][0]["client"] == 7);
  auto& earlier = json["rounds"][1];  // before 2026-11-29
  earlier["left_out"] = std::exchange(earlier["excluded"], nlohmann::json::array());
  earlier.erase("excluded");
  CHECK(round_of(earlier).excluded.at(0).client == 7);
}

TEST_CASE("a round without a test has an empty cell, null in JSON, and no point in the plot") {
  const Run run = made_up_run({NAN, 46});
  CHECK(to_csv(std::vector{run}) == header +
                                        "1,FedAvg,100,0.1,100,1,0.01,10,20,\n"
                                        "2,FedAvg,100,0.1,100,1,0.01,10,40,46.0\n");
  CHECK(contains(to_full_csv(std::vector{run}), "1,FedAvg,100,0.1,100,1,0.01,10,20,,"));
  const auto json = nlohmann::json::parse(to_json(run, made_somehow()));
  CHECK(json["rounds"][0]["test_accuracy"].is_null());
  CHECK(std::isnan(round_of(json["rounds"][0]).accuracy));
  CHECK(round_table(run).rows[0][2].empty());
  const auto plot = accuracy_plot("run", "", std::vector{run}, std::vector<std::string>{"FedAvg"});
  CHECK(plot.series[0].x == std::vector<double>{2});
}

TEST_CASE("written results are read back") {
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

TEST_CASE("a table is read back with its split, for every split") {
  std::vector<Run> runs;
  std::vector<std::string> names;
  for (const fl::Partition& partition :
       {fl::Partition{}, fl::Partition{.split = fl::Split::shards},
        fl::Partition{.split = fl::Split::shards, .sort = fl::LabelSort::stable},
        fl::Partition{.split = fl::Split::dirichlet, .alpha = 0.3},
        fl::Partition{.split = fl::Split::labels, .labels_per_client = 3},
        fl::Partition{.split = fl::Split::quantity, .alpha = 0.3},
        fl::Partition{.split = fl::Split::power_law},
        fl::Partition{.split = fl::Split::feature_noise, .feature_noise = 0.2},
        fl::Partition{.split = fl::Split::natural}}) {
    runs.push_back(made_up_run({9.1, 46}));
    runs.back().experiment.partition = partition;
    names.push_back(nn::concat("a curve, number ", names.size()));
  }
  const auto references = parse_results(to_csv(runs, names), "table.csv");
  REQUIRE(references.size() == 9);
  for (std::size_t i = 0; i < 9; ++i)
    CHECK(describe(references[i].experiment) == describe(runs[i].experiment));
  CHECK(!parse_split("dirichlet(x)", {}));
  CHECK(!parse_split("dirichlet(0.3", {}));
  CHECK(!parse_split("dirichlet", {}));
  CHECK(!parse_split("labels(2.5)", {}));
  CHECK(!parse_split("power-law(1)", {}));
  CHECK(!parse_split("", {}));
}

TEST_CASE("the notebook's code has curve names as Python's strings, whatever they hold") {
  const std::vector<std::string> names{"a \"b\"", "c\\", "d\ne"};
  const std::string code = plotting_code("a3", names).source;
  CHECK(contains(code, "curves = [\"a \\\"b\\\"\",\n          \"c\\\\\",\n          \"d\\ne\"]\n"));
}

TEST_CASE("a table that does not hold results is refused with its line") {
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

}  // namespace homework
