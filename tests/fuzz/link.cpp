// A latency and a speed, as --link has them.

#include "tests/fuzz/fuzz.h"
#include "tools/training/link_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::try_to([&] {
    const pipeline::Link link = training::parse_link("--link", fuzz::text_of(data, size));
    fuzz::expect(link.latency >= 0 && link.latency <= 1e6, "a message arrives within days");
    fuzz::expect(link.seconds_per_byte > 0 && link.seconds_per_byte <= 1, "bytes take some time");
  });
  return 0;
}
