#!/usr/bin/env python3
"""Writes data/tokenizers/unicode_ranges.h: letters, numbers and white space of Unicode 16.0, the version of
the pattern matcher (Oniguruma) in Hugging Face's library. Checks all code points against that
library. Format the result with clang-format -i.
Needs: pip install unicodedata2==16.0.0 tokenizers==0.23.3
"""
import pathlib

import unicodedata2
from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

CODES = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]  # without surrogates
# White_Space, which unicodedata does not have.
WHITE = {*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)}
WHITE |= {0x2028, 0x2029, 0x202F, 0x205F, 0x3000}
HEADER = """#pragma once

#include <cstdint>

// Written by tests/golden/make_unicode_ranges.py.
namespace data {

// Characters of Unicode %s: the first of a range, then the first after it, and so on.
"""


def matched_by_library(pattern):
    text = "".join(map(chr, CODES))
    others = Split(Regex(pattern), "removed").pre_tokenize_str(text)
    return set(CODES) - {ord(character) for part, _ in others for character in part}


def bounds(codes):
    return [code for code in range(0x110001) if (code in codes) != (code - 1 in codes)]


def main():
    category = {code: unicodedata2.category(chr(code))[0] for code in CODES}
    tables = {
        "letters": ("\\p{L}", {code for code in CODES if category[code] == "L"}),
        "numbers": ("\\p{N}", {code for code in CODES if category[code] == "N"}),
        "white_spaces": ("\\s", WHITE),
    }
    text = HEADER % unicodedata2.unidata_version
    for name, (pattern, codes) in tables.items():
        assert matched_by_library(pattern) == codes, name
        text += f"constexpr std::uint32_t {name}[] = {{\n"
        line = "   "
        for number in bounds(codes):
            if len(line) + len(f" 0x{number:X},") > 100:
                text, line = text + line + "\n", "   "
            line += f" 0x{number:X},"
        text += line + "\n};\n"
    root = pathlib.Path(__file__).parent.parent.parent
    (root / "data/tokenizers/unicode_ranges.h").write_text(text + "\n}  // namespace data\n")


if __name__ == "__main__":
    main()
