// Federated learning with any algorithm, attack and defence, from the command line.
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "fl/attacks/attacks.h"
#include "fl/clocks/clocks.h"
#include "fl/compression/compression.h"
#include "fl/defences/defences.h"
#include "nn/models/models.h"
#include "tools/federated/command_line.h"
#include "tools/federated/commands.h"
#include "tools/federated/outputs.h"
#include "tools/federated/sweep.h"
#include "tools/program/open_files.h"
#include "tools/program/program.h"
#include "tools/program/signals.h"
#include "tools/ranks/launch.h"
#include "tools/ranks/run.h"
#include "tools/report/document.h"

namespace {

using namespace federated;

template <class Table>
report::Table rows_of(const char* caption, const Table& table) {
  report::Table rows{caption, {"Name", "What it does"}, {}};
  for (const auto& entry : table)
    rows.rows.push_back({std::string(entry.name), std::string(entry.description)});
  return rows;
}

void list() {
  report::Document document{"What bin/federated run offers", {}};
  document.blocks.emplace_back(rows_of("Algorithms: --algorithm", fl::algorithm_table()));
  document.blocks.emplace_back(rows_of("Defences: --defence", fl::defence_table()));
  document.blocks.emplace_back(rows_of("Attacks: --attack", fl::attack_table()));
  document.blocks.emplace_back(rows_of("Splits: --split", fl::split_table()));
  document.blocks.emplace_back(rows_of("Compressions: --compression", fl::compression_table()));
  document.blocks.emplace_back(rows_of("Clocks: --clock", fl::clock_table()));
  document.blocks.emplace_back(rows_of("Models: --model", nn::model_table()));
  document.blocks.emplace_back(rows_of("Data sets: --dataset", dataset_table()));
  std::cout << report::to_text(document, isatty(STDOUT_FILENO));
}

// Parses every run before the first one starts.
std::vector<SweepRun> check_all(const std::filesystem::path& file) {
  std::vector<SweepRun> runs = grid(tools::read_config(file));
  RunArguments arguments;
  Experiment experiment;
  Resources resources;
  tools::Options parser{"federated", ""};
  tools::Options command = parser.add_command("run", "");
  arguments.add_to(command, experiment);
  add_common(command, experiment, resources);
  for (const SweepRun& run : runs) {
    std::vector<std::string> words{"federated", "run"};
    words.insert(words.end(), run.arguments.begin(), run.arguments.end());
    std::vector<char*> values;
    for (std::string& word : words) values.push_back(word.data());
    arguments.reset();
    experiment = {};
    try {
      parser.parse(static_cast<int>(values.size()), values.data());
      arguments.apply(experiment);
    } catch (const nn::InputError& error) {
      throw nn::InputError(nn::concat(file.string(), ", ", run.name(), ": ", error.what()),
                           error.hint);
    }
  }
  return runs;
}

int run_command(int argc, char** argv) {
  Experiment experiment;
  Resources resources;
  resources.threads = std::max(1, resources.threads / ranks::ranks_here());
  ranks::Choice choice;
  Outputs outputs;
  outputs.is_full = true;
  Comparison comparison;
  RunArguments arguments;
  tools::Options parser{"federated", "Federated learning: algorithms, attacks and defences."};
  tools::Options run = parser.add_command("run", "a run of any configuration");
  arguments.add_to(run, experiment);
  add_outputs(run, outputs);
  add_common(run, experiment, resources);
  ranks::add_options(run, choice);
  tools::Options compare = parser.add_command("compare", "run what a table says and compare");
  add_compare(compare, comparison, resources);
  std::filesystem::path sweep_file, sweep_out = "out/sweep";
  int jobs = resources.threads;
  tools::Options sweep = parser.add_command("sweep", "every combination of lists of options");
  sweep.add("file", sweep_file, "TOML: a line for each option of run: lr = [0.01, 0.1]").required();
  sweep.add("--jobs", jobs, "runs at once, a thread each; all cores").between(1, 1024);
  sweep.add("--out", sweep_out, "folder for the runs and what they come to");
  parser.add_command(
      "list", "every algorithm, defence, attack, split, compression, clock, model and data set");
  const std::string command = parser.parse(argc, argv);
  if (command == "list") return list(), 0;
  const std::atomic<bool>& stop = stop_after_round();
  if (command == "compare") return federated::compare(comparison, resources, stop) ? 0 : 1;
  if (command == "sweep") return run_sweep({check_all(sweep_file), sweep_out, jobs}, stop), 0;
  arguments.apply(experiment);
  ranks::Place place = ranks::find_place(choice);
  place.meeting.stop = &stop;
  if (place.meeting.rank > 0) {
    tools::stop_on_signals("this rank ends when rank 0 does; again to stop at once\n");
    return ranks::serve_run(experiment, resources, place), 0;
  }
  check(outputs);
  tools::allow_many_files();
  return run_one("federated", experiment, resources, outputs, stop,
                 ranks::make_executor(place, resources.threads));
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] { return run_command(argc, argv); });
}
