#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nn/manifest.h"

namespace nn {

// A folder that appears at once, in place of the one that was there. It is written beside it:
//
//   out/checkpoint          the old one, whole, or nothing
//   out/.checkpoint.part    the new one, until it has everything
//
// Any number of processes write files, then one completes the folder: it adds the manifest, syncs,
// and lets the two names trade places. At any moment, also after a loss of power, the folder is the
// whole old one or the whole new one. What an abandoned save left is cleared by the next one.
// A user's own files in the old folder move over to the new one.
class FolderReplacement {
 public:
  // Files that `is_ours` names are removed with the old folder. Throws InputError if the target is
  // there and no folder.
  FolderReplacement(const std::filesystem::path& target,
                    std::function<bool(const std::string& name)> is_ours,
                    std::shared_ptr<Storage> storage = std::make_shared<Disk>());

  const std::filesystem::path& target() const { return target_; }

  // All of these throw InputError; the target then stays as it is.
  SavedFile write(const std::string& name, FileParts content);
  SavedFile write(const std::string& name, std::string_view content);

  // A file in parts: the first makes it anew, `finish` ends it.
  void append(SavedFile& file, std::string_view part);
  void finish(const SavedFile& file);

  // Tells whether processes share the folder: one leaves a mark, the others look for it.
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
