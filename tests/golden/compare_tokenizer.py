#!/usr/bin/env python3
"""Compares the ids of 100,000 random lines with SentencePiece's, for the vocabulary from
`data/fetch.sh vocabulary`: `make`, then this script. The ids of the lines are those in the cache of
bin/pipeline_worker. make_tokenizer.py says what it needs.
"""
import pathlib
import random
import subprocess
import tempfile

import numpy

from make_tokenizer import HERE, build

ROOT = HERE.parent.parent
TOKENIZER = ROOT / "data/raw/vocabulary/tokenizer.json"
END_OF_TEXT, TRAILER = 2, 48  # an id after each line; bytes at the end of a cache


def lines(count, words):
    """Words, characters of all planes, spaces and punctuation, in random order."""
    generator = random.Random(0)
    ranges = [(0x21, 0x7E), (0xA1, 0x24F), (0x370, 0x5F4), (0x900, 0xDFF), (0x3041, 0x30FF),
              (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x1F300, 0x1FAFF), (0x10000, 0x10FFFF)]

    def part():
        kind = generator.random()
        if kind < 0.5:
            return generator.choice(words)
        if kind < 0.7:
            return " " * generator.randrange(1, 4)
        if kind < 0.8:
            return generator.choice(".,;:!?'\"()-_/\\<>|0123456789\t▁")
        return "".join(chr(generator.randint(*generator.choice(ranges)))
                       for _ in range(generator.randrange(1, 4)))

    for _ in range(count):
        yield "x" + "".join(part() for _ in range(generator.randrange(1, 30))) + "x"


def main():
    processor = build(TOKENIZER)
    words = [processor.id_to_piece(id).replace("▁", " ") for id in range(259, 32000)]
    texts = list(lines(100_000, words))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "lines.txt").write_text("\n".join(texts), encoding="utf-8", newline="")
        subprocess.run([ROOT / "bin/pipeline_worker", "--text", folder / "lines.txt", "--data",
                        folder, "--tokenizer", TOKENIZER, "--steps", "0", "--d", "2", "--heads",
                        "1", "--depth", "0", "--out", folder / "out"], check=True, stdout=subprocess.DEVNULL)
        cache, = folder.glob("tokens/*.tokens")
        ids = numpy.frombuffer(cache.read_bytes()[:-TRAILER], "<u2")
    ends = numpy.flatnonzero(ids == END_OF_TEXT)
    assert len(ends) == len(texts), f"{len(ends)} lines instead of {len(texts)}"
    for text, ours in zip(texts, numpy.split(ids, ends + 1)):
        expected = processor.encode(text)
        assert ours[:-1].tolist() == expected, f"{text!r}: {ours[:-1]}, SentencePiece: {expected}"
    print(f"{len(texts):,} random lines have the ids that SentencePiece gives them")


if __name__ == "__main__":
    main()
