#include "data/images/idx.h"

#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "nn/base/error.h"

namespace data {
namespace {

using std::filesystem::path;

// An array of unsigned bytes in an IDX file; the values are a view of the file.
struct Idx {
  std::string name;
  std::vector<int> shape;
  std::span<const std::uint8_t> values;
};

template <class... Parts>
void check(bool holds, const std::string& file, const Parts&... parts) {
  if (holds) return;
  throw nn::InputError(nn::concat(file, ": ", parts...),
                       "images and labels are a pair of unpacked IDX files of unsigned bytes");
}

// The number of axes that an image file claims, 3 if it claims none that can be.
int rank_of_images(const NamedBytes& file) {
  constexpr std::byte rank_4[4] = {{}, {}, std::byte{8}, std::byte{4}};
  return file.content.size() >= 4 && std::ranges::equal(file.content.first(4), rank_4) ? 4 : 3;
}

// Uses no extent before checking it against the size of the file.
Idx parse(const NamedBytes& file, int rank) {
  const std::string& name = file.name;
  const std::span<const std::byte> content = file.content;
  const std::size_t header = 4 + 4 * rank;
  check(content.size() >= header, name, content.size(), " bytes, too short for an IDX file");
  const auto number = [&](int index) {
    std::uint32_t value = 0;
    for (const std::byte byte : content.subspan(4 * index, 4))
      value = value << 8 | std::to_integer<std::uint32_t>(byte);
    return value;
  };
  const std::uint32_t magic = 0x0800 + rank;
  check(number(0) == magic, name, "magic number ", number(0), ", expected ", magic,
        " (IDX, unsigned bytes, rank ", rank, ")");

  Idx result{name, {}, {}};
  std::uint64_t elements = 1;  // at most 2^31 * 2^16 * 2^16, of three axes
  for (int axis = 1; axis <= rank; ++axis) {
    const std::uint32_t extent = number(axis);
    const std::uint32_t most = axis == 1 ? INT_MAX : UINT16_MAX;
    check(extent >= 1 && extent <= most, name, "claims an extent of ", extent, ", not in 1...",
          most);
    result.shape.push_back(static_cast<int>(extent));
    check(axis < 4 || elements <= content.size(), name, "claims more numbers than it has bytes");
    elements *= extent;
  }
  const std::uint64_t expected = header + elements;
  check(content.size() == expected, name, content.size(), " bytes, expected ", expected,
        content.size() < expected ? " (truncated?)" : " (something follows the data)");
  result.values = {reinterpret_cast<const std::uint8_t*>(content.data()) + header, elements};
  return result;
}

ImageSet pair(const Idx& images, const Idx& labels, int classes) {
  check(images.shape[0] == labels.shape[0], labels.name, labels.shape[0], " labels, but ",
        images.name, " has ", images.shape[0], " images");
  const int largest = *std::ranges::max_element(labels.values);
  check(largest < classes, labels.name, "label ", largest, ", expected labels below ", classes);
  ImageSet set;
  const auto [height, width] = std::pair(images.shape.end()[-2], images.shape.end()[-1]);
  set.channels = images.shape.size() == 4 ? images.shape[1] : 1;
  set.height = height, set.width = width;
  set.classes = classes;
  set.mean.assign(set.channels, 0);
  set.stddev.assign(set.channels, 1);
  set.pixels.assign(images.values.begin(), images.values.end());
  set.labels.assign(labels.values.begin(), labels.values.end());
  return set;
}

}  // namespace

MappedFile open_idx(const path& file) {
  std::error_code error;
  check(std::filesystem::exists(file, error), file.string(), "no such file");
  return MappedFile(file);
}

ImageSet parse_idx(const NamedBytes& images, const NamedBytes& labels, int classes) {
  return pair(parse(images, rank_of_images(images)), parse(labels, 1), classes);
}

ImageSet read_idx(const path& images, const path& labels, int classes) {
  const MappedFile pixels = open_idx(images), digits = open_idx(labels);
  return parse_idx({images.string(), pixels.bytes()}, {labels.string(), digits.bytes()}, classes);
}

}  // namespace data
