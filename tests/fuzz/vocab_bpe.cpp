// GPT-2's vocab.bpe, beside an encoder.json of all bytes and of what the lines spell: an accepted
// vocabulary encodes any bytes, and decodes them again.

#include <nlohmann/json.hpp>
#include <set>

#include "data/tokenizers/byte_level_tokenizer.h"
#include "data/tokenizers/gpt2_files.h"
#include "nn/base/utf8.h"
#include "tests/fuzz/byte_alphabet.h"
#include "tests/fuzz/fuzz.h"

using namespace std::string_view_literals;

namespace {

std::string encoder_json(const std::vector<std::string>& lines) {
  std::string text = '{' + fuzz::byte_alphabet();
  std::set<std::string> tokens;
  for (std::string line : lines) {
    std::erase(line, ' ');
    const bool is_new = nn::utf8_length(line) < static_cast<int>(line.size()) &&
                        nn::to_utf8(line) == line && tokens.insert(line).second;
    if (is_new) text += nn::concat(',', nn::json_quote(line), ':', 256 + tokens.size());
  }
  return text + '}';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view merges = fuzz::text_of(data, size);
  const std::string encoder = encoder_json(fuzz::lines_of(data, size));
  fuzz::try_to([&] {
    const auto root = data::join_gpt2_files({encoder, "encoder.json"}, {merges, "vocab.bpe"});
    const data::ByteLevelTokenizer tokenizer(data::parse_vocabulary(root.dump(), "gpt2"));
    for (const std::string_view text : {"the there's \xFF\xC3\xA9  abab"sv, merges})
      fuzz::expect(tokenizer.bytes(tokenizer.encode(text)) == text, "bytes survive");
  });
  return 0;
}
