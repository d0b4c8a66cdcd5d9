#include <doctest/doctest.h>

#include <cmath>

#include "nn/models/decoder.h"
#include "nn/models/hugging_face.h"
#include "tests/nn/numbers.h"

namespace {

using nn::index, nn::LanguageModel, nn::Decoder, nn::real;
using tests::largest_difference;

constexpr double tolerance = sizeof(real) == 8 ? 1e-12 : 1e-5;
const std::vector<int> ids{2, 17, 5, 52, 0, 9, 9, 31, 2, 40, 1, 26};

// Hugging Face's tiny models: a LLaMA with as many key/value heads as heads, one that shares them,
// and a GPT-2.
LanguageModel& model(const std::string& name) {
  static std::map<std::string, std::unique_ptr<LanguageModel>> models;
  auto& model = models[name];
  if (!model) {
    nn::ModelCheckpoint checkpoint("tests/golden/" + name);
    model = std::make_unique<LanguageModel>(checkpoint.config());
    checkpoint.load(*model);
  }
  return *model;
}

// The whole model's scores after the first `count` ids.
std::vector<real> expected(const LanguageModel& model, index count) {
  nn::Tape tape;
  const auto logits = model.logits(tape, std::span(ids).first(count), count).value().span();
  const auto last = logits.last(model.config().vocab_size);
  return {last.begin(), last.end()};
}

TEST_CASE("decoding token by token gives the scores of the whole prefix") {
  for (const char* name : {"llama/plain", "llama/grouped", "gpt2/tiny"}) {
    CAPTURE(name);
    Decoder decoder(model(name));
    for (index i = 0; i < static_cast<index>(ids.size()); ++i) {
      CAPTURE(i);
      CHECK(largest_difference(decoder.step(ids[i]), expected(model(name), i + 1)) < tolerance);
      CHECK(decoder.length() == i + 1);
    }
  }
}

TEST_CASE("tokens may come several at a time") {
  for (const char* name : {"llama/plain", "llama/grouped", "gpt2/tiny"})
    for (const std::vector<int>& parts : {std::vector{12}, {1, 11}, {5, 1, 3, 1, 2}, {11, 1}}) {
      CAPTURE(name);
      Decoder decoder(model(name));
      index seen = 0;
      for (int part : parts) {
        const auto scores = decoder.step(std::span(ids).subspan(seen, part));
        seen += part;
        CHECK(largest_difference(scores, expected(model(name), seen)) < tolerance);
      }
    }
}

TEST_CASE("a decoder can start over") {
  Decoder decoder(model("llama/grouped"));
  decoder.step(std::vector{50, 49, 48});
  decoder.restart();
  CHECK(decoder.length() == 0);
  CHECK(largest_difference(decoder.step(std::span(ids).first(4)),
                           expected(model("llama/grouped"), 4)) < tolerance);
}

TEST_CASE("a step beyond the context, without a token or with an unknown one is refused") {
  Decoder decoder(model("llama/plain"));
  CHECK_THROWS_AS(decoder.step(std::vector<int>(13, 1)), nn::Error);
  CHECK_THROWS_AS(decoder.step(std::span<const int>{}), nn::Error);
  CHECK_THROWS_AS(decoder.step(53), nn::Error);
  CHECK_THROWS_AS(decoder.step(-1), nn::Error);
  CHECK(decoder.length() == 0);
  decoder.step(ids);
  CHECK_THROWS_AS(decoder.step(1), nn::Error);
  const LanguageModel part(model("llama/plain").config(), std::vector{0, 1});
  CHECK_THROWS_AS(Decoder{part}.step(1), nn::Error);
}

TEST_CASE("a tape that records cannot use the cache") {
  nn::Tape tape;
  nn::KeyValueCache cache(16, 12);
  const nn::Var x = model("llama/plain").embed(tape, std::vector{1}, 1);
  CHECK_THROWS_AS(model("llama/plain").layer(1, x, cache), nn::Error);
}

}  // namespace
