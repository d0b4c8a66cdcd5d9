#include <doctest/doctest.h>

#include "nn/base/error.h"
#include "tests/complaint.h"
#include "tools/federated/compare.h"
#include "tools/federated/extras.h"
#include "tools/federated/results.h"

namespace {

federated::Experiment unusual() {
  federated::Experiment e;
  e.training.steps = 3;
  e.training.momentum = 0.9;
  e.training.weight_decay = 1e-4;
  e.training.decay = 0.99;
  e.training.is_shuffled = true;
  e.buffers = fl::Buffers::local;
  e.precision = nn::Precision::bf16;
  e.held_out = 0.2;
  e.defence = "median";
  e.attack = "noise";
  e.malicious.clients = {3};
  e.local_privacy = {1.5, 0.25};
  e.compression = "topk";
  e.clock = "synchronous";
  return e;
}

}  // namespace

TEST_CASE("a run's unusual settings are written and read back") {
  for (const federated::Extra& extra : federated::extras()) {
    CAPTURE(extra.name);
    CHECK(extra.text(unusual()).has_value());
    CHECK_FALSE(extra.text(federated::Experiment()).has_value());
    federated::Experiment read;
    REQUIRE(extra.parse(*extra.text(unusual()), read));
    CHECK(extra.text(read) == extra.text(unusual()));
  }
  federated::Experiment read;
  REQUIRE(federated::parse_extras(federated::extras_text(unusual()), read));
  CHECK(federated::describe(read) == federated::describe(unusual()));
  CHECK(federated::extras_text(federated::Experiment()) == "");
}

TEST_CASE("settings that no run writes are not read") {
  for (const char* text :
       {"momentum", "momentum=", "momentum=x", "speed=1", "shuffled=1", "=", "buffers=averaged",
        "precision=float", "precision=bf16-plain", "malicious=a", "malicious=3,x", "defence="}) {
    CAPTURE(text);
    federated::Experiment e;
    CHECK_FALSE(federated::parse_extras(text, e));
  }
}

TEST_CASE("training in bfloat16 is repeated in its plain kind where that is asked for") {
  const auto precision_after = [](nn::Precision asked) {
    federated::Experiment e;
    e.precision = asked;
    CHECK(federated::parse_extras("precision=bf16", e));
    return e.precision;
  };
  CHECK(precision_after(nn::Precision::full) == nn::Precision::bf16);
  CHECK(precision_after(nn::Precision::bf16_plain) == nn::Precision::bf16_plain);
}

TEST_CASE("malicious clients are a share or a list, with a comma after a single one") {
  CHECK(federated::malicious_text({.share = 0.2, .clients = {}}) == "0.2");
  CHECK(federated::malicious_text({.share = 0, .clients = {3}}) == "3,");
  CHECK(federated::parse_malicious("3,")->clients == std::vector{3});
  CHECK(federated::parse_malicious("3")->clients == std::vector{3});
  CHECK(federated::parse_malicious("0")->clients == std::vector{0});
  CHECK(federated::parse_malicious("1.0")->share == 1);
  CHECK(federated::parse_malicious("3,25")->clients == std::vector{3, 25});
}

TEST_CASE("a table says attack, defence and training, and is compared with the same settings") {
  fl::Round round;
  round.number = 1;
  round.accuracy = 50;
  federated::Run run{federated::settled(unusual()), {round}};
  for (const std::string& table :
       {federated::to_full_csv(std::vector{run}), federated::to_csv(std::vector{run})}) {
    const auto references = federated::parse_results(table, "table", federated::Experiment());
    REQUIRE(references.size() == 1);
    CHECK(federated::describe(references[0].experiment) == federated::describe(run.experiment));
  }
}

TEST_CASE("what has a column is not told twice, and a table that does so is read, too") {
  const federated::Run run{unusual(), std::vector<fl::Round>(1)};
  const std::string table = federated::to_full_csv(std::vector{run});
  CHECK(contains(table, ",noise,\"3,\",median,"));
  for (const char* told : {"defence=", "attack=", "malicious="}) CHECK(!contains(table, told));
  CHECK(contains(federated::training_text(unusual()), "momentum=0.9"));

  const std::string columns =
                        "Round,Algorithm,N,C,B,E,η,Seed,Test accuracy,Attack,Malicious,Defence",
                    row = "1,FedAvg,100,0.1,100,1,0.01,1,50.0,";
  const auto read = [&](const std::string& cells, const std::string& training) {
    const std::string text = nn::concat(columns, ",Training\n", row, cells, ',', training, '\n');
    return federated::extras_text(federated::parse_results(text, "table")[0].experiment);
  };
  const std::string all = "defence=median attack=noise malicious=0.2";
  CHECK(read("noise,0.2,median", "") == all);
  CHECK(read("noise,0.2,median", all) == all);
  CHECK(read("none,,none", "") == "");
  CHECK(complaint_of([&] { read("noise,x,none", ""); }) == "table:2: Malicious cannot be \"x\"");
}

TEST_CASE("rounds without a test in the table are not compared") {
  const auto references = federated::parse_results(
      "Round,Algorithm,N,C,B,E,η,Seed,Test accuracy\n"
      "1,FedAvg,100,0.1,100,1,0.01,1,\n2,FedAvg,100,0.1,100,1,0.01,1,50.5\n",
      "table");
  REQUIRE(references.size() == 1);
  federated::Run run{references[0].experiment, std::vector<fl::Round>(2)};
  run.rounds[0].accuracy = 10;
  run.rounds[1].accuracy = 50;
  CHECK(federated::largest_difference(references[0], run) == 0.5);
}
