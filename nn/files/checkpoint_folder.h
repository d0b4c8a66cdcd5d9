#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/files/manifest.h"

namespace nn {

// The checkpoints of a run: folders that are whole or do not count. The newest and the one before
// it are kept.
//
//   FOLDER/step-100/manifest.txt            which files; the state (see manifest.h)
//   FOLDER/step-100/piece-0.safetensors     ...
//   FOLDER/step-120/...
//
// The manifest is written when everything else is safe on the disk, so that at any moment, also
// after a loss of power, the newest folder with a manifest is a whole checkpoint.
class CheckpointFolder {
 public:
  explicit CheckpointFolder(std::filesystem::path folder,
                            std::shared_ptr<Storage> storage = std::make_shared<Disk>());

  using File = SavedFile;
  struct Saved {
    int step;
    std::filesystem::path folder;
    Metadata state;
    std::vector<File> files;
  };

  // To save a step: all files, by any number of processes, and when all these calls have returned
  // the manifest, by one of them. Keys of the state are words, values one line. Throws InputError.
  // complete() keeps this step and the one that it or newest() had before, and removes all others,
  // damaged ones of later steps, too. So call newest() first if the folder may have checkpoints.
  // A failure leaves the checkpoint before as it is.
  File write(int step, const std::string& name, FileParts content);
  File write(int step, const std::string& name, std::string_view content);
  void complete(int step, std::vector<File> files, const Metadata& state);

  // Throws Error if the state is invalid; InputError, naming the file, if a file is.
  using Check = std::function<void(const Saved&)>;

  // The newest undamaged checkpoint that passes the check. Newer ones that are damaged are
  // reported, one line each. Nothing if none was ever completed; throws InputError if all are
  // damaged. From now on this one is kept as the previous one.
  std::optional<Saved> newest(
      const std::function<void(const std::string&)>& report,
      const Check& check = [](const Saved&) {});

  bool is_empty() const;  // nothing was ever completed
  std::filesystem::path path_of(int step) const;

 private:
  std::vector<int> steps() const;  // ascending; of those without manifest, too
  bool is_complete(int step) const;
  Saved read(int step, const Check& check) const;  // throws InputError if it is damaged
  void remove(int step);
  void clear(int step, const std::vector<File>& kept);

  std::filesystem::path folder_;
  std::shared_ptr<Storage> storage_;
  std::optional<int> previous_;
};

}  // namespace nn
