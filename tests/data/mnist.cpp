#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <numeric>

#include "data/images/idx.h"
#include "data/images/mnist.h"
#include "data/images/own_images.h"
#include "nn/base/error.h"
#include "tests/complaint.h"
#include "tools/program/temporary_folder.h"

namespace {

namespace fs = std::filesystem;

std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 255);
  return bytes;
}

// Bytes of an IDX file of this shape, with the values 0, 1, 2 ...
std::string idx(const std::vector<std::uint32_t>& shape, std::size_t values) {
  std::string bytes = big_endian(0x0800 + static_cast<std::uint32_t>(shape.size()));
  for (std::uint32_t extent : shape) bytes += big_endian(extent);
  for (std::size_t i = 0; i < values; ++i) bytes += static_cast<char>(i);
  return bytes;
}

void write_bytes(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

// A folder with three images of 2 x 4 pixels and their labels.
struct SmallPair : tools::TemporaryFolder {
  fs::path images = path / "images";
  fs::path labels = path / "labels";
  SmallPair() {
    write_bytes(images, idx({3, 2, 4}, 24));
    write_bytes(labels, idx({3}, 3));
  }
  data::ImageSet read() const { return data::read_idx(images, labels); }

  // The reader's complaint, which must name the file.
  std::string complaint(const fs::path& file) const {
    const std::string message = complaint_of([&] { read(); });
    REQUIRE(message.starts_with(file.string() + ": "));
    return message.substr(file.string().size() + 2);
  }
};

TEST_CASE("read_idx reads a pair of files") {
  const data::ImageSet set = SmallPair().read();
  CHECK(set.size() == 3);
  CHECK(set.height == 2);
  CHECK(set.width == 4);
  CHECK(set.labels == std::vector<std::uint8_t>{0, 1, 2});
  CHECK(set.pixels.size() == 24);
  CHECK(set.pixels[23] == 23);
}

TEST_CASE("images of several channels have four axes") {
  SmallPair pair;
  write_bytes(pair.images, idx({3, 2, 2, 2}, 24));
  const data::ImageSet set = pair.read();
  CHECK(set.shape(1) == nn::Shape{1, 2, 2, 2});
  CHECK(set.mean.size() == 2);
  write_bytes(pair.images, idx({(1u << 31) - 1, 65535, 65535, 65535}, 24));
  CHECK(pair.complaint(pair.images) == "claims more numbers than it has bytes");
}

TEST_CASE("a user's own images may have any size, channels and classes, and are measured") {
  const tools::TemporaryFolder folder;
  for (const std::string part : {"train", "t10k"}) {
    write_bytes(folder.path / (part + "-images-idx4-ubyte"), idx({3, 2, 1, 4}, 24));
    write_bytes(folder.path / (part + "-labels-idx1-ubyte"), idx({3}, 3));
  }
  const data::ImageDataset own = data::load_own_images(folder.path);
  CHECK(own.classes == 3);
  CHECK(own.test.class_count() == 3);
  CHECK(own.train.shape(1) == nn::Shape{1, 2, 1, 4});
  // Channel 0 has 0 to 3, 8 to 11 and 16 to 19.
  CHECK(own.train.mean[0] == doctest::Approx(9.5 / 255));
  CHECK(own.test.mean[1] == doctest::Approx(13.5 / 255));
  CHECK(own.train.stddev[0] == doctest::Approx(std::sqrt(128 / 3.0 + 1.25) / 255));
  write_bytes(folder.path / "t10k-images-idx4-ubyte", idx({3, 1, 2, 4}, 24));
  CHECK(contains(complaint_of([&] { data::load_own_images(folder.path); }),
                 "the test images are 1x2x4, the training images 2x1x4"));
  fs::remove(folder.path / "t10k-images-idx4-ubyte");
  CHECK(contains(complaint_of([&] { data::load_own_images(folder.path); }),
                 "there is no t10k-images-idx3-ubyte"));
}

TEST_CASE("read_idx says what is wrong with a file") {
  SmallPair pair;
  SUBCASE("missing") {
    fs::remove(pair.labels);
    CHECK(pair.complaint(pair.labels) == "no such file");
  }
  SUBCASE("a folder") {
    fs::remove(pair.labels);
    fs::create_directory(pair.labels);
    CHECK(complaint_of([&] { pair.read(); }) ==
          "cannot read " + pair.labels.string() + ": not a regular file");
  }
  SUBCASE("empty") {
    write_bytes(pair.images, "");
    CHECK(pair.complaint(pair.images) == "0 bytes, too short for an IDX file");
  }
  SUBCASE("cut inside the header") {
    write_bytes(pair.images, idx({3, 2, 4}, 0).substr(0, 15));
    CHECK(pair.complaint(pair.images) == "15 bytes, too short for an IDX file");
  }
  SUBCASE("labels where images belong") {
    write_bytes(pair.images, idx({12}, 12));
    CHECK(pair.complaint(pair.images) ==
          "magic number 2049, expected 2051 (IDX, unsigned bytes, rank 3)");
  }
  SUBCASE("still packed") {
    write_bytes(pair.images, "\x1f\x8b\x08" + std::string(40, 'x'));
    CHECK(pair.complaint(pair.images).starts_with("magic number "));
  }
  SUBCASE("truncated") {
    write_bytes(pair.images, idx({3, 2, 4}, 23));
    CHECK(pair.complaint(pair.images) == "39 bytes, expected 40 (truncated?)");
  }
  SUBCASE("too long") {
    write_bytes(pair.images, idx({3, 2, 4}, 25));
    CHECK(pair.complaint(pair.images) == "41 bytes, expected 40 (something follows the data)");
  }
  SUBCASE("claims 2^31 images") {
    write_bytes(pair.images, idx({1u << 31, 2, 4}, 24));
    CHECK(pair.complaint(pair.images) == "claims an extent of 2147483648, not in 1...2147483647");
  }
  SUBCASE("claims more than any memory holds") {
    write_bytes(pair.images, idx({(1u << 31) - 1, 65535, 65535}, 24));
    CHECK(pair.complaint(pair.images) == "40 bytes, expected 9223090559730712591 (truncated?)");
  }
  SUBCASE("claims a size that is 0 modulo 2^64") {
    write_bytes(pair.images, idx({1u << 30, 1u << 30, 1u << 4}, 0));
    CHECK(pair.complaint(pair.images) == "claims an extent of 1073741824, not in 1...65535");
  }
  SUBCASE("no images") {
    write_bytes(pair.images, idx({0, 2, 4}, 0));
    CHECK(pair.complaint(pair.images).starts_with("claims an extent of 0"));
  }
  SUBCASE("fewer labels than images") {
    write_bytes(pair.labels, idx({2}, 2));
    CHECK(pair.complaint(pair.labels) == "2 labels, but " + pair.images.string() + " has 3 images");
  }
  SUBCASE("a label out of range") {
    write_bytes(pair.labels, idx({3}, 2) + '\x0a');
    CHECK(pair.complaint(pair.labels) == "label 10, expected labels below 10");
  }
}

TEST_CASE("copy_batch normalises the samples named, in their order") {
  data::ImageSet set = SmallPair().read();
  set.mean = {0.1307f};
  set.stddev = {0.3081f};
  const std::vector<int> samples = {2, 0, 2};
  std::vector<nn::real> images(3 * 8);
  std::vector<int> labels(3);
  set.copy_batch(samples, images.data(), labels);
  CHECK(labels == samples);
  for (int i = 0; i < 24; ++i) {
    const int pixel = 8 * samples[i / 8] + i % 8;
    CHECK(images[i] == (static_cast<float>(pixel) / 255.0f - 0.1307f) / 0.3081f);
  }
}

TEST_CASE("copy_batch refuses samples that do not exist") {
  const data::ImageSet set = SmallPair().read();
  std::vector<nn::real> images(8);
  std::vector<int> labels(1);
  for (int sample : {-1, 3}) {
    CHECK_THROWS_AS(set.copy_batch(std::vector{sample}, images.data(), labels), nn::Error);
  }
  CHECK_THROWS_AS(set.copy_batch(std::vector{0, 1}, images.data(), labels), nn::Error);
}

TEST_CASE("load_mnist takes only the published files") {
  const tools::TemporaryFolder folder;
  CHECK_FALSE(data::dataset_is_present(folder.path));
  write_bytes(folder.path / "train-images-idx3-ubyte", idx({2, 28, 28}, 2 * 784));
  CHECK_FALSE(data::dataset_is_present(folder.path));
  write_bytes(folder.path / "train-labels-idx1-ubyte", idx({2}, 2));
  write_bytes(folder.path / "t10k-images-idx3-ubyte", idx({1, 28, 28}, 784));
  write_bytes(folder.path / "t10k-labels-idx1-ubyte", idx({1}, 1));
  CHECK(data::dataset_is_present(folder.path));
  for (auto* load : {data::load_mnist, data::load_fashion_mnist}) {
    try {
      load(folder.path);
      FAIL("was taken");
    } catch (const nn::InputError& error) {
      CHECK(std::string(error.what()).find("wrong checksum") != std::string::npos);
      CHECK(error.hint.find("data/fetch.sh") != std::string::npos);
    }
  }
}

TEST_CASE("MNIST has its published sizes, first labels and mean") {
  const fs::path folder = "data/raw/mnist";
  if (!data::dataset_is_present(folder)) {
    MESSAGE("left out: no MNIST in data/raw/mnist");
    return;
  }
  const data::ImageDataset mnist = data::load_mnist(folder);
  CHECK(mnist.name == "mnist");
  CHECK(mnist.train.size() == 60000);
  CHECK(mnist.test.size() == 10000);
  CHECK(mnist.train.height == 28);
  CHECK(mnist.train.width == 28);
  CHECK(std::vector(mnist.train.labels.begin(), mnist.train.labels.begin() + 5) ==
        std::vector<std::uint8_t>{5, 0, 4, 1, 9});
  double sum = 0;
  for (std::uint8_t pixel : mnist.train.pixels) sum += pixel;
  CHECK(sum / 255 / static_cast<double>(mnist.train.pixels.size()) ==
        doctest::Approx(mnist.train.mean.at(0)).epsilon(1e-3));
}

}  // namespace
