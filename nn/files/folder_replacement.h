#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nn/base/storage.h"
#include "nn/files/manifest.h"
#include "nn/files/safetensors.h"

namespace nn {

// Replaces a folder atomically. The new one is written beside the old one:
//
//   out/checkpoint          the old one, complete, or nothing
//   out/.checkpoint.part    the new one, until it is complete
//
// Any number of processes write files; then one completes the folder: it adds the manifest, syncs,
// and swaps the two names. At any moment, even after a power loss, the folder is either the
// complete old one or the complete new one. The next save removes the remains of an abandoned one.
// A user's own files in the old folder are moved to the new one.
class FolderReplacement {
 public:
  // Files for which `is_ours` returns true are removed with the old folder. Throws InputError if
  // the target exists and is not a folder.
  FolderReplacement(const std::filesystem::path& target,
                    std::function<bool(const std::string& name)> is_ours,
                    std::shared_ptr<Storage> storage = std::make_shared<Disk>());

  const std::filesystem::path& target() const { return target_; }

  // All of these throw InputError and then leave the target as it is.
  SavedFile write(const std::string& name, FileParts content);
  SavedFile write(const std::string& name, std::string_view content);

  // A file in parts: the first append() creates it, finish() ends it.
  void append(SavedFile& file, std::string_view part);
  void finish(const SavedFile& file);

  // To find out whether processes share the folder: one leaves a mark, the others look for it.
  void leave_mark(const std::string& mark);
  bool has_mark(const std::string& mark) const;

  void complete(const std::vector<SavedFile>& files, const Metadata& state);

 private:
  bool is_removable(const std::filesystem::path& path) const;
  void clear(const std::vector<SavedFile>& kept);
  void move_over(const std::vector<SavedFile>& files);

  std::filesystem::path target_, part_;
  std::function<bool(const std::string&)> is_ours_;
  std::shared_ptr<Storage> storage_;
};

}  // namespace nn
