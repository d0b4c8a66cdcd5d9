#!/usr/bin/env python3
"""The course's CNN in PyTorch: steps of SGD and testing, on random images.

cnn.py THREADS, then on the standard input: train-100, train-600 or test-10000.
"""
import sys

import torch
from torch import nn

from serve import prepare, serve


def make_model():
    """The layers of the course's MnistCnn, in its order."""
    return nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten(), nn.Linear(9216, 128),
                         nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10), nn.LogSoftmax(1))


def step(model, optimizer, images, labels):
    model.train()
    optimizer.zero_grad()
    nn.functional.nll_loss(model(images), labels).backward()
    optimizer.step()


@torch.no_grad()
def test(model, images, labels):
    """Percent correct. All images in one batch: smaller ones are slower."""
    model.eval()
    return 100 * int((model(images).argmax(1) == labels).sum()) / len(labels)


def main():
    prepare(int(sys.argv[1]))
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    images, labels = torch.randn(10000, 1, 28, 28), torch.randint(0, 10, (10000,))
    serve({
        "train-100": lambda: step(model, optimizer, images[:100], labels[:100]),
        "train-600": lambda: step(model, optimizer, images[:600], labels[:600]),
        "test-10000": lambda: test(model, images, labels),
    })


if __name__ == "__main__":
    main()
