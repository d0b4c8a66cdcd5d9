#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/safetensors.h"
#include "nn/storage.h"

namespace nn {

// The checkpoints of a run: folders that are whole or do not count. The newest and the one before
// it are kept.
//
//   FOLDER/step-100/manifest.txt            which files, their length and CRC-32C; the state
//   FOLDER/step-100/piece-0.safetensors     ...
//   FOLDER/step-120/...
//
// The manifest is written when everything else is safe on the disk, so that at any moment, also
// after a loss of power, the newest folder with a manifest is a whole checkpoint.
class CheckpointFolder {
 public:
  explicit CheckpointFolder(std::filesystem::path folder,
                            std::shared_ptr<Storage> storage = std::make_shared<Disk>());

  struct File {
    std::string name;
    std::uint64_t bytes;
    std::uint32_t checksum;
  };
  struct Manifest {
    Metadata state;
    std::vector<File> files;
  };
  struct Saved : Manifest {
    int step;
    std::filesystem::path folder;
  };

  // To save a step: all files, by any number of processes, and when all these calls have returned
  // the manifest, by one of them. Keys of the state are words, values one line. Throws InputError;
  // the checkpoints before stay as they are.
  File write(int step, const std::string& name, FileParts content);
  File write(int step, const std::string& name, std::string_view content);
  void complete(int step, std::vector<File> files, const Metadata& state);

  // The newest one of which every byte is as it was written; `report` hears of newer ones that are
  // damaged, one line each. Nothing if none was ever completed; throws InputError if all are
  // damaged. From now on this one is kept as the one before.
  std::optional<Saved> newest(const std::function<void(const std::string&)>& report);

  bool is_empty() const;  // nothing was ever completed
  std::filesystem::path path_of(int step) const;

 private:
  std::vector<int> steps() const;  // ascending; of those without manifest, too
  bool is_complete(int step) const;
  Saved read(int step) const;  // throws InputError if it is damaged
  void remove(int step);
  void clear(int step, const std::vector<File>& kept);

  std::filesystem::path folder_;
  std::shared_ptr<Storage> storage_;
  std::optional<int> previous_;
};

// One line for the file of a manifest, and back; throws Error.
std::string to_text(const CheckpointFolder::File& file);
CheckpointFolder::File parse_checkpoint_file(const std::string& line);

// What the manifest of a step says, as far as that can be told without the files; throws Error.
CheckpointFolder::Manifest parse_manifest(const std::string& text, int step);

}  // namespace nn
