#include <doctest/doctest.h>

#include <cmath>

#include "tests/complaint.h"
#include "tests/tools/made_up_run.h"
#include "tools/federated/compare.h"
#include "tools/federated/exclusions.h"
#include "tools/federated/losses.h"

namespace homework {

namespace {

// The second round has lost all clients, and is not tested.
Run run_with_losses() {
  Run run = made_up_run({46, NAN});
  run.rounds[0].measures = {{"Training loss", 1.5}, {"Test loss", 0.25}};
  run.rounds[1].chosen = 2;
  run.rounds[1].excluded = {{3, "it has no samples"}, {5, "its update is not finite"}};
  return run;
}

}  // namespace

TEST_CASE("losses are the last columns of the CSV, which is read as before") {
  const Run run = run_with_losses();
  const std::string csv = to_csv(std::vector{run, made_up_run({9.1})});
  CHECK(csv ==
        "Round,Algorithm,N,C,B,E,η,Seed,Message count,Test accuracy,Training loss,Test loss\n"
        "1,FedAvg,100,0.1,100,1,0.01,10,20,46.0,1.5,0.25\n"
        "2,FedAvg,100,0.1,100,1,0.01,10,40,,,\n"
        "1,FedAvg,100,0.1,100,1,0.01,10,20,9.1,,\n");
  const auto references = parse_results(csv, "table.csv");
  REQUIRE(references.size() == 2);
  CHECK(describe(references[0].experiment) == describe(run.experiment));
}

TEST_CASE("losses are in the table of a run and in its plot, where they were measured") {
  const Run run = run_with_losses();
  const report::Table table = round_table(run);
  REQUIRE(table.header.size() == 8);
  CHECK(table.header[3] == "Training loss");
  CHECK(table.header[4] == "Test loss");
  CHECK(table.rows[0][3] == "1.5000");
  CHECK(table.rows[1][4].empty());
  CHECK(round_table(made_up_run({46})).header.size() == 5);
  const report::LinePlot plot = loss_plot("losses", run);
  REQUIRE(plot.series.size() == 2);
  CHECK(plot.series[1].name == "Test loss");
  CHECK(plot.series[1].x == std::vector<double>{1});
  CHECK(plot.series[1].y == std::vector<double>{0.25});
  CHECK(loss_plot("losses", made_up_run({46})).series.empty());
}

TEST_CASE("a run has diverged if its last round has lost all clients to infinities") {
  Run run = run_with_losses();
  CHECK(has_diverged(run));
  run.rounds[1].excluded.pop_back();
  CHECK(!has_diverged(run));
  run.rounds[1].excluded.push_back({5, "it dropped out"});
  CHECK(!has_diverged(run));
  CHECK(contains(warning("a run", run.rounds[1]), "2 of 2 clients are excluded"));
}

TEST_CASE("excluded clients are listed by their reason") {
  fl::Round round;
  round.chosen = 9;
  round.excluded = {{3, "late"}, {5, "lost"}, {4, "late"}};
  CHECK(
      contains(warning("a run", round), ": 3 of 9 clients are excluded: 3, 4 (late), 5 (lost)\n"));
  for (int client = 10; client < 16; ++client) round.excluded.push_back({client, "late"});
  CHECK(
      contains(warning("a run", round), ": 3, 4, 10, 11 (late), 5 (lost), ...; no client is left"));
}

TEST_CASE("the table of a run has its measures, as many as a screen has room for") {
  Run run = made_up_run({46, 47});
  run.rounds[0].measures = {{"Epsilon", INFINITY}, {"Bytes up", 4.8e7}, {"Waiting", 12.5}};
  const report::Table table = round_table(run);
  CHECK(std::vector(table.header.begin() + 5, table.header.end()) ==
        std::vector<std::string>{"Epsilon", "Waiting", "Bytes up, MB"});
  CHECK(table.rows[0][5] == "inf");
  CHECK(table.rows[0][7] == "48.00");
  CHECK(table.rows[1][7].empty());
  for (const char* name : {"Attack success", "Triggered accuracy", "Client accuracy", "Staleness",
                           "Client accuracy deviation", "Client accuracy worst tenth"})
    run.rounds[1].measures[name] = 1;
  CHECK(report::width_of(round_table(run)) <= 80);
  CHECK(round_table(run).header.size() == 9);
  CHECK(round_table(run).header.back() != "Bytes down, MB");
}

}  // namespace homework
