// A text to train on, in bytes and in tokens: encoded text is read back and decoded again.

#include "data/text/token_cache.h"
#include "data/tokenizers/llama_tokenizer.h"
#include "nn/base/utf8.h"
#include "tests/fuzz/fuzz.h"

namespace {

// The tokens of all bytes, of some characters, and of their merges.
data::Vocabulary small_vocabulary() {
  using Kind = data::Vocabulary::Kind;
  data::Vocabulary vocabulary;
  const auto add = [&](const std::string& token, Kind kind) {
    vocabulary.tokens.push_back(token);
    vocabulary.kinds.push_back(kind);
    return static_cast<int>(vocabulary.tokens.size()) - 1;
  };
  for (const char* control : {"<unk>", "<s>", "</s>"}) add(control, Kind::control);
  for (int byte = 0; byte < 256; ++byte) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    vocabulary.byte_ids.push_back(
        add(nn::concat("<0x", hex[byte >> 4], hex[byte & 15], '>'), Kind::byte));
  }
  const int a = add("a", Kind::normal), b = add("b", Kind::normal), e = add("é", Kind::normal),
            space = add(std::string(data::space_symbol), Kind::normal);
  const auto merge = [&](int left, int right) {
    const int merged = add(vocabulary.tokens[left] + vocabulary.tokens[right], Kind::normal);
    const int rank = static_cast<int>(vocabulary.merges.size());
    vocabulary.merges.push_back({left, right, merged, rank});
    return merged;
  };
  const int ab = merge(a, b);
  merge(space, ab);
  merge(ab, ab);
  merge(space, space);
  merge(e, a);
  return vocabulary;
}

void check(const data::Tokenizer& tokenizer, std::string_view text, const std::string& decoded) {
  const std::vector<int> ids = tokenizer.encode(text);
  for (const int id : ids)
    fuzz::expect(id >= 0 && id < tokenizer.vocabulary(), "an id is one of the vocabulary");
  fuzz::expect(tokenizer.decode(ids) == decoded, "text survives");
  std::vector<int> any_ids;
  for (const unsigned char byte : text)
    any_ids.push_back(tokenizer.vocabulary() - 1 - byte % tokenizer.vocabulary());
  const std::string any_text = tokenizer.decode(any_ids);
  fuzz::expect(nn::to_utf8(any_text) == any_text, "decoding makes UTF-8");
}

// Turns SentencePiece's sign for a space into a space.
std::string with_spaces(std::string text) {
  for (std::size_t at = 0; (at = text.find(data::space_symbol, at)) != text.npos;)
    text.replace(at, data::space_symbol.size(), " ");
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const data::LlamaTokenizer llama(small_vocabulary());
  static const auto bytes = data::byte_tokenizer();
  const std::string_view text = fuzz::text_of(data, size);
  check(*bytes, text, nn::to_utf8(text));
  check(llama, text, with_spaces(nn::to_utf8(text)));
  fuzz::try_to([&] {
    const data::TokenSource source{size, 1, 2};
    std::string file;
    data::encode_stories(text, "text", llama, source, [&](std::string_view part) { file += part; });
    const auto tokens = data::parse_tokens(std::as_bytes(std::span(file)), source);
    fuzz::expect(tokens && !tokens->ids.empty(), "what was written is read");
    fuzz::expect(tokens->ids.back() == data::Tokenizer::end_id, "stories end");
  });
  return 0;
}
