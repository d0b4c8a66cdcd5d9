#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "nn/models/language_model.h"
#include "tests/nn/hugging_face_reference.h"

namespace {

using nn::index, nn::LanguageModel, nn::LanguageModelConfig, nn::real, nn::Tape, nn::Var;

constexpr double reference_tolerance = sizeof(real) == 8 ? 1e-12 : 1e-5;

LanguageModelConfig small_llama() { return {23, 16, 3, 4, 2, 20, 8, 1000, 1e-5}; }

TEST_CASE("logits, loss and every gradient are those of Hugging Face's model") {
  tests::check_reference("tests/golden/llama/plain", {53, 16, 2, 4, 4, 24, 12, 10000, 1e-6},
                         reference_tolerance);
  tests::check_reference("tests/golden/llama/grouped", {53, 16, 2, 4, 2, 24, 12, 500, 1e-5},
                         reference_tolerance);
}

TEST_CASE("the course's model has 26,398,368 parameters") {
  index count = 0;
  for (const nn::TensorInfo& tensor : nn::tensors_of({})) count += tensor.shape.size();
  CHECK(count == 26'398'368);
  CHECK(LanguageModel(LanguageModelConfig{}).parameters().size() == 26'398'368);
}

TEST_CASE("every cut of the model starts from the same weights") {
  const LanguageModel whole(small_llama(), 7);
  const std::vector<std::vector<int>> cuts[] = {{{0, 1, 2, 3, 4}},
                                                {{0, 1}, {2}, {3, 4}},
                                                {{0}, {1, 2, 3}, {4}},
                                                {{0, 2, 4}, {1, 3}},
                                                {{4, 0}}};
  for (const auto& cut : cuts)
    for (const std::vector<int>& blocks : cut) {
      const LanguageModel part(small_llama(), blocks, 7);
      index size = 0;
      for (int block : blocks) {
        CAPTURE(block);
        const auto here = part.range(block), there = whole.range(block);
        REQUIRE(here.size == there.size);
        CHECK(here.size > 0);
        CHECK(std::ranges::equal(part.parameters().values().subspan(here.offset, here.size),
                                 whole.parameters().values().subspan(there.offset, there.size)));
        size += here.size;
      }
      CHECK(part.parameters().size() == size);
    }
  CHECK(!std::ranges::equal(whole.parameters().values(),
                            LanguageModel(small_llama(), 8).parameters().values()));
}

TEST_CASE("the first weights are N(0, 0.02), the norms 1") {
  const LanguageModel model({500, 96, 2, 4, 2, 128, 16});
  for (const auto& [name, shape, offset] : model.parameters().infos()) {
    CAPTURE(name);
    const auto values = model.parameters().values().subspan(offset, shape.size());
    double sum = 0, squares = 0;
    for (real value : values) sum += value, squares += value * value;
    const double count = static_cast<double>(values.size());
    if (name.find("norm") != name.npos) {
      CHECK((sum == count && squares == count));
    } else {
      CHECK(std::abs(sum / count) < 5 * 0.02 / std::sqrt(count));
      CHECK(std::abs(squares / count / (0.02 * 0.02) - 1) < 5 * std::sqrt(2 / count));
    }
  }
}

TEST_CASE("seeds that differ beyond the generator's 32 bits make different models") {
  const auto weights = [](std::uint64_t seed, int block) {
    const LanguageModel model({23, 16, 6, 4, 2, 20, 8}, std::vector{block}, seed);  // 8 blocks
    const auto values = model.parameters().values();
    return std::vector<real>(values.begin(), values.end());
  };
  for (const int block : {0, 3, 7}) {
    std::set<std::vector<real>> models;
    const std::vector<std::uint64_t> seeds{0,
                                           1,
                                           (1u << 29) - 1,
                                           1u << 29,
                                           (1u << 29) + 1,
                                           std::uint64_t{1} << 32,
                                           (std::uint64_t{1} << 32) + 1,
                                           std::uint64_t{1} << 61,
                                           std::uint64_t{1} << 62,
                                           UINT64_MAX};
    for (const std::uint64_t seed : seeds) models.insert(weights(seed, block));
    CHECK(models.size() == seeds.size());
  }
  std::set<std::vector<real>> layers;
  for (int block = 1; block <= 6; ++block) layers.insert(weights(std::uint64_t{1} << 40, block));
  CHECK(layers.size() == 6);
}

TEST_CASE("the list of tensors is that of the model") {
  const LanguageModel model(small_llama());
  const auto tensors = nn::tensors_of(small_llama());
  REQUIRE(tensors.size() == model.parameters().infos().size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const nn::ParameterInfo& info = model.parameters().infos()[i];
    CHECK(tensors[i].name == info.name);
    CHECK(tensors[i].shape == info.shape);
    const auto [offset, size] = model.range(tensors[i].block);
    CHECK((info.offset >= offset && info.offset + info.shape.size() <= offset + size));
  }
}

TEST_CASE("blocks run one after the other are the whole model, wherever they are held") {
  const std::vector<int> ids{1, 5, 22, 0, 7, 7, 3, 9};
  LanguageModel whole(small_llama(), 3);
  const LanguageModel first(small_llama(), std::vector{0, 1}, 3);
  const LanguageModel last(small_llama(), std::vector{2, 3, 4}, 3);
  Tape tape, other;
  const Var expected = whole.logits(tape, ids, 4);
  Var x = first.layer(1, first.embed(other, ids, 4), 4);
  x = last.layer(3, last.layer(2, x, 4), 4);
  CHECK(std::ranges::equal(last.head(x).value(), expected.value()));
}

TEST_CASE("a later token changes nothing before it, nor another sequence") {
  const LanguageModel model(small_llama(), 3);
  Tape tape, other;
  const Var before = model.logits(tape, std::vector{1, 5, 22, 0, 7, 7, 3, 9}, 4);
  const Var after = model.logits(other, std::vector{1, 5, 8, 0, 7, 7, 3, 9}, 4);
  for (index row = 0; row < 8; ++row) {
    CAPTURE(row);
    const auto ours = before.value().span().subspan(row * 23, 23);
    CHECK(std::ranges::equal(ours, after.value().span().subspan(row * 23, 23)) ==
          (row < 2 || row > 3));
  }
}

TEST_CASE("a missing block, a sequence that is too long and an impossible shape are refused") {
  const LanguageModel part(small_llama(), std::vector{1});
  Tape tape;
  const std::vector<int> ids(9, 1);
  CHECK_THROWS_AS(part.embed(tape, ids, 9), nn::Error);
  CHECK_THROWS_AS(part.layer(2, Var{}, 8), nn::Error);
  CHECK_THROWS_AS(part.layer(0, Var{}, 8), nn::Error);
  CHECK_THROWS_AS(part.layer(4, Var{}, 8), nn::Error);
  CHECK_THROWS_AS(part.head(Var{}), nn::Error);
  CHECK_THROWS_AS(LanguageModel(small_llama(), std::vector{5}), nn::Error);
  CHECK_THROWS_AS(LanguageModel(small_llama(), std::vector{-1}), nn::Error);
  CHECK_THROWS_AS(LanguageModel(small_llama()).logits(tape, ids, 9), nn::Error);
  const auto refuses = [](auto change) {
    LanguageModelConfig config = small_llama();
    change(config);
    CHECK_THROWS_AS(nn::require_valid(config), nn::Error);
    CHECK_THROWS_AS(LanguageModel{config}, nn::Error);
    CHECK_THROWS_AS(LanguageModel(config, std::vector{0}), nn::Error);
  };
  refuses([](LanguageModelConfig& c) { c.heads = 3; });
  refuses([](LanguageModelConfig& c) { c.heads = c.key_value_heads = 16; });  // heads of one number
  refuses([](LanguageModelConfig& c) { c.key_value_heads = 3; });
  refuses([](LanguageModelConfig& c) { c.vocab_size = 0; });
  refuses([](LanguageModelConfig& c) { c.layers = -1; });
  refuses([](LanguageModelConfig& c) { c.layers = -3; });  // fewer than no blocks in all
  refuses([](LanguageModelConfig& c) { c.heads = 0; });
  refuses([](LanguageModelConfig& c) { c.max_positions = 0; });
}

}  // namespace
