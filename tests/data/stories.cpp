#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <vector>

#include "data/text/stories.h"
#include "nn/base/checksum.h"
#include "tests/complaint.h"

namespace {

std::vector<std::string> stories_of(const std::string& text) {
  constexpr std::string_view separator = "\n<|endoftext|>\n";
  std::vector<std::string> stories;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find(separator, start);
    REQUIRE(end != std::string::npos);
    stories.push_back(text.substr(start, end - start));
    start = end + separator.size();
  }
  return stories;
}

}  // namespace

TEST_CASE("the same seed writes the same stories, on every machine") {
  const std::string text = data::write_stories(1, 100'000);
  CHECK(nn::crc32c(std::as_bytes(std::span(text))) == 0x4053C9D1);
  CHECK(text == data::write_stories(1, 100'000));
  CHECK(text.substr(0, 1000) == data::write_stories(1, 1'000).substr(0, 1000));
  for (std::uint64_t other : {0ull, 2ull, 1ull | 1ull << 32})
    CHECK(text.substr(0, 1000) != data::write_stories(other, 1'000).substr(0, 1000));
}

TEST_CASE("there are as many bytes as asked for, and whole stories") {
  CHECK(data::write_stories(0, 0).empty());
  for (std::size_t bytes : {1, 1'000, 100'000}) {
    const std::string text = data::write_stories(3, bytes);
    CHECK(text.size() >= bytes);
    CHECK(text.size() < bytes + 3'000);
    CHECK(text.ends_with("\n<|endoftext|>\n"));
  }
}

TEST_CASE("every story is clean English that comes to an end") {
  for (const std::string& story : stories_of(data::write_stories(4, 4'000'000))) {
    CAPTURE(story);
    REQUIRE(story.size() > 300);
    REQUIRE(story.size() < 3'000);
    REQUIRE((story.ends_with(".") || story.ends_with("!") || story.ends_with(".\"")));
    REQUIRE(story.find_first_of("[]=|/<>_") == std::string::npos);
    for (const char* flaw : {"  ", " \n", "\n ", "\n\n", " .", " ,", "..", "!.", "\"\"", " a a",
                             " a e", " a i", " a o", " a u", " the a ", " A a", "\nthe"})
      REQUIRE_MESSAGE(!contains(story, flaw), "has ", flaw);
    REQUIRE(std::ranges::count(story, '"') % 2 == 0);
    std::istringstream paragraphs(story);
    for (std::string paragraph; std::getline(paragraphs, paragraph);) {
      const char first = paragraph[0] == '"' ? paragraph[1] : paragraph[0];
      REQUIRE((first >= 'A' && first <= 'Z'));
    }
  }
}

TEST_CASE("no two of some thousand stories are the same, nor is most of their wording") {
  const std::vector<std::string> stories = stories_of(data::write_stories(5, 2'000'000));
  CHECK(stories.size() > 2'000);
  CHECK(std::set<std::string>(stories.begin(), stories.end()).size() == stories.size());

  std::set<std::string> words, phrases;  // of eight words
  std::size_t count = 0;
  for (const std::string& story : stories) {
    std::vector<std::string> last;
    std::istringstream stream(story);
    for (std::string word; stream >> word; ++count) {
      words.insert(word);
      last.push_back(word);
      if (last.size() < 8) continue;
      std::string phrase;
      for (const std::string& each : last) phrase += each + ' ';
      phrases.insert(phrase);
      last.erase(last.begin());
    }
  }
  CHECK(words.size() > 1'500);
  CHECK(phrases.size() > count / 2);
}

TEST_CASE("who, what and where stay the same through a story") {
  int found = 0;
  for (const std::string& story : stories_of(data::write_stories(6, 1'000'000))) {
    // "... cannot find the red kite" is about the red kite to the end: "I lost my red kite".
    const std::size_t start = story.find("\"I lost my ");
    if (start == std::string::npos) continue;
    const std::size_t name = start + std::string_view("\"I lost my ").size();
    const std::string thing = story.substr(name, story.find(",\"", name) - name);
    CAPTURE(story);
    REQUIRE(contains(story.substr(0, start), "the " + thing + " to the "));
    REQUIRE(
        contains(story.substr(0, start), (thing[0] == 'o' ? "had an " : "had a ") + thing + ". "));
    ++found;
  }
  CHECK(found > 50);
}
