#include "nn/base/seal.h"

#include <doctest/doctest.h>

#include <string>

#include "nn/base/error.h"

TEST_CASE("sealed text is intact until any of its bytes is changed, removed or added") {
  const std::string json = R"({"checksum": "not this one", "a": "\"checksum\": \"x\"",
 "checksum": "00000000"})";
  const std::string text = nn::sealed(json);
  CHECK(nn::is_intact(text));
  CHECK(nn::sealed(text) == text);
  CHECK(text.starts_with(R"({"checksum": "not this one")"));
  for (std::size_t i = 0; i < text.size(); ++i) {
    CAPTURE(i);
    for (const char other : {' ', '0', 'x', '"', '\0'})
      if (text[i] != other) {
        std::string changed = text;
        changed[i] = other;
        CHECK(!nn::is_intact(changed));
      }
    CHECK(!nn::is_intact(std::string(text).erase(i, 1)));
    CHECK(!nn::is_intact(std::string(text).insert(i, " ")));
    CHECK(!nn::is_intact(text.substr(0, i)));
  }
  CHECK(!nn::is_intact(text + '\n'));
}

TEST_CASE("text without a whole checksum is not intact, and cannot be sealed") {
  for (const std::string text :
       {"", "{}", R"("checksum": ")", R"("checksum": "0000000)", R"({"checksum":"00000000"})"}) {
    CAPTURE(text);
    CHECK(!nn::is_intact(text));
    CHECK_THROWS_AS(nn::sealed(text), nn::Error);
  }
}
