#include "tools/federated/sweep.h"

#include <algorithm>
#include <iostream>
#include <iterator>
#include <optional>
#include <set>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/folder_lock.h"
#include "nn/base/number.h"
#include "nn/base/printable.h"
#include "nn/base/split.h"
#include "tools/federated/process_pool.h"
#include "tools/federated/sweep_report.h"
#include "tools/federated/sweep_results.h"
#include "tools/report/progress.h"

namespace federated {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t most_runs = 10'000;
constexpr const char* arguments_file = "arguments.txt";

std::string text_of(const std::vector<std::string>& arguments) {
  return nn::join(arguments, "\n") + "\n";
}

// The values of an option, each for runs of its own. Where a value is a list itself, a list of
// words is one: ["sex", "cp"], as is "sex,cp"; with a comma in a word there are several: ["sex,cp",
// "cp"].
std::vector<std::string> values_of(const tools::ConfigEntry& entry) {
  const bool is_one = entry.name == "categorical" &&
                      std::ranges::none_of(entry.values, [](const std::string& value) {
                        return value.find(',') != value.npos;
                      });
  return is_one ? std::vector{nn::join(entry.values, ",")} : entry.values;
}

// Adds an option with this value to the run's arguments.
void add(SweepRun& run, const std::string& option, const std::string& value) {
  if (value == "false") return;
  run.arguments.push_back((option.size() == 1 ? "-" : "--") + option);
  if (value != "true") run.arguments.push_back(value);
}

// Takes the number of rounds out of a run's arguments.
std::optional<int> take_rounds(std::vector<std::string>& arguments) {
  const auto option = std::ranges::find(arguments, "--rounds");
  if (arguments.end() - option < 2) return {};
  const auto rounds = nn::parse_number<int>(option[1]);
  arguments.erase(option, option + 2);
  return rounds;
}

// Throws nn::InputError if the folder has a run with other arguments, but for fewer rounds.
void check_folder(const SweepRun& run, const fs::path& folder) {
  if (!fs::exists(folder / arguments_file)) return;
  const std::string text = nn::read_file(folder / arguments_file);
  if (text == text_of(run.arguments)) return;
  std::vector<std::string> before = nn::split(text, '\n'), now = run.arguments;
  before.pop_back();  // what is after the last line
  const std::optional<int> rounds_before = take_rounds(before), rounds = take_rounds(now);
  if (before != now || rounds_before > rounds)
    throw nn::InputError(nn::concat(folder.string(), " has a run with ",
                                    before != now ? "other options" : "more rounds"),
                         "choose another folder by --out, or remove that one");
}

// A run that shall be longer goes on.
void prepare_folder(const SweepRun& run, const fs::path& folder) {
  nn::require_writable_folder(folder);
  const std::string text = text_of(run.arguments);
  if (fs::exists(folder / arguments_file) && nn::read_file(folder / arguments_file) == text) return;
  fs::remove(folder / done_file);
  nn::write_file_atomically(folder / arguments_file, text);
}

bool is_done(const fs::path& folder) {
  return fs::exists(folder / done_file) && fs::exists(folder / run_table);
}

std::vector<std::string> arguments_of(const SweepRun& run, const fs::path& folder) {
  std::vector<std::string> arguments{"run"};
  arguments.insert(arguments.end(), run.arguments.begin(), run.arguments.end());
  for (const std::string& word :
       {std::string("--threads"), std::string("1"), std::string("--checkpoint"),
        (folder / "steps").string(), std::string("--resume"), std::string("--csv"),
        (folder / run_table).string(), std::string("--partition-svg"),
        (folder / split_picture).string()})
    arguments.push_back(word);
  return arguments;
}

// "8 of 12 runs to go, 2 at once: about 1:36:00, if they take as long as the others".
std::string forecast(const Sweep& sweep, std::size_t left, const std::vector<double>& seconds) {
  std::string text =
      nn::concat(left, " of ", sweep.runs.size(), " runs to go, ", sweep.jobs, " at once");
  if (seconds.empty()) return text;
  const std::size_t turns = (left + sweep.jobs - 1) / sweep.jobs;
  return nn::concat(text, ": about ",
                    report::clock_text(static_cast<double>(turns) * Moments(seconds).mean),
                    ", if they take as long as the others");
}

// A '/' in a value becomes a '_', and a comma may be part of one.
void require_names_of_their_own(const std::vector<SweepRun>& runs) {
  std::set<std::string> names;
  for (const SweepRun& run : runs)
    if (!names.insert(run.name()).second)
      throw nn::InputError(nn::concat("two runs would have the folder ", nn::printable(run.name())),
                           "make two sweeps of them");
}

// What a failed run said last in its log.
std::string complaint_in(const fs::path& log) {
  std::string complaint = "which could not write why: is the disk full?";
  if (!fs::exists(log)) return complaint;
  for (const std::string& line : nn::split(nn::read_file(log), '\n'))
    if (line.starts_with("error: ")) complaint = nn::printable(line.substr(7), 200);
  return complaint;
}

}  // namespace

