// A safetensors file: the header, then the numbers of every tensor that it names.

#include "nn/files/safetensors.h"

#include <sstream>

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::try_to([&] {
    auto stream = std::make_unique<std::istringstream>(std::string(fuzz::text_of(data, size)));
    nn::SafetensorsFile file(std::move(stream), "file");
    std::uint64_t bytes = 0;
    for (const auto& [name, entry] : file.entries()) {
      bytes += entry.bytes;
      fuzz::expect(bytes <= size, "tensors are no larger than their file");
      std::vector<nn::real> values(entry.shape.size());
      file.read(entry, values);
    }
  });
  return 0;
}
