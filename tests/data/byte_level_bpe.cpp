#include <doctest/doctest.h>

#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "data/text/text.h"
#include "data/tokenizers/byte_level_tokenizer.h"
#include "data/tokenizers/character_class.h"
#include "data/tokenizers/vocabulary.h"
#include "data/tokenizers/words.h"
#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/utf8.h"
#include "tests/complaint.h"
#include "tests/data/byte_level_golden.h"
#include "tests/data/hex.h"

namespace {

namespace fs = std::filesystem;
using data::CharacterClass;
using nlohmann::json;
using tests::golden, tests::small_tokenizer;
using Ids = std::vector<int>;

const fs::path gpt2 = data::gpt2_folder("data/raw");

json hard_strings() { return json::parse(nn::read_file(golden / "strings.json")); }

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

// Of this process alone: others on the machine do not count.
double seconds_to_encode(const data::Tokenizer& tokenizer, std::string_view text) {
  const std::clock_t start = std::clock();
  tokenizer.encode(text);
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

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
    // The end-of-text mark never reaches the pattern.
    if (contains(text, data::end_of_text_token)) continue;
    CHECK(words_of(text) == row["words"].get<std::vector<std::size_t>>());
  }
  CHECK_THROWS_AS(data::first_word(""), nn::Error);
}

TEST_CASE("a byte that is not UTF-8 counts as a symbol") {
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

TEST_CASE("the text of the first ids is a prefix of the text of more") {
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
