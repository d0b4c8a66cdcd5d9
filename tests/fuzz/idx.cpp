// A pair of IDX files; the first two bytes say where one ends and the other begins.

#include "data/images/idx.h"
#include "tests/fuzz/images.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(2);
  const std::size_t cut = std::min<std::size_t>(data[0] << 8 | data[1], bytes.size());
  fuzz::try_to([&] {
    const data::ImageSet set =
        data::parse_idx({"images", bytes.first(cut)}, {"labels", bytes.subspan(cut)});
    fuzz::expect_usable(set);
  });
  return 0;
}
