#include "tools/homework/publish.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <ostream>
#include <system_error>

#include "nn/base/error.h"
#include "nn/base/folder_lock.h"
#include "tools/federated/exclusions.h"
#include "tools/federated/losses.h"
#include "tools/federated/result_files.h"
#include "tools/homework/write_report.h"
#include "tools/report/document.h"

namespace homework {

namespace fs = std::filesystem;

namespace {

constexpr const char *record_name = "results.json", *table_name = "results.csv";
constexpr const char* edited = "may have been edited: its checksum is missing or wrong";
constexpr std::chrono::seconds patience{10};  // many times what publish() takes

// Lists the curves that lost clients, if any.
void add_excluded(std::span<const Run> runs, std::span<const std::string> names,
                  report::Document& document) {
  report::Table table{"Clients excluded over all rounds", {"Curve", "Excluded"}, {}};
  for (std::size_t i = 0; i < runs.size(); ++i)
    if (const int count = count_excluded(runs[i]); count > 0)
      table.rows.push_back({names[i], std::to_string(count)});
  if (!table.rows.empty()) document.blocks.emplace_back(table);
}

// The losses of all curves, as a table and by round.
void add_losses(const Exercise& exercise, std::span<const Run> runs,
                std::span<const std::string> names, report::Document& document) {
  const std::vector<std::string> losses = losses_of(runs);
  if (losses.empty()) return;
  document.blocks.emplace_back(report::Heading{"Losses", 3});
  document.blocks.emplace_back(loss_table(runs, names));
  for (const std::string& loss : losses) {
    const std::string file = loss == training_loss ? "training-loss" : "test-loss";
    document.blocks.emplace_back(plotting_code(exercise.name, names, 0, loss));
    document.blocks.emplace_back(loss_plot(file, loss, runs, names));
  }
}

// The exercises in the folder, in the order of the table. Calls `warn` with the reason for each
// exercise that is omitted or may have been edited.
std::vector<Outcome> outcomes_in(
    const Homework& homework, const fs::path& out,
    const std::function<void(const Exercise&, const std::string&)>& warn) {
  std::vector<Outcome> outcomes;
  for (const Exercise& exercise : homework.exercises) {
    const fs::path record = out / exercise.name / record_name,
                   table = out / exercise.name / table_name;
    const auto omit = [&](const std::string& reason) {
      warn(exercise, nn::concat("the report omits ", exercise.name, " until ", exercise.program,
                                ' ', exercise.name, " makes it again: ", reason));
    };
    std::error_code ignored;
    try {
      if (fs::exists(record, ignored)) {
        outcomes.push_back(read_outcome(record, exercise));
        if (!outcomes.back().is_intact) warn(exercise, nn::concat(record.string(), ' ', edited));
      } else if (fs::exists(table, ignored)) {
        omit(nn::concat(table.string(), " has no ", record_name, " beside it"));
      }
    } catch (const nn::InputError& error) {
      omit(error.what());
    }
  }
  return outcomes;
}

}  // namespace

report::Document write_up(const Outcome& outcome) {
  const std::vector<std::string> names = outcome.names();
  report::Document document = outcome.exercise->write(outcome.runs, names);
  add_losses(*outcome.exercise, outcome.runs, names, document);
  add_excluded(outcome.runs, names, document);
  return document;
}

void publish(const Homework& homework, const fs::path& out, const Outcome& outcome,
             std::ostream& log) {
  std::map<std::string, std::string> files{{table_name, to_csv(outcome.runs, outcome.names())},
                                           {record_name, to_json(outcome)}};
  add_plots(write_up(outcome), files);
  const nn::FolderLock lock(out, patience);
  nn::Disk disk;
  replace_files(out / outcome.exercise->name, files, record_name, disk);

  report::Document all{std::string(homework.title), {}};
  for (const Outcome& each :
       outcomes_in(homework, out, [](const Exercise&, const std::string&) {})) {
    report::Facts facts = facts_about(each.runs, each.made);
    if (!each.is_intact) facts.values[record_name] = edited;
    append(with_facts(write_up(each), facts), all);
  }
  write_report(out, homework.notebook, all, log);
}

void warn_about_results(const Homework& homework, const fs::path& out,
                        std::span<const std::string> but, std::ostream& log) {
  const nn::FolderLock lock(out, patience);
  outcomes_in(homework, out, [&](const Exercise& exercise, const std::string& warning) {
    if (!std::ranges::count(but, exercise.name)) log << "warning: " << warning << '\n';
  });
}

}  // namespace homework
