#!/usr/bin/env python3
"""Writes byte_level/: a small vocabulary of GPT-2's kind, trained on a few lines, as encoder.json
with vocab.bpe and as tokenizer.json; and strings.json: hard strings, the lengths in bytes of the
words that Hugging Face's library cuts them into, its ids for them, and its ids by GPT-2's own
vocabulary (data/fetch.sh gpt2).
  make_byte_level_bpe.py random 100000 >data/raw/gpt2/random.txt   random strings (hex), GPT-2's ids
  make_byte_level_bpe.py speed FILE                                MB/s of GPT-2's, one thread
Needs: pip install tokenizers==0.23.3
"""
import json
import pathlib
import random
import sys
import time

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent / "byte_level"
GPT2 = HERE.parent.parent.parent / "data/raw/gpt2"
END = "<|endoftext|>"

LINES = [
    "Once upon a time, there was a little girl named Lily. She didn't know that they'd be there.",
    "I'll say we're here, and you've heard that I'm the one who can't.  Two  spaces,   three   "
    "spaces.",
    "In 1984 there were 1984 men; in 2019 there were 2019. 3.14159 and 2,718: 100%!!! ... ??? "
    "--- === ---",
    "\tif (there) {\n\t\treturn 1;\n\t}\n\n\n\telse return 2;\r\n\r\n"
    "    four\n    four\n        eight",
    "naïve café, café naïve, été, Привет мир, привет, 你好世界, 你好, 😀😀 😀 👍👍",
    "ａｂｃ　　ａｂｃ \u00a0\u00a0 ١٢٣ ١٢٣ مرحبا مرحبا",
]

STRINGS = [
    "", " ", "  ", "   ", "    a", "a", " a", "a ", "a  ", "  a  ", "a  b   c    d", " \n", "\n ",
    "\n\n a", "a\n", "a \n b", "Once upon a time, there was a little girl named Lily.",
    "Hello world", "HELLO WORLD", "hElLo", "can't don't we're they've I'm she'll he'd it's",
    "CAN'T WE'RE IT'S", "'s", " 's", "''s", "'s's", "x'S", "'tis", "'re're", "'m'll'd've",
    "rock'n'roll", "a' s", "a 's", "1's 2'd", "!'s", "' '", "'", "''", "’s it’s", "'ſ", "\n's",
    "  's", "e.g. 3.14159 + 2,718 = $5.86 (100%)", "0123456789" * 3, "a1b2c3", "1a 2b", "x²",
    "½ ⅓ Ⅻ ⅷ ① ㊿", "٣٤٥ ۴۵ १२३ ๑๒๓ 𝟙𝟚 𐒠", "3٣", "\t", "a\t\tb",
    "\tif (x == 0) {\n\t\treturn;\n\t}\n", "    return  x;", "a\r\nb", "\r\n\r\n", "a \t b",
    " \t", "\t x", "\v\f x", "\u00a0", "a\u00a0b", " \u00a0x", "\u00a0\u00a0x", "\u3000\u3000x",
    "\u2003x", "\u2028x\u2029", "\u1680a", "\u202f\u205f1", "\x85a", "\u200b", "a\u200bb",
    "\ufeffBOM", "\u180ea", "\x1c\x1d\x1e\x1fa", "\0", "a\0b", "\x01\x1f\x7f", "\x80\x9f",
    "\u00ad", "naïve café", "nai\u0308ve cafe\u0301", "Zürich, Øre, Łódź", "ǅ ǆ ªº ʰ", "\u0301",
    "\u0301\u0302 a\u0323\u0307", "Z͑ͫ̓ͪ̂ͫ̽", "Привет, мир", "Καλημέρα κόσμε", "שלום עולם",
    "שָׁלוֹם", "مرحبا بالعالم", "مَرْحَبًا", "नमस्ते दुनिया", "สวัสดีชาวโลก", "ภาษาไทย ๓",
    "你好，世界", "こんにちは世界", "안녕하세요", "한글", "𠜎𠜱𡿺", "々〆〇ー", "ｆｕｌｌ　ｗｉｄｔｈ１２", "ㄅㄆ", "ꓐ ꙮ ⰰ 𐐷 𞤀", "😀",
    "👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "a😀b 😀😀", "❤️ ☃", "👍🏽", "1️⃣", "𝒜𝓁𝓁", "™©®", "←→ ∑∞", "€5 £6 ¥7", "№ 5",
    "\U0010ffff", "\ufffd", "\ufffe", "\u0378", "\ue000", "\U000e0041", "\u1c89\ua7cb\U00010d40",
    END, "a" + END + "b", "a " + END + " b", END + END, "  " + END + "\n\n", "<|endoftext|",
    "<<|endoftext|>>", "<|ENDOFTEXT|>", "<|endoftext|><|endoftext", "<| endoftext |>",
    "a'" + END + "s", "<s>", "</s>", "<pad>", "Ġ", "Ġa ĠĠ", "Ċ", "▁",
    "supercalifragilisticexpialidocious", "antidisestablishmentarianism" * 3, "a" * 70, "ab" * 40,
    "the" * 20, "!" * 40, "=-" * 20, " " * 40, " " * 40 + "a", "\n" * 20, "\n" * 20 + "a",
    "9" * 40, "é" * 20, "😀" * 12, "https://example.org/a_b?c=d&e=%20#f",
    "{\"key\": [1, 2.5e-3, null]}", "\\frac{a}{b}", "-----=====-----", "...!!!???",
    "snake_case camelCase", "_", "a_b", "#!/bin/sh",
]


