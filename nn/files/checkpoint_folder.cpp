#include "nn/files/checkpoint_folder.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/number.h"
#include "nn/base/storage.h"
#include "nn/files/manifest.h"
#include "nn/files/safetensors.h"

namespace nn {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view folder_prefix = "step-";

// A missing folder is empty, but an unreadable one may hold a run's only copy.
void require_readable(const fs::path& folder, std::error_code error) {
  if (error && error != std::errc::no_such_file_or_directory)
    throw InputError(concat("cannot read ", folder.string(), ": ", error.message()),
                     "check the checkpoint folder and its permissions");
}

std::optional<int> step_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  if (!name.starts_with(folder_prefix)) return {};
  const auto step = parse_number<int>(std::string_view(name).substr(folder_prefix.size()));
  return step && *step >= 0 ? step : std::nullopt;
}

}  // namespace

CheckpointFolder::CheckpointFolder(fs::path folder, std::shared_ptr<Storage> storage)
    : folder_(std::move(folder)), storage_(std::move(storage)) {}

fs::path CheckpointFolder::path_of(int step) const { return folder_ / concat(folder_prefix, step); }

CheckpointFolder::File CheckpointFolder::write(int step, const std::string& name,
                                               FileParts content) {
  const fs::path folder = path_of(step);
  File file;
  on_disk(folder / name, [&] { file = save_file(*storage_, folder, name, content); });
  return file;
}

CheckpointFolder::File CheckpointFolder::write(int step, const std::string& name,
                                               std::string_view content) {
  return write(step, name, FileParts(&content, 1));
}

// The order keeps two complete checkpoints at every moment, and one if the disk fails: this one is
// made safe, then it becomes the previous one for the next, and only then are older ones removed.
void CheckpointFolder::complete(int step, std::vector<File> files, const Metadata& state) {
  const fs::path folder = path_of(step), manifest = folder / manifest_name;
  on_disk(manifest, [&] {
    storage_->sync(folder_);
    storage_->sync(fs::absolute(folder_).lexically_normal().parent_path());
    save_manifest(*storage_, folder, {step, state, files});
  });
  const std::optional<int> previous = std::exchange(previous_, step);
  for (int other : steps())
    if (other != step && other != previous) remove(other);
  // Processes killed while writing this step may have left files behind.
  files.push_back({manifest_name, 0, 0});
  on_disk(folder, [&] { clear(step, files); });
}

// The manifest goes first, so that a half-removed folder does not count as a checkpoint.
void CheckpointFolder::remove(int step) {
  on_disk(path_of(step), [&] {
    storage_->remove(path_of(step) / manifest_name);
    clear(step, {});
    storage_->remove(path_of(step));
  });
}

void CheckpointFolder::clear(int step, const std::vector<File>& kept) {
  std::vector<fs::path> surplus;
  for (const auto& entry : fs::directory_iterator(path_of(step)))
    if (std::ranges::find(kept, entry.path().filename().string(), &File::name) == kept.end())
      surplus.push_back(entry.path());
  for (const fs::path& path : surplus) storage_->remove(path);
}

std::vector<int> CheckpointFolder::steps() const {
  std::vector<int> steps;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error))
    if (const auto step = step_of(entry.path())) steps.push_back(*step);
  require_readable(folder_, error);
  std::ranges::sort(steps);
  return steps;
}

CheckpointFolder::Saved CheckpointFolder::read(int step, const Check& check) const {
  const fs::path folder = path_of(step);
  Manifest manifest = read_manifest(folder);
  Saved saved{step, folder, std::move(manifest.state), std::move(manifest.files)};
  try {
    require(manifest.step.has_value(), "it names no step");
    require(manifest.step == step, "it belongs to step ", *manifest.step);
    check(saved);
  } catch (const InputError&) {  // names the damaged file
    throw;
  } catch (const Error& error) {
    throw InputError(concat((folder / manifest_name).string(), " is damaged: ", error.what()),
                     "remove the folder if it cannot be repaired");
  }
  return saved;
}

bool CheckpointFolder::is_complete(int step) const {
  std::error_code error;
  const bool has_manifest = fs::exists(path_of(step) / manifest_name, error);
  require_readable(path_of(step), error);
  return has_manifest;
}

bool CheckpointFolder::is_empty() const {
  return std::ranges::none_of(steps(), [this](int step) { return is_complete(step); });
}

std::optional<CheckpointFolder::Saved> CheckpointFolder::newest(
    const std::function<void(const std::string&)>& report, const Check& check) {
  if (is_empty()) return std::nullopt;
  std::vector<int> all = steps();
  std::ranges::reverse(all);
  for (int step : all) {
    if (!is_complete(step)) continue;
    try {
      Saved saved = read(step, check);
      previous_ = step;
      return saved;
    } catch (const InputError& damage) {
      report(damage.what());
    }
  }
  throw InputError("no checkpoint in " + folder_.string() + " is intact",
                   "restore its files from a copy, or start again in another folder");
}

}  // namespace nn
