#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "nn/base/file.h"
#include "nn/files/checkpoint.h"
#include "nn/models/config.h"
#include "nn/models/hugging_face.h"
#include "tests/complaint.h"
#include "tools/program/temporary_folder.h"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nn::InputError, nn::LanguageModel, nn::ModelCheckpoint, nn::LanguageModelConfig, nn::real;

const LanguageModelConfig small{23, 16, 3, 4, 2, 20, 8, 1000, 1e-5};
using Cut = std::vector<std::vector<int>>;
const Cut three{{0, 1}, {2}, {3, 4}};

bool is_equal(const LanguageModel& a, const LanguageModel& b) {
  return std::ranges::equal(a.parameters().values(), b.parameters().values());
}

// As the ranks of a pipeline would write it.
void save_shards(const fs::path& folder, const LanguageModelConfig& config, const Cut& cut,
                 int seed) {
  nn::FolderReplacement files = nn::model_replacement(folder);
  const int shards = static_cast<int>(cut.size());
  std::vector<nn::SavedFile> saved;
  for (int shard = 0; shard < shards; ++shard) {
    const LanguageModel part(config, cut[shard], seed);
    saved.push_back(files.write(nn::shard_name(shard, shards), nn::shard_content(part).parts()));
  }
  nn::complete_model(files, config, cut, saved, {});
}

// The same without a manifest, as others write their models and as we did: its files may change.
void as_foreign(const fs::path& folder) { fs::remove(folder / "manifest.txt"); }

void write_config(const fs::path& folder, const LanguageModelConfig& config) {
  nn::write_file_atomically(folder / "config.json", nn::config_text(config));
}

// What is said about a folder; there must be a hint, and one line.
std::string complaint(const fs::path& folder) {
  return complaint_of([&] { ModelCheckpoint checkpoint(folder); });
}

void check_complaint(const fs::path& folder, const std::string& words) {
  const std::string message = complaint(folder);
  CAPTURE(message);
  CAPTURE(words);
  CHECK(message.find(words) != message.npos);
}

json read_json(const fs::path& file) { return json::parse(nn::read_file(file)); }

