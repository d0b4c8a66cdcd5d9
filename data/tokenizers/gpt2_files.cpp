#include "data/tokenizers/gpt2_files.h"

#include <nlohmann/json.hpp>

#include "data/tokenizers/vocabulary_reader.h"
#include "nn/base/error.h"
#include "nn/base/json.h"
#include "nn/base/utf8.h"

namespace data {
namespace {

using nlohmann::json;

json read_merges(const NamedText& vocab_bpe) {
  std::string_view text = vocab_bpe.text;
  int number = 0;
  const auto check = [&](bool holds, const char* reason) {
    if (!holds)
      throw nn::InputError(nn::concat(vocab_bpe.name, ": line ", number, ' ', reason),
                           vocabulary_hint);
  };
  // A line without a newline may have lost a part.
  const auto next_line = [&] {
    ++number;
    const std::size_t size = text.find('\n');
    check(size != text.npos, "does not end");
    const std::string line(text.substr(0, size));
    text.remove_prefix(size + 1);
    check(nn::to_utf8(line) == line, "is not UTF-8");
    return line;
  };
  check_size(text, vocab_bpe.name);
  check(next_line().starts_with("#version:"), "does not begin with #version:");
  json merges = json::array();
  while (!text.empty()) {
    const std::string line = next_line();
    const std::size_t space = line.find(' ');
    const bool is_pair = space != line.npos && space > 0 && space + 1 < line.size() &&
                         line.find(' ', space + 1) == line.npos;
    check(is_pair, "is not two tokens with a space between them");
    merges.push_back({line.substr(0, space), line.substr(space + 1)});
  }
  return merges;
}

}  // namespace

json join_gpt2_files(const NamedText& encoder_json, const NamedText& vocab_bpe) {
  check_size(encoder_json.text, encoder_json.name);
  json vocab =
      nn::parse_json_object(encoder_json.text, encoder_json.name + ": it", vocabulary_hint);
  const auto end = vocab.find(end_of_text_token);
  if (end == vocab.end())
    throw nn::InputError(nn::concat(encoder_json.name, ": there is no token ", end_of_text_token),
                         vocabulary_hint);
  const json byte_level = {{"type", "ByteLevel"},
                           {"add_prefix_space", false},
                           {"trim_offsets", true},
                           {"use_regex", true}};
  json added = {{"id", *end}, {"content", end_of_text_token}, {"special", true}};
  for (const char* flag : {"single_word", "lstrip", "rstrip", "normalized"}) added[flag] = false;
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", json::array({added})},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", ""},
            {"end_of_word_suffix", ""},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", std::move(vocab)},
            {"merges", read_merges(vocab_bpe)}}}};
}

}  // namespace data
