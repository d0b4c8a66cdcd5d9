#!/usr/bin/env python3
"""llm.c's CPU program, which trains GPT-2 of 124M parameters with batches of 4 sequences of 64 tokens.

llmc.py THREADS FOLDER, with train_gpt2 in FOLDER, built by llm.c's makefile; then on the standard
input: step. Weights and tokens are random, in files of the formats that the program reads.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy

from serve import Seconds, serve

WIDTH, HEADS, LAYERS, POSITIONS, VOCABULARY, PADDED_VOCABULARY = 768, 12, 12, 1024, 50257, 50304
TOKENS = 20 * 4 * 64 + 1
MEASURED = 1  # the step that is measured: step 0 allocates memory


def write(file, header, *arrays):
    """A header of 256 numbers, and the arrays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "wb") as out:
        for array in (numpy.pad(numpy.int32(header), (0, 256 - len(header))), *arrays):
            array.tofile(out)


def weights():
    """The tensors of all layers together, in llm.c's order."""
    random = numpy.random.default_rng(10)

    def normal(*shape):
        return random.standard_normal(shape, numpy.float32) * numpy.float32(0.02)

    def vector(value, size, layers=LAYERS):
        return numpy.full((layers, size), value, numpy.float32)

    return (normal(PADDED_VOCABULARY, WIDTH), normal(POSITIONS, WIDTH),
            vector(1, WIDTH), vector(0, WIDTH),  # the norm before attention
            normal(LAYERS, 3 * WIDTH, WIDTH), vector(0, 3 * WIDTH),  # queries, keys, values
            normal(LAYERS, WIDTH, WIDTH), vector(0, WIDTH),
            vector(1, WIDTH), vector(0, WIDTH),  # the norm before the feed-forward network
            normal(LAYERS, 4 * WIDTH, WIDTH), vector(0, 4 * WIDTH),
            normal(LAYERS, WIDTH, 4 * WIDTH), vector(0, WIDTH),
            vector(1, WIDTH, 1), vector(0, WIDTH, 1))


def write_files(folder):
    write(folder / "gpt2_124M.bin",
          [20240326, 3, POSITIONS, VOCABULARY, LAYERS, HEADS, WIDTH, PADDED_VOCABULARY], *weights())
    tokens = numpy.random.default_rng(10).integers(VOCABULARY, size=TOKENS, dtype=numpy.uint16)
    for part in "train", "val":
        write(folder / f"dev/data/tinyshakespeare/tiny_shakespeare_{part}.bin",
              [20240520, 1, TOKENS], tokens)


def step(program, folder, threads):
    """The seconds of a step, as the program reports them. It starts anew, and is then stopped."""
    lines_as_they_come = ["stdbuf", "--output=L"]
    with subprocess.Popen([*lines_as_they_come, program], cwd=folder, text=True,
                          stdout=subprocess.PIPE,
                          env=os.environ | {"OMP_NUM_THREADS": threads}) as process:
        for line in process.stdout:
            if found := re.match(rf"step {MEASURED}: .*took ([\d.]+) ms", line):
                process.kill()
                return Seconds(float(found[1]) / 1000)
    sys.exit("error: train_gpt2 printed no time of a step")


def main():
    threads, program = sys.argv[1], pathlib.Path(sys.argv[2], "train_gpt2").resolve(strict=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_files(folder)
        serve({"step": lambda: step(program, folder, threads)}, "llm.c")


if __name__ == "__main__":
    main()