std::string SweepRun::name() const {
  std::string name;
  for (const auto& [option, value] : varied)
    name += nn::concat(name.empty() ? "" : ",", option, '=', value);
  std::ranges::replace(name, '/', '_');
  return name.empty() ? "run" : name;
}

std::string SweepRun::configuration() const {
  std::string name;
  for (const auto& [option, value] : varied)
    if (option != "seed") name += nn::concat(name.empty() ? "" : " ", option, '=', value);
  return name.empty() ? "run" : name;
}

std::optional<double> SweepRun::target() const {
  const auto option = std::ranges::find(arguments, "--target");
  if (option == arguments.end()) return {};
  return nn::parse_number<double>(*std::next(option));
}

fs::path Sweep::folder_of(const SweepRun& run) const { return out / "runs" / run.name(); }

std::vector<SweepRun> grid(const std::vector<tools::ConfigEntry>& entries) {
  std::vector<SweepRun> runs(1);
  for (const tools::ConfigEntry& entry : entries) {
    const std::string& name = entry.name;
    const std::vector<std::string> values = values_of(entry);
    for (const char* own :
         {"threads", "checkpoint", "resume", "csv", "json", "tensorboard", "partition-svg"})
      if (name == own)
        throw nn::InputError(nn::concat("a sweep sets ", name, " itself"), "leave it out");
    if (runs.size() * values.size() > most_runs)
      throw nn::InputError(nn::concat("the lists make more than ", most_runs, " runs"),
                           "shorten them, or make several sweeps");
    for (std::size_t i = 0; i < values.size(); ++i)
      if (std::ranges::count(values, values[i]) > 1)
        throw nn::InputError(
            nn::concat(nn::printable(name), " has ", nn::printable(values[i]), " twice"),
            "leave one out");
    std::vector<SweepRun> longer;
    for (const SweepRun& run : runs)
      for (const std::string& value : values) {
        longer.push_back(run);
        add(longer.back(), name, value);
        if (values.size() > 1) longer.back().varied.emplace_back(name, value);
      }
    runs = std::move(longer);
  }
  require_names_of_their_own(runs);
  return runs;
}

void run_sweep(const Sweep& sweep, const std::atomic<bool>& stop) {
  nn::require_writable_folder(sweep.out);
  const nn::FolderLock lock(sweep.out, nn::FolderLock::short_patience);
  for (const SweepRun& run : sweep.runs) check_folder(run, sweep.folder_of(run));
  std::vector<Task> tasks;
  std::vector<double> seconds;  // of complete runs
  for (const SweepRun& run : sweep.runs) {
    const fs::path folder = sweep.folder_of(run);
    prepare_folder(run, folder);
    if (!is_done(folder))
      tasks.push_back({run.name(), arguments_of(run, folder), folder / "log", folder / done_file});
    else if (const auto took = seconds_of(folder))
      seconds.push_back(*took);
  }
  if (!tasks.empty()) std::cerr << forecast(sweep, tasks.size(), seconds) << '\n';
  const std::vector<std::string> failed = run_all(tasks, sweep.jobs, stop);
  write_sweep_report(sweep);
  if (failed.empty()) return;
  const fs::path log = sweep.out / "runs" / failed.front() / "log";
  throw nn::InputError(
      nn::concat(failed.size(), " of ", sweep.runs.size(), " runs failed, such as ", failed.front(),
                 ": ", complaint_in(log)),
      "more is in its log: " + log.string());
}

}  // namespace federated
