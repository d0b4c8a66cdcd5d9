#include "data/tokenizers/tokenizer.h"

#include "data/tokenizers/byte_level_tokenizer.h"
#include "data/tokenizers/llama_tokenizer.h"
#include "data/tokenizers/vocabulary.h"
#include "nn/base/error.h"
#include "nn/base/utf8.h"

namespace data {
namespace {

class ByteTokenizer : public Tokenizer {
 public:
  std::vector<int> encode(std::string_view text) const override {
    std::vector<int> ids;
    ids.reserve(text.size());
    for (const unsigned char byte : text) ids.push_back(first_byte + byte);
    return ids;
  }

  std::string decode(std::span<const int> ids) const override {
    std::string bytes;
    for (const int id : ids) {
      nn::require(id >= 0 && id < vocabulary(), "decode: id ", id, " of ", vocabulary());
      if (id >= first_byte) bytes += static_cast<char>(id - first_byte);
    }
    return nn::to_utf8(bytes);
  }

  int vocabulary() const override { return first_byte + 256; }
  int end_of_text() const override { return end_id; }

 private:
  static constexpr int first_byte = end_id + 1;
};

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& tokenizer_json) {
  return make_tokenizer(read_vocabulary(tokenizer_json));
}

std::unique_ptr<Tokenizer> make_tokenizer(Vocabulary vocabulary) {
  if (vocabulary.scheme == Vocabulary::Scheme::byte_level)
    return std::make_unique<ByteLevelTokenizer>(std::move(vocabulary));
  return std::make_unique<LlamaTokenizer>(std::move(vocabulary));
}

std::unique_ptr<Tokenizer> byte_tokenizer() { return std::make_unique<ByteTokenizer>(); }

std::unique_ptr<Tokenizer> open_tokenizer(const std::filesystem::path& tokenizer_json) {
  return tokenizer_json.empty() ? byte_tokenizer() : load_tokenizer(tokenizer_json);
}

}  // namespace data
