#include "nn/dropout_masks.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <thread>
#include <utility>

#include "nn/random.h"
#include "tests/nn/goldens.h"

namespace {

using nlohmann::json;
using nn::DropoutMasks, nn::DropoutStream, nn::Generator, nn::index, nn::MaskView;
using tests::goldens, tests::seed_of;

std::vector<int> bits(MaskView mask, index count) {
  std::vector<int> kept;
  for (index i = 0; i < count; ++i) kept.push_back(mask[i]);
  return kept;
}

// Element by element, as the streams are defined.
std::vector<int> plain_mask(Generator& generator, DropoutStream stream, double p, int count) {
  std::vector<int> kept(count);
  if (stream == DropoutStream::mt) {
    for (int& bit : kept)
      bit = static_cast<double>(generator.next64() & ((1ull << 53) - 1)) * 0x1p-53 < 1 - p;
  } else {
    std::uint64_t x = std::max(generator.next32() % 0x7fffffffu, 1u);
    for (int& bit : kept) {
      bit = static_cast<double>(x) / 0x7fffffff < 1 - p;
      x = 1132489760 * x % 0x7fffffff;
    }
  }
  return kept;
}

TEST_CASE("masks are the same whether drawn 64 elements at a time or one by one") {
  for (DropoutStream stream : {DropoutStream::mt, DropoutStream::mkl})
    for (double p : {0.0, 1e-9, 0.1, 0.25, 1.0 / 3, 0.5, 0.9, 1 - 1e-9})
      for (int count : {1, 63, 64, 65, 311, 312, 5000}) {
        Generator one(count), two(count);
        CHECK(one.next32() == two.next32());  // pairs of outputs need not begin at an even one
        std::vector<std::uint64_t> words;
        nn::draw_mask(one, stream, p, count, words);
        CHECK(bits({words.data()}, count) == plain_mask(two, stream, p, count));
        CHECK(one.next32() == two.next32());
      }
}

TEST_CASE("dropout masks are those of PyTorch 2.7 and later") {
  for (const json& golden : goldens("random.json", "torch")) {
    Generator generator(seed_of(golden));
    std::vector<std::uint64_t> words;
    nn::draw_mask(generator, DropoutStream::mt, 0.25, 16, words);
    CHECK(bits({words.data()}, 16) == golden["dropout_0.25_of_16_keeps"].get<std::vector<int>>());
    nn::draw_mask(generator, DropoutStream::mt, 0.5, 16, words);
    CHECK(bits({words.data()}, 16) ==
          golden["dropout_0.5_of_16_after_it_keeps"].get<std::vector<int>>());
  }
}

TEST_CASE("dropout masks of the MKL stream follow its published generator") {
  const json golden = goldens("random.json", "mkl_dropout_modelled");
  Generator generator(seed_of(golden)), other(seed_of(golden));
  std::vector<std::uint64_t> words;
  nn::draw_mask(generator, DropoutStream::mkl, golden["share"], 2000, words);
  const std::vector<int> kept = bits({words.data()}, 2000);
  CHECK(std::vector<int>(kept.begin(), kept.begin() + 16) ==
        golden["of_16_keeps"].get<std::vector<int>>());
  CHECK(std::ranges::count(kept, 1) == golden["of_2000_kept"]);
  other.next32();
  CHECK(generator.next32() == other.next32());  // a mask costs one output, whatever its size

  Generator zero(0);  // PyTorch issue 15714
  nn::draw_mask(zero, DropoutStream::mkl, 0.5, 5, words);
  CHECK(bits({words.data()}, 5) == std::vector{1, 0, 0, 1, 1});
}

TEST_CASE("a client's masks over epochs and batches are PyTorch's") {
  for (const json& golden : goldens("random.json", "client_masks")) {
    Generator generator(seed_of(golden));
    DropoutMasks masks;
    int epoch = -1, batch = -1, layer = 0;
    for (const json& mask : golden["masks"]) {
      const auto shape = mask["shape"].get<std::vector<index>>();
      const index size = nn::Shape(shape).size();
      if (std::exchange(epoch, mask["epoch"]) != mask["epoch"]) {
        generator.random_int64();  // a DataLoader draws a seed for its workers
        batch = -1;
      }
      if (std::exchange(batch, mask["batch"]) != mask["batch"]) {
        masks.start_batch(generator, shape[0]);
        layer = 0;
      }
      const auto ours = bits(masks.mask(layer++, 0, size / shape[0], mask["share"]), size);
      CHECK(std::ranges::count(ours, 1) == mask["kept"]);
      CHECK(std::vector<int>(ours.begin(), ours.begin() + 32) ==
            mask["first_32"].get<std::vector<int>>());
    }
    CHECK(generator.next32() == golden["next"]);
  }
}

// Three dropout layers of different widths over a batch of 23 samples.
constexpr index rows = 23, widths[] = {7, 64, 33};
constexpr double probabilities[] = {0.25, 0.5, 0.1};

std::vector<int> part(DropoutMasks& masks, int layer, index first_row, index count) {
  return bits(masks.mask(layer, first_row, widths[layer], probabilities[layer]),
              count * widths[layer]);
}

TEST_CASE("a batch in parts keeps what the whole batch keeps") {
  for (DropoutStream stream : {DropoutStream::mt, DropoutStream::mkl}) {
    Generator one(5), two(5);
    DropoutMasks whole(stream), parts(stream);
    for (int batch = 0; batch < 3; ++batch) {
      whole.start_batch(one, rows);
      parts.start_batch(two, rows);
      std::vector<int> joined[3];
      for (index row = 0; row < rows; row += 5)
        for (int layer = 0; layer < 3; ++layer) {
          const auto more = part(parts, layer, row, std::min<index>(5, rows - row));
          joined[layer].insert(joined[layer].end(), more.begin(), more.end());
        }
      for (int layer = 0; layer < 3; ++layer) CHECK(joined[layer] == part(whole, layer, 0, rows));
    }
    CHECK(one.next32() == two.next32());
  }
}

TEST_CASE("threads that share a batch keep what one thread keeps") {
  Generator serial_generator(6);
  DropoutMasks serial;
  serial.start_batch(serial_generator, rows);
  std::vector<int> expected[3];
  for (int layer = 0; layer < 3; ++layer) expected[layer] = part(serial, layer, 0, rows);

  for (int attempt = 0; attempt < 50; ++attempt) {
    Generator generator(6);
    DropoutMasks masks;
    masks.start_batch(generator, rows);
    std::vector<int> got[rows][3];
    std::vector<std::thread> threads;
    for (int worker = 0; worker < 4; ++worker)
      threads.emplace_back([&, worker] {
        for (index row = worker; row < rows; row += 4)
          for (int layer = 0; layer < 3; ++layer) got[row][layer] = part(masks, layer, row, 1);
      });
    for (std::thread& thread : threads) thread.join();
    for (int layer = 0; layer < 3; ++layer) {
      std::vector<int> joined;
      for (auto& row : got) joined.insert(joined.end(), row[layer].begin(), row[layer].end());
      REQUIRE(joined == expected[layer]);
    }
  }
}

TEST_CASE("masks are drawn in layer order only, and after a batch has begun") {
  DropoutMasks masks;
  CHECK_THROWS_AS(masks.mask(0, 0, 4, 0.5), nn::Error);
  Generator generator(1);
  masks.start_batch(generator, 2);
  CHECK_THROWS_AS(masks.mask(1, 0, 4, 0.5), nn::Error);
  masks.mask(0, 0, 4, 0.5);
  masks.mask(1, 0, 4, 0.5);
  masks.start_batch(generator, 2);
  CHECK_THROWS_AS(masks.mask(1, 0, 4, 0.5), nn::Error);
}

TEST_CASE("a mask keeps about the share it should") {
  for (DropoutStream stream : {DropoutStream::mt, DropoutStream::mkl})
    for (double p : {0.0, 0.1, 0.5, 0.9}) {
      Generator generator(8);
      std::vector<std::uint64_t> words;
      nn::draw_mask(generator, stream, p, 100'000, words);
      const auto kept = std::ranges::count(bits({words.data()}, 100'000), 1);
      CHECK(std::abs(static_cast<double>(kept) / 100'000 - (1 - p)) < 0.006);
      if (p == 0) CHECK(kept == 100'000);
    }
}

}  // namespace
