// The exercises of the homework, and any federated run, from the command line.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "nn/base/file.h"
#include "tools/federated/commands.h"
#include "tools/federated/session.h"
#include "tools/federated/unfinished.h"
#include "tools/homework/options.h"
#include "tools/homework/publish.h"
#include "tools/program/program.h"
#include "tools/program/signals.h"

namespace {

using namespace homework;
namespace fs = std::filesystem;

// Where the runs of a command are kept until it is over.
fs::path kept_runs(const Options& options) {
  const auto& rounds = options.setting.rounds;
  return fs::path(options.out) / ".unfinished" /
         (options.command + (rounds ? nn::concat("-", *rounds, "-rounds") : ""));
}

void run_exercises(const Options& options, const std::atomic<bool>& stop) {
  const fs::path out = options.out, kept = kept_runs(options);
  nn::require_writable_folder(out);
  std::vector<const Exercise*> chosen;
  std::vector<std::string> names;
  for (const Exercise& exercise : exercise_table())
    if (options.command == "all" || options.command == exercise.name) {
      chosen.push_back(&exercise);
      names.emplace_back(exercise.name);
    }

  Unfinished unfinished(kept, std::cerr);
  Session session(options.resources, stop,
                  [&](const std::string& run) { return unfinished.open(run); });
  warn_about_results(out, names, std::cerr);
  for (const Exercise* exercise : chosen) session.plan(experiments_of(*exercise, options.setting));
  for (const Exercise* exercise : chosen) {
    const std::vector<Run> runs =
        session.run_all(experiments_of(*exercise, options.setting), kept.string());
    const Outcome outcome{exercise, options.setting, session.made(), runs};
    // Before anything is printed: Ctrl-C ends the reader of a pipe.
    publish(out, outcome, std::cerr);
    session.print(write_up(outcome));
  }
  unfinished.remove_opened();
  std::cout << "\nIn " << options.out << ": report.html, homework-1.ipynb";
  for (const std::string& name : names) std::cout << ", " << name << '/';
  std::cout << "\n";
}

int run_command(int argc, char** argv) {
  const Options options = CommandLine().parse(argc, argv);
  const std::atomic<bool>& stop = tools::stop_on_signals(
      isatty(STDERR_FILENO) ? "\r\x1b[Kstopping after this round; again to stop at once\n"
                            : "stopping after this round; again to stop at once\n");
  if (options.command == "run")
    return run_one("hw1", options.setting.base, options.resources, options.outputs, stop), 0;
  if (options.command == "compare") {
    const Comparison comparison{options.reference, options.setting.base, options.setting.rounds,
                                options.tolerance, options.out,          kept_runs(options)};
    return compare(comparison, options.resources, stop) ? 0 : 1;
  }
  return run_exercises(options, stop), 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] { return run_command(argc, argv); });
}
