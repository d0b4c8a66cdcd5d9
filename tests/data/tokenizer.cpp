#include <doctest/doctest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "data/tokenizers/tokenizer.h"
#include "nn/base/error.h"
#include "nn/base/file.h"
#include "tests/complaint.h"
#include "tests/data/hex.h"
#include "tools/program/temporary_folder.h"

namespace {

using nlohmann::json;
using Ids = std::vector<int>;

const std::filesystem::path llama = "data/raw/vocabulary/tokenizer.json";

// A vocabulary of 276: control tokens, bytes, and these from id 259 on.
constexpr const char* normal[] = {"▁",  "a",   "b",  "c",  "d", "é",   "ab", "bc", "▁a",
                                  "▁▁", "abc", "cd", "bb", "�", "▁ab", "aa", "aaa"};
enum : int { space = 259, a, b, c, d, e_acute, ab, bc, space_a, spaces, abc, cd, bb, unreadable };
enum : int { byte_0 = 3, space_ab = unreadable + 1, aa, aaa };

json small_vocabulary() {
  json vocab = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", byte);
    vocab[name] = byte_0 + byte;
  }
  for (const char* token : normal) vocab[token] = vocab.size();
  const json replace = {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}};
  const json restore = {{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}};
  return {
      {"added_tokens", {{{"id", 1}, {"content", "<s>"}, {"special", true}}}},
      {"normalizer",
       {{"type", "Sequence"}, {"normalizers", {{{"type", "Prepend"}, {"prepend", "▁"}}, replace}}}},
      {"pre_tokenizer", nullptr},
      {"decoder",
       {{"type", "Sequence"},
        {"decoders",
         {restore,
          {{"type", "ByteFallback"}},
          {{"type", "Fuse"}},
          {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}},
      {"model",
       {{"type", "BPE"},
        {"unk_token", "<unk>"},
        {"byte_fallback", true},
        {"vocab", vocab},
        {"merges",
         {"b c", "a b", "▁ a", "a bc", "ab c", "c d", "b b", "▁ ab", "▁a b", "a a", "a aa", "aa a",
          "▁ ▁"}}}},
  };
}

struct SmallVocabulary : tools::TemporaryFolder {
  std::filesystem::path file = path / "tokenizer.json";
  json content = small_vocabulary();

  std::unique_ptr<data::Tokenizer> load() const {
    nn::write_file_atomically(file, content.dump());
    return data::load_tokenizer(file);
  }
  Ids encode(std::string_view text) const { return load()->encode(text); }
};

// The loader's complaint, which must name the file.
std::string complaint(const std::filesystem::path& file) {
  const std::string message = complaint_of([&] { data::load_tokenizer(file); });
  CHECK(contains(message, file.string()));
  return message;
}

}  // namespace

TEST_CASE("the Llama vocabulary gives hard strings the ids that SentencePiece gives them") {
  if (!std::filesystem::exists(llama)) {
    MESSAGE("left out, no ", llama.string(), ": data/fetch.sh vocabulary brings it");
    return;
  }
  const json golden = json::parse(nn::read_file("tests/golden/tokenizer.json"));
  const auto tokenizer = data::load_tokenizer(llama);
  CHECK(tokenizer->vocabulary() == 32000);
  REQUIRE(golden["encode"].size() > 100);
  for (const json& row : golden["encode"]) {
    CAPTURE(row.dump());
    const auto text = row.contains("hex") ? from_hex(row["hex"]) : row["text"].get<std::string>();
    const Ids ids = tokenizer->encode(text);
    CHECK(ids == row["ids"].get<Ids>());
    const bool is_kept = row.contains("text") && !contains(text, "▁");
    if (is_kept) CHECK(tokenizer->decode(ids) == text);
  }
  for (const json& row : golden["decode"]) {
    CAPTURE(row.dump());
    CHECK(tokenizer->decode(row["ids"].get<Ids>()) == row["text"].get<std::string>());
  }
}

TEST_CASE_FIXTURE(SmallVocabulary, "the best merge comes first, wherever it is") {
  CHECK(load()->vocabulary() == 276);
  CHECK(encode("dabc") == Ids{space, d, abc});  // b c, then a bc
  CHECK(encode("abc") == Ids{space_a, bc});     // b c, then ▁ a
  CHECK(encode("ab") == Ids{space_ab});         // a b, then ▁ ab
  CHECK(encode("bcd") == Ids{space, bc, d});    // b c before c d
  CHECK(encode("acd") == Ids{space_a, cd});
}

TEST_CASE_FIXTURE(SmallVocabulary, "the leftmost of equal merges comes first") {
  CHECK(encode("bbb") == Ids{space, bb, b});
  CHECK(encode("bbbbb") == Ids{space, bb, bb, b});
  CHECK(encode("caaaa") == Ids{space, c, aa, aa});
  CHECK(encode("caaa") == Ids{space, c, aaa});
}

TEST_CASE_FIXTURE(SmallVocabulary,
                  "runs of spaces merge from the left, as LLaMA's have one score") {
  json& vocab = content["model"]["vocab"];
  const int three = static_cast<int>(vocab.size()), four = three + 1;
  vocab["▁▁▁"] = three;
  vocab["▁▁▁▁"] = four;
  json& merges = content["model"]["merges"];
  const json others(merges.begin(), merges.end() - 1);  // but "▁ ▁"
  merges = others;
  for (const char* merge : {"▁▁ ▁▁", "▁▁ ▁", "▁▁▁ ▁", "▁ ▁▁", "▁ ▁▁▁", "▁ ▁"})
    merges.push_back(merge);
  CHECK(encode("  ") == Ids{three});  // one is put in front
  CHECK(encode("   ") == Ids{four});
  CHECK(encode(std::string(6, ' ')) == Ids{four, three});
  CHECK(encode(std::string(8, ' ') + "a") == Ids{four, four, space_a});
  std::swap(merges[others.size()], merges.back());
  CHECK(
      contains(complaint_of([&] { load(); }), "the merges of spaces are in an order of their own"));
}

TEST_CASE_FIXTURE(SmallVocabulary, "spaces are tokens, one is put in front and taken away again") {
  CHECK(encode("") == Ids{});
  CHECK(encode(" ") == Ids{spaces});
  CHECK(encode("  a") == Ids{spaces, space_a});
  CHECK(encode("d a ") == Ids{space, d, space_a, space});
  for (const char* text : {"", " ", "a", " a", "  a  b ", "ab abc\n"})
    CHECK(load()->decode(encode(text)) == text);
}

TEST_CASE_FIXTURE(SmallVocabulary,
                  "text is not cut at a space if tokens of the vocabulary continue after one") {
  content["model"]["vocab"]["c▁"] = 276;
  content["model"]["merges"].insert(content["model"]["merges"].begin(), "c ▁");
  CHECK(encode("c a") == Ids{space, 276, a});
}

TEST_CASE_FIXTURE(SmallVocabulary,
                  "characters without a token are spelled in bytes, or are U+FFFD") {
  CHECK(encode("x") == Ids{space, byte_0 + 'x'});
  CHECK(encode("axb") == Ids{space_a, byte_0 + 'x', b});
  CHECK(encode("\n") == Ids{space, byte_0 + '\n'});
  CHECK(encode("é") == Ids{space, e_acute});
  CHECK(encode("e\u0301") == Ids{space, byte_0 + 'e', byte_0 + 0xCC, byte_0 + 0x81});
  CHECK(encode(std::string_view("a\0", 2)) == Ids{space_a, byte_0});
  CHECK(encode("\xC3") == Ids{space, unreadable});
  CHECK(encode("\xE2\x82") == Ids{space, unreadable, unreadable});
}

TEST_CASE_FIXTURE(SmallVocabulary, "text that spells a control or byte token is just text") {
  CHECK(encode("<s>").size() == 4);
  CHECK(load()->decode(encode("<s><0x0A></s>")) == "<s><0x0A></s>");
}

TEST_CASE_FIXTURE(SmallVocabulary, "decoding shows neither control tokens nor broken characters") {
  const auto tokenizer = load();
  CHECK(tokenizer->decode(Ids{1, space_a, 2, space_a}) == "a a");
  CHECK(tokenizer->decode(Ids{a, byte_0 + 0xC3, b}) == "a\uFFFDb");
  CHECK(tokenizer->decode(Ids{byte_0 + 0xC3, byte_0 + 0xA9}) == "é");
  CHECK(tokenizer->decode(Ids{0}) == " \u2047 ");
  CHECK_THROWS_AS(tokenizer->decode(Ids{276}), nn::Error);
  CHECK_THROWS_AS(tokenizer->decode(Ids{-1}), nn::Error);
}

TEST_CASE_FIXTURE(SmallVocabulary, "a word of a megabyte is encoded in a moment") {
  const auto tokenizer = load();
  const std::string word = std::string(1 << 20, 'b');
  CHECK(tokenizer->encode(word).size() == 1 + (1 << 19));
}

TEST_CASE_FIXTURE(SmallVocabulary, "merges may be written as pairs") {
  for (json& merge : content["model"]["merges"]) {
    const std::string text = merge;
    const std::size_t cut = text.find(' ');
    merge = {text.substr(0, cut), text.substr(cut + 1)};
  }
  CHECK(encode("dabc") == Ids{space, d, abc});
}

TEST_CASE("an invalid tokenizer.json is refused with the reason") {
  struct Row {
    const char* reason;
    std::function<void(json&)> spoil;
  };
  const auto erase = [](const char* where, const char* name) {
    return [=](json& root) { root[json::json_pointer(where)].erase(name); };
  };
  const auto set = [](const char* where, const json& value) {
    return [=](json& root) { root[json::json_pointer(where)] = value; };
  };
  const Row rows[] = {
      {"not a JSON object", [](json& root) { root = json::array(); }},
      {"model is not an object", [](json& root) { root.erase("model"); }},
      {"model is not an object", set("/model", 3)},
      {"vocab is not an object", erase("/model", "vocab")},
      {"vocab is not an object", set("/model/vocab", json::array())},
      {"merges is not an array", erase("/model", "merges")},
      {"merges is not an array", set("/model/merges", "a b")},
      {"added_tokens is not an array", set("/added_tokens", json::object())},
      {"/model/type is not \"BPE\"", set("/model/type", "Unigram")},
      {"/model/type is not \"BPE\"", erase("/model", "type")},
      {"/model/byte_fallback is not true", set("/model/byte_fallback", false)},
      {"/model/dropout is not null", set("/model/dropout", 0.1)},
      {"/normalizer is not", set("/normalizer", nullptr)},
      {"/pre_tokenizer is not null", set("/pre_tokenizer", {{"type", "ByteLevel"}})},
      {"/decoder is not", set("/decoder/decoders/3/start", 0)},
      {"the id of \"ab\" is not a number", set("/model/vocab/ab", "265")},
      {"the id of \"ab\" is not a number", set("/model/vocab/ab", -1)},
      {"the id of \"ab\" is not a number", set("/model/vocab/ab", 265.5)},
      {"have the same id, 265", set("/model/vocab/bc", 265)},
      {"the id of \"ab\" is 276, but there are only 276", set("/model/vocab/ab", 276)},
      {"the id of \"ab\" is 65536", set("/model/vocab/ab", 65536)},
      {"the id of \"ab\" is 18446744073709551615", set("/model/vocab/ab", UINT64_MAX)},
      {"more than 65536",
       [](json& root) {
         for (int id = 276; id <= 65536; ++id) root["model"]["vocab"][std::to_string(id)] = id;
       }},
      {"a token is empty", set("/model/vocab", {{"", 0}})},
      {"<s> does not have the id 1",
       [](json& root) {
         root["model"]["vocab"]["<s>"] = 2;
         root["model"]["vocab"]["</s>"] = 1;
       }},
      {"there is no token <0x41>",
       [](json& root) {
         root["model"]["vocab"].erase("<0x41>");
         root["model"]["vocab"]["<0x410>"] = byte_0 + 0x41;
       }},
      {"added_tokens does not have id and content", set("/added_tokens/0", "<s>")},
      {"the added token \"<s>\" is not in the vocabulary", set("/added_tokens/0/id", 3)},
      {"the added token 7 is not in the vocabulary", set("/added_tokens/0/content", 7)},
      {R"(the added token "\u007f" is not in the vocabulary)",
       set("/added_tokens/0/content", "\x7f")},
      {"a merge is not a pair", set("/model/merges/0", 7)},
      {"a merge is not a pair", set("/model/merges/0", {"a"})},
      {"the merge \"bc\" has no space", set("/model/merges/0", "bc")},
      {"\"x\", which is not a token of text", set("/model/merges/0", "b x")},
      {"\"ba\", which is not a token of text", set("/model/merges/0", "b a")},
      {"no merge makes \"az\"", set("/model/vocab/az", 276)},
      {"13 merges, but the tokens allow 14", set("/model/vocab/ac", 276)},
      {"occurs twice", set("/model/merges/4", "a bc")},
      {"12 merges, but the tokens allow 13", [](json& root) { root["model"]["merges"].erase(12); }},
      {"do not follow each other",
       [](json& root) { std::swap(root["model"]["merges"][4], root["model"]["merges"][5]); }},
  };
  for (const Row& row : rows) {
    SmallVocabulary spoiled;
    row.spoil(spoiled.content);
    nn::write_file_atomically(spoiled.file, spoiled.content.dump());
    const std::string message = complaint(spoiled.file);
    CAPTURE(message);
    CHECK(contains(message, row.reason));
  }
}

TEST_CASE_FIXTURE(SmallVocabulary, "a damaged tokenizer.json is refused") {
  const std::string whole = content.dump();
  for (const std::string& damaged :
       {std::string(), whole.substr(0, whole.size() / 2), whole + "}", std::string("\xff\xfe"),
        whole + std::string(1, '\0') + "more"}) {
    nn::write_file_atomically(file, damaged);
    CHECK(contains(complaint(file), "not JSON"));
  }
  nn::write_file_atomically(file, std::string(1 << 20, '['));
  CHECK(contains(complaint(file), "nested too deeply"));
  std::filesystem::resize_file(file, 200'000'000);
  CHECK(contains(complaint(file), "larger than"));
  CHECK(contains(complaint(path / "none"), "No such file"));
  CHECK(contains(complaint(path), "cannot read"));
}

TEST_CASE("the byte tokenizer keeps every byte and shows invalid ones as U+FFFD") {
  const auto tokenizer = data::open_tokenizer("");
  CHECK(tokenizer->vocabulary() == 259);
  CHECK(tokenizer->encode("") == Ids{});
  CHECK(tokenizer->encode("\n\xFF") == Ids{13, 258});
  CHECK(tokenizer->decode(tokenizer->encode(" é😀 <s>\n")) == " é😀 <s>\n");
  CHECK(tokenizer->decode(Ids{1, 3 + 'a', 2, 258}) == "a\uFFFD");
  CHECK_THROWS_AS(tokenizer->decode(Ids{259}), nn::Error);
}
