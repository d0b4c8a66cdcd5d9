#include "nn/models/hugging_face.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/json.h"
#include "nn/base/storage.h"
#include "nn/files/checkpoint.h"
#include "nn/files/folder_replacement.h"
#include "nn/files/manifest.h"
#include "nn/files/safetensors.h"
#include "nn/models/config.h"
#include "nn/models/language_model.h"
#include "nn/optimizer.h"
#include "nn/parameters.h"
#include "nn/real.h"
#include "nn/tensor.h"

namespace nn {

namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr const char* whole_file = "model.safetensors";
constexpr const char* index_file = "model.safetensors.index.json";
constexpr const char* config_file = "config.json";
constexpr const char* tokenizer_file = "tokenizer.json";
constexpr const char* index_hint =
    "check that it is the complete index of a Hugging Face checkpoint";

// Files that a save may remove with the old model: those with names that a save itself uses.
bool is_model_file(const std::string& name) {
  constexpr std::string_view shard = "model-00000-of-00000.safetensors";
  const auto fits = [](char wanted, char found) {
    return wanted == '0' ? found >= '0' && found <= '9' : wanted == found;
  };
  return name == config_file || name == tokenizer_file || name == index_file ||
         name == whole_file || std::ranges::equal(shard, name, fits);
}

Manifest manifest_of(const fs::path& folder) {
  std::error_code error;
  const auto status = fs::symlink_status(folder / manifest_name, error);
  return fs::exists(status) ? read_manifest(folder) : Manifest{};
}

// The index: which tensor is in which shard.
std::string index_text(const LanguageModelConfig& config, std::span<const int> shard_of,
                       int shards) {
  index numbers = 0;
  ordered_json weight_map;
  for (const TensorInfo& tensor : tensors_of(config)) {
    if (!tensor.tied_to.empty()) continue;
    weight_map[tensor.name] = shard_name(shard_of[tensor.block], shards);
    numbers += tensor.shape.size();
  }
  const ordered_json content{
      {"metadata",
       {{"total_parameters", numbers}, {"total_size", numbers * static_cast<index>(sizeof(real))}}},
      {"weight_map", weight_map}};
  return content.dump(2) + '\n';
}

}  // namespace

void save_model(const fs::path& folder, const LanguageModel& model, const Metadata& state) {
  const std::vector<int> blocks = all_blocks(model.config());
  FolderReplacement files = model_replacement(folder);
  const SavedFile weights = files.write(shard_name(0, 1), shard_content(model).parts());
  complete_model(files, model.config(), {&blocks, 1}, {weights}, state);
}

FolderReplacement model_replacement(const fs::path& folder, std::shared_ptr<Storage> storage) {
  return FolderReplacement(folder, is_model_file, std::move(storage));
}

std::string shard_name(int shard, int shards) {
  require(shard >= 0 && shard < shards, "model: there is no shard ", shard, " of ", shards);
  if (shards == 1) return whole_file;
  char name[64];
  std::snprintf(name, sizeof name, "model-%05d-of-%05d.safetensors", shard + 1, shards);
  return name;
}

// transformers refuses files that do not name the framework of their layout.
SafetensorsContent shard_content(const LanguageModel& model, std::span<const real> head) {
  const LanguageModelConfig& config = model.config();
  const std::optional<TensorInfo> tied = tied_tensor(model.config());
  std::vector<SavedTensor> tensors;
  for (const auto& [name, shape, offset] : model.parameters().infos())
    if (model.rows() && offset == model.range(model.rows_block()).offset) {
      if (!head.empty()) tensors.push_back({name, {config.vocab_size, config.hidden_size}, head});
    } else if (!tied || name != tied->name)
      tensors.push_back({name, shape, model.parameters().values().subspan(offset, shape.size())});
  return SafetensorsContent(tensors, {{"format", "pt"}});
}

void complete_model(FolderReplacement& folder, const LanguageModelConfig& config,
                    std::span<const std::vector<int>> cut, std::vector<SavedFile> files,
                    const Metadata& state) {
  const int shards = static_cast<int>(cut.size());
  std::vector<int> shard_of(config.layers + 2, -1);
  for (int shard = 0; shard < shards; ++shard)
    for (int block : cut[shard]) {
      require(block >= 0 && block < config.layers + 2 && shard_of[block] < 0, "model: block ",
              block, " does not exist or is in two shards");
      shard_of[block] = shard;
    }
  require(std::ranges::count(shard_of, -1) == 0, "model: a block is in no shard");
  if (shards > 1) files.push_back(folder.write(index_file, index_text(config, shard_of, shards)));
  files.push_back(folder.write(config_file, config_text(config)));
  folder.complete(files, state);
}

WeightMap weight_map_from_json(const nlohmann::json& index, const std::string& name) {
  const auto check = [&](bool holds, const auto&... parts) {
    if (!holds) throw InputError(concat(name, ": ", parts...), index_hint);
  };
  const auto found = index.find("weight_map");
  check(found != index.end() && found->is_object(), "there is no weight_map");
  WeightMap map;
  for (const auto& [tensor, file] : found->items()) {
    check(file.is_string(), "it names no file for ", json_quote(tensor));
    const auto file_name = file.get<std::string>();
    check(file_name == fs::path(file_name).filename() && file_name.ends_with(".safetensors") &&
              file_name.find('\0') == file_name.npos,
          "it puts ", json_quote(tensor), " into ", json_quote(file_name),
          ", which is not a safetensors file in this folder");
    map[tensor] = file_name;
  }
  return map;
}

