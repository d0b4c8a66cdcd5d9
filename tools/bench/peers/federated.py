#!/usr/bin/env python3
"""The course's federated loop in PyTorch on MNIST: clients one by one, their mean, a test a round.

federated.py THREADS FOLDER, with MNIST's four files in FOLDER; then on the standard input: a3, the
first round of FedSGD and of FedAvg with two local epochs, N=100, C=0.1, B=100; or start, one step.
As in the course, data loaders make the batches image by image, but without the slower PIL.
"""
import pathlib
import sys

import numpy
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset

from cnn import make_model, step, test
from serve import prepare, serve

CLIENTS, FRACTION, BATCH, RATE, SEED = 100, 0.1, 100, 0.01, 10


class Mnist(Dataset):
    """The set `train` or `t10k`: image [1, 28, 28], normalised on access, and label."""

    def __init__(self, folder, name):
        prefix = pathlib.Path(folder, name)
        pixels = numpy.fromfile(f"{prefix}-images-idx3-ubyte", numpy.uint8, offset=16)
        labels = numpy.fromfile(f"{prefix}-labels-idx1-ubyte", numpy.uint8, offset=8)
        self.pixels, self.labels = torch.from_numpy(pixels).reshape(-1, 1, 28, 28), labels.tolist()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return (self.pixels[index].float().div(255) - 0.1307) / 0.3081, self.labels[index]


def client_gradient(model, samples):
    """What a client of FedSGD sends back."""
    model.train()
    model.zero_grad()
    for images, labels in DataLoader(samples, batch_size=len(samples)):
        nn.functional.nll_loss(model(images), labels).backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


def client_weights(model, samples, epochs):
    """What a client of FedAvg sends back."""
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    loader = DataLoader(samples, batch_size=BATCH)
    for _ in range(epochs):
        for images, labels in loader:
            step(model, optimizer, images, labels)
    return [parameter.detach().clone() for parameter in model.parameters()]


def play_round(train_set, test_set, epochs):
    """Round 1 of FedAvg, or of FedSGD if there are no epochs, and its test."""
    split = numpy.array_split(numpy.random.default_rng(SEED).permutation(len(train_set)), CLIENTS)
    count = round(FRACTION * CLIENTS)
    chosen = numpy.random.default_rng(SEED).choice(CLIENTS, count, replace=False)
    torch.manual_seed(SEED)
    server, model = make_model(), make_model()
    updates = []
    for client in chosen:
        torch.manual_seed(SEED + int(client) + 1)
        model.load_state_dict(server.state_dict())
        samples = Subset(train_set, split[client].tolist())
        updates.append(client_weights(model, samples, epochs) if epochs else
                       client_gradient(model, samples))
    with torch.no_grad():
        for parameter, *sent in zip(server.parameters(), *updates):
            mean = torch.stack(sent).mean(0)
            parameter.copy_(mean if epochs else parameter - RATE * mean)
    return [test(server, *batch) for batch in DataLoader(test_set, batch_size=len(test_set))]


def main():
    prepare(int(sys.argv[1]))
    train_set, test_set = Mnist(sys.argv[2], "train"), Mnist(sys.argv[2], "t10k")

    def a3():
        for epochs in (0, 2):
            play_round(train_set, test_set, epochs)

    def start():
        model = make_model()
        client_weights(model, Subset(train_set, range(BATCH)), 1)

    serve({"a3": a3, "start": start})


if __name__ == "__main__":
    main()
