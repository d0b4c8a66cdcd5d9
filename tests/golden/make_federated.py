#!/usr/bin/env python3
"""Rounds of federated algorithms in PyTorch, with the course's splits, choices and random streams.

Writes federated.csv beside this file, which `bin/federated compare --model mlp` reads: three rounds
of seven algorithms on MNIST, IID and in shards, and of three with clients of unequal sizes, which
take unequal numbers of steps. The network is the 2NN of McMahan et al. 2017, because it takes a
minute; hfl-more-seeds.csv checks the course's and its dropout masks. Needs the unpacked MNIST
files.
"""
import argparse
import csv
import pathlib

import numpy
import torch
from torch import nn
from torch.nn import functional

from hfl_reference import read_mnist, split_samples, test_accuracy

SEED, BATCH, RATE, ROUNDS = 10, 100, 0.01, 3
COLUMNS = ["Round", "Algorithm", "N", "C", "B", "E", "η", "Seed", "Split", "Options",
           "Message count", "Test accuracy"]
ADAPTIVE = {"server-lr": 0.01, "beta1": 0.9, "beta2": 0.99, "tau": 0.001}
RUNS = [
    ("FedProx", {"mu": 0.1}),
    ("FedAvgM", {"server-lr": 1.0, "server-momentum": 0.9, "nesterov": 0.0}),
    ("FedAvgM", {"server-lr": 1.0, "server-momentum": 0.9, "nesterov": 1.0}),
    ("FedAdam", ADAPTIVE),
    ("FedYogi", ADAPTIVE),
    ("FedAdagrad", {"server-lr": 0.01, "beta1": 0.0, "tau": 0.001}),
    ("SCAFFOLD", {"server-lr": 1.0}),
    ("FedNova", {}),
]


UNEQUAL_RUNS = [("FedProx", {"mu": 0.1}), ("SCAFFOLD", {"server-lr": 1.0}), ("FedNova", {})]
# Name, clients, the share of them in a round, runs. Few clients have very different sizes.
SPLITS = [("iid", 100, 0.1, RUNS), ("shards (stable sort)", 100, 0.1, RUNS),
          ("labels(2)", 20, 0.2, UNEQUAL_RUNS)]


def split_by_two_labels(labels, clients):
    """One of a client's labels is its number modulo 10, and each is shared by all that have it."""
    generator = numpy.random.default_rng(SEED)
    owners = [[] for _ in range(10)]
    for client in range(clients):
        first = client % 10
        other = int(generator.choice(9, 1, replace=False)[0])
        owners[first].append(client)
        owners[other + (other >= first)].append(client)
    parts = [[] for _ in range(clients)]
    for label, own in enumerate(owners):
        samples = generator.permutation(numpy.flatnonzero(labels.numpy() == label))
        for client, part in zip(own, numpy.array_split(samples, len(own))):
            parts[client].append(part)
    return [numpy.concatenate(part) for part in parts]


