#include "nn/files/folder_replacement.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/storage.h"
#include "nn/files/manifest.h"
#include "nn/files/safetensors.h"

namespace nn {

namespace fs = std::filesystem;

namespace {

constexpr const char* mark_name = "mark";

bool has(const std::vector<SavedFile>& files, const std::string& name) {
  return std::ranges::find(files, name, &SavedFile::name) != files.end();
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder)) entries.push_back(entry.path());
  return entries;
}

// The path with links resolved, also if their target does not exist yet.
fs::path without_links(const fs::path& folder) {
  std::error_code error, ignored;
  fs::path path = fs::weakly_canonical(fs::absolute(folder), error);
  if (!error && fs::is_symlink(path, ignored))
    path = fs::weakly_canonical(path.parent_path() / fs::read_symlink(path), error);
  if (error) throw_cannot_write(folder, error.message());
  if (!path.has_filename()) path = path.parent_path();
  if (fs::exists(path, ignored) && !fs::is_directory(path, ignored))
    throw_cannot_write(folder, "it is not a folder");
  return path;
}

}  // namespace

FolderReplacement::FolderReplacement(const fs::path& target,
                                     std::function<bool(const std::string& name)> is_ours,
                                     std::shared_ptr<Storage> storage)
    : target_(without_links(target)),
      part_(target_.parent_path() / concat('.', target_.filename().string(), ".part")),
      is_ours_(std::move(is_ours)),
      storage_(std::move(storage)) {}

SavedFile FolderReplacement::write(const std::string& name, FileParts content) {
  SavedFile file;
  on_disk(target_ / name, [&] { file = save_file(*storage_, part_, name, content); });
  return file;
}

SavedFile FolderReplacement::write(const std::string& name, std::string_view content) {
  return write(name, FileParts(&content, 1));
}

void FolderReplacement::append(SavedFile& file, std::string_view part) {
  if (file.bytes == 0) {
    file = write(file.name, part);
  } else {
    on_disk(target_ / file.name, [&] { storage_->append(part_ / file.name, part); });
    file = extended(file, part);
  }
}

void FolderReplacement::finish(const SavedFile& file) {
  on_disk(target_ / file.name, [&] { storage_->sync(part_ / file.name); });
}

void FolderReplacement::leave_mark(const std::string& mark) { write(mark_name, mark); }

bool FolderReplacement::has_mark(const std::string& mark) const {
  std::error_code error;
  return fs::is_regular_file(part_ / mark_name, error) && read_file(part_ / mark_name) == mark;
}

void FolderReplacement::complete(const std::vector<SavedFile>& files, const Metadata& state) {
  on_disk(target_, [&] {
    const fs::path parent = target_.parent_path();
    clear(files);
    save_manifest(*storage_, part_, {{}, state, files});
    storage_->sync(parent);
    const bool is_replaced = fs::exists(target_);
    is_replaced ? storage_->exchange(part_, target_) : storage_->rename(part_, target_);
    storage_->sync(parent);
    if (is_replaced) move_over(files);
  });
}

// Files that end in .part are replace_file's temporary ones.
bool FolderReplacement::is_removable(const fs::path& path) const {
  const std::string name = path.filename().string();
  return !fs::is_directory(fs::symlink_status(path)) &&
         (is_ours_(name) || name == manifest_name || name == mark_name ||
          (name.starts_with('.') && name.ends_with(".part")));
}

void FolderReplacement::clear(const std::vector<SavedFile>& kept) {
  for (const fs::path& path : entries_of(part_))
    if (is_removable(path) && !has(kept, path.filename().string())) storage_->remove(path);
}

// After the exchange, the old folder is at part_.
void FolderReplacement::move_over(const std::vector<SavedFile>& files) {
  for (const fs::path& path : entries_of(part_))
    if (!is_removable(path) && !has(files, path.filename().string()))
      storage_->rename(path, target_ / path.filename());
  storage_->sync(target_);
  for (const fs::path& path : entries_of(part_)) storage_->remove(path);
  storage_->remove(part_);
}

}  // namespace nn
