#!/usr/bin/env python3
"""GPT-2 of 124M parameters in PyTorch: steps of AdamW on batches of 4 sequences of 64 random tokens.

gpt2.py THREADS [bf16], then on the standard input: step.
"""
import sys

import torch
from torch import nn
from torch.nn import functional

from serve import prepare, serve

WIDTH, HEADS, LAYERS, POSITIONS, VOCABULARY = 768, 12, 12, 1024, 50257
LENGTH, BATCH, RATE = 64, 4, 1e-4


class Layer(nn.Module):
    """Attention, then the feed-forward network: both [n, t, d]."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.o = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        q, k, v = (part.unflatten(-1, (HEADS, -1)).transpose(1, 2)
                   for part in self.qkv(self.norm1(x)).split(WIDTH, -1))
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o(y.transpose(1, 2).flatten(2))
        return x + self.down(functional.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Gpt2(nn.Module):
    """Tokens [n, t] to scores [n, t, vocabulary]; the head shares the embedding's weights."""

    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Embedding(POSITIONS, WIDTH)
        self.layers = nn.Sequential(*(Layer() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH)
        nn.init.normal_(self.tokens.weight, std=0.02)

    def forward(self, ids):
        x = self.tokens(ids) + self.positions(torch.arange(LENGTH))
        return functional.linear(self.norm(self.layers(x)), self.tokens.weight)


def main():
    prepare(int(sys.argv[1]))
    model = Gpt2()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, fused=True)
    ids, targets = torch.randint(0, VOCABULARY, (2, BATCH, LENGTH))

    def step():
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled="bf16" in sys.argv):
            loss = functional.cross_entropy(model(ids).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()

    serve({"step": step})


if __name__ == "__main__":
    main()
