#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nn/base/storage.h"
#include "nn/files/checkpoint.h"
#include "nn/files/folder_replacement.h"
#include "nn/files/manifest.h"
#include "nn/files/safetensors.h"
#include "nn/models/language_model.h"

// Language models in folders, in Hugging Face's format: config.json, and the weights in
// model.safetensors or in shards, model-00001-of-00003.safetensors and so on, listed in
// model.safetensors.index.json. Folders saved here also have a manifest.txt (manifest.h) and are
// replaced atomically. Any problem with a folder is an InputError.
namespace nn {

// Saves a whole model in a folder, replacing any model there.
void save_model(const std::filesystem::path& folder, const LanguageModel& model,
                const Metadata& state = {});

// To save a model from several processes, each writes shard_content() under its shard_name(),
// counted from 0; when all are done, one completes the folder. Of a split head, the model with
// its norm writes all rows: `head`.
FolderReplacement model_replacement(const std::filesystem::path& folder,
                                    std::shared_ptr<Storage> storage = std::make_shared<Disk>());
std::string shard_name(int shard, int shards);
SafetensorsContent shard_content(const LanguageModel& model, std::span<const real> head = {});

// Adds config.json, the index and the manifest. `cut[s]` lists the blocks of shard s; the shards
// together have every block once. `files` are the shards and any other files of the model.
void complete_model(FolderReplacement& folder, const LanguageModelConfig& config,
                    std::span<const std::vector<int>> cut, std::vector<SavedFile> files,
                    const Metadata& state);

// Tensor -> file, from an index: names of files in the index's own folder.
using WeightMap = std::map<std::string, std::string>;
WeightMap weight_map_from_json(const nlohmann::json& index, const std::string& name);

// An open checkpoint. Before any weight is read, opening it verifies that its tensors and their
// shapes are exactly those of the configured model and, if there is a manifest, that no file is
// damaged.
class ModelCheckpoint {
 public:
  explicit ModelCheckpoint(const std::filesystem::path& folder);

  const LanguageModelConfig& config() const { return config_; }

  // The manifest's facts about the model; empty without a manifest.
  const Metadata& state() const { return manifest_.state; }

  // Throws InputError unless a model with this configuration can load the weights. It must equal
  // the checkpoint's, except for the number of positions if no weight depends on it.
  void require_fits(const LanguageModelConfig& config) const;

  // Reads only the blocks that the model has. Throws InputError if a weight is not finite.
  void load(LanguageModel& model);

 private:
  const SafetensorsFile& open(const std::string& name);
  void require_named(const std::string& file) const;
  void read_index();
  void check_tensors() const;
  // The name of the model's tensor in the files. For a tied tensor, the name of the other one.
  std::string name_in_files(const std::string& tensor) const;
  [[noreturn]] void refuse(const std::string& what) const;

  std::filesystem::path folder_;
  Manifest manifest_;  // empty if there is none
  LanguageModelConfig config_;
  std::optional<TensorInfo> tied_;
  std::map<std::string, SafetensorsFile> files_;  // by name in the folder
  WeightMap file_of_;
};

void load_model(const std::filesystem::path& folder, LanguageModel& model);

}  // namespace nn
