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

}  // namespace homework
