#!/usr/bin/env python3
"""The PyTorch side of `bin/bench`: the course's CNN on random images, timed job by job.

Reads a job name a line (train100, train600, test10000), runs the job once and answers with its seconds,
so that the caller can alternate with our engine on the same machine. The first use of a job is preceded
by one run that does not count. First of all prints the PyTorch version and the number of threads.
`--keep-memory` lets malloc reuse freed memory, which is much faster where page faults are dear.
"""
import argparse
import ctypes
import sys
import time

import torch
from torch import nn


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep-memory", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.keep_memory:  # glibc: M_MMAP_MAX (-4) 0 and M_TRIM_THRESHOLD (-1) unlimited
        ctypes.CDLL(None).mallopt(-4, 0)
        ctypes.CDLL(None).mallopt(-1, -1)

    model = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Dropout(0.25), nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5),
                          nn.Linear(128, 10), nn.LogSoftmax(1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    images, labels = torch.randn(10000, 1, 28, 28), torch.randint(0, 10, (10000,))

    def train(count):
        model.train()
        optimizer.zero_grad()
        nn.functional.nll_loss(model(images[:count]), labels[:count]).backward()
        optimizer.step()

    def test():
        model.eval()
        with torch.no_grad():
            return int((model(images).argmax(1) == labels).sum())

    jobs = {"train100": lambda: train(100), "train600": lambda: train(600), "test10000": test}
    warm = set()
    print(f"torch {torch.__version__} threads {torch.get_num_threads()}", flush=True)
    for name in map(str.strip, sys.stdin):
        if name not in jobs:
            sys.exit(f"error: no job '{name}'; there are {', '.join(jobs)}")
        if name not in warm:
            jobs[name]()
            warm.add(name)
        start = time.perf_counter()
        jobs[name]()
        print(time.perf_counter() - start, flush=True)


main()