def make_model():
    """The order of the layers is the order in which weights are drawn."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 200),
                         nn.ReLU(), nn.Linear(200, 10), nn.LogSoftmax(1))


def train(model, start, images, labels, seed, correction):
    """One epoch of SGD along gradient + correction(weights): the weights and the count of steps."""
    torch.manual_seed(seed)
    torch.empty((), dtype=torch.int64).random_()  # a pass over a DataLoader draws this
    nn.utils.vector_to_parameters(start.clone(), model.parameters())
    model.train()
    batches = list(zip(images.split(BATCH), labels.split(BATCH)))
    for batch_images, batch_labels in batches:
        model.zero_grad()
        functional.nll_loss(model(batch_images), batch_labels).backward()
        with torch.no_grad():
            weights = nn.utils.parameters_to_vector(model.parameters())
            gradient = nn.utils.parameters_to_vector(p.grad for p in model.parameters())
            weights = weights - RATE * (gradient + correction(weights))
            nn.utils.vector_to_parameters(weights, model.parameters())
    return weights, len(batches)


class Server:
    """The weights, and what the algorithm keeps; each method says what a round makes of them."""

    def __init__(self, algorithm, options, clients, weights):
        self.algorithm, self.options, self.clients, self.w = algorithm, options, clients, weights
        self.m, self.v, self.c = (torch.zeros_like(weights) for _ in range(3))
        self.control = {}  # of each client

    def correction(self, client):
        """What is added to each local gradient."""
        if self.algorithm == "FedProx":
            return lambda weights: self.options["mu"] * (weights - self.w)
        if self.algorithm == "SCAFFOLD":
            own = self.control.setdefault(client, torch.zeros_like(self.w))
            return lambda weights: self.c - own
        return lambda weights: 0

    def finish(self, trained):
        """Moves the weights by the round's (client, sample count, weights, steps)."""
        if self.algorithm == "SCAFFOLD":
            self.finish_scaffold(trained)
            return
        total = sum(count for _, count, _, _ in trained)
        parts = [(count / total, weights, tau) for _, count, weights, tau in trained]
        d = sum(share * weights for share, weights, _ in parts) - self.w
        if self.algorithm == "FedProx":
            self.w = self.w + d
        elif self.algorithm == "FedNova":
            steps = sum(share * tau for share, _, tau in parts)
            self.w = self.w - steps * sum(share * (self.w - weights) / tau
                                          for share, weights, tau in parts)
        elif self.algorithm == "FedAvgM":
            beta = self.options["server-momentum"]
            self.v = beta * self.v + d
            step = d + beta * self.v if self.options["nesterov"] else self.v
            self.w = self.w + self.options["server-lr"] * step
        else:
            self.finish_adaptive(d)

    def finish_adaptive(self, d):
        beta1, square = self.options["beta1"], d * d
        self.m = beta1 * self.m + (1 - beta1) * d
        if self.algorithm == "FedAdam":
            self.v = self.options["beta2"] * self.v + (1 - self.options["beta2"]) * square
        elif self.algorithm == "FedYogi":
            self.v = self.v - (1 - self.options["beta2"]) * square * torch.sign(self.v - square)
        else:
            self.v = self.v + square
        self.w = self.w + self.options["server-lr"] * self.m / (self.v.sqrt() + self.options["tau"])

    def finish_scaffold(self, trained):
        change, control_change = torch.zeros_like(self.w), torch.zeros_like(self.w)
        for client, _, weights, steps in trained:
            new = self.control[client] - self.c + (self.w - weights) / (steps * RATE)
            control_change += (new - self.control[client]) / self.clients
            change += (weights - self.w) / len(trained)
            self.control[client] = new
        self.w = self.w + self.options["server-lr"] * change
        self.c = self.c + control_change


def run(algorithm, options, split, clients, fraction, train_set, test_set, writer):
    """A row for each round."""
    if split == "labels(2)":
        samples = split_by_two_labels(train_set[1], clients)
    else:
        samples = split_samples(train_set[1], clients, split.split()[0], SEED, sort="stable")
    chosen_count = round(fraction * clients)
    chooser = numpy.random.default_rng(SEED)
    torch.manual_seed(SEED)
    model = make_model()
    weights = nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    server = Server(algorithm, options, clients, weights)
    for round_index in range(ROUNDS):
        trained = []
        for client in map(int, chooser.choice(clients, chosen_count, replace=False)):
            images, labels = (part[torch.from_numpy(samples[client])] for part in train_set)
            seed = SEED + client + 1 + round_index * chosen_count
            weights, steps = train(model, server.w, images, labels, seed, server.correction(client))
            trained.append((client, len(labels), weights, steps))
        server.finish(trained)
        nn.utils.vector_to_parameters(server.w.clone(), model.parameters())
        writer.writerow([round_index + 1, algorithm, clients, fraction, BATCH, 1, RATE, SEED, split,
                         " ".join(f"{name}={value}" for name, value in sorted(options.items())),
                         2 * (round_index + 1) * chosen_count, test_accuracy(model, *test_set)])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", default="data/raw/mnist", help="folder of the unpacked files")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train_set, test_set = (read_mnist(options.mnist, name) for name in ("train", "t10k"))
    with open(pathlib.Path(__file__).with_name("federated.csv"), "w", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for split, clients, fraction, runs in SPLITS:
            for algorithm, chosen in runs:
                run(algorithm, chosen, split, clients, fraction, train_set, test_set, writer)
                file.flush()


main()
