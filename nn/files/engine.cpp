#include "nn/files/engine.h"
#include <string>
#include <vector>

#include "nn/base/error.h"
#include "nn/blas.h"
#include "nn/files/safetensors.h"
#include "nn/real.h"

namespace nn {

extern const char* const engine_version;  // in $(BUILD)/version.cpp, which the Makefile writes

Metadata describe_engine() {
#if defined __AVX512F__
  constexpr const char* vectors = "AVX-512";
#elif defined __AVX2__
  constexpr const char* vectors = "AVX2";
#else
  constexpr const char* vectors = "SSE";
#endif
  const std::string blas = blas::description();
  return {{"engine", engine_version},
          {"precision", sizeof(real) == 4 ? "float" : "double"},
          {"vectors", vectors},
          {"blas", blas.substr(0, blas.find(' ', blas.find(' ') + 1))},  // its first two words
          {"blas-core", blas::core_name()}};
}

std::vector<std::string> engine_differences(const Metadata& facts) {
  std::vector<std::string> differences;
  for (const auto& [name, value] : describe_engine()) {
    const auto found = facts.find(name);
    if (name != "engine" && found != facts.end() && found->second != value)
      differences.push_back(concat(name, ' ', found->second, ", here it is ", value));
  }
  return differences;
}

}  // namespace nn
