// A file of CIFAR-10's images. Real records of 3,073 bytes are longer than a fuzzer's inputs, so
// every byte becomes a record: it is the label and, counted up, the pixels. The input's first byte
// says how many bytes are missing from the last record.

#include "data/images/cifar.h"

#include "tests/fuzz/images.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t record = 3073, most = 4;
  if (size == 0) return 0;
  const std::size_t records = std::min(size - 1, most);
  std::vector<std::uint8_t> bytes(records * record);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(data[1 + i / record] + i % record);
  bytes.resize(bytes.size() - std::min<std::size_t>(bytes.size(), data[0]));
  data::ImageSet set = data::empty_cifar10();
  fuzz::try_to([&] { data::add_cifar10({"file", std::as_bytes(std::span(data, size))}, set); });
  fuzz::expect(set.size() == 0, "less than a record is refused");
  fuzz::try_to([&] {
    data::add_cifar10({"file", std::as_bytes(std::span(bytes))}, set);
    fuzz::expect(set.size() * record == bytes.size(), "every record is an image");
  });
  fuzz::expect(set.pixels.size() == set.labels.size() * (record - 1), "images are whole");
  fuzz::expect_usable(set);
  return 0;
}
