#pragma once

#include <filesystem>

#include "data/tokenizers/byte_level_tokenizer.h"
#include "data/tokenizers/vocabulary.h"

namespace tests {

// Hard strings as Hugging Face's library encodes them, and a vocabulary that it trained
// (tests/golden/make_byte_level_bpe.py).
inline const std::filesystem::path golden = "tests/golden/byte_level";

inline data::ByteLevelTokenizer small_tokenizer() {
  return data::ByteLevelTokenizer(data::read_vocabulary(golden));
}

}  // namespace tests
