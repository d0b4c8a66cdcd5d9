#include "data/images/cifar.h"

#include <algorithm>
#include <string>
#include <vector>

#include "nn/base/error.h"

namespace data {

namespace {

using std::filesystem::path;

constexpr int cifar_classes = 10, cifar_channels = 3, cifar_side = 32;
constexpr std::size_t record = 1 + cifar_channels * cifar_side * cifar_side;  // bytes

template <class... Parts>
void check_cifar(bool holds, const std::string& file, const Parts&... parts) {
  if (!holds)
    throw nn::InputError(nn::concat(file, ": ", parts...),
                         "it must be an unpacked file of CIFAR-10's binary version, such as "
                         "data_batch_1.bin");
}

}  // namespace

ImageSet empty_cifar10() {
  ImageSet set;
  set.channels = cifar_channels;
  set.height = set.width = cifar_side;
  set.mean = {0.4914f, 0.4822f, 0.4465f};
  set.stddev = {0.2470f, 0.2435f, 0.2616f};
  return set;
}

void add_cifar10(const NamedBytes& file, ImageSet& set) {
  const std::size_t size = file.content.size(), count = size / record;
  check_cifar(count > 0 && size % record == 0, file.name, size, " bytes are not a whole number of ",
              record, "-byte records");
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(file.content.data());
  for (std::size_t i = 0; i < count; ++i)
    check_cifar(bytes[i * record] < cifar_classes, file.name, "image ", i, " has the label ",
                int{bytes[i * record]}, ", expected labels below ", cifar_classes);
  for (std::size_t i = 0; i < count; ++i, bytes += record) {
    set.labels.push_back(bytes[0]);
    set.pixels.insert(set.pixels.end(), bytes + 1, bytes + record);
  }
}

ImageSet read_cifar10(std::span<const path> files) {
  ImageSet set = empty_cifar10();
  for (const path& file : files) {
    const MappedFile content(file);
    add_cifar10({file.string(), content.bytes()}, set);
  }
  return set;
}

ImageDataset load_cifar10(const path& folder) {
  std::vector<path> train;
  for (const char* number : {"1", "2", "3", "4", "5"})
    train.push_back(folder / nn::concat("data_batch_", number, ".bin"));
  const std::vector test{folder / "test_batch.bin"};
  return {"cifar10", cifar_classes, read_cifar10(train), read_cifar10(test)};
}

}  // namespace data
