#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <iostream>
#include <vector>

#include "tests/toy.h"
#include "tools/federated/experiment.h"
#include "tools/federated/results.h"
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
