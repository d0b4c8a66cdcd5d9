#include <doctest/doctest.h>

#include "nn/base/file.h"
#include "nn/files/checkpoint.h"
#include "nn/models/config.h"
#include "nn/models/hugging_face.h"
#include "tests/complaint.h"
#include "tests/nn/hugging_face_reference.h"
#include "tools/program/temporary_folder.h"

namespace {

namespace fs = std::filesystem;
using nn::LanguageModel, nn::LanguageModelConfig, nn::real;

const fs::path golden = "tests/golden/gpt2";
const std::string tied = "transformer.wte.weight", copy_of_tied = "lm_head.weight";

LanguageModelConfig small_gpt2() {
  return {.vocab_size = 29,
          .hidden_size = 12,
          .layers = 3,
          .heads = 3,
          .key_value_heads = 3,
          .intermediate_size = 20,
          .max_positions = 9,
          .epsilon = 1e-5,
          .family = nn::find_family("gpt2")};
}

std::span<const real> values_of(const nn::Parameters& parameters, std::string_view name) {
  const auto* found = parameters.find(name);
  REQUIRE(found != nullptr);
  return parameters.values().subspan(found->offset, found->shape.size());
}

}  // namespace

TEST_CASE("logits, loss and every gradient of a GPT-2 are those of Hugging Face's model") {
  tests::check_reference((golden / "tiny").string(),
                         {.vocab_size = 53,
                          .hidden_size = 24,
                          .layers = 2,
                          .heads = 4,
                          .key_value_heads = 4,
                          .intermediate_size = 40,
                          .max_positions = 12,
                          .epsilon = 1e-5,
                          .family = nn::find_family("gpt2")},
                         sizeof(real) == 8 ? 1e-12 : 2e-5);
}

TEST_CASE("the list of tensors is that of a GPT-2, and the sizes of its blocks add up") {
  for (nn::index layers : {0, 1, 3}) {
    LanguageModelConfig config = small_gpt2();
    config.layers = layers;
    const LanguageModel model(config);
    const auto tensors = nn::tensors_of(config);
    REQUIRE(tensors.size() == model.parameters().infos().size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      CHECK(tensors[i].name == model.parameters().infos()[i].name);
      CHECK(tensors[i].shape == model.parameters().infos()[i].shape);
    }
    for (int block = 0; block <= model.head_block(); ++block)
      CHECK(nn::block_size(config, block) == static_cast<std::size_t>(model.range(block).size));
    CHECK(nn::model_size(config) == model.parameters().size());
  }
}

TEST_CASE("embedding and head start with the same weights, whichever stages hold them") {
  for (std::uint64_t seed : {0, 5}) {
    const LanguageModel whole(small_gpt2(), seed);
    const LanguageModel first(small_gpt2(), std::vector{0}, seed);
    const LanguageModel last(small_gpt2(), std::vector{3, 4}, seed);
    const auto expected = values_of(whole.parameters(), tied);
    CHECK(std::ranges::equal(values_of(whole.parameters(), copy_of_tied), expected));
    CHECK(std::ranges::equal(values_of(first.parameters(), tied), expected));
    CHECK(std::ranges::equal(values_of(last.parameters(), copy_of_tied), expected));
    CHECK(whole.tied_range(0)->size == 29 * 12);
    CHECK(!whole.tied_range(2));
    CHECK_THROWS_AS((void)first.tied_range(4), nn::Error);
  }
  CHECK(!LanguageModel(LanguageModelConfig{.vocab_size = 5, .layers = 0}).tied_range(0));
}

