// A tokenizer.json: an accepted vocabulary encodes and decodes. A real one is too long to grow from
// nothing, so %BYTES%, %MODEL% and %REST% stand for the parts that all of Llama's kind have in
// common, %ALPHABET% and %GPT2% for those of GPT-2's kind.

#include "data/tokenizers/vocabulary.h"

#include "data/tokenizers/tokenizer.h"
#include "tests/fuzz/byte_alphabet.h"
#include "tests/fuzz/fuzz.h"

namespace {

std::string byte_tokens() {
  std::string text = R"("<unk>":0,"<s>":1,"</s>":2)";
  for (int byte = 0; byte < 256; ++byte) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    text += nn::concat(",\"<0x", hex[byte >> 4], hex[byte & 15], ">\":", 3 + byte);
  }
  return text;
}

const char* const settings = R"("type":"BPE","unk_token":"<unk>","byte_fallback":true)";
const char* const rest = R"("normalizer":{"type":"Sequence","normalizers":[
    {"type":"Prepend","prepend":"▁"},
    {"type":"Replace","pattern":{"String":" "},"content":"▁"}]},
  "decoder":{"type":"Sequence","decoders":[
    {"type":"Replace","pattern":{"String":"▁"},"content":" "},
    {"type":"ByteFallback"},{"type":"Fuse"},
    {"type":"Strip","content":" ","start":1,"stop":0}]})";

const char* const gpt2 = R"("pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},
  "decoder":{"type":"ByteLevel"},"added_tokens":[{"id":0,"content":"<|endoftext|>"}])";

void replace(std::string& text, std::string_view name, std::string_view meaning) {
  const std::size_t at = text.find(name);
  if (at != text.npos) text.replace(at, name.size(), meaning);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string bytes = byte_tokens(), alphabet = fuzz::byte_alphabet();
  std::string text(fuzz::text_of(data, size));
  replace(text, "%BYTES%", bytes);
  replace(text, "%MODEL%", settings);
  replace(text, "%REST%", rest);
  replace(text, "%ALPHABET%", alphabet);
  replace(text, "%GPT2%", gpt2);
  fuzz::try_to([&] {
    const auto tokenizer = data::make_tokenizer(data::parse_vocabulary(text, "tokenizer.json"));
    const std::string input = "a bc \xFF abcabc";
    for (const int id : tokenizer->encode(input))
      fuzz::expect(id >= 0 && id < tokenizer->vocabulary(), "an id is one of the vocabulary");
    tokenizer->decode(tokenizer->encode(input));
  });
  return 0;
}
