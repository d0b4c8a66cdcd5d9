#include "nn/base/printable.h"

#include <doctest/doctest.h>

namespace nn {

TEST_CASE("visible text stays as it is") {
  for (const char* text :
       {"", "the disk is full", "\"a\" \\ b's", "Grüße, 数, привет, 🙂", "x y"})
    CHECK(printable(text) == text);
}

TEST_CASE("characters that move the cursor, hide text or turn it become visible") {
  CHECK(printable("a\nhint: curl x | sh\r") == "a\\nhint: curl x | sh\\x0d");
  CHECK(printable("\x1b[2J\x1b]0;title\x07\t\x7f") == "\\x1b[2J\\x1b]0;title\\x07\\t\\x7f");
  CHECK(printable(std::string_view("a\0b", 3)) == "a\\x00b");
  CHECK(printable("\u0085\u009b2J") == "\\u{85}\\u{9b}2J");  // C1: next line, the other escape
  CHECK(printable("\u202egnp.exe\u2066\u200f\u061c") ==
        "\\u{202e}gnp.exe\\u{2066}\\u{200f}\\u{61c}");
  CHECK(printable("\u2028\u2029\u200b\ufeff\U000e0041") ==
        "\\u{2028}\\u{2029}\\u{200b}\\u{feff}\\u{e0041}");
}

TEST_CASE("bytes that are not UTF-8 are shown one by one") {
  CHECK(printable("\x9b[2J") == "\\x9b[2J");
  CHECK(printable("\xc3") == "\\xc3");
  CHECK(printable("\xc0\x8a") == "\\xc0\\x8a");           // a line feed, overlong
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // a surrogate
  CHECK(printable("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
}

TEST_CASE("long text is cut between characters, and printable text stays as it is") {
  CHECK(printable("0123456789", 10) == "0123456789");
  CHECK(printable("0123456789a", 10) == "0123456...");
  CHECK(printable("ääääää", 10) == "äää...");
  CHECK(printable("\x1b\x1b\x1b\x1b", 10) == "\\x1b...");
  CHECK(printable("0123456789", 2) == "..");
  for (std::size_t most = 0; most < 40; ++most) {
    const std::string once = printable("a\n\x1b ä\u202e \xff and so on, and so on", most);
    CHECK(once.size() <= most);
    CHECK(printable(once, most) == once);
  }
}

TEST_CASE("lines stay lines, and nothing else breaks one") {
  CHECK(printable_lines("a 1\nb\r2\n\n\x1b") == "a 1\nb\\x0d2\n\n\\x1b");
  CHECK(printable_lines("\n") == "\n");
  CHECK(printable_lines("") == "");
}

}  // namespace nn
