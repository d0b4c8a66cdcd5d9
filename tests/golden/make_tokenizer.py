#!/usr/bin/env python3
"""Writes tokenizer.json: hard strings with their ids by the SentencePiece library, and ids with
their text, for the vocabulary from `data/fetch.sh vocabulary`, which checks its SHA-256.

The library cannot read a tokenizer.json, so the model is built from it: pieces in the order of
their ids, with lower scores the later they come among the merges, and runs of spaces all with the
lowest, as LLaMA's model has them; byte fallback, a space in front, nothing normalised.
Needs: pip install sentencepiece protobuf
"""
import json
import pathlib
import random

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

HERE = pathlib.Path(__file__).parent


def build(tokenizer_json):
    model = json.loads(tokenizer_json.read_text(encoding="utf-8"))["model"]
    rank = {}
    for left, right in model["merges"]:
        rank.setdefault(left + right, len(rank))
    proto = sentencepiece_model_pb2.ModelProto()
    Piece = sentencepiece_model_pb2.ModelProto.SentencePiece
    for piece, id in sorted(model["vocab"].items(), key=lambda entry: entry[1]):
        kind = (Piece.UNKNOWN if id == 0 else Piece.CONTROL if id < 3 else
                Piece.BYTE if id < 259 else Piece.NORMAL)
        score = -float(rank.get(piece, len(rank))) if kind == Piece.NORMAL else 0.0
        if len(piece) > 1 and set(piece) == {"▁"}:
            score = -1e9
        proto.pieces.add(piece=piece, score=score, type=kind)
    proto.trainer_spec.model_type = sentencepiece_model_pb2.TrainerSpec.BPE
    proto.trainer_spec.vocab_size = len(proto.pieces)
    proto.trainer_spec.byte_fallback = True
    proto.normalizer_spec.name = "identity"
    proto.normalizer_spec.add_dummy_prefix = True
    proto.normalizer_spec.remove_extra_whitespaces = False
    return sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())


STRINGS = [
    "", " ", "  ", "   ", " " * 15, " " * 16, " " * 17, " " * 31, " " * 100, "a", " a", "a ",
    "  a  ", "a  b   c    d", "Once upon a time, there was a little girl named Lily.",
    "She said, \"I don't know!\" and they'd laughed.", "Hello world", "HELLO WORLD", "hElLo",
    "e.g. 3.14159 + 2,718 = $5.86 (100%)", "0123456789" * 3, "\n", "\n\n\n", "a\nb\r\nc", "\n a",
    "\t", "a\t\tb", "\tif (x == 0) {\n\t\treturn;\n\t}\n", "    return  x;", "\0", "a\0b",
    "\x01\x1f\x7f", "\u00a0", "a\u00a0b", "\u3000", "\u200b", "\ufeffBOM", "\u2028", "▁", "▁▁ a▁b",
    "a ▁ b", "<s>", "</s>", "<unk>", "a<s>b</s>", "<0x0A>", "<0x41>b", "<|endoftext|>",
    "naïve café", "nai\u0308ve cafe\u0301", "Zürich, Øre, Łódź", "Привет, мир", "Καλημέρα κόσμε",
    "שלום עולם", "مرحبا بالعالم", "नमस्ते दुनिया", "สวัสดีชาวโลก", "你好，世界", "こんにちは世界", "안녕하세요",
    "한글", "𠜎𠜱𡿺", "😀", "👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "a😀b 😀😀", "❤️ ☃", "𝒜𝓁𝓁", "\u0301",
    "\u0301\u0302 a\u0323\u0307", "Z͑ͫ̓ͪ̂ͫ̽", "\U0010ffff", "\ufffd", "\ufffe", "\u0378",
    "supercalifragilisticexpialidocious", "a" * 200, "ab" * 100, "antidisestablishmentarianism" * 5,
    "the" * 50, "     leading", "trailing     ", "one  two   three    four",
    "https://example.org/a_b?c=d&e=%20#f", "{\"key\": [1, 2.5e-3, null]}", "\\frac{a}{b}",
    "-----=====-----", "...!!!???", b"\xff", b"a\xffb", b"\xc3", b"a\xc3 b", b"\xc0\x80",
    b"\xe2\x96", b"\xe2\x96 x", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\xf4\x90\x80\x80",
    b"\xf8\x88\x80\x80\x80", b"\x80\x81 \x82", b"\xf0\x9f\x98\x80\x80",
]


def decodings(processor):
    """Ids that no text has: invalid bytes, control and unknown ids, spaces in odd places."""
    space, the, byte = processor.piece_to_id("▁"), processor.piece_to_id("▁the"), 3
    yield from [[], [1], [1, the], [space], [space, space, the], [space, 1, the],
                [1, space, the, 2, the], [0], [the, 0]]
    yield from [[byte + 255], [byte + 0xE2, byte + 0x96],
                [byte + 0xE2, byte + 0x96, byte + 0x81, the], [0, the]]
    yield from [[byte + 0xF0, byte + 0x9F, the], [byte + 32, the], [1, byte + 0x41, the],
                [byte + 0xC3, byte + 0xA9]]
    generator = random.Random(0)
    for _ in range(20):
        yield [generator.choice([generator.randrange(259), generator.randrange(32000)])
               for _ in range(8)]


def main():
    processor = build(HERE.parent.parent / "data/raw/vocabulary/tokenizer.json")
    encoded = []
    for string in STRINGS:
        text = {"text": string} if isinstance(string, str) else {"hex": string.hex()}
        encoded.append(text | {"ids": processor.encode(string)})
    decoded = [{"ids": ids, "text": processor.decode(ids)} for ids in decodings(processor)]
    lines = {name: ",\n".join(json.dumps(row) for row in rows) for name, rows in
             [("encode", encoded), ("decode", decoded)]}
    text = "{\n" + ",\n".join(f'"{name}": [\n{rows}\n]' for name, rows in lines.items()) + "\n}\n"
    (HERE / "tokenizer.json").write_text(text)


if __name__ == "__main__":
    main()
