#!/usr/bin/env python3
"""The course's LLaMA in PyTorch: steps of Adam on batches of 3 sequences of 256 random tokens.

llama.py THREADS [frugal|bf16], then on the standard input: step. bf16: with autocast.
"""
import sys

import torch
from torch import nn
from torch.nn import functional

from serve import prepare, serve

WIDTH, HEADS, LAYERS, HIDDEN, VOCABULARY = 288, 6, 6, 1152, 32000
LENGTH, BATCH, RATE = 256, 3, 8e-4


def projection(inputs, outputs):
    return nn.Linear(inputs, outputs, bias=False)


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


class Layer(nn.Module):
    """Attention with rotary positions, then the gated feed-forward network: both [n, t, d]."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = Norm(), Norm()
        self.q, self.k, self.v, self.o = (projection(WIDTH, WIDTH) for _ in range(4))
        self.gate, self.up, self.down = (projection(WIDTH, HIDDEN), projection(WIDTH, HIDDEN),
                                         projection(HIDDEN, WIDTH))
        half = WIDTH // HEADS // 2
        angles = torch.outer(torch.arange(LENGTH), 10000 ** -(torch.arange(half) / half))
        self.cos, self.sin = angles.cos().repeat(1, 2), angles.sin().repeat(1, 2)

    def turn(self, x):
        left, right = x.chunk(2, -1)
        return x * self.cos + torch.cat((-right, left), -1) * self.sin

    def forward(self, x):
        h = self.norm1(x)
        q, k, v = (f(h).unflatten(-1, (HEADS, -1)).transpose(1, 2)
                   for f in (self.q, self.k, self.v))
        y = functional.scaled_dot_product_attention(self.turn(q), self.turn(k), v, is_causal=True)
        x = x + self.o(y.transpose(1, 2).flatten(2))
        h = self.norm2(x)
        return x + self.down(functional.silu(self.gate(h)) * self.up(h))


def make_stage(stage, stages):
    """A part of the model: the first one embeds, the last one has the head."""
    first = [nn.Embedding(VOCABULARY, WIDTH)] if stage == 0 else []
    last = [Norm(), projection(WIDTH, VOCABULARY)] if stage == stages - 1 else []
    return nn.Sequential(*first, *(Layer() for _ in range(LAYERS // stages)), *last)


def loss_of(scores, ids):
    """Every token but the last predicts the next one."""
    return functional.cross_entropy(scores[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


def main():
    prepare(int(sys.argv[1]), is_frugal="frugal" in sys.argv)
    model = make_stage(0, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    ids = torch.randint(0, VOCABULARY, (BATCH, LENGTH))

    def step():
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled="bf16" in sys.argv):
            loss = loss_of(model(ids), ids)
        loss.backward()
        optimizer.step()

    serve({"step": step})


if __name__ == "__main__":
    main()
