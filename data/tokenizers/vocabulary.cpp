#include "data/tokenizers/vocabulary.h"

#include <nlohmann/json.hpp>

#include "data/mapped_file.h"
#include "data/tokenizers/gpt2_files.h"
#include "data/tokenizers/vocabulary_reader.h"
#include "nn/base/json.h"

namespace data {

Vocabulary read_vocabulary(const std::filesystem::path& tokenizer_json) {
  return parse_vocabulary(tokenizer_json_text(tokenizer_json), tokenizer_json.string());
}

Vocabulary parse_vocabulary(std::string_view tokenizer_json, const std::string& name) {
  using nlohmann::json;
  check_size(tokenizer_json, name);
  const json root = nn::parse_json_object(tokenizer_json, name + ": it", vocabulary_hint);
  const auto is = [&](const char* where, const json& value) {
    const json::json_pointer pointer(where);
    return root.contains(pointer) && root[pointer] == value;
  };
  const bool is_byte_level =
      is("/pre_tokenizer/type", "ByteLevel") && !is("/model/byte_fallback", true);
  return is_byte_level ? read_byte_level_vocabulary(root, name) : read_llama_vocabulary(root, name);
}

std::string tokenizer_json_text(const std::filesystem::path& tokenizer_json) {
  std::error_code error;
  if (std::filesystem::is_directory(tokenizer_json, error)) {
    const std::filesystem::path encoder = tokenizer_json / "encoder.json";
    const std::filesystem::path merges = tokenizer_json / "vocab.bpe";
    return join_gpt2_files({MappedFile(encoder).text(), encoder.string()},
                           {MappedFile(merges).text(), merges.string()})
        .dump();
  }
  const MappedFile file(tokenizer_json);
  check_size(file.text(), tokenizer_json.string());
  return std::string(file.text());
}

}  // namespace data
