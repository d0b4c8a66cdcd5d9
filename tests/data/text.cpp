#include <doctest/doctest.h>

#include <cstring>
#include <fstream>
#include <thread>

#include "data/text/plays.h"
#include "data/text/stories.h"
#include "data/text/text.h"
#include "data/text/token_cache.h"
#include "nn/base/checksum.h"
#include "nn/base/error.h"
#include "nn/base/file.h"
#include "tests/complaint.h"
#include "tools/program/temporary_folder.h"

namespace {

namespace fs = std::filesystem;
using Ids = std::vector<int>;

// A text, and a folder for the files made from it.
struct SmallText : tools::TemporaryFolder {
  fs::path file = path / "text.txt";
  fs::path cache = path / "cache";

  void write(const std::string& text) const { nn::write_file_atomically(file, text); }
  Ids read() const {
    const data::TokenFile tokens = data::open_tokens(file, {}, cache);
    CHECK(tokens.vocabulary() == 259);
    return {tokens.ids().begin(), tokens.ids().end()};
  }
  Ids read(const std::string& text) const {
    write(text);
    return read();
  }
  fs::path cache_file() const {
    for (const auto& entry : fs::directory_iterator(cache))
      if (entry.path().extension() == ".tokens") return entry.path();
    FAIL("no cache file");
    return {};
  }
};

Ids ids_of(std::initializer_list<const char*> stories) {
  Ids ids;
  for (const char* story : stories) {
    for (const int id : data::byte_tokenizer()->encode(story)) ids.push_back(id);
    ids.push_back(data::Tokenizer::end_id);
  }
  return ids;
}

}  // namespace

TEST_CASE_FIXTURE(SmallText, "stories are one per line, or separated by the mark where it occurs") {
  CHECK(read("one\ntwo") == ids_of({"one", "two"}));
  CHECK(read("\n  one \r\n\n\t\ntwo\n") == ids_of({"one", "two"}));
  CHECK(read("one\nmore<|endoftext|>two") == ids_of({"one\nmore", "two"}));
  CHECK(read("one\n\nmore\n<|endoftext|>\n <|endoftext|>\ntwo\n<|endoftext|>\n") ==
        ids_of({"one\n\nmore", "two"}));
  CHECK(read("\xEF\xBB\xBF"
             "déjà <s>") == ids_of({"déjà <s>"}));
}

TEST_CASE_FIXTURE(SmallText, "a second opening reads what the first wrote") {
  const Ids ids = read("one\ntwo");
  const auto written = fs::last_write_time(cache_file());
  CHECK(read() == ids);
  CHECK(fs::last_write_time(cache_file()) == written);
}

TEST_CASE_FIXTURE(SmallText, "a text that changed is encoded again, even if its size did not") {
  read("one");
  CHECK(read("two") == ids_of({"two"}));
  CHECK(read("three") == ids_of({"three"}));
  const auto time = fs::last_write_time(file);
  write("seven");
  fs::last_write_time(file, time + std::chrono::nanoseconds(1));
  CHECK(read() == ids_of({"seven"}));
}

TEST_CASE_FIXTURE(SmallText, "a damaged cache is made again, whichever byte is wrong") {
  const Ids ids = read("one two");
  const std::string whole = nn::read_file(cache_file());
  const auto is_remade_from = [&](const std::string& damaged) {
    nn::write_file_atomically(cache_file(), damaged);
    return read() == ids && nn::read_file(cache_file()) == whole;
  };
  for (std::size_t byte = 0; byte < whole.size(); ++byte) {
    CAPTURE(byte);
    std::string damaged = whole;
    damaged[byte] = static_cast<char>(damaged[byte] ^ 0x10);
    REQUIRE(is_remade_from(damaged));
    REQUIRE(is_remade_from(whole.substr(0, byte)));
  }
  CHECK(is_remade_from(whole + "x"));
  CHECK(is_remade_from(whole + whole));
}

TEST_CASE("a cache with ids outside its vocabulary is taken for damaged") {
  const data::TokenSource source{3, 5, 7};
  std::string whole;
  data::encode_stories("one", "text", *data::byte_tokenizer(), source,
                       [&](std::string_view part) { whole += part; });
  const auto vocabulary_is = [&](std::uint32_t vocabulary) {
    const std::size_t vocabulary_at = whole.size() - 20, checksum_at = whole.size() - 8;
    std::string file = whole;
    std::memcpy(&file[vocabulary_at], &vocabulary, sizeof vocabulary);
    std::uint64_t checksum = 0;
    std::memcpy(&file[checksum_at], &checksum, sizeof checksum);
    checksum = nn::crc32c(std::as_bytes(std::span(file)));
    std::memcpy(&file[checksum_at], &checksum, sizeof checksum);
    return data::parse_tokens(std::as_bytes(std::span(file)), source).has_value();
  };
  CHECK(vocabulary_is(259));
  CHECK(vocabulary_is(3 + 'o' + 1));  // the largest id of one
  CHECK_FALSE(vocabulary_is(3 + 'o'));
  CHECK_FALSE(vocabulary_is(0));
  CHECK_FALSE(vocabulary_is(1u << 31));
}

