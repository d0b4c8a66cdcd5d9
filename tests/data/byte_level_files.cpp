#include <doctest/doctest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "data/text/text.h"
#include "data/tokenizers/byte_level_tokenizer.h"
#include "data/tokenizers/vocabulary.h"
#include "nn/base/file.h"
#include "tests/complaint.h"
#include "tests/data/byte_level_golden.h"
#include "tools/program/temporary_folder.h"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

using tests::golden, tests::small_tokenizer;
using Ids = std::vector<int>;

// A copy of the small vocabulary to spoil: encoder.json with vocab.bpe, and tokenizer.json.
struct SmallFiles : tools::TemporaryFolder {
  json encoder = json::parse(nn::read_file(golden / "encoder.json"));
  std::string merges = nn::read_file(golden / "vocab.bpe");
  json content = json::parse(nn::read_file(golden / "tokenizer.json"));

  std::string complaint_of_folder() const {
    nn::write_file_atomically(path / "encoder.json", encoder.dump());
    nn::write_file_atomically(path / "vocab.bpe", merges);
    return complaint_at(path);
  }
  std::string complaint_of_file() const {
    nn::write_file_atomically(path / "tokenizer.json", content.dump());
    return complaint_at(path / "tokenizer.json");
  }
  static std::string complaint_at(const fs::path& tokenizer_json) {
    const std::string message = complaint_of([&] { data::load_tokenizer(tokenizer_json); });
    CHECK((message == "nothing" || contains(message, tokenizer_json.string())));
    return message;
  }
};

}  // namespace

TEST_CASE_FIXTURE(SmallFiles, "stories end with the tokenizer's end-of-text id") {
  nn::write_file_atomically(path / "text.txt", "then\nthere");
  const data::Text text =
      data::open_text({.text = path / "text.txt", .data_raw = path, .tokenizer = golden});
  CHECK(text.tokens.vocabulary() == 401);
  CHECK(contains(text.description, "a vocabulary of 401 (" + golden.string() + ")"));
  Ids expected;
  for (const char* story : {"then", "there"}) {
    for (const int id : small_tokenizer().encode(story)) expected.push_back(id);
    expected.push_back(400);
  }
  CHECK(Ids(text.tokens.ids().begin(), text.tokens.ids().end()) == expected);
  const data::Text bytes =
      data::open_text({.text = path / "text.txt", .data_raw = path, .vocabulary = path / "none"});
  CHECK(bytes.tokens.vocabulary() == 259);
  CHECK(contains(bytes.description, "bytes, because there is no " + (path / "none").string()));
}

TEST_CASE_FIXTURE(SmallFiles, "OpenAI's two files become the tokenizer.json of Hugging Face") {
  const json made = json::parse(data::tokenizer_json_text(golden));
  for (const char* name : {"model", "added_tokens", "normalizer", "pre_tokenizer"}) {
    const bool is_equal = made[name] == content[name];
    CHECK_MESSAGE(is_equal, name);
  }
  nn::write_file_atomically(path / "tokenizer.json", made.dump());
  CHECK(data::tokenizer_json_text(path / "tokenizer.json") == made.dump());
  CHECK(data::load_tokenizer(path / "tokenizer.json")->encode("then there") ==
        small_tokenizer().encode("then there"));
}

TEST_CASE_FIXTURE(SmallFiles, "optional fields of a tokenizer.json may be missing or null") {
  for (const char* name : {"type", "unk_token", "byte_fallback", "ignore_merges", "dropout",
                           "fuse_unk", "continuing_subword_prefix", "end_of_word_suffix"}) {
    content["model"].erase(name);
    CHECK(complaint_of_file() == "nothing");
  }
  for (const char* name : {"normalizer", "post_processor", "truncation", "version"})
    content.erase(name);
  content["pre_tokenizer"].erase("use_regex");
  for (json& merge : content["model"]["merges"])
    merge = merge[0].get<std::string>() + ' ' + merge[1].get<std::string>();
  CHECK(complaint_of_file() == "nothing");
  CHECK(data::load_tokenizer(path / "tokenizer.json")->encode("then there") ==
        small_tokenizer().encode("then there"));
}

