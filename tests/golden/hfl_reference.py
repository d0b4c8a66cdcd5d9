#!/usr/bin/env python3
"""Federated learning on MNIST in PyTorch, as in the course's notebook, for comparison with ours.

Prints one CSV row per round. The course publishes only one seed: `--more-seeds` prints all of
`hfl-more-seeds.csv`, more runs that our program must reproduce. Needs the four unpacked MNIST files
and NumPy up to 1.24, whose argsort (an introsort, not stable) decides which client gets which
shard. PyTorch 2.7 or later gives the same dropout masks everywhere.
"""
import argparse
import csv
import math
import pathlib
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional

COLUMNS = ["Round", "Algorithm", "N", "C", "B", "E", "η", "Seed", "Split", "Message count",
           "Test accuracy"]
LABELS = {"fedsgd": "FedSGDGradient", "fedsgd-weight": "FedSGDWeight", "fedavg": "FedAvg"}
MORE_SEEDS = """
--seed 7 --algorithm fedavg --fraction 0.02 --split shards --rounds 5
--seed 7 --algorithm fedsgd --clients 50 --fraction 0.1 --split shards --lr 0.1 --rounds 3
--seed 7 --algorithm fedsgd-weight --clients 50 --fraction 0.1 --split shards --lr 0.1 --rounds 3
--seed 123 --algorithm fedavg --fraction 0.05 --split iid --batch 50 --epochs 2 --rounds 4
--seed 0 --algorithm fedavg --clients 10 --fraction 0.1 --split iid --rounds 2
--seed 10 --algorithm fedsgd --clients 50 --fraction 0.2 --split shards --lr 0.1 --rounds 5
--seed 10 --algorithm fedsgd-weight --clients 50 --fraction 0.2 --split shards --lr 0.1 --rounds 5
--seed 10 --algorithm fedavg --fraction 0.1 --split shards --rounds 6
"""


class MnistCnn(nn.Module):
    """The course's network; the order of the members is the order in which weights are drawn."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, images):
        features = functional.relu(self.conv2(functional.relu(self.conv1(images))))
        features = functional.dropout(functional.max_pool2d(features, 2), 0.25, self.training)
        hidden = functional.relu(self.fc1(features.flatten(1)))
        hidden = functional.dropout(hidden, 0.5, self.training)
        return functional.log_softmax(self.fc2(hidden), 1)


def read_mnist(folder, name):
    """Normalised images [n, 1, 28, 28] and labels [n] of the set `train` or `t10k`."""
    prefix = pathlib.Path(folder, name)
    pixels = numpy.fromfile(f"{prefix}-images-idx3-ubyte", numpy.uint8, offset=16)
    labels = numpy.fromfile(f"{prefix}-labels-idx1-ubyte", numpy.uint8, offset=8)
    images = torch.from_numpy(pixels).reshape(-1, 1, 28, 28).float() / 255
    return (images - 0.1307) / 0.3081, torch.from_numpy(labels).long()


def split_samples(labels, clients, split, seed, sort=None):
    """The sample indices of each client, in the order of use; `sort` is argsort's kind."""
    generator = numpy.random.default_rng(seed)
    if split == "iid":
        return numpy.array_split(generator.permutation(len(labels)), clients)
    shards = numpy.array_split(numpy.argsort(labels.numpy(), kind=sort), 2 * clients)
    chosen = generator.permutation(2 * clients).reshape(clients, 2)
    return [numpy.concatenate([shards[first], shards[second]]) for first, second in chosen]


def train_client(model, images, labels, options, seed):
    """What one client sends back: its gradient for `fedsgd`, otherwise its weights."""
    torch.manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=options.lr)
    model.train()
    full_batch = options.algorithm != "fedavg" or math.isinf(options.batch)
    batch = len(labels) if full_batch else int(options.batch)
    for _ in range(options.epochs):
        torch.empty((), dtype=torch.int64).random_()  # drawn by any pass over a DataLoader
        for batch_images, batch_labels in zip(images.split(batch), labels.split(batch)):
            optimizer.zero_grad()
            functional.nll_loss(model(batch_images), batch_labels).backward()
            if options.algorithm == "fedsgd":
                return [parameter.grad.clone() for parameter in model.parameters()]
            optimizer.step()
    return [parameter.detach().clone() for parameter in model.parameters()]


@torch.no_grad()
def test_accuracy(model, images, labels):
    """Percent correct."""
    model.eval()
    correct = sum(int((model(part).argmax(1) == answers).sum())
                  for part, answers in zip(images.split(250), labels.split(250)))
    return 100 * correct / len(labels)


def run(options, train_set, test_set, writer):
    """One configuration: a row for each round."""
    full_batch = options.algorithm != "fedavg" or math.isinf(options.batch)
    samples = split_samples(train_set[1], options.clients, options.split, options.seed)
    chosen_count = max(1, round(options.fraction * options.clients))
    chooser = numpy.random.default_rng(options.seed)
    torch.manual_seed(options.seed)
    server = MnistCnn()
    model = MnistCnn()
    server_optimizer = torch.optim.SGD(server.parameters(), lr=options.lr)
    for round_index in range(options.rounds):
        chosen = chooser.choice(options.clients, chosen_count, replace=False)
        sample_count = sum(len(samples[client]) for client in chosen)
        updates = []
        for client in chosen:
            model.load_state_dict(server.state_dict())
            seed = options.seed + int(client) + 1 + round_index * chosen_count
            images, labels = (part[torch.from_numpy(samples[client])] for part in train_set)
            update = train_client(model, images, labels, options, seed)
            updates.append([len(labels) / sample_count * tensor for tensor in update])
        averages = [torch.stack(tensors).sum(0) for tensors in zip(*updates)]
        if options.algorithm == "fedsgd":
            for parameter, average in zip(server.parameters(), averages):
                parameter.grad = average
            server_optimizer.step()
        else:
            for parameter, average in zip(server.parameters(), averages):
                parameter.data = average
        writer.writerow([round_index + 1, LABELS[options.algorithm], options.clients,
                         options.fraction, "∞" if full_batch else int(options.batch),
                         options.epochs, options.lr, options.seed, options.split,
                         2 * (round_index + 1) * chosen_count, test_accuracy(server, *test_set)])
        sys.stdout.flush()


def main():
    assert tuple(map(int, numpy.__version__.split(".")[:2])) <= (1, 24), "needs NumPy up to 1.24"
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--algorithm", choices=LABELS, default="fedavg")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--fraction", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=1, help="local passes of fedavg")
    parser.add_argument("--batch", type=float, default=100, help="images a batch, or inf")
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--split", choices=["iid", "shards"], default="iid")
    parser.add_argument("--seed", type=int, default=10)
    parser.add_argument("--mnist", default="data/raw", help="folder of the four unpacked files")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--more-seeds", action="store_true", help="print all of hfl-more-seeds.csv")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train_set, test_set = (read_mnist(options.mnist, name) for name in ("train", "t10k"))
    runs = [parser.parse_args(line.split()) for line in MORE_SEEDS.strip().splitlines()]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for chosen_options in runs if options.more_seeds else [options]:
        run(chosen_options, train_set, test_set, writer)


if __name__ == "__main__":
    main()
