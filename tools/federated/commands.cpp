#include "tools/federated/commands.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fl/clocks/clocks.h"
#include "nn/base/file.h"
#include "tools/federated/compare.h"
#include "tools/federated/exclusions.h"
#include "tools/federated/losses.h"
#include "tools/federated/result_files.h"
#include "tools/federated/run_json.h"
#include "tools/federated/session.h"
#include "tools/federated/target.h"
#include "tools/federated/unfinished.h"
#include "tools/program/program.h"
#include "tools/program/signals.h"
#include "tools/report/document.h"
#include "tools/report/event_file.h"

namespace federated {

namespace fs = std::filesystem;

namespace {

// Says how a run goes on that has ended before its last round.
void say_how_to_go_on(const Run& run, const Outputs& outputs, const std::string& command) {
  std::cerr << "stopped after round " << run.rounds.size() << " of " << run.experiment.rounds;
  if (outputs.checkpoint.empty())
    std::cerr << "; the rounds so far are kept, but only a run with --checkpoint FOLDER goes on\n";
  else
    std::cerr << "; it goes on with\n  " << command << (outputs.may_resume ? "" : " --resume")
              << '\n';
}

// Attackers may want a model that diverges.
int status_of(const Run& run) {
  if (run.experiment.attack_entry() || !has_diverged(run)) return 0;
  std::cerr << "error: training diverged: no client's update was finite in round "
            << run.rounds.back().number << "\nhint: choose a smaller --lr than "
            << number(run.experiment.training.learning_rate) << '\n';
  return diverged_status;
}

// One event file in the folder, in place of an earlier one of the same run.
void write_events(const fs::path& folder, const Run& run) {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  report::EventFile events(now.count() - run.rounds.back().seconds);
  for (const fl::Round& round : run.rounds) {
    report::Scalars scalars(round.measures);
    if (!std::isnan(round.accuracy)) scalars["Test accuracy"] = round.accuracy;
    events.add(round.number, round.seconds, scalars);
  }
  nn::write_file_atomically(folder / "events.out.tfevents.0.federated", events.content());
}

// A line for each choice that has no effect.
std::vector<std::string> notes_on(const Experiment& e) {
  std::vector<std::string> notes;
  const auto malicious =
      std::max(std::ssize(e.malicious.clients), std::lrint(e.malicious.share * e.clients));
  const int updates =
      fl::updates_per_round(config_of(e), fl::clients_per_round(e.clients, e.fraction));
  if (e.attack == "alie" && (malicious == 1 || updates == 1))
    notes.emplace_back(
        "--attack alie does nothing: a single malicious update in a round has no deviation");
  if (e.algorithm == "ditto" && e.held_out == 0)
    notes.emplace_back("ditto's models of the clients are not tested: that takes --held-out 0.2");
  return notes;
}

}  // namespace

const std::atomic<bool>& stop_after_round() {
  return tools::stop_on_signals(isatty(STDERR_FILENO)
                                    ? "\r\x1b[Kstopping after this round; again to stop at once\n"
                                    : "stopping after this round; again to stop at once\n");
}

void write_outputs(const Run& run, const Outputs& outputs, const nn::Metadata& made) {
  const std::string beside = outputs.json_beside();
  if (!outputs.csv.empty())
    nn::write_file_atomically(
        outputs.csv, outputs.is_full ? to_full_csv(std::vector{run})
                                     : to_csv(std::vector{run}, {}, outputs.has_wall_time));
  if (!outputs.tensorboard.empty()) write_events(outputs.tensorboard, run);
  for (const std::string& file : {outputs.json, beside})
    if (!file.empty()) nn::write_file_atomically(file, to_json(run, made));
}

int run_one(const std::string& program, const Experiment& asked, const Resources& resources,
            const Outputs& outputs, const std::atomic<bool>& stop,
            Runner::MakeExecutor make_executor) {
  require_writable(outputs);
  const auto open_saved = [&](const std::string&) {
    return outputs.checkpoint.empty()
               ? nullptr
               : std::make_unique<SavedRun>(outputs.checkpoint, outputs.may_resume, std::cerr);
  };
  Session session(resources, stop, open_saved, std::move(make_executor));
  const Experiment experiment = session.with_clients(asked);
  session.plan({experiment});
  if (experiment.clients != asked.clients)
    std::cerr << "note: the data belongs to " << experiment.clients << " clients: -N "
              << experiment.clients << '\n';
  for (const std::string& note : notes_on(experiment)) std::cerr << "note: " << note << '\n';
  if (!outputs.partition_svg.empty())
    nn::write_file_atomically(outputs.partition_svg, session.partition_svg(experiment));
  const Run run = session.run(experiment);
  const nn::Metadata made = session.made();
  if (!run.rounds.empty()) {
    write_outputs(run, outputs, made);
    const std::string name = curve_name(experiment);
    report::Document document{
        nn::concat(program, " run: ", name),
        {round_table(run), accuracy_plot("run", name, std::vector{run}, std::vector{name}),
         loss_plot("losses", run)}};
    if (report::Table table = class_table(run); outputs.is_full && !table.rows.empty())
      document.blocks.emplace_back(std::move(table));
    if (experiment.target) document.blocks.emplace_back(report::Paragraph{target_text(run)});
    session.print(document);
  }
  if (run.is_complete()) return status_of(run);
  say_how_to_go_on(run, outputs, made.at("command"));
  throw tools::Stopped{tools::stop_signal()};
}

bool compare(const Comparison& asked, const Resources& resources, const std::atomic<bool>& stop) {
  const auto& [reference_file, base, rounds_at_most, tolerance, out] = asked;
  const fs::path kept = kept_runs(out, "compare", rounds_at_most);
  nn::require_writable_folder(out);
  const std::vector<Reference> references = read_results(reference_file, base);
  for (const Reference& reference : references) {
    validate(reference.experiment);
    const std::string of = reference.dataset.substr(0, reference.dataset.find(' '));
    if (!of.empty() && of != resources.data.name)
      throw nn::InputError(
          nn::concat(reference_file.string(), " is about ", of, ", not ", resources.data.name),
          nn::concat("add --dataset ", of));
  }
  std::vector<Experiment> experiments;
  std::vector<std::string> names;
  for (const Reference& reference : references) {
    Experiment& experiment = experiments.emplace_back(reference.experiment);
    int& rounds = experiment.rounds;
    rounds = std::min(rounds, rounds_at_most.value_or(rounds));
    names.push_back(configuration_name(experiment));
  }
  Unfinished unfinished(kept, std::cerr);
  Session session(resources, stop, [&](const std::string& run) { return unfinished.open(run); });
  session.plan(experiments);
  const std::vector<Run> runs = session.run_all(experiments, kept.string());
  const nn::Metadata made = session.made();
  const report::Document document = comparison(references, runs, tolerance);
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
    return largest_difference(reference, run) <= tolerance + 1e-9;
  });
}

}  // namespace federated
