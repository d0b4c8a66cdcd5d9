// A pair of IDX files; the first two bytes say where one ends and the other begins.

#include <numeric>

#include "data/idx.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(2);
  const std::size_t cut = std::min<std::size_t>(data[0] << 8 | data[1], bytes.size());
  fuzz::try_to([&] {
    const data::ImageSet set =
        data::parse_idx({"images", bytes.first(cut)}, {"labels", bytes.subspan(cut)});
    std::vector<int> samples(set.size()), labels(set.size());
    std::iota(samples.begin(), samples.end(), 0);
    std::vector<nn::real> images(set.pixels.size());
    set.copy_batch(samples, images.data(), labels);
    for (const int label : labels) fuzz::expect(label < 10, "a label is below 10");
  });
  return 0;
}
