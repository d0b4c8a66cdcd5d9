// The exercises of the homework, and any federated run, from the command line.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "nn/file.h"
#include "tools/homework/compare.h"
#include "tools/homework/dataset.h"
#include "tools/homework/options.h"
#include "tools/homework/publish.h"
#include "tools/program/program.h"
#include "tools/program/signals.h"
#include "tools/report/text.h"

namespace {

using namespace homework;

std::unique_ptr<SavedRun> open_saved_run(const Options& options) {
  if (options.checkpoint.empty()) return nullptr;
  return std::make_unique<SavedRun>(options.checkpoint, options.may_resume, std::cerr);
}

// Opens what a command needs and carries out its runs with a progress bar.
class Session {
 public:
  Session(const Options& options, const std::atomic<bool>& stop)
      : dataset_(open_dataset(options.dataset, options.data_folder)),
        bar_(std::cerr, isatty(STDERR_FILENO)),
        saved_(open_saved_run(options)),
        runner_(dataset_, {options.threads, &stop, &std::cerr, &bar_, saved_.get()}) {}

  std::vector<Run> run(const std::vector<Experiment>& experiments) {
    std::vector<Run> runs;
    for (const Experiment& experiment : experiments) runs.push_back(runner_.run(experiment));
    bar_.clear();
    return runs;
  }
  Runner& runner() { return runner_; }

  void print(const report::Document& document) const {
    std::cout << report::to_text(document, 80, isatty(STDOUT_FILENO)) << std::flush;
  }

 private:
  data::ImageDataset dataset_;
  report::ProgressBar bar_;
  std::unique_ptr<SavedRun> saved_;  // if it is to be saved at all
  Runner runner_;
};

// Says which curves are not what they would be with all clients.
void add_left_out(std::span<const Run> runs, std::span<const std::string> names,
                  report::Document& document) {
  report::Table table{"Clients left out over all rounds", {"Curve", "Left out"}, {}};
  for (std::size_t i = 0; i < runs.size(); ++i)
    if (const int count = count_left_out(runs[i]); count > 0)
      table.rows.push_back({names[i], std::to_string(count)});
  if (!table.rows.empty()) document.blocks.emplace_back(table);
}

void run_exercises(const Options& options, const std::atomic<bool>& stop) {
  nn::require_writable_folder(options.out);
  Session session(options, stop);
  std::vector<const Exercise*> chosen;
  std::vector<std::vector<Curve>> curves;
  for (const Exercise& exercise : exercise_table())
    if (options.command == "all" || options.command == exercise.name) {
      chosen.push_back(&exercise);
      for (const Curve& curve : curves.emplace_back(exercise.curves(options.setting)))
        session.runner().plan({curve.experiment});
    }

  std::vector<Publication> publications;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    std::vector<Experiment> experiments;
    std::vector<std::string> names;
    for (const Curve& curve : curves[i]) {
      experiments.push_back(curve.experiment);
      names.push_back(curve.name);
    }
    const std::vector<Run> runs = session.run(experiments);
    report::Document document = chosen[i]->write(runs, names);
    add_left_out(runs, names, document);
    publications.push_back({std::string(chosen[i]->name), document, to_csv(runs, names)});
    session.print(publications.back().document);
    publish(options.out, "Homework 1: federated learning", publications, "homework-1.ipynb");
  }
  std::cout << "\nIn " << options.out << ": report.html, homework-1.ipynb";
  for (const Publication& publication : publications)
    std::cout << ", " << publication.folder << '/';
  std::cout << "\n";
}

// Learns now, not after the run, that a result could not be written.
void require_writable_files(const std::string& csv, const std::string& json) {
  for (const std::string& file : {csv, json})
    if (!file.empty()) nn::require_writable_file(file);
  if (csv.empty() || json.empty()) return;
  const auto place = [](const std::string& file) {
    std::error_code ignored;
    return std::filesystem::weakly_canonical(std::filesystem::absolute(file, ignored), ignored);
  };
  if (place(csv) == place(json))
    throw nn::InputError(nn::concat(csv, " cannot be both CSV and JSON"), "name two files");
}

void run_one(const Options& options, const std::atomic<bool>& stop) {
  const Experiment& experiment = options.setting.base;
  require_writable_files(options.csv, options.json);
  if (!options.checkpoint.empty()) nn::require_writable_folder(options.checkpoint);
  Session session(options, stop);
  const std::vector<Run> runs = session.run({experiment});

  const Run& run = runs.front();
  const int left_out = count_left_out(run);
  report::Table table{describe(experiment), {"Round", "Message count", "Test accuracy"}, {}};
  if (left_out > 0) table.header.push_back("Left out");
  for (const char* column : {"Ideal time, s", "Time, s"}) table.header.push_back(column);
  for (const fl::Round& round : run.rounds) {
    auto& row = table.rows.emplace_back();
    row = {std::to_string(round.number), std::to_string(round.messages), percent(round.accuracy)};
    if (left_out > 0) row.push_back(std::to_string(round.left_out.size()));
    row.push_back(percent(round.ideal_seconds));
    row.push_back(percent(round.seconds));
  }
  const std::string name = curve_name(experiment);
  session.print({nn::concat("hw1 run: ", name),
                 {table, accuracy_plot("run", name, runs, std::vector{name})}});
  if (!options.csv.empty())
    nn::write_file_atomically(options.csv, to_csv(runs, {}, options.has_wall_time));
  if (!options.json.empty()) nn::write_file_atomically(options.json, to_json(run, options.threads));
}

// Returns whether all of it is within the tolerance.
bool compare(const Options& options, const std::atomic<bool>& stop) {
  nn::require_writable_folder(options.out);
  std::vector<Reference> references = read_results(options.reference, options.setting.base);
  std::vector<Experiment> experiments;
  for (Reference& reference : references) {
    int& rounds = reference.experiment.rounds;
    rounds = std::min(rounds, options.setting.rounds.value_or(rounds));
    experiments.push_back(reference.experiment);
  }
  Session session(options, stop);
  const std::vector<Run> runs = session.run(experiments);
  const report::Document document = comparison(references, runs, options.tolerance);
  session.print(document);
  publish(options.out, document.title, std::vector<Publication>{{"", document, to_csv(runs)}});
  return std::ranges::all_of(references, [&](const Reference& reference) {
    const Run& run = runs[&reference - references.data()];
    return largest_difference(reference, run) <= options.tolerance + 1e-9;
  });
}

int run_command(int argc, char** argv) {
  const Options options = CommandLine().parse(argc, argv);
  const std::atomic<bool>& stop = tools::stop_on_signals();
  if (options.command == "run") return run_one(options, stop), 0;
  if (options.command == "compare") return compare(options, stop) ? 0 : 1;
  run_exercises(options, stop);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] {
    try {
      return run_command(argc, argv);
    } catch (const fl::Interrupted&) {
      std::cerr << "interrupted: finished exercises are kept, nothing is half-written\n";
      return 130;
    }
  });
}