TEST_CASE_FIXTURE(SmallText, "texts with one name and two tokenizers have a cache each") {
  read("one");
  const fs::path other = path / "other" / "text.txt";
  nn::write_file_atomically(other, "two");
  data::open_tokens(other, {}, cache);
  std::ptrdiff_t files = 0;
  for (const auto& entry : fs::directory_iterator(cache))
    files += entry.path().extension() == ".tokens";
  CHECK(files == 2);
  CHECK(read() == ids_of({"one"}));
}

TEST_CASE_FIXTURE(SmallText, "many threads that open one text at once all get it") {
  write(data::write_stories(0, 300'000));
  std::vector<Ids> results(6);
  std::vector<std::thread> threads;
  for (Ids& result : results)
    threads.emplace_back([&] {
      const data::TokenFile tokens = data::open_tokens(file, {}, cache);
      result.assign(tokens.ids().begin(), tokens.ids().end());
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(results[0].size() > 290'000);
  for (const Ids& result : results) CHECK(result == results[0]);
}

TEST_CASE_FIXTURE(SmallText, "an invalid text is refused with its line, and leaves no cache") {
  const auto says = [&](const std::string& text, const std::string& reason) {
    write(text);
    const std::string message = complaint_of([&] { read(); });
    CAPTURE(message);
    CHECK(contains(message, file.string() + ": " + reason));
  };
  says("", "there is no story in it");
  says(" \n\t\n", "there is no story in it");
  says("<|endoftext|>\n", "there is no story in it");
  says("one\ntwo\xFF\nthree", "line 2 is not UTF-8");
  says("\xC3", "line 1 is not UTF-8");
  says(
      "one\n\n\n"
      "a\xED\xA0\x80",
      "line 4 is not UTF-8");
  says(std::string("one\nt\0wo", 8), "line 2 has a zero byte");
  for (const auto& entry : fs::directory_iterator(cache)) CHECK(entry.path().filename() == ".lock");
}

TEST_CASE_FIXTURE(SmallText, "a text that cannot be opened is refused") {
  CHECK(contains(complaint_of([&] { read(); }), "cannot read " + file.string() + ": No such file"));
  const auto open = [&](const char* name) { data::open_tokens(name, {}, cache); };
  CHECK(contains(complaint_of([&] { open("/dev/null"); }), "not a regular file"));
  CHECK(contains(complaint_of([&] { open("/"); }), "cannot read /"));
  write("one");
  CHECK(contains(complaint_of([&] { data::open_tokens(file, path / "none.json", cache); }),
                 "none.json: No such file"));
  CHECK(contains(complaint_of([&] { data::open_tokens(file, file, cache); }), "not JSON"));
  CHECK(contains(complaint_of([&] { data::open_tokens(file, {}, file); }),
                 "cannot write " + file.string()));
}

TEST_CASE("windows cut the ids without overlap and start over at the end") {
  const std::vector<std::uint16_t> ids = {1, 2, 3, 4, 5, 6, 65535};
  const data::Windows windows(ids, 3);
  CHECK(windows.count() == 2);
  CHECK(windows.length() == 3);
  Ids window(3);
  const auto at = [&](std::int64_t index) {
    windows.copy(index, window);
    return window;
  };
  CHECK(at(0) == Ids{1, 2, 3});
  CHECK(at(1) == Ids{4, 5, 6});
  CHECK(at(2) == Ids{1, 2, 3});
  CHECK(at(1'000'000'000'001) == Ids{4, 5, 6});
  CHECK_THROWS_AS(at(-1), nn::Error);
  window.resize(2);
  CHECK_THROWS_AS(at(0), nn::Error);
  CHECK(data::Windows(ids, 7).count() == 1);
  CHECK_THROWS_AS(data::Windows(ids, 0), nn::Error);
  CHECK(complaint_of([&] { data::Windows(ids, 8); }) ==
        "the text has 7 tokens, which do not fill a window of 8");
}

TEST_CASE("the last windows of a text are held out, a share of all rounded down") {
  using Ids = std::vector<int>;
  const std::vector<std::uint16_t> ids{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const auto window = [](const data::Windows& windows, std::int64_t index) {
    Ids copy(2);
    windows.copy(index, copy);
    return copy;
  };
  const data::SplitWindows split = data::split_windows(ids, 2, 0.5);
  CHECK(split.training.count() == 3);
  CHECK(window(split.training, 3) == Ids{1, 2});  // not a window that is held out
  REQUIRE(split.held_out);
  CHECK(split.held_out->count() == 2);
  CHECK(window(*split.held_out, 0) == Ids{7, 8});
  CHECK(window(*split.held_out, 1) == Ids{9, 10});
  CHECK(!data::split_windows(ids, 2, 0).held_out);
  CHECK(complaint_of([&] { data::split_windows(ids, 2, 0.1); }) ==
        "a share of 0.1 of the text's 5 windows is 0 windows to hold out");
}

TEST_CASE_FIXTURE(SmallText, "without a download, the text is the grammar's and tokens are bytes") {
  const data::TextOptions options = {.data_raw = path, .grammar_seed = 5, .grammar_bytes = 20'000};
  const data::Text text = data::open_text(options);
  CHECK(text.tokenizer_json.empty());
  CHECK(contains(text.description, "synthetic stories by a grammar"));
  CHECK(contains(text.description, "because there is no " + data::stories_file(path).string()));
  CHECK(contains(text.description, "because there is no " + data::vocabulary_file(path).string()));
  const auto ids = text.tokens.ids();
  const std::string stories = data::write_stories(5, 20'000);
  const std::string first = stories.substr(0, stories.find("\n<|endoftext|>"));
  REQUIRE(ids.size() > first.size());
  CHECK(data::byte_tokenizer()->decode(Ids(ids.begin(), ids.begin() + first.size())) == first);
  CHECK(ids[first.size()] == data::Tokenizer::end_id);
  CHECK(data::open_text(options).description == text.description);
}

TEST_CASE_FIXTURE(SmallText, "the requested text comes first, then the fetched one") {
  write("mine");
  nn::write_file_atomically(data::stories_file(path), "theirs");
  const data::Text theirs = data::open_text({.data_raw = path});
  CHECK(theirs.tokens.ids().size() == 7);
  CHECK(contains(theirs.description, "TinyStories ("));
  const data::Text mine = data::open_text({.text = file, .data_raw = path});
  CHECK(mine.tokens.ids().size() == 5);
  CHECK(contains(mine.description, file.string() + "; 5 tokens: bytes"));
  CHECK(!fs::exists(path / "stories" / "grammar-0-24000000.txt"));
  CHECK(contains(complaint_of([&] { data::open_text({.text = path / "none", .data_raw = path}); }),
                 "none"));
}

TEST_CASE_FIXTURE(SmallText, "a text may be named, and the plays are joined into one") {
  const auto complaint = [&] {
    return complaint_of([&] { data::open_text({.text = "shakespeare", .data_raw = path}); });
  };
  CHECK(contains(complaint(), "there is no "));
  for (int play = 10; play < 10 + data::shakespeare_plays; ++play)
    nn::write_file_atomically(path / "shakespeare" / (std::to_string(play) + ".txt"),
                              nn::concat("Play ", play, "\nTo be"));
  const data::Text text = data::open_text({.text = "shakespeare", .data_raw = path});
  const auto ids = text.tokens.ids();
  CHECK(std::ranges::count(ids, data::Tokenizer::end_id) == data::shakespeare_plays);
  CHECK(data::byte_tokenizer()->decode(Ids(ids.begin(), ids.begin() + 13)) == "Play 10\nTo be");
  CHECK(text.description.starts_with("shakespeare ("));
  CHECK(data::find_known_text("tinystories-train")->dataset == "stories-train");
  CHECK(data::find_known_text("tinystorys") == nullptr);
}

TEST_CASE_FIXTURE(SmallText, "the tokens may be chosen") {
  write("mine");
  nn::write_file_atomically(data::vocabulary_file(path), "{}");
  const data::Text text = data::open_text({.text = file, .data_raw = path, .tokenizer = "bytes"});
  CHECK(contains(text.description, "5 tokens: bytes"));
  CHECK(text.tokenizer_json.empty());
  CHECK(contains(complaint_of([&] {
                   data::open_text({.text = file, .data_raw = path, .tokenizer = path / "none"});
                 }),
                 "none"));
}

TEST_CASE_FIXTURE(SmallText, "a fetched vocabulary is used, or refused if it is damaged") {
  write("Once upon a time");
  nn::write_file_atomically(data::vocabulary_file(path), "{}");
  CHECK(contains(complaint_of([&] { data::open_text({.text = file, .data_raw = path}); }),
                 "model is not an object"));
  const fs::path llama = data::vocabulary_file("data/raw");
  if (!fs::exists(llama)) return;
  fs::copy_file(llama, data::vocabulary_file(path), fs::copy_options::overwrite_existing);
  const data::Text text = data::open_text({.text = file, .data_raw = path});
  CHECK(text.tokens.vocabulary() == 32000);
  CHECK(text.tokenizer_json == data::vocabulary_file(path));
  CHECK(contains(text.description, "5 tokens: a vocabulary of 32000"));
  const auto ids = text.tokens.ids();
  CHECK(data::open_tokenizer(text.tokenizer_json)->decode(Ids(ids.begin(), ids.end())) ==
        "Once upon a time");
}
