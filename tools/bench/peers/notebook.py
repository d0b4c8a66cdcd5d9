#!/usr/bin/env python3
"""Rounds of the course's notebook, by tributary.hfl and by PyTorch in turns: seconds and ratios.

notebook.py [THREADS [TURNS]], after make python, with MNIST in data/raw. A turn is two rounds with
their tests, N=100, C=0.1: one of FedSGD, one of FedAvg with B=100 and two local epochs.
"""
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "build/python"))

from tributary.hfl import FedAvgServer, FedSgdGradientServer, WeightClient, split  # noqa: E402

import federated  # noqa: E402
from serve import prepare  # noqa: E402

N, C, B, RATE, SEED = (federated.CLIENTS, federated.FRACTION, federated.BATCH, federated.RATE,
                       federated.SEED)


class Own(WeightClient):
    """A student's: sends twice its change, computed in NumPy."""

    def update(self, weights, seed):
        return [2 * new - old for old, new in zip(weights, super().update(weights, seed))]


def ours(subsets, has_own_clients):
    FedSgdGradientServer(RATE, subsets, C, SEED).run(1)
    server = FedAvgServer(RATE, B, subsets, C, 2, SEED)
    if has_own_clients:
        server.clients = [Own(subset, RATE, B, 2) for subset in subsets]
    server.run(1)


def seconds(job, *arguments):
    start = time.perf_counter()
    job(*arguments)
    return time.perf_counter() - start


def main():
    threads, turns = (int(text) for text in (sys.argv[1:] + ["2", "3"][len(sys.argv) - 1:]))
    prepare(threads)
    folder = pathlib.Path(os.environ.get("DATA_RAW") or ROOT / "data/raw") / "mnist"
    train_set, test_set = (federated.Mnist(folder, name) for name in ("train", "t10k"))
    subsets = split(N, True, SEED)

    def theirs():
        for epochs in (0, 2):
            federated.play_round(train_set, test_set, epochs)

    print("PyTorch, s  tributary, s  ratio  own clients, s  ratio")
    for _ in range(turns):
        peer, engine, own = seconds(theirs), seconds(ours, subsets, False), seconds(
            ours, subsets, True)
        print(f"{peer:10.2f} {engine:13.2f} {peer / engine:6.2f} {own:15.2f} {peer / own:6.2f}",
              flush=True)


if __name__ == "__main__":
    main()
