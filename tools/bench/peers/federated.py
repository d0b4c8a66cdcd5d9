#!/usr/bin/env python3
"""The course's federated loop in PyTorch on MNIST: clients one after the other, their mean, a test a round.

federated.py THREADS FOLDER, with MNIST's four files in FOLDER; then on the standard input: a3, which plays
the first round of FedSGD and of FedAvg with two local epochs, N=100, C=0.1, B=100; or start, one step.
Images are normalised beforehand and batches are slices, which is faster than the course's data loaders.
"""
import pathlib
import sys

import numpy
import torch
from torch import nn

from cnn import make_model, step, test
from serve import prepare, serve

CLIENTS, FRACTION, BATCH, RATE, SEED = 100, 0.1, 100, 0.01, 10


def read_mnist(folder, name):
    """Normalised images [n, 1, 28, 28] and labels [n] of the set `train` or `t10k`."""
    pixels = numpy.fromfile(pathlib.Path(folder, f"{name}-images-idx3-ubyte"), numpy.uint8, offset=16)
    labels = numpy.fromfile(pathlib.Path(folder, f"{name}-labels-idx1-ubyte"), numpy.uint8, offset=8)
    images = torch.from_numpy(pixels).reshape(-1, 1, 28, 28).float() / 255
    return (images - 0.1307) / 0.3081, torch.from_numpy(labels).long()


def client_gradient(model, images, labels):
    """What a client of FedSGD sends back."""
    model.train()
    model.zero_grad()
    nn.functional.nll_loss(model(images), labels).backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


def client_weights(model, images, labels, epochs):
    """What a client of FedAvg sends back."""
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    for _ in range(epochs):
        for batch_images, batch_labels in zip(images.split(BATCH), labels.split(BATCH)):
            step(model, optimizer, batch_images, batch_labels)
    return [parameter.detach().clone() for parameter in model.parameters()]


def play_round(train_set, test_set, epochs):
    """Round 1 of FedAvg, or of FedSGD if there are no epochs, and its test."""
    split = numpy.array_split(numpy.random.default_rng(SEED).permutation(len(train_set[1])), CLIENTS)
    chosen = numpy.random.default_rng(SEED).choice(CLIENTS, round(FRACTION * CLIENTS), replace=False)
    torch.manual_seed(SEED)
    server, model = make_model(), make_model()
    updates = []
    for client in chosen:
        torch.manual_seed(SEED + int(client) + 1)
        model.load_state_dict(server.state_dict())
        images, labels = (part[torch.from_numpy(split[client])] for part in train_set)
        updates.append(client_weights(model, images, labels, epochs) if epochs
                       else client_gradient(model, images, labels))
    with torch.no_grad():
        for parameter, *sent in zip(server.parameters(), *updates):
            mean = torch.stack(sent).mean(0)
            parameter.copy_(mean if epochs else parameter - RATE * mean)
    return test(server, *test_set)


def main():
    prepare(int(sys.argv[1]))
    train_set = read_mnist(sys.argv[2], "train")
    test_set = read_mnist(sys.argv[2], "t10k")

    def a3():
        for epochs in (0, 2):
            play_round(train_set, test_set, epochs)

    def start():
        model = make_model()
        images, labels = (part[:BATCH] for part in train_set)
        client_weights(model, images, labels, 1)

    serve({"a3": a3, "start": start})


if __name__ == "__main__":
    main()
