#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nn/base/storage.h"
#include "nn/files/manifest.h"
#include "nn/files/safetensors.h"

namespace nn {

// The checkpoints of a run: folders that are complete or do not count. The newest and the previous
// one are kept.
//
//   FOLDER/step-100/manifest.txt            the files and the state (see manifest.h)
//   FOLDER/step-100/piece-0.safetensors     ...
//   FOLDER/step-120/...
//
// The manifest is written when everything else is safe on the disk. So at any moment, even after a
// power loss, the newest folder with a manifest is a complete checkpoint.
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

  // To save a step, any number of processes write files; after all these calls have returned, one
  // process completes the step. Keys of the state are words, values single lines. Throws
  // InputError. complete() keeps this step and the previous one, from the last complete() or
  // newest(), and removes all others, including damaged later ones. So call newest() first if the
  // folder may have checkpoints. A failure leaves the previous checkpoint untouched.
  File write(int step, const std::string& name, FileParts content);
  File write(int step, const std::string& name, std::string_view content);
  void complete(int step, std::vector<File> files, const Metadata& state);

  // Throws Error if the state is invalid, or InputError naming a file that is.
  using Check = std::function<void(const Saved&)>;

  // The newest undamaged checkpoint that passes the check, which complete() then keeps as the
  // previous one. Newer, damaged ones are reported, one line each. Empty if no checkpoint was ever
  // completed; throws InputError if all are damaged.
  std::optional<Saved> newest(
      const std::function<void(const std::string&)>& report,
      const Check& check = [](const Saved&) {});

  bool is_empty() const;  // no checkpoint was completed
  std::filesystem::path path_of(int step) const;

 private:
  std::vector<int> steps() const;  // ascending, including incomplete ones
  bool is_complete(int step) const;
  Saved read(int step, const Check& check) const;  // throws InputError if it is damaged
  void remove(int step);
  void clear(int step, const std::vector<File>& kept);

  std::filesystem::path folder_;
  std::shared_ptr<Storage> storage_;
  std::optional<int> previous_;
};

}  // namespace nn