ModelCheckpoint::ModelCheckpoint(const fs::path& folder)
    : folder_(folder),
      manifest_(manifest_of(folder)),
      config_(read_config(folder)),
      tied_(tied_tensor(config_)) {
  require_named(config_file);
  // Like transformers, prefer the single file.
  std::error_code error;
  if (fs::exists(folder / whole_file, error) || !fs::exists(folder / index_file, error))
    for (const auto& [name, entry] : open(whole_file).entries()) file_of_[name] = whole_file;
  else
    read_index();
  check_tensors();
}

const SafetensorsFile& ModelCheckpoint::open(const std::string& name) {
  const auto found = files_.find(name);
  if (found != files_.end()) return found->second;
  require_named(name);
  return files_.emplace(name, folder_ / name).first->second;
}

// A manifest vouches only for the files that it names.
void ModelCheckpoint::require_named(const std::string& file) const {
  if (!manifest_.files.empty() &&
      std::ranges::find(manifest_.files, file, &SavedFile::name) == manifest_.files.end())
    throw InputError(concat((folder_ / file).string(), " is not listed in manifest.txt"),
                     "it was added later: remove it, or manifest.txt if it belongs to the model");
}

void ModelCheckpoint::read_index() {
  require_named(index_file);
  const fs::path path = folder_ / index_file;
  file_of_ = weight_map_from_json(read_json_object(path, index_hint), path.string());
  for (const auto& [name, file] : file_of_)
    if (!open(file).entries().contains(name))
      refuse(concat(file, " lacks the tensor ", json_quote(name), ", which the index lists"));
  for (const auto& [file_name, file] : files_)
    for (const auto& [name, entry] : file.entries())
      if (!file_of_.contains(name) || file_of_.at(name) != file_name)
        refuse(concat(file_name, " has a tensor ", json_quote(name),
                      ", which the index does not list"));
}

void ModelCheckpoint::refuse(const std::string& what) const {
  throw InputError(
      concat(folder_.string(), ": ", what),
      "the checkpoint has another shape, or some of its files belong to another checkpoint");
}

void ModelCheckpoint::check_tensors() const {
  // A configuration may claim any number of layers: list their tensors only if it is plausible.
  if (config_.layers > static_cast<index>(file_of_.size()))
    refuse(concat("config.json has ", config_.layers, " layers, but the files have only ",
                  file_of_.size(), " tensors"));
  WeightMap left = file_of_;
  for (const TensorInfo& tensor : tensors_of(config_)) {
    const std::string name = name_in_files(tensor.name);
    const auto found = file_of_.find(name);
    if (found == file_of_.end()) refuse("there is no tensor " + name);
    const Shape& shape = files_.at(found->second).entries().at(name).shape;
    if (shape != tensor.shape)
      refuse(concat(name, " has shape ", shape, ", but config.json requires ", tensor.shape));
    left.erase(name);
    left.erase(tensor.name);  // the copy of a tied tensor, which old files contain
  }
  for (const auto& [name, file] : left)
    if (!config_.kind().is_ignored(name))
      refuse(concat("a ", config_.kind().name, " of this config.json has no tensor ",
                    json_quote(name)));
}

std::string ModelCheckpoint::name_in_files(const std::string& tensor) const {
  const std::string_view prefix = config_.kind().prefix;
  std::string name = tied_ && tensor == tied_->name ? tied_->tied_to : tensor;
  if (!prefix.empty() && name.starts_with(prefix) && !file_of_.contains(name))
    name.erase(0, prefix.size());
  return name;
}

void ModelCheckpoint::require_fits(const LanguageModelConfig& wanted) const {
  const auto check = [&](const char* field, auto LanguageModelConfig::*member) {
    if (config_.*member != wanted.*member)
      refuse(concat("its ", field, " is ", config_.*member, ", the model's is ", wanted.*member));
  };
  if (&config_.kind() != &wanted.kind())
    refuse(concat("it is a ", config_.kind().name, ", the model a ", wanted.kind().name));
  check("vocab_size", &LanguageModelConfig::vocab_size);
  check("hidden_size", &LanguageModelConfig::hidden_size);
  check("num_hidden_layers", &LanguageModelConfig::layers);
  check("num_attention_heads", &LanguageModelConfig::heads);
  check("num_key_value_heads", &LanguageModelConfig::key_value_heads);
  check("intermediate_size", &LanguageModelConfig::intermediate_size);
  if (config_.kind().has_position_table)
    check("max_positions", &LanguageModelConfig::max_positions);
  check("rope_theta", &LanguageModelConfig::theta);
  check("rms_norm_eps", &LanguageModelConfig::epsilon);
}

void ModelCheckpoint::load(LanguageModel& model) {
  require_fits(model.config());
  Parameters& parameters = model.parameters();
  for (const ParameterInfo& info : parameters.infos()) {
    const std::string name = name_in_files(info.name);
    SafetensorsFile& file = files_.at(file_of_.at(name));
    const auto numbers = parameters.values().subspan(info.offset, info.shape.size());
    const SafetensorsFile::Entry& entry = file.entries().at(name);
    if (model.rows() && info.offset == model.range(model.rows_block()).offset) {
      std::vector<real> all(entry.shape.size());
      file.read(entry, all);
      std::copy_n(all.begin() + model.rows()->first * info.shape.columns(), numbers.size(),
                  numbers.begin());
    } else {
      file.read(entry, numbers);
    }
    if (!all_finite(numbers))
      throw InputError(concat(file.name(), ": ", name, " is not finite"),
                       "the model diverged: use an earlier checkpoint");
  }
}

void load_model(const fs::path& folder, LanguageModel& model) {
  ModelCheckpoint(folder).load(model);
}

}  // namespace nn
