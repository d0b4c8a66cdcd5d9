#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/nn/saved_llama.h"
#include "tools/program/temporary_folder.h"

namespace tests {

namespace {

namespace fs = std::filesystem;
using nn::InputError, nn::LanguageModel, nn::LanguageModelConfig, nn::ModelCheckpoint, nn::real;

TEST_CASE("a model survives saving and loading") {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  const LanguageModel saved(small, 1);
  nn::save_model(folder, saved);
  CHECK(nn::read_config(folder) == small);
  LanguageModel loaded(small, 2);
  nn::load_model(folder, loaded);
  CHECK(is_equal(loaded, saved));
  const auto whole = nn::read_safetensors(folder / "model.safetensors");
  CHECK(whole.metadata == nn::Metadata{{"format", "pt"}});
}

TEST_CASE("shards written by separate ranks are one model, for any other cut") {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  save_shards(folder, small, three, 1);
  CHECK(fs::exists(folder / "model-00002-of-00003.safetensors"));
  const auto index = nlohmann::json::parse(nn::read_file(folder / "model.safetensors.index.json"));
  CHECK(index["metadata"]["total_size"] ==
        LanguageModel(small).parameters().size() * static_cast<int>(sizeof(real)));
  CHECK(index["weight_map"]["model.layers.1.mlp.up_proj.weight"] ==
        "model-00002-of-00003.safetensors");

  const LanguageModel saved(small, 1);
  LanguageModel whole(small, 2);
  nn::load_model(folder, whole);
  CHECK(is_equal(whole, saved));
  for (const Cut& cut : {Cut{{0, 1}, {2}, {3, 4}}, {{0}, {1, 2, 3, 4}}, {{4, 0}, {3, 1, 2}}})
    for (const std::vector<int>& blocks : cut) {
      LanguageModel part(small, blocks, 2);
      nn::load_model(folder, part);
      CHECK(is_equal(part, LanguageModel(small, blocks, 1)));
    }
}

TEST_CASE("only the model's own blocks are read from a file") {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  nn::save_model(folder, LanguageModel(small, 1));
  ModelCheckpoint checkpoint(folder);
  // Once the header is read, the file is cut after the embedding, its first block.
  const auto size = fs::file_size(folder / "model.safetensors");
  const LanguageModel embedding(small, std::vector{0}, 1);
  const auto others =
      (LanguageModel(small).parameters().size() - embedding.parameters().size()) * sizeof(real);
  fs::resize_file(folder / "model.safetensors", size - others);
  LanguageModel first(small, std::vector{0}, 2), second(small, std::vector{1}, 2);
  checkpoint.load(first);
  CHECK(is_equal(first, embedding));
  CHECK_THROWS_AS(checkpoint.load(second), InputError);
}

TEST_CASE("a new checkpoint is not hidden by an earlier one of another cut") {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  LanguageModel loaded(small, 9);
  const auto holds = [&](int seed) {
    nn::load_model(folder, loaded);
    return is_equal(loaded, LanguageModel(small, seed));
  };
  nn::save_model(folder, LanguageModel(small, 1));
  save_shards(folder, small, three, 2);
  CHECK(holds(2));
  save_shards(folder, small, {{0, 1, 2, 3}, {4}}, 3);
  CHECK(holds(3));
  nn::save_model(folder, LanguageModel(small, 4));
  CHECK(holds(4));
}

TEST_CASE("a save removes the previous model's files, and no others") {
  const tools::TemporaryFolder temporary;
  const fs::path folder = temporary.path / "model";
  save_shards(folder, small, three, 1);
  for (const char* mine : {"model-backup.safetensors", "model-1-of-2.safetensors", "notes.md"})
    nn::write_file_atomically(folder / mine, "mine");
  nn::save_model(folder, LanguageModel(small, 2));
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.insert(entry.path().filename().string());
  CHECK(names == std::set<std::string>{"config.json", "manifest.txt", "model.safetensors",
                                       "model-backup.safetensors", "model-1-of-2.safetensors",
                                       "notes.md"});
}

TEST_CASE("blocks that do not make up one model are not saved") {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  nn::save_model(folder / "model", LanguageModel(small, 1));
  for (const Cut& cut :
       {Cut{{0, 1}, {2, 3}}, {{0, 1, 2}, {2, 3, 4}}, {{0, 1, 2, 3, 4, 5}}, {}, {{-1}}}) {
    nn::FolderReplacement files = nn::model_replacement(folder / "model");
    CHECK_THROWS_AS(nn::complete_model(files, small, cut, {}, {}), nn::Error);
  }
  CHECK_THROWS_AS(nn::shard_name(3, 3), nn::Error);
  CHECK(complaint(folder / "model") == "nothing");
}

TEST_CASE("a saved model says what made it") {
  const tools::TemporaryFolder temporary;
  nn::save_model(temporary.path / "a", LanguageModel(small), {{"step", "7"}});
  CHECK(ModelCheckpoint(temporary.path / "a").state() == nn::Metadata{{"step", "7"}});
  as_foreign(temporary.path / "a");
  CHECK(ModelCheckpoint(temporary.path / "a").state().empty());
}

TEST_CASE("a model with any file changed is refused until its manifest is removed") {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  save_shards(folder / "new", small, three, 2);
  for (const auto& entry : fs::directory_iterator(folder / "new")) {
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    const fs::path mixed = folder / ("with-other-" + name);
    save_shards(mixed, small, three, 1);
    std::string content = nn::read_file(mixed / name);
    content.back() ^= 1;
    nn::write_file_atomically(mixed / name, content);
    check_complaint(mixed, (mixed / name).string() + " is damaged");
    fs::remove(mixed / name);
    if (name != "manifest.txt") check_complaint(mixed, name + " is damaged: it is missing");
  }
  save_shards(folder / "edited", small, three, 1);
  LanguageModelConfig longer = small;
  longer.max_positions = 100;
  write_config(folder / "edited", longer);
  check_complaint(folder / "edited", "config.json is damaged");
  as_foreign(folder / "edited");
  CHECK(ModelCheckpoint(folder / "edited").config().max_positions == 100);
}

TEST_CASE("a file added later is not taken for a part of the model") {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  save_shards(folder / "shards", small, three, 1);
  nn::save_model(folder / "whole", LanguageModel(small, 2));
  fs::copy(folder / "whole" / "model.safetensors", folder / "shards");
  check_complaint(folder / "shards", "model.safetensors is not listed in manifest.txt");
  nn::write_file_atomically(folder / "whole" / "notes.md", "of no weight");
  check_complaint(folder / "whole", "nothing");
}

TEST_CASE("a weight that is not finite is not loaded") {
  for (const real bad :
       {std::numeric_limits<real>::quiet_NaN(), -std::numeric_limits<real>::infinity()}) {
    const tools::TemporaryFolder temporary;
    LanguageModel spoiled(small, 1), loaded(small, 2);
    spoiled.parameters().values().back() = bad;
    nn::save_model(temporary.path, spoiled);
    CHECK(contains(complaint_of([&] { nn::load_model(temporary.path, loaded); }),
                   "lm_head.weight is not finite"));
  }
}

}  // namespace

}  // namespace tests
