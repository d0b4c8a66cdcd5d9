#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace data {

// A file in memory, and its name in error messages.
struct NamedText {
  std::string_view text;
  std::string name;
};

// The tokenizer.json that Hugging Face makes of OpenAI's two files for GPT-2: encoder.json, the ids
// of all tokens, and vocab.bpe, a line "#version: ..." and then a merge a line, best first, as
// "left right". Throws nn::InputError if either has another format. Ids and tokens are checked when
// reading the result.
nlohmann::json join_gpt2_files(const NamedText& encoder_json, const NamedText& vocab_bpe);

}  // namespace data