TEST_CASE("a model survives the way to a folder and back") {
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

TEST_CASE("shards that ranks wrote by themselves are one model, for any other cut") {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  save_shards(folder, small, three, 1);
  CHECK(fs::exists(folder / "model-00002-of-00003.safetensors"));
  const json index = read_json(folder / "model.safetensors.index.json");
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

TEST_CASE("of a file only the blocks of a model are read") {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  nn::save_model(folder, LanguageModel(small, 1));
  ModelCheckpoint checkpoint(folder);
  // Once the header is known the file is cut behind the embedding, the first block in it.
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

TEST_CASE("a save removes the files of the model before, and no others") {
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

TEST_CASE("blocks that do not make one model are not saved") {
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

TEST_CASE("a model says what made it") {
  const tools::TemporaryFolder temporary;
  nn::save_model(temporary.path / "a", LanguageModel(small), {{"step", "7"}});
  CHECK(ModelCheckpoint(temporary.path / "a").state() == nn::Metadata{{"step", "7"}});
  as_foreign(temporary.path / "a");
  CHECK(ModelCheckpoint(temporary.path / "a").state().empty());
}

TEST_CASE("a model of which any file changed is refused, until its manifest is removed") {
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

TEST_CASE("a file that came after the model is not taken for a part of it") {
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

TEST_CASE("old and new spellings of config.json are read") {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  const auto read = [&](const char* text) {
    nn::write_file_atomically(folder / "config.json", text);
    return nn::read_config(folder);
  };
  const LanguageModelConfig expected{100, 32, 2, 4, 4, 48, 2048, 10000, 1e-6};
  CHECK(read(R"({"model_type":"llama","vocab_size":100,"hidden_size":32,"num_hidden_layers":2,
                 "num_attention_heads":4,"intermediate_size":48})") == expected);
  LanguageModelConfig other{100, 32, 2, 4, 2, 48, 64, 500, 1e-5};
  CHECK(read(R"({"architectures":["LlamaForCausalLM"],"model_type":"llama","vocab_size":100,
                 "hidden_size":32,"num_hidden_layers":2,"num_attention_heads":4,"head_dim":8,
                 "num_key_value_heads":2,"intermediate_size":48,"max_position_embeddings":64,
                 "rope_theta":500.0,"rope_scaling":null,"rms_norm_eps":1e-5,"hidden_act":"silu",
                 "attention_bias":false,"tie_word_embeddings":false,"torch_dtype":"float16"})") ==
        other);
  CHECK(read(R"({"model_type":"llama","vocab_size":100,"hidden_size":32,"num_hidden_layers":2,
                 "num_attention_heads":4,"num_key_value_heads":2,"intermediate_size":48,
                 "max_position_embeddings":64,"rms_norm_eps":1e-5,"dtype":"float32",
                 "rope_parameters":{"rope_theta":500,"rope_type":"default"}})") == other);
}

TEST_CASE("what config.json lacks or asks for in vain is named") {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  nn::save_model(folder, LanguageModel(small));
  as_foreign(folder);
  const json good = read_json(folder / "config.json");
  const auto refuses = [&](const char* field, const json& value, const std::string& words) {
    json config = good;
    config[field] = value;
    nn::write_file_atomically(folder / "config.json", config.dump());
    check_complaint(folder, words);
  };
  refuses("vocab_size", 23, "nothing");
  for (const char* field : {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
                            "intermediate_size", "model_type"})
    refuses(field, nullptr, std::string(field) + " is missing");
  for (const char* field : {"vocab_size", "num_key_value_heads", "max_position_embeddings"})
    for (const json& value : {json(0), json(-1), json(1.5), json("4"), json(1e300), json::array(),
                              json(std::uint64_t{1} << 31), json(~std::uint64_t{0})})
      refuses(field, value, std::string(field) + " is " + value.dump());
  for (const json& value : {json(0), json(-1.5), json("x"), json(true)}) {
    refuses("rope_theta", value, "rope_theta is");
    refuses("rms_norm_eps", value, "rms_norm_eps is");
    refuses("rope_parameters", {{"rope_theta", value}}, "rope_parameters: rope_theta is");
  }
  refuses("model_type", "mistral", "model_type is \"mistral\"");
  refuses("hidden_act", "gelu", "hidden_act is \"gelu\"");
  refuses("attention_bias", true, "attention_bias is true");
  refuses("mlp_bias", true, "mlp_bias is true");
  refuses("tie_word_embeddings", true, "tie_word_embeddings is true");
  refuses("quantization_config", json::object(), "quantization_config is {}");
  refuses("rope_scaling", {{"type", "linear"}, {"factor", 2.0}}, "rope_scaling: type is");
  refuses("rope_scaling", {{"rope_type", "llama3"}}, "rope_scaling: rope_type is \"llama3\"");
  refuses("rope_parameters", {{"rope_type", "yarn"}}, "rope_parameters: rope_type is \"yarn\"");
  refuses("rope_parameters", 3, "rope_parameters is 3");
  refuses("head_dim", 8, "head_dim is 8");
  refuses("num_attention_heads", 3, "3 heads do not divide");
  refuses("num_key_value_heads", 3, "cannot share 3");
  refuses("hidden_act", std::string(1000, 'x'), "xxx...");
}

TEST_CASE("bytes that are no config.json are refused") {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  check_complaint(folder, "config.json");
  check_complaint(folder / "there-is-none", "config.json");
  nn::save_model(folder, LanguageModel(small));
  as_foreign(folder);
  const std::string whole = nn::read_file(folder / "config.json");
  for (std::size_t size = 0; size + 2 < whole.size(); ++size) {
    CAPTURE(size);
    nn::write_file_atomically(folder / "config.json", whole.substr(0, size));
    CHECK_THROWS_AS(nn::read_config(folder), InputError);
  }
  for (const std::string& text :
       {std::string("[]"), std::string("3"), std::string("{}"), whole + "x", whole + '\0',
        std::string(R"({"model_type":"llama","model_type":"llama"})"),
        "{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}"}) {
    nn::write_file_atomically(folder / "config.json", text);
    CHECK(complaint(folder).find("config.json") != std::string::npos);
  }
  fs::remove(folder / "config.json");
  fs::create_directory(folder / "config.json");
  check_complaint(folder, "config.json");
}

// What is said about a checkpoint of `small` whose file has these tensors.
std::string complaint_about(const std::vector<nn::TensorInfo>& tensors) {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  write_config(folder, small);
  nn::Parameters parameters;
  for (const nn::TensorInfo& tensor : tensors) parameters.add(tensor.name, tensor.shape);
  nn::write_safetensors(folder / "model.safetensors", parameters);
  return complaint(folder);
}

TEST_CASE("a tensor that is missing, misshapen or not of the model is named") {
  const auto all = nn::tensors_of(small);
  CHECK(complaint_about(all) == "nothing");
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(all[i].name);
    auto wrong = all;
    wrong[i].shape = {3, 5};
    CHECK(complaint_about(wrong).find(all[i].name + " has shape [3, 5]") != std::string::npos);
    wrong.erase(wrong.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK(complaint_about(wrong).find("no tensor " + all[i].name) != std::string::npos);
  }
  const auto with = [&](const char* name) {
    auto more = all;
    more.push_back({name, {2}, 0});
    return complaint_about(more);
  };
  for (const char* extra :
       {"model.layers.3.input_layernorm.weight", "model.layers.0.self_attn.q_proj.bias"})
    CHECK(with(extra).find(nn::concat("no tensor \"", extra, '"')) != std::string::npos);
  CHECK(with("model.layers.0.self_attn.rotary_emb.inv_freq") == "nothing");
}

TEST_CASE("a model of another shape is refused and not touched") {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  nn::save_model(folder, LanguageModel(small, 1));
  const auto refuses = [&](const char* field, auto change) {
    LanguageModelConfig config = small;
    change(config);
    LanguageModel model(config, std::vector{0}, 2);
    CAPTURE(field);
    CHECK(contains(complaint_of([&] { nn::load_model(folder, model); }), field));
    CHECK(is_equal(model, LanguageModel(config, std::vector{0}, 2)));
  };
  refuses("vocab_size", [](LanguageModelConfig& c) { c.vocab_size = 24; });
  refuses("hidden_size", [](LanguageModelConfig& c) { c.hidden_size = 32; });
  refuses("num_hidden_layers", [](LanguageModelConfig& c) { c.layers = 2; });
  refuses("num_attention_heads", [](LanguageModelConfig& c) { c.heads = 2; });
  refuses("num_key_value_heads", [](LanguageModelConfig& c) { c.key_value_heads = 1; });
  refuses("intermediate_size", [](LanguageModelConfig& c) { c.intermediate_size = 24; });
  refuses("rope_theta", [](LanguageModelConfig& c) { c.theta = 10000; });
  refuses("rms_norm_eps", [](LanguageModelConfig& c) { c.epsilon = 1e-6; });
  LanguageModelConfig longer = small;
  longer.max_positions = 100;
  LanguageModel model(longer, 2);
  nn::load_model(folder, model);  // no weight depends on the context
  CHECK(is_equal(model, LanguageModel(small, 1)));
}

TEST_CASE("a config.json that claims more than the files hold takes no memory") {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  nn::save_model(folder, LanguageModel(small));
  as_foreign(folder);
  const json good = read_json(folder / "config.json");
  for (const char* field : {"num_hidden_layers", "vocab_size", "intermediate_size"}) {
    json config = good;
    config[field] = 1 << 30;
    nn::write_file_atomically(folder / "config.json", config.dump());
    CHECK(complaint(folder) != "nothing");
  }
}

TEST_CASE("an index cannot lead out of its folder or promise what is not there") {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  save_shards(folder, small, three, 1);
  as_foreign(folder);
  const fs::path file = folder / "model.safetensors.index.json";
  const json good = read_json(file);
  const std::string name = "model.norm.weight";
  const auto refuses = [&](const json& shard, const std::string& words) {
    json index = good;
    index["weight_map"][name] = shard;
    nn::write_file_atomically(file, index.dump());
    check_complaint(folder, words);
  };
  refuses(good["weight_map"][name], "nothing");
  for (const char* outside :
       {"../model-00003-of-00003.safetensors", "/etc/passwd", "", ".", "..", "a/../b.safetensors",
        "./model-00003-of-00003.safetensors", "model/", "config.json"})
    refuses(outside, "not a safetensors file in this folder");
  refuses(std::string("model-00003-of-00003.safetensors\0.safetensors", 45),
          "not a safetensors file in this folder");
  refuses(3, "names no file for \"model.norm.weight\"");
  refuses(nullptr, "names no file for \"model.norm.weight\"");
  refuses("model-00004-of-00004.safetensors", "model-00004-of-00004.safetensors");
  refuses("model-00001-of-00003.safetensors", "lacks the tensor \"model.norm.weight\"");

  json index = good;
  index["weight_map"].erase(name);
  nn::write_file_atomically(file, index.dump());
  check_complaint(folder, "a tensor \"model.norm.weight\", which the index does not list");
  index["weight_map"] = 3;
  nn::write_file_atomically(file, index.dump());
  check_complaint(folder, "no weight_map");
  nn::write_file_atomically(file, "{}");
  check_complaint(folder, "no weight_map");
  const std::string whole = good.dump();
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    nn::write_file_atomically(file, whole.substr(0, size));
    CHECK(complaint(folder) != "nothing");
  }
  fs::remove(file);
  check_complaint(folder, "model.safetensors");
}

TEST_CASE("shards of two checkpoints do not go together") {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  save_shards(folder, small, three, 1);
  as_foreign(folder);
  const auto overwrite = [&](const LanguageModelConfig& config, int blocks) {
    const LanguageModel part(config, three[blocks]);
    nn::write_file_atomically(folder / nn::shard_name(1, 3), nn::shard_content(part).parts());
  };
  LanguageModelConfig wider = small;
  wider.intermediate_size = 24;
  overwrite(wider, 1);
  check_complaint(folder, "model.layers.1.mlp.gate_proj.weight has shape [24, 16]");
  overwrite(small, 2);
  check_complaint(folder, "model-00002-of-00003.safetensors");
}

}  // namespace
