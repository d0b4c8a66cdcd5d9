#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/nn/saved_llama.h"
#include "tools/program/temporary_folder.h"

namespace tests {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nn::InputError, nn::LanguageModel, nn::LanguageModelConfig;

json read_json(const fs::path& file) { return json::parse(nn::read_file(file)); }

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

TEST_CASE("missing and unsupported fields of config.json are named") {
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

TEST_CASE("bytes that are not a config.json are refused") {
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

// The complaint about a checkpoint of `small` whose file has these tensors.
std::string complaint_about(const std::vector<nn::TensorInfo>& tensors) {
  const tools::TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  write_config(folder, small);
  nn::Parameters parameters;
  for (const nn::TensorInfo& tensor : tensors) parameters.add(tensor.name, tensor.shape);
  nn::write_safetensors(folder / "model.safetensors", parameters);
  return complaint(folder);
}

TEST_CASE("a missing, misshapen or unknown tensor is named") {
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

TEST_CASE("an index cannot lead out of its folder or name missing tensors") {
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

}  // namespace tests
