#include <doctest/doctest.h>

#include <cmath>

#include "nn/models/llama/checkpoint.h"
#include "nn/models/llama/decoder.h"

namespace {

using nn::index, nn::Llama, nn::LlamaDecoder, nn::real;

constexpr double tolerance = sizeof(real) == 8 ? 1e-12 : 1e-5;
const std::vector<int> ids{2, 17, 5, 52, 0, 9, 9, 31, 2, 40, 1, 26};

// Hugging Face's tiny models: one with as many key/value heads as heads, one that shares them.
Llama& model(const std::string& name) {
  static std::map<std::string, std::unique_ptr<Llama>> models;
  auto& model = models[name];
  if (!model) {
    nn::LlamaCheckpoint checkpoint("tests/golden/llama/" + name);
    model = std::make_unique<Llama>(checkpoint.config());
    checkpoint.load(*model);
  }
  return *model;
}

double difference(std::span<const real> ours, std::span<const real> theirs) {
  REQUIRE(ours.size() == theirs.size());
  double worst = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double error = std::abs(static_cast<double>(ours[i]) - theirs[i]);
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
  }
  return worst;
}

// The scores after the first `count` ids, by the whole model.
std::vector<real> expected(const Llama& model, index count) {
  nn::Tape tape;
  const auto logits = model.logits(tape, std::span(ids).first(count), count).value().span();
  const auto last = logits.last(model.config().vocabulary);
  return {last.begin(), last.end()};
}

TEST_CASE("token by token gives the scores of the whole prefix") {
  for (const char* name : {"plain", "grouped"}) {
    CAPTURE(name);
    LlamaDecoder decoder(model(name));
    for (index i = 0; i < static_cast<index>(ids.size()); ++i) {
      CAPTURE(i);
      CHECK(difference(decoder.step(ids[i]), expected(model(name), i + 1)) < tolerance);
      CHECK(decoder.length() == i + 1);
    }
  }
}

TEST_CASE("tokens may come several at a time") {
  for (const char* name : {"plain", "grouped"})
    for (const std::vector<int>& parts : {std::vector{12}, {1, 11}, {5, 1, 3, 1, 2}, {11, 1}}) {
      CAPTURE(name);
      LlamaDecoder decoder(model(name));
      index seen = 0;
      for (int part : parts) {
        const auto scores = decoder.step(std::span(ids).subspan(seen, part));
        seen += part;
        CHECK(difference(scores, expected(model(name), seen)) < tolerance);
      }
    }
}

TEST_CASE("a decoder can begin anew") {
  LlamaDecoder decoder(model("grouped"));
  decoder.step(std::vector{50, 49, 48});
  decoder.restart();
  CHECK(decoder.length() == 0);
  CHECK(difference(decoder.step(std::span(ids).first(4)), expected(model("grouped"), 4)) <
        tolerance);
}

TEST_CASE("a step beyond the context, of no token or of an unknown one is refused") {
  LlamaDecoder decoder(model("plain"));
  CHECK_THROWS_AS(decoder.step(std::vector<int>(13, 1)), nn::Error);
  CHECK_THROWS_AS(decoder.step(std::span<const int>{}), nn::Error);
  CHECK_THROWS_AS(decoder.step(53), nn::Error);
  CHECK_THROWS_AS(decoder.step(-1), nn::Error);
  CHECK(decoder.length() == 0);
  decoder.step(ids);
  CHECK_THROWS_AS(decoder.step(1), nn::Error);
  const Llama part(model("plain").config(), std::vector{0, 1});
  CHECK_THROWS_AS(LlamaDecoder{part}.step(1), nn::Error);
}

TEST_CASE("a tape that records cannot use the cache") {
  nn::Tape tape;
  nn::KeyValueCache cache(model("plain").config());
  const nn::Var x = model("plain").embed(tape, std::vector{1});
  CHECK_THROWS_AS(model("plain").layer(1, x, cache), nn::Error);
}

}  // namespace
