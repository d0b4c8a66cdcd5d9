#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "tests/complaint.h"
#include "tests/toy.h"
#include "tools/federated/results.h"
#include "tools/federated/run_json.h"
#include "tools/federated/runner.h"
#include "tools/federated/target.h"
#include "tools/program/temporary_folder.h"

namespace {

using federated::Experiment, federated::Run;

Experiment small_run(int rounds) {
  Experiment experiment;
  experiment.model = "mlp";
  experiment.clients = 10;
  experiment.rounds = rounds;
  return experiment;
}

// As a program runs it that is started for it; with a folder, it goes on with what is there.
Run run_of(const Experiment& experiment, const std::filesystem::path& folder = {}) {
  const data::ImageDataset dataset = toy::dataset();
  federated::Runner::Options options;
  if (!folder.empty())
    options.open_saved = [&](const std::string&) {
      return std::make_unique<federated::SavedRun>(folder, true, std::cerr);
    };
  return federated::Runner(dataset, options).run(experiment);
}

std::string table_of(const Run& run) { return federated::to_full_csv(std::vector{run}); }

}  // namespace

TEST_CASE("a completed run that is made longer has the table of one made in one go") {
  for (const int first : {3, 4, 5}) {
    const tools::TemporaryFolder folder;
    Experiment shorter = small_run(first), longer = small_run(6);
    shorter.test_every = longer.test_every = 2;
    const Run ended = run_of(shorter, folder.path);
    CHECK(table_of(ended) == table_of(run_of(shorter)));
    CHECK(!std::isnan(ended.final_accuracy()));
    CHECK(table_of(run_of(shorter, folder.path)) == table_of(ended));  // asked for again
    CHECK(table_of(run_of(longer, folder.path)) == table_of(run_of(longer)));
  }
}

TEST_CASE("a run cannot be cut after a round that was not tested") {
  const tools::TemporaryFolder folder;
  Experiment longer = small_run(4);
  longer.test_every = 2;
  run_of(longer, folder.path);
  Experiment shorter = longer;
  shorter.rounds = 3;
  CHECK(contains(complaint_of([&] { run_of(shorter, folder.path); }), "round 3 of the saved run"));
  shorter.rounds = 2;
  CHECK(table_of(run_of(shorter, folder.path)) == table_of(run_of(shorter)));
}

TEST_CASE("a natural split takes its number of clients from the data, once that is known") {
  struct Owned : data::ImageSet {
    explicit Owned(data::ImageSet images) : data::ImageSet(std::move(images)) {}
    std::span<const std::vector<int>> natural_clients() const override { return owners; }
    std::vector<std::vector<int>> owners{{0, 3}, {1, 2}};
  };
  const Owned owned(toy::images(4, 1));
  Experiment asked;
  asked.partition.split = fl::Split::natural;
  asked.attack = "flip";
  asked.malicious.clients = {300};
  CHECK(federated::with_clients_of(owned, asked).clients == 100);  // as it was given

  asked.takes_natural_clients = true;
  CHECK(complaint_of([&] { federated::validate(asked); }) == "nothing");  // there may be so many
  const Experiment known = federated::with_clients_of(owned, asked);
  CHECK(known.clients == 2);
  CHECK(complaint_of([&] { federated::validate(known); }) ==
        "there is no client 300 to be malicious");
}

TEST_CASE("a run that stops at its target has the first rounds of the whole run, and no others") {
  Experiment whole = small_run(6), stopping = whole;
  const Run all = run_of(whole);
  whole.target = stopping.target = all.rounds[2].accuracy;
  stopping.stops_at_target = true;
  const int reached = *federated::rounds_to_target(run_of(whole));
  REQUIRE(reached < 6);

  const Run stopped = run_of(stopping);
  CHECK(stopped.rounds.size() == static_cast<std::size_t>(reached));
  CHECK(stopped.is_complete());
  Run cut = all;
  cut.rounds.resize(reached);
  CHECK(table_of(stopped) == table_of(cut));
  CHECK(federated::json_of(stopped).at("target").at("stops") == true);
  CHECK(!cut.is_complete());

  stopping.target = 100;  // which it does not reach
  CHECK(run_of(stopping).rounds.size() == 6);
}

TEST_CASE("a run that has stopped at its target is complete, and goes on to a later one") {
  const tools::TemporaryFolder folder;
  Experiment stopping = small_run(6);
  stopping.target = 0;
  stopping.stops_at_target = true;
  CHECK(run_of(stopping, folder.path).rounds.size() == 1);
  CHECK(run_of(stopping, folder.path).rounds.size() == 1);
  CHECK(!std::filesystem::exists(folder.path / "step-2"));
  const Run whole = run_of(small_run(6));
  CHECK(table_of(run_of(small_run(6), folder.path)) == table_of(whole));
  CHECK(run_of(stopping, folder.path).rounds.size() == 1);  // of the six that are there
}

TEST_CASE("a run under attack that is resumed at its target has the same confusion matrix") {
  const data::ImageDataset dataset = toy::dataset();
  const tools::TemporaryFolder folder;
  Experiment stopping = small_run(3);
  stopping.attack = "flip";
  stopping.malicious.share = 0.2;
  stopping.target = 0;
  stopping.stops_at_target = true;
  const Run stopped = run_of(stopping, folder.path);
  CHECK(stopped.confusion.size() == 16);
  CHECK(run_of(stopping, folder.path).confusion == stopped.confusion);

  Experiment longer = stopping;
  longer.stops_at_target = false;
  CHECK(run_of(longer, folder.path).confusion.size() == 16);
  std::ostringstream log;  // the weights of the first round are gone
  federated::Runner runner(dataset, {.log = &log, .open_saved = [&](const std::string&) {
                                       return std::make_unique<federated::SavedRun>(folder.path,
                                                                                    true, log);
                                     }});
  CHECK(runner.run(stopping).confusion.empty());
  CHECK(log.str() ==
        "note: there is no confusion matrix of round 1: the saved run has gone on to round 3\n");
}

TEST_CASE("runs that stop at other targets, or do not, share their rounds") {
  const data::ImageDataset dataset = toy::dataset();
  const Experiment whole = small_run(3);
  Experiment stopping = whole;
  stopping.target = 0;
  stopping.stops_at_target = true;
  federated::Runner runner(dataset, {});
  CHECK(runner.run(stopping).rounds.size() == 1);
  CHECK(runner.run(whole).rounds.size() == 3);
  CHECK(runner.run(stopping).rounds.size() == 1);
}

TEST_CASE("without a target there is nothing to stop at") {
  Experiment aimless = small_run(2);
  aimless.stops_at_target = true;
  CHECK(complaint_of([&] { federated::validate(aimless); }) ==
        "--stop-at-target does not say where to stop");
}
