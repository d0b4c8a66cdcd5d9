#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "nn/llama.h"
#include "nn/safetensors.h"

// A LLaMA in a folder as Hugging Face has it: config.json, and the weights in model.safetensors or
// in shards, model-00001-of-00003.safetensors and so on, listed in model.safetensors.index.json.
// Files appear whole or not at all. What is wrong with a folder is an InputError.
namespace nn {

// The shape of the model. A field that is missing, is not what it should be or asks for more than
// our LLaMA can (rotary scaling, biases, tied embeddings, ...) is named.
LlamaConfig read_config(const std::filesystem::path& folder);
// The same from the JSON in it; complaints call it `name`.
LlamaConfig config_from_json(const nlohmann::json& object, const std::string& name);
void write_config(const std::filesystem::path& folder, const LlamaConfig& config);

// A weight of the model, by its name in every file.
struct LlamaTensor {
  std::string name;
  Shape shape;
  int piece;  // as Llama counts them
};
// All of them, in the order of a whole model, without making one.
std::vector<LlamaTensor> llama_tensors(const LlamaConfig& config);

// Writes a whole model: config.json and model.safetensors.
void save_llama(const std::filesystem::path& folder, const Llama& model);

// Writes the pieces that this model has as shard `shard`, from 0, of `shards`.
void write_shard(const std::filesystem::path& folder, const Llama& model, int shard, int shards);

// Says what is in which shard, when all are there: cut[s] are the pieces of shard s, together every
// piece once. Removes what an earlier checkpoint of another cut would hide these shards with.
void write_index(const std::filesystem::path& folder, const LlamaConfig& config,
                 std::span<const std::vector<int>> cut);

// Tensor -> file, as an index says it: files of the index's own folder, wherever it is.
using WeightMap = std::map<std::string, std::string>;
WeightMap weight_map_from_json(const nlohmann::json& index, const std::string& name);

// An open checkpoint. That every tensor of the configured model is there, with its shape, and no
// other, is known before any weight is read.
class LlamaCheckpoint {
 public:
  explicit LlamaCheckpoint(const std::filesystem::path& folder);

  const LlamaConfig& config() const { return config_; }

  // Reads the pieces that the model has, no others. Its configuration must be the checkpoint's,
  // but for the context, on which no weight depends.
  void load(Llama& model);

 private:
  const SafetensorsFile& open(const std::string& name);
  void read_index();
  void check_tensors() const;
  [[noreturn]] void refuse(const std::string& what) const;

  std::filesystem::path folder_;
  LlamaConfig config_;
  std::map<std::string, SafetensorsFile> files_;  // by name in the folder
  WeightMap file_of_;
};

void load_llama(const std::filesystem::path& folder, Llama& model);

}  // namespace nn
