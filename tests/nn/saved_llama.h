#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "nn/base/file.h"
#include "nn/files/checkpoint.h"
#include "nn/models/config.h"
#include "nn/models/hugging_face.h"
#include "tests/complaint.h"

// A small LLaMA in a folder, whole or in shards, and complaints about such a folder.
namespace tests {

inline const nn::LanguageModelConfig small{23, 16, 3, 4, 2, 20, 8, 1000, 1e-5};
using Cut = std::vector<std::vector<int>>;
inline const Cut three{{0, 1}, {2}, {3, 4}};

inline bool is_equal(const nn::LanguageModel& a, const nn::LanguageModel& b) {
  return std::ranges::equal(a.parameters().values(), b.parameters().values());
}

// As the ranks of a pipeline would write it.
inline void save_shards(const std::filesystem::path& folder, const nn::LanguageModelConfig& config,
                        const Cut& cut, int seed) {
  nn::FolderReplacement files = nn::model_replacement(folder);
  const int shards = static_cast<int>(cut.size());
  std::vector<nn::SavedFile> saved;
  for (int shard = 0; shard < shards; ++shard) {
    const nn::LanguageModel part(config, cut[shard], seed);
    saved.push_back(files.write(nn::shard_name(shard, shards), nn::shard_content(part).parts()));
  }
  nn::complete_model(files, config, cut, saved, {});
}

// The same without a manifest, like models of other programs: its files may change.
inline void as_foreign(const std::filesystem::path& folder) {
  std::filesystem::remove(folder / "manifest.txt");
}

inline void write_config(const std::filesystem::path& folder,
                         const nn::LanguageModelConfig& config) {
  nn::write_file_atomically(folder / "config.json", nn::config_text(config));
}

// The complaint about a folder, which must be one line and have a hint.
inline std::string complaint(const std::filesystem::path& folder) {
  return complaint_of([&] { nn::ModelCheckpoint checkpoint(folder); });
}

inline void check_complaint(const std::filesystem::path& folder, const std::string& words) {
  const std::string message = complaint(folder);
  CAPTURE(message);
  CAPTURE(words);
  CHECK(message.find(words) != message.npos);
}

}  // namespace tests