TEST_CASE("a byte-level tokenizer.json that is not GPT-2's kind is refused with the reason") {
  struct Row {
    const char* reason;
    const char* where;
    json value;
  };
  const Row rows[] = {
      {"/model/type is not \"BPE\"", "/model/type", "WordLevel"},
      {"/model/ignore_merges is not false", "/model/ignore_merges", true},
      {"/model/dropout is not null", "/model/dropout", 0.1},
      {"/model/end_of_word_suffix is not \"\"", "/model/end_of_word_suffix", "</w>"},
      {"/normalizer is not null", "/normalizer", {{"type", "NFC"}}},
      {"/model/unk_token is not \"<unk>\"", "/model/byte_fallback", true},
      {"/pre_tokenizer/add_prefix_space is not false", "/pre_tokenizer/add_prefix_space", true},
      {"/pre_tokenizer/use_regex is not true", "/pre_tokenizer/use_regex", false},
      {"/decoder/type is not \"ByteLevel\"", "/decoder/type", "Fuse"},
      {"added_tokens is not an array", "/added_tokens", json::object()},
      {"added_tokens is not <|endoftext|> alone", "/added_tokens", json::array()},
      {"added_tokens is not <|endoftext|> alone", "/added_tokens/1", {{"id", 5}, {"content", "x"}}},
      {"added_tokens is not <|endoftext|> alone", "/added_tokens/0", 7},
      {"added_tokens is not <|endoftext|> alone", "/added_tokens/0/content", "<pad>"},
      {"<|endoftext|> is not in the vocabulary under the same id", "/added_tokens/0/id", 399},
      {"lstrip of <|endoftext|> is not false", "/added_tokens/0/lstrip", true},
      {"\"\xE2\x96\x81x\" has a character that stands for no byte", "/model/vocab/\xE2\x96\x81x",
       401},
      {"\"a b\" has a character that stands for no byte", "/model/vocab/a b", 401},
      {"have the same id, 400", "/model/vocab/xyz", 400},
      {"a merge into \"re\" occurs twice", "/model/merges/1", {"r", "e"}},
      {"\"zz\", which is not a token of text", "/model/merges/0", {"z", "z"}},
      {"is not a token of text", "/model/merges/0", {"<|endoftext|>", "a"}},
  };
  for (const Row& row : rows) {
    SmallFiles spoiled;
    spoiled.content[json::json_pointer(row.where)] = row.value;
    const std::string message = spoiled.complaint_of_file();
    CAPTURE(message);
    CHECK(contains(message, row.reason));
  }
}

TEST_CASE("a damaged encoder.json or vocab.bpe is refused with the line") {
  struct Row {
    const char* reason;
    std::function<void(SmallFiles&)> spoil;
  };
  const auto merges = [](const std::string& text) {
    return [=](SmallFiles& files) { files.merges = text; };
  };
  const Row rows[] = {
      {"vocab.bpe: line 1 does not end", merges("")},
      {"vocab.bpe: line 1 does not end", merges("#version: 0.2")},
      {"vocab.bpe: line 1 does not begin with #version:", merges("r e\n")},
      {"vocab.bpe: line 2 does not end", merges("#version: 0.2\nr e")},
      {"vocab.bpe: line 3 is not two tokens", merges("#version: 0.2\nr e\n\n")},
      {"vocab.bpe: line 2 is not two tokens", merges("#version: 0.2\nre\n")},
      {"vocab.bpe: line 2 is not two tokens", merges("#version: 0.2\nr e a\n")},
      {"vocab.bpe: line 2 is not two tokens", merges("#version: 0.2\n r\n")},
      {"vocab.bpe: line 2 is not two tokens", merges("#version: 0.2\nr \n")},
      {"vocab.bpe: line 2 is not UTF-8", merges("#version: 0.2\nr \xFF\n")},
      {"\"e\\u000d\", which is not a token of text", merges("#version: 0.2\r\nr e\r\n")},
      {"vocab.bpe: larger than", merges(std::string(20'000'001, 'x'))},
      {"\"zz\", which is not a token of text", merges("#version: 0.2\nz z\n")},
      {"there is no token <|endoftext|>",
       [](SmallFiles& files) { files.encoder.erase("<|endoftext|>"); }},
      {"encoder.json: it is not a JSON object", [](SmallFiles& files) { files.encoder = 5; }},
      {"the id of \"a\" is not a number", [](SmallFiles& files) { files.encoder["a"] = "1"; }},
      {"the id of \"<|endoftext|>\" is not a number",
       [](SmallFiles& files) { files.encoder["<|endoftext|>"] = {400}; }},
      {"there is no token for the byte 97",
       [](SmallFiles& files) {
         files.encoder["aaaaa"] = files.encoder["a"];
         files.encoder.erase("a");
         files.merges = "#version: 0.2\nr e\n";
       }},
  };
  for (const Row& row : rows) {
    SmallFiles spoiled;
    row.spoil(spoiled);
    const std::string message = spoiled.complaint_of_folder();
    CAPTURE(message);
    CHECK(contains(message, row.reason));
  }
  CHECK(SmallFiles().complaint_of_folder() == "nothing");
  SmallFiles files;
  CHECK(contains(files.complaint_at(files.path), "cannot read"));
  nn::write_file_atomically(files.path / "encoder.json", "{}");
  CHECK(contains(files.complaint_at(files.path), "vocab.bpe: No such file"));
}
