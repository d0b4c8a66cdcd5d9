// A config.json: an accepted one describes a possible model.

#include <nlohmann/json.hpp>

#include "nn/base/json.h"
#include "nn/models/config.h"
#include "nn/models/hugging_face.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::try_to([&] {
    nn::LanguageModelConfig config = nn::config_from_json(
        nn::parse_json_object(fuzz::text_of(data, size), "config.json", "hint"), "config.json");
    nn::require_valid(config);
    config.layers = std::min<nn::index>(config.layers, 3);
    for (const nn::TensorInfo& tensor : nn::tensors_of(config))
      fuzz::expect(tensor.shape.size() > 0, "every tensor has a size");
  });
  return 0;
}
