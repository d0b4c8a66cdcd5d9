#include "tools/homework/run.h"

#include <iostream>

#include "nn/base/file.h"
#include "tools/federated/session.h"
#include "tools/federated/unfinished.h"
#include "tools/homework/publish.h"

namespace homework {

namespace fs = std::filesystem;

void run_exercises(const Homework& homework, const Options& options,
                   const std::atomic<bool>& stop) {
  const fs::path out = options.out, kept = kept_runs(out, options.command, options.setting.rounds);
  nn::require_writable_folder(out);
  std::vector<const Exercise*> chosen;
  std::vector<std::string> names;
  for (const Exercise& exercise : homework.exercises)
    if (options.command == "all" || options.command == exercise.name) {
      chosen.push_back(&exercise);
      names.emplace_back(exercise.name);
    }

  Unfinished unfinished(kept, std::cerr);
  Session session(options.resources, stop,
                  [&](const std::string& run) { return unfinished.open(run); });
  warn_about_results(homework, out, names, std::cerr);
  for (const Exercise* exercise : chosen) session.plan(experiments_of(*exercise, options.setting));
  for (const Exercise* exercise : chosen) {
    const std::vector<Run> runs =
        session.run_all(experiments_of(*exercise, options.setting), kept.string());
    const Outcome outcome{exercise, options.setting, session.made(), runs};
    // Before anything is printed: Ctrl-C ends the reader of a pipe.
    publish(homework, out, outcome, std::cerr);
    session.print(write_up(outcome));
  }
  unfinished.remove_opened();
  std::cout << "\nIn " << options.out << ": report.html, " << homework.notebook << ".ipynb";
  for (const std::string& name : names) std::cout << ", " << name << '/';
  std::cout << "\n";
}

}  // namespace homework
