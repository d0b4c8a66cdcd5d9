#!/usr/bin/env python3
"""Models of the federated papers in PyTorch: steps of SGD and testing, on random images.

models.py THREADS MODEL, then on the standard input: train or test, of 600 images.
"""
import sys

import torch
from torch import nn

from cnn import step, test
from serve import prepare, serve


def lenet(channels, padding, flat, hidden):
    """Two 5x5 convolutions and linear layers, each but the last with a ReLU."""
    first, second = channels
    layers = [nn.Conv2d(1, first, 5, padding=padding), nn.ReLU(), nn.MaxPool2d(2),
              nn.Conv2d(first, second, 5, padding=padding), nn.ReLU(), nn.MaxPool2d(2),
              nn.Flatten()]
    return layers + linear([flat, *hidden, 10])


def linear(widths):
    layers = []
    for size, out in zip(widths, widths[1:]):
        layers += [nn.Linear(size, out), nn.ReLU()]
    return layers[:-1]


def cifar():
    layers = []
    for size, out in ((3, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(size, out, 3, padding=1), nn.GroupNorm(8, out), nn.ReLU(),
                   nn.MaxPool2d(2)]
    return layers + [nn.Flatten(), nn.Linear(2048, 10)]


class Block(nn.Module):
    def __init__(self, size, out, stride):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(size, out, 3, stride, 1), nn.GroupNorm(8, out), nn.ReLU(),
            nn.Conv2d(out, out, 3, padding=1), nn.GroupNorm(8, out))
        self.shortcut = nn.Sequential() if stride == 1 else nn.Sequential(
            nn.Conv2d(size, out, 1, stride), nn.GroupNorm(8, out))

    def forward(self, x):
        return torch.relu(self.layers(x) + self.shortcut(x))


def resnet8():
    return [nn.Conv2d(3, 16, 3, padding=1), nn.GroupNorm(8, 16), nn.ReLU(), Block(16, 16, 1),
            Block(16, 32, 2), Block(32, 64, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(64, 10)]


# Layers, batch, and the shape of an image.
MODELS = {
    "logistic": (lambda: [nn.Flatten()] + linear([784, 10]), 10, (1, 28, 28)),
    "mlp": (lambda: [nn.Flatten()] + linear([784, 200, 200, 10]), 10, (1, 28, 28)),
    "mcmahan_cnn": (lambda: lenet((32, 64), 2, 3136, [512]), 10, (1, 28, 28)),
    "niid_cnn": (lambda: lenet((6, 16), 0, 256, [120, 84]), 64, (1, 28, 28)),
    "cifar_cnn": (cifar, 64, (3, 32, 32)),
    "resnet8": (resnet8, 64, (3, 32, 32)),
}


def main():
    prepare(int(sys.argv[1]))
    layers, batch, shape = MODELS[sys.argv[2]]
    model = nn.Sequential(*layers(), nn.LogSoftmax(1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    images, labels = torch.randn(600, *shape), torch.randint(0, 10, (600,))

    def train():
        for first in range(0, 600, batch):
            step(model, optimizer, images[first:first + batch], labels[first:first + batch])

    serve({"train": train, "test": lambda: test(model, images, labels)})


if __name__ == "__main__":
    main()
