#include "tools/training/run_folder.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/json.h"

namespace training {

namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr const char* record_file = "run.json";
constexpr const char* hint = "move it elsewhere, or choose another --out";
constexpr int format = 1;  // of run.json

// Everything that a run, its launcher and bin/show_trace write. Other files in the folder are the
// user's.
bool is_result(const std::string& name) {
  constexpr std::array names{"run.json",    "loss.csv",    "validation.csv", "samples.txt",
                             "members.csv", "config.toml", "costs.csv",      "costs.json",
                             "trace.json",  "report.html", "checkpoint",     "timeline.svg",
                             "steps"};
  return std::ranges::find(names, name) != names.end() || name.starts_with("trace-");
}
bool is_log(const std::string& name) {
  return name == "fetch.log" || name.starts_with("rank-") || name.starts_with("restart-");
}

// The same path for a folder with and without a trailing slash.
fs::path place(const fs::path& folder) {
  std::error_code ignored;
  return fs::weakly_canonical(folder / "", ignored);
}

// A relative link keeps its target.
void move_into(const fs::path& folder, const fs::path& file) {
  const fs::path moved = folder / file.filename();
  if (fs::is_symlink(file) && fs::read_symlink(file).is_relative()) {
    fs::create_symlink(".." / fs::read_symlink(file), moved);
    fs::remove(file);
  } else {
    fs::rename(file, moved);
  }
}

}  // namespace

fs::path own_checkpoints(const fs::path& folder) { return folder / "steps"; }

bool is_own(const fs::path& checkpoints, const fs::path& folder) {
  return place(checkpoints) == place(own_checkpoints(folder));
}

void require_not_in_results(const fs::path& path, const fs::path& folder) {
  const fs::path inside = place(path).lexically_relative(place(folder));
  const std::string name = inside.empty() ? "" : inside.begin()->string();
  if (!is_result(name) && !is_log(name)) return;
  throw nn::InputError(
      nn::concat(path.string(), " is among the results that a new run moves aside in ",
                 folder.string()),
      "choose another --out, or copy it elsewhere first");
}

RunFolder::RunFolder(fs::path folder, const fs::path& checkpoints, Locks locks)
    : folder_(std::move(folder)), own_(is_own(checkpoints, folder_) ? locks : Locks::none) {
  nn::require_writable_folder(folder_);
  const bool is_elsewhere =
      !checkpoints.empty() && !is_own(checkpoints, folder_) && place(checkpoints) != place(folder_);
  if (is_elsewhere) nn::require_writable_folder(checkpoints);
  const auto lock = [&](const fs::path& place) {
    free(place, locks);
    locks_.emplace_back(place, nn::FolderLock::short_patience);
  };
  if (locks != Locks::none) lock(folder_);
  if (locks != Locks::none && is_elsewhere) lock(checkpoints);
}

void RunFolder::require_held() const {
  for (const nn::FolderLock& lock : locks_) lock.require_held();
  if (own_lock_) own_lock_->require_held();
}

std::string RunFolder::run() const {
  if (!fs::exists(folder_ / record_file)) return "";
  try {
    const auto record = nn::read_json_object(folder_ / record_file, hint);
    const auto found = record.find("run");
    return found != record.end() && found->is_string() ? found->get<std::string>() : "";
  } catch (const nn::InputError&) {
    return "";  // damaged: no run can resume it
  }
}

bool RunFolder::has_model() const { return fs::exists(folder_ / "checkpoint"); }

fs::path RunFolder::begin(const std::string& run) {
  fs::path aside;
  if (this->run() != run) {
    aside = set_aside();
    const ordered_json record{{"format", format}, {"run", run}, {"starts", ordered_json::array()}};
    nn::write_file_atomically(folder_ / record_file, record.dump(2) + '\n');
  }
  own_lock_.reset();
  free(own_checkpoints(folder_), own_);
  if (own_ != Locks::none)
    own_lock_.emplace(own_checkpoints(folder_), nn::FolderLock::short_patience);
  return aside;
}

void RunFolder::free(const fs::path& folder, Locks locks) {
  if (locks == Locks::take_over) nn::FolderLock::remove(folder);
}

fs::path RunFolder::set_aside() {
  std::vector<fs::path> results, logs;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    if (is_result(name)) results.push_back(entry.path());
    if (is_log(name)) logs.push_back(entry.path());
  }
  if (results.empty()) return {};  // logs alone may be this run's
  results.insert(results.end(), logs.begin(), logs.end());
  int number = 1;
  while (fs::exists(folder_ / nn::concat("earlier-", number))) ++number;
  const fs::path aside = folder_ / nn::concat("earlier-", number);
  try {
    fs::create_directory(aside);
    for (const fs::path& result : results) move_into(aside, result);
  } catch (const fs::filesystem_error& error) {
    throw nn::InputError(nn::concat("cannot move the earlier run's ", error.path1().string(),
                                    " aside: ", error.code().message()),
                         hint);
  }
  return aside;
}

void RunFolder::add_start(const ordered_json& start) {
  const fs::path file = folder_ / record_file;
  auto record = ordered_json::parse(nn::read_file(file), nullptr, /*allow_exceptions=*/false);
  if (!record.is_object() || !record["starts"].is_array())
    throw nn::InputError(file.string() + " was changed while the run wrote to its folder",
                         "give each run a folder of its own with --out");
  record["starts"].push_back(start);
  nn::write_file_atomically(file, record.dump(2) + '\n');
}

std::string new_run() {
  std::random_device random;
  std::string name;
  while (name.size() < 13) name += "0123456789abcdef"[random() % 16];
  return name;
}

}  // namespace training
