// The index of a checkpoint in shards: no accepted name leads out of the folder.

#include <filesystem>
#include <nlohmann/json.hpp>

#include "nn/base/json.h"
#include "nn/models/hugging_face.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::try_to([&] {
    const nn::WeightMap map = nn::weight_map_from_json(
        nn::parse_json_object(fuzz::text_of(data, size), "index", "hint"), "index");
    const std::filesystem::path folder = "/folder";
    for (const auto& [tensor, file] : map)
      fuzz::expect((folder / file).lexically_normal().parent_path() == folder &&
                       file.find('\0') == file.npos,
                   "every file lies in the folder");
  });
  return 0;
}
