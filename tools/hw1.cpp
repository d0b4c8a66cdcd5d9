// The exercises of the homework, and any federated run, from the command line.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>

#include "nn/base/file.h"
#include "tools/homework/compare.h"
#include "tools/homework/options.h"
#include "tools/homework/publish.h"
#include "tools/homework/session.h"
#include "tools/homework/unfinished.h"
#include "tools/program/program.h"
#include "tools/program/signals.h"
#include "tools/report/html.h"

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
  Session session(options, stop, [&](const std::string& run) { return unfinished.open(run); });
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

// Learns now, not after the run, that a result could not be written.
void require_writable_files(const std::string& csv, const std::string& json) {
  for (const std::string& file : {csv, json})
    if (!file.empty()) nn::require_writable_file(file);
  if (csv.empty() || json.empty()) return;
  const auto place = [](const std::string& file) {
    std::error_code ignored;
    return fs::weakly_canonical(fs::absolute(file, ignored), ignored);
  };
  if (place(csv) == place(json))
    throw nn::InputError(nn::concat(csv, " cannot be both CSV and JSON"), "name two files");
}

// Where the JSON of a CSV goes that has none by --json, or has one from before; empty: a device has
// nothing beside it.
std::string json_beside(const std::string& csv, const std::string& json) {
  std::error_code ignored;
  fs::path file = fs::weakly_canonical(csv, ignored);
  if (csv.empty() || fs::is_other(csv, ignored)) return "";
  file += file.extension() == ".csv" ? ".json" : ".csv.json";
  return json.empty() || fs::exists(file, ignored) ? file.string() : "";
}

// Says how a run goes on that has ended before its last round.
void say_how_to_go_on(const Run& run, const Options& options, const std::string& command) {
  std::cerr << "stopped after round " << run.rounds.size() << " of " << run.experiment.rounds;
  if (options.checkpoint.empty())
    std::cerr << "; the rounds so far are kept, but only a run with --checkpoint FOLDER goes on\n";
  else
    std::cerr << "; it goes on with\n  " << command << (options.may_resume ? "" : " --resume")
              << '\n';
}

void run_one(const Options& options, const std::atomic<bool>& stop) {
  const Experiment& experiment = options.setting.base;
  const std::string beside = json_beside(options.csv, options.json);
  require_writable_files(options.csv, options.json);
  if (!beside.empty()) nn::require_writable_file(beside);
  if (!options.checkpoint.empty()) nn::require_writable_folder(options.checkpoint);
  Session session(options, stop, [&](const std::string&) {
    return options.checkpoint.empty()
               ? nullptr
               : std::make_unique<SavedRun>(options.checkpoint, options.may_resume, std::cerr);
  });
  const Run run = session.run(experiment);
  const nn::Metadata made = session.made();
  if (!run.rounds.empty()) {
    if (!options.csv.empty())
      nn::write_file_atomically(options.csv, to_csv(std::vector{run}, {}, options.has_wall_time));
    for (const std::string& file : {options.json, beside})
      if (!file.empty()) nn::write_file_atomically(file, to_json(run, made));
    const std::string name = curve_name(experiment);
    session.print(
        {nn::concat("hw1 run: ", name),
         {round_table(run), accuracy_plot("run", name, std::vector{run}, std::vector{name})}});
  }
  if (run.is_complete()) return;
  say_how_to_go_on(run, options, made.at("command"));
  throw tools::Stopped{tools::stop_signal()};
}

// Returns whether all of it is within the tolerance.
bool compare(const Options& options, const std::atomic<bool>& stop) {
  const fs::path out = options.out, kept = kept_runs(options);
  nn::require_writable_folder(out);
  const std::vector<Reference> references = read_results(options.reference, options.setting.base);
  for (const Reference& reference : references) validate(reference.experiment);
  std::vector<Experiment> experiments;
  std::vector<std::string> names;
  for (const Reference& reference : references) {
    Experiment& experiment = experiments.emplace_back(reference.experiment);
    int& rounds = experiment.rounds;
    rounds = std::min(rounds, options.setting.rounds.value_or(rounds));
    names.push_back(configuration_name(experiment));
  }
  Unfinished unfinished(kept, std::cerr);
  Session session(options, stop, [&](const std::string& run) { return unfinished.open(run); });
  session.plan(experiments);
  const std::vector<Run> runs = session.run_all(experiments, kept.string());
  const nn::Metadata made = session.made();
  const report::Document document = comparison(references, runs, options.tolerance);
  std::map<std::string, std::string> files{
      {"comparison.html", report::to_html(with_facts(document, facts_about(runs, made)))},
      {"results.csv", to_csv(runs, names)},
      {"results.json", to_json(runs, names, made)}};
  add_plots(document, files);
  nn::Disk disk;
  replace_files(out, files, "results.json", disk);
  unfinished.remove_opened();
  session.print(document);
  return std::ranges::all_of(references, [&](const Reference& reference) {
    const Run& run = runs[&reference - references.data()];
    return largest_difference(reference, run) <= options.tolerance + 1e-9;
  });
}

int run_command(int argc, char** argv) {
  const Options options = CommandLine().parse(argc, argv);
  const std::atomic<bool>& stop = tools::stop_on_signals(
      isatty(STDERR_FILENO) ? "\r\x1b[Kstopping after this round; again to stop at once\n"
                            : "stopping after this round; again to stop at once\n");
  if (options.command == "run") return run_one(options, stop), 0;
  if (options.command == "compare") return compare(options, stop) ? 0 : 1;
  return run_exercises(options, stop), 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] { return run_command(argc, argv); });
}
