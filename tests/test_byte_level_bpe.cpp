#include <doctest/doctest.h>

#include <ctime>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "data/byte_level_tokenizer.h"
#include "data/character_class.h"
#include "data/text.h"
#include "data/vocabulary.h"
#include "data/words.h"
#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/utf8.h"
#include "tests/complaint.h"
#include "tools/program/temporary_folder.h"

namespace {

namespace fs = std::filesystem;
using data::CharacterClass;
using nlohmann::json;
using Ids = std::vector<int>;

// What Hugging Face's library makes of hard strings, and a vocabulary that it trained
// (tests/golden/make_byte_level_bpe.py).
const fs::path golden = "tests/golden/byte_level";
const fs::path gpt2 = data::gpt2_folder("data/raw");

json hard_strings() { return json::parse(nn::read_file(golden / "strings.json")); }

data::ByteLevelTokenizer small_tokenizer() {
  return data::ByteLevelTokenizer(data::read_vocabulary(golden));
}

bool has_gpt2() {
  if (fs::exists(gpt2)) return true;
  MESSAGE("left out, no ", gpt2.string(), ": data/fetch.sh gpt2 brings it");
  return false;
}

std::vector<std::size_t> words_of(std::string_view text) {
  std::vector<std::size_t> lengths;
  for (; !text.empty(); text.remove_prefix(lengths.back()))
    lengths.push_back(data::first_word(text));
  return lengths;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

// Of this process alone: other ones on the machine do not count.
double seconds_to_encode(const data::Tokenizer& tokenizer, std::string_view text) {
  const std::clock_t start = std::clock();
  tokenizer.encode(text);
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

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

TEST_CASE("characters are letters, numbers and white space as Unicode says") {
  const auto all_are = [](CharacterClass expected, std::initializer_list<std::uint32_t> codes) {
    for (const std::uint32_t code : codes) {
      CAPTURE(code);
      CHECK(data::character_class(code) == expected);
    }
  };
  all_are(CharacterClass::letter, {'A', 'z', 0xAA, 0xE9, 0x1C5, 0x2B0, 0x5D0, 0x4E00, 0x9FFF,
                                   0xA7CB, 0xAC00, 0xD7A3, 0xFF41, 0x1D49C, 0x20000, 0x323AF});
  all_are(CharacterClass::number,
          {'0', '9', 0xB2, 0xBD, 0x663, 0x966, 0x2167, 0x2460, 0x3007, 0xFF11, 0x10D40, 0x1D7D9});
  all_are(CharacterClass::white_space, {'\t', '\n', '\v', '\f', '\r', ' ', 0x85, 0xA0, 0x1680,
                                        0x2000, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000});
  all_are(CharacterClass::other,
          {0,      8,      14,     0x1C,   0x1F,   '@',     '[',     '`',
           '{',    0x7F,   0xAD,   0x301,  0x378,  0x180E,  0x200B,  0x200D,
           0x2060, 0xFE0F, 0xFEFF, 0xFFFD, 0xE000, 0x1F600, 0x323B0, 0x10FFFF});
}

TEST_CASE("text is cut into the words that GPT-2's pattern matches") {
  REQUIRE(hard_strings().size() > 150);
  for (const json& row : hard_strings()) {
    CAPTURE(row.dump());
    const std::string text = row["text"];
    // The mark of an end of text never comes to the pattern.
    if (contains(text, data::end_of_text_token)) continue;
    CHECK(words_of(text) == row["words"].get<std::vector<std::size_t>>());
  }
  CHECK_THROWS_AS(data::first_word(""), nn::Error);
}

TEST_CASE("a byte that is not UTF-8 counts as a sign") {
  using Lengths = std::vector<std::size_t>;
  CHECK(words_of("a\xFF\xC3 b") == Lengths{1, 2, 2});
  CHECK(words_of(" \xFF!1") == Lengths{3, 1});
  CHECK(words_of("\xE2\x82") == Lengths{2});
  CHECK(words_of("  \x80") == Lengths{1, 2});
  CHECK(words_of("'\xED\xA0\x80s") == Lengths{4, 1});
}

TEST_CASE("hard strings have the ids that Hugging Face gives them, from either kind of file") {
  for (const fs::path& path : {golden, golden / "tokenizer.json"}) {
    const auto tokenizer = data::load_tokenizer(path);
    CHECK(tokenizer->vocabulary() == 401);
    CHECK(tokenizer->end_of_text() == 400);
    for (const json& row : hard_strings()) {
      CAPTURE(row.dump());
      const std::string text = row["text"];
      const Ids ids = tokenizer->encode(text);
      CHECK(ids == row["ids"].get<Ids>());
      CHECK(tokenizer->decode(ids) == text);
    }
  }
}

TEST_CASE("GPT-2's vocabulary gives hard strings the ids that Hugging Face gives them") {
  if (!has_gpt2()) return;
  const auto tokenizer = data::load_tokenizer(gpt2);
  CHECK(tokenizer->vocabulary() == 50257);
  CHECK(tokenizer->end_of_text() == 50256);
  for (const json& row : hard_strings()) {
    CAPTURE(row.dump());
    const std::string text = row["text"];
    const Ids ids = tokenizer->encode(text);
    CHECK(ids == row["gpt2"].get<Ids>());
    CHECK(tokenizer->decode(ids) == text);
  }
}

TEST_CASE("random strings have the ids that Hugging Face gives them, if there is a file of them") {
  std::ifstream file(gpt2 / "random.txt");
  if (!file) {
    MESSAGE("left out, no random.txt: tests/golden/make_byte_level_bpe.py writes it");
    return;
  }
  const auto tokenizer = data::load_tokenizer(gpt2);
  int lines = 0, equal = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    std::istringstream fields(line);
    std::string hex;
    fields >> hex;
    const Ids expected{std::istream_iterator<int>(fields), {}};
    const std::string text = from_hex(hex);
    const Ids ids = tokenizer->encode(text);
    const bool is_equal = ids == expected && tokenizer->decode(ids) == text;
    CHECK_MESSAGE(is_equal, hex);
    equal += is_equal;
  }
  MESSAGE(equal, " of ", lines, " random strings are equal");
}

TEST_CASE("any bytes come back from their ids, and are shown as UTF-8") {
  const data::ByteLevelTokenizer tokenizer = small_tokenizer();
  std::mt19937 generator(1);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(generator() % 40, '\0');
    // Half of them from the start and middle of characters, so that some are whole.
    for (char& byte : bytes)
      byte = static_cast<char>(i % 2 ? generator()
                                     : "\xC3\xA9\xE2\x82\xAC\xF0\x9F a's"[generator() % 11]);
    const Ids ids = tokenizer.encode(bytes);
    REQUIRE(tokenizer.bytes(ids) == bytes);
    REQUIRE(tokenizer.decode(ids) == nn::to_utf8(bytes));
  }
  CHECK(tokenizer.decode(Ids{}) == "");
  CHECK_THROWS_AS(tokenizer.decode(Ids{401}), nn::Error);
  CHECK_THROWS_AS(tokenizer.decode(Ids{-1}), nn::Error);
}

TEST_CASE("the text of the first ids is a beginning of the text of more") {
  const data::ByteLevelTokenizer tokenizer = small_tokenizer();
  const std::string text = "He said: 😀 naïve 你好, and<|endoftext|>\n\n  left.";
  const Ids ids = tokenizer.encode(text);
  for (std::size_t count = 0; count <= ids.size(); ++count) {
    std::string start = tokenizer.decode(std::span(ids).first(count));
    while (start.ends_with(nn::replacement_character))
      start.resize(start.size() - nn::replacement_character.size());
    CHECK(text.starts_with(start));
  }
}

TEST_CASE("the time of a word grows with its length, not with its square") {
  const data::ByteLevelTokenizer tokenizer = small_tokenizer();
  for (const char* part : {"a", "the", "!", "\n", "  ", "é", "<|endoftext|", "'s"}) {
    std::string text;
    while (text.size() < (1 << 20)) text += part;
    CAPTURE(part);
    const double tenth =
        seconds_to_encode(tokenizer, std::string_view(text).substr(0, text.size() / 10));
    const double whole = seconds_to_encode(tokenizer, text);
    CHECK(whole < 40 * tenth + 0.5);  // 100 if it were the square
    CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
  }
}

// build/float/tests/run -ns -tc='how fast GPT-2*', beside make_byte_level_bpe.py speed FILE
TEST_CASE("how fast GPT-2's tokenizer is" * doctest::skip()) {
  const auto tokenizer = data::load_tokenizer(gpt2);
  for (const auto& entry : fs::directory_iterator("data/raw/stories")) {
    if (entry.path().extension() != ".txt") continue;
    const std::string text = nn::read_file(entry.path());
    const double seconds = seconds_to_encode(*tokenizer, text);
    MESSAGE(entry.path().string(), ": ", static_cast<double>(text.size()) / 1e6 / seconds, " MB/s");
  }
}

TEST_CASE_FIXTURE(SmallFiles, "stories end with the id that the tokenizer ends a text with") {
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
      data::open_text({.text = path / "text.txt", .data_raw = path, .tokenizer = path / "none"});
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

TEST_CASE_FIXTURE(SmallFiles,
                  "what may be missing from a tokenizer.json or be null changes nothing") {
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

TEST_CASE("an encoder.json or a vocab.bpe that is damaged is refused with the line") {
  struct Row {
    const char* reason;
    std::function<void(SmallFiles&)> spoil;
  };
  const auto merges = [](std::string text) {
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
