#include <doctest/doctest.h>

#include <fstream>

#include "data/images/cifar.h"
#include "nn/base/error.h"
#include "tests/complaint.h"
#include "tools/program/temporary_folder.h"

namespace {

namespace fs = std::filesystem;

// A record: the label, and planes of the values `red`, `red` + 1 and `red` + 2.
std::string record(int label, int red) {
  std::string bytes(1, static_cast<char>(label));
  for (int plane = 0; plane < 3; ++plane)
    bytes += std::string(1024, static_cast<char>(red + plane));
  return bytes;
}

fs::path write(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
  return file;
}

std::string complaint(const std::string& bytes) {
  const tools::TemporaryFolder folder;
  const fs::path good = write(folder.path / "good.bin", record(1, 7));
  const fs::path bad = write(folder.path / "bad.bin", bytes);
  const std::string message = complaint_of([&] { data::read_cifar10(std::vector{good, bad}); });
  REQUIRE(message.starts_with(bad.string() + ": "));
  return message.substr(bad.string().size() + 2);
}

TEST_CASE("files of CIFAR-10 are read one after the other") {
  const tools::TemporaryFolder folder;
  const std::vector files{write(folder.path / "one.bin", record(3, 10) + record(9, 200)),
                          write(folder.path / "two.bin", record(0, 0))};
  const data::ImageSet set = data::read_cifar10(files);
  CHECK(set.size() == 3);
  CHECK(set.channels == 3);
  CHECK(set.height == 32);
  CHECK(set.width == 32);
  CHECK(set.labels == std::vector<std::uint8_t>{3, 9, 0});
  CHECK(set.pixels.size() == 3 * 3072);

  const std::vector<int> samples{1, 0};
  std::vector<nn::real> images(2 * 3072);
  std::vector<int> labels(2);
  set.copy_batch(samples, images.data(), labels);
  CHECK(labels == std::vector{9, 3});
  for (int plane = 0; plane < 3; ++plane) {
    const auto normal = [&](int pixel) {
      return (static_cast<float>(pixel) / 255.0f - set.mean[plane]) / set.stddev[plane];
    };
    CHECK(images[plane * 1024] == normal(200 + plane));
    CHECK(images[plane * 1024 + 1023] == normal(200 + plane));
    CHECK(images[3072 + plane * 1024] == normal(10 + plane));
  }
}

TEST_CASE("the folder of CIFAR-10 has five training files and a test file") {
  const tools::TemporaryFolder folder;
  for (int i = 1; i <= 5; ++i)
    write(folder.path / ("data_batch_" + std::to_string(i) + ".bin"), record(i, 0) + record(i, 1));
  CHECK_THROWS_AS(data::load_cifar10(folder.path), nn::InputError);
  write(folder.path / "test_batch.bin", record(7, 0));
  const data::ImageDataset dataset = data::load_cifar10(folder.path);
  CHECK(dataset.classes == 10);
  CHECK(dataset.train.labels == std::vector<std::uint8_t>{1, 1, 2, 2, 3, 3, 4, 4, 5, 5});
  CHECK(dataset.test.labels == std::vector<std::uint8_t>{7});
}

TEST_CASE("read_cifar10 names the file and what is wrong with it") {
  CHECK(complaint("") == "0 bytes are not a whole number of 3073-byte records");
  CHECK(complaint(record(1, 0).substr(1)) ==
        "3072 bytes are not a whole number of 3073-byte records");
  CHECK(complaint(record(1, 0) + 'x') == "3074 bytes are not a whole number of 3073-byte records");
  CHECK(complaint(record(1, 0) + record(10, 0)) ==
        "image 1 has the label 10, expected labels below 10");
  CHECK(complaint(record(255, 0)) == "image 0 has the label 255, expected labels below 10");
}

TEST_CASE("a refused file adds nothing to a set") {
  data::ImageSet set = data::empty_cifar10();
  const std::string good = record(1, 0), bad = good + record(12, 0);
  data::add_cifar10({"good", std::as_bytes(std::span(good))}, set);
  CHECK_THROWS_AS(data::add_cifar10({"bad", std::as_bytes(std::span(bad))}, set), nn::InputError);
  CHECK(set.size() == 1);
  CHECK(set.pixels.size() == 3072);
}

TEST_CASE("copy_batch refuses a set whose channels are not all described") {
  data::ImageSet set = data::empty_cifar10();
  const std::string one = record(1, 0);
  data::add_cifar10({"one", std::as_bytes(std::span(one))}, set);
  set.stddev = {1};
  std::vector<nn::real> images(3072);
  std::vector<int> labels(1);
  CHECK_THROWS_AS(set.copy_batch(std::vector{0}, images.data(), labels), nn::Error);
}

}  // namespace
