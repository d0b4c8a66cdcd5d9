#include "tools/homework2/run.h"

#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "nn/base/file.h"
#include "tools/federated/dataset.h"
#include "tools/homework2/publish.h"
#include "tools/homework2/unfinished_curves.h"
#include "tools/program/dropout_rng.h"
#include "tools/program/program.h"
#include "tools/program/provenance.h"
#include "tools/program/signals.h"
#include "tools/report/progress.h"

namespace homework2 {

namespace fs = std::filesystem;

data::Table read_heart(const fs::path& folder) {
  return data::read_table(federated::heart_file(folder), federated::heart_format());
}

namespace {

void say_kept(const std::vector<UnfinishedCurves>& unfinished) {
  for (const UnfinishedCurves& each : unfinished) {
    if (each.is_empty()) continue;
    std::cerr << "stopped; the complete curves are kept in " << each.file().parent_path().string()
              << ", and the same command goes on with them:\n  "
              << tools::provenance().at("command") << '\n';
    return;
  }
  std::cerr << "stopped before the first curve was complete\n";
}

}  // namespace

void run_exercises(const Options& options, const std::atomic<bool>& stop) {
  nn::require_writable_folder(options.out);
  report::ProgressBar bar(std::cerr, STDERR_FILENO);
  const bool has_bar = isatty(STDERR_FILENO);
  ExerciseContext context{options.setting, read_heart(options.data),
                          [&](const std::string& curve, int done, int epochs) {
                            if (has_bar) bar.update(curve, done, epochs);
                            if (stop) throw tools::Stopped{tools::stop_signal()};
                          }};
  std::vector<UnfinishedCurves> unfinished;  // until the command is over
  std::string folders;
  for (const Exercise& exercise : exercises()) {
    if (options.command != "all" && options.command != exercise.name) continue;
    context.keep = [&now = unfinished.emplace_back(options.out, exercise, options.setting,
                                                   context.table, std::cerr)](
                       const auto& names, const auto& make) { return now.keep(names, make); };
    Outcome outcome{&exercise, {}, {}};
    try {
      outcome.curves = exercise.run(context);
    } catch (const tools::Stopped&) {
      bar.clear();
      say_kept(unfinished);
      throw;
    }
    bar.clear();
    outcome.made = tools::provenance();
    outcome.made["seed"] = std::to_string(options.setting.seed);
    outcome.made["dropout-rng"] = tools::name_of(options.setting.stream);
    // Before anything is printed: Ctrl-C ends the reader of a pipe.
    publish(options.out, outcome, std::cerr);
    std::cout << report::to_text(exercise.write(outcome.curves), isatty(STDOUT_FILENO))
              << std::flush;
    folders += nn::concat(", ", exercise.name, '/');
  }
  for (UnfinishedCurves& each : unfinished) each.remove();
  std::cout << "\nIn " << options.out.string() << ": report.html, homework-2.ipynb" << folders
            << "\n";
}

}  // namespace homework2