TEST_CASE("a saved GPT-2 holds the shared weights once, and is loaded again bit for bit") {
  const tools::TemporaryFolder temporary;
  const LanguageModel model(small_gpt2(), 3);
  nn::save_model(temporary.path / "model", model);
  CHECK(nn::read_config(temporary.path / "model") == small_gpt2());
  const nn::Checkpoint saved = nn::read_safetensors(temporary.path / "model" / "model.safetensors");
  CHECK(saved.tensors.contains(tied));
  CHECK(!saved.tensors.contains(copy_of_tied));
  CHECK(saved.tensors.size() + 1 == model.parameters().infos().size());
  LanguageModel again(small_gpt2(), 4);
  nn::load_model(temporary.path / "model", again);
  CHECK(std::ranges::equal(again.parameters().values(), model.parameters().values()));
  LanguageModel part(small_gpt2(), std::vector{4}, 4);  // without the block whose name is saved
  nn::load_model(temporary.path / "model", part);
  CHECK(std::ranges::equal(values_of(part.parameters(), copy_of_tied),
                           values_of(model.parameters(), tied)));
}

TEST_CASE("names without their prefix are read, and extra tensors of old files are ignored") {
  const tools::TemporaryFolder temporary;
  const LanguageModel model(small_gpt2(), 3);
  nn::save_model(temporary.path, model);
  nn::Checkpoint saved = nn::read_safetensors(temporary.path / "model.safetensors");
  fs::remove(temporary.path / "manifest.txt");
  const auto write = [&](bool has_prefix, const std::string& more) {
    std::vector<nn::SavedTensor> tensors;
    const std::vector<real> mask(4, 1);
    for (const auto& [name, tensor] : saved.tensors)
      tensors.push_back({has_prefix ? name : name.substr(12), tensor.shape(), tensor.span()});
    if (!more.empty()) tensors.push_back({more, {1, 1, 2, 2}, mask});
    const nn::SafetensorsContent content(tensors);
    std::string bytes;
    for (std::string_view part : content.parts()) bytes += part;
    nn::write_file_atomically(temporary.path / "model.safetensors", bytes);
  };
  for (bool has_prefix : {true, false})
    for (const std::string more : {"", "h.0.attn.bias", "h.2.attn.masked_bias"}) {
      write(has_prefix, more.empty() || !has_prefix ? more : "transformer." + more);
      LanguageModel again(small_gpt2(), 4);
      nn::load_model(temporary.path, again);
      CHECK(std::ranges::equal(again.parameters().values(), model.parameters().values()));
    }
  write(false, "h.9.ln_1.weight");
  CHECK(contains(complaint_of([&] { nn::ModelCheckpoint{temporary.path}; }),
                 "no tensor \"h.9.ln_1.weight\""));
}

TEST_CASE("a config.json of a GPT-2 that differs from ours is refused with the field") {
  const std::string text = nn::read_file(golden / "tiny" / "config.json");
  const auto refuses = [&](const std::string& from, const std::string& to, const std::string& why) {
    std::string changed = text;
    const std::size_t at = changed.find(from);
    REQUIRE(at != changed.npos);
    changed.replace(at, from.size(), to);
    const tools::TemporaryFolder temporary;
    nn::write_file_atomically(temporary.path / "config.json", changed);
    CHECK(contains(complaint_of([&] { nn::read_config(temporary.path); }), why));
  };
  refuses("\"gelu_new\"", "\"relu\"", "activation_function is \"relu\"");
  refuses("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false", "tie_word_embeddings");
  refuses("\"n_head\": 4", "\"n_head\": 5", "5 heads do not divide the hidden size 24");
  refuses("\"model_type\": \"gpt2\"", "\"model_type\": \"gpt3\"", "model_type is \"gpt3\"");
  refuses("\"vocab_size\": 53", "\"vocab_size\": -1", "vocab_size is -1");
}

TEST_CASE("a GPT-2 has no weights for positions beyond its own") {
  const tools::TemporaryFolder temporary;
  nn::save_model(temporary.path, LanguageModel(small_gpt2()));
  LanguageModelConfig longer = small_gpt2();
  longer.max_positions = 10;
  const nn::ModelCheckpoint checkpoint(temporary.path);
  CHECK(contains(complaint_of([&] { checkpoint.require_fits(longer); }),
                 "its max_positions is 9, the model's is 10"));
  LanguageModelConfig llama = small_gpt2();
  llama.family = nn::find_family("llama");
  CHECK(contains(complaint_of([&] { checkpoint.require_fits(llama); }),
                 "it is a gpt2, the model a llama"));
}