def byte_level(model):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def read(folder):
    vocab = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    merges = (folder / "vocab.bpe").read_text(encoding="utf-8").split("\n")[1:-1]
    merges = [tuple(merge.split(" ")) for merge in merges]
    model = models.BPE(vocab, merges, continuing_subword_prefix="", end_of_word_suffix="")
    tokenizer = byte_level(model)
    tokenizer.add_special_tokens([AddedToken(END, normalized=False)])
    return tokenizer


def train():
    tokenizer = byte_level(models.BPE())
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, show_progress=False, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(LINES, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    vocab = model["vocab"] | {END: len(model["vocab"])}
    HERE.mkdir(exist_ok=True)
    (HERE / "encoder.json").write_text(json.dumps(vocab) + "\n")
    lines = ["#version: 0.2", *(" ".join(merge) for merge in model["merges"]), ""]
    (HERE / "vocab.bpe").write_text("\n".join(lines), encoding="utf-8")
    read(HERE).save(str(HERE / "tokenizer.json"), pretty=False)


def words(text):
    """Lengths in bytes; between the marks, as the library does it."""
    cutter, lengths = pre_tokenizers.ByteLevel(add_prefix_space=False), []
    for number, part in enumerate(text.split(END)):
        lengths += [len(END)] if number else []
        for _, (start, end) in cutter.pre_tokenize_str(part):
            lengths.append(len(part[start:end].encode()))
    return lengths


def random_string(generator):
    pools = [
        "abcdefghijklmnopqrstuvwxyzABCXYZ", "   \n\t", "0123456789", ".,;:!?'\"()-_=+<>|/\\@#",
        "'''stdrevml ", "éèäößñÅøłžÇ", "абвгдеёжзАБВ", "αβγδω", "你好世界的一是不", "あいうカキク", "한국어",
        "אבגשלום", "ابتثمرح", "नमस्ते", "١٢٣४५६๑๒",
        "\u00a0\u3000\u2003\u2028\u1680\u0085\v\f\r\u202f\u205f",
        "\u200b\u200d\ufeff\u00ad\u2060\0\x01\x1b\x7f", "\u0301\u0302\u0308\u20e3\ufe0f",
        "😀👍👨👩👧🏽🇩🇪❤☃\u200d", "½²③Ⅻ㊿𝟙",
    ]
    wholes = [
        "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", " the", " and", "ing", "tion", "  ", "\n\n",
        END, "<|endoftext", "|>", "http://", "    ",
    ]
    text = ""
    for _ in range(generator.randrange(12)):
        kind = generator.random()
        if kind < 0.2:
            text += generator.choice(wholes)
        elif kind < 0.3:
            code = generator.randrange(generator.choice([0x800, 0x10000, 0x110000]))
            text += "" if 0xD800 <= code < 0xE000 else chr(code)
        elif kind < 0.35:
            text += generator.choice(generator.choice(pools)) * generator.randrange(40)
        else:
            pool = generator.choice(pools)
            text += "".join(generator.choice(pool) for _ in range(generator.randrange(1, 12)))
    return text


def main():
    if sys.argv[1:2] == ["random"]:
        tokenizer, generator = read(GPT2), random.Random(0)
        for _ in range(int(sys.argv[2])):
            text = random_string(generator)
            print(text.encode().hex() or "-", *tokenizer.encode(text).ids)
    elif sys.argv[1:2] == ["speed"]:
        tokenizer, text = read(GPT2), pathlib.Path(sys.argv[2]).read_text()
        stories, size = text.split(END), len(text.encode())
        start = time.process_time()
        count = sum(len(tokenizer.encode(story).ids) for story in stories)
        print(f"{count} tokens, {size / 1e6 / (time.process_time() - start):.1f} MB/s")
    else:
        train()
        small, gpt2 = read(HERE), read(GPT2)
        rows = []
        for text in STRINGS:
            row = {"text": text, "words": words(text), "ids": small.encode(text).ids}
            rows.append(json.dumps(row | {"gpt2": gpt2.encode(text).ids}))
        (HERE / "strings.json").write_text("[\n" + ",\n".join(rows) + "\n]\n")


if __name__ == "__main__":
    main()
