"""Federated jobs on MNIST for several peers: their numbers, data, and the work of a client."""
import dataclasses
import pathlib
from typing import Callable

import numpy
import torch
from torch import nn

import cnn


def make_logistic():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.LogSoftmax(1))


@dataclasses.dataclass(frozen=True)
class Job:
    """FedAvg with one local epoch, and 10 clients a round."""
    make_model: Callable
    clients: int
    batch: int
    rate: float
    rounds: int
    test_every: int

    def is_tested(self, number):
        return number > 0 and number % self.test_every == 0


FLUTE = Job(make_logistic, clients=1000, batch=10, rate=0.03, rounds=100, test_every=20)
A3 = Job(cnn.make_model, clients=100, batch=100, rate=0.01, rounds=3, test_every=1)
CHOSEN, SEED = 10, 10


def read_mnist(folder, name):
    """The set `train` or `t10k`, in memory: normalised images [n, 1, 28, 28], and labels."""
    images_file, labels_file = (pathlib.Path(folder, f"{name}-{kind}-ubyte")
                                for kind in ("images-idx3", "labels-idx1"))
    pixels = numpy.fromfile(images_file, numpy.uint8, offset=16)
    labels = numpy.fromfile(labels_file, numpy.uint8, offset=8)
    images = torch.from_numpy(pixels).reshape(-1, 1, 28, 28)
    return images.float().div_(255).sub_(0.1307).div_(0.3081), torch.from_numpy(labels).long()


def split(job):
    """The samples of each client."""
    return numpy.array_split(numpy.random.default_rng(SEED).permutation(60000), job.clients)


def train(job, model, images, labels):
    """An epoch of SGD. Slices of tensors are faster than a data loader."""
    optimizer = torch.optim.SGD(model.parameters(), lr=job.rate)
    for batch in zip(images.split(job.batch), labels.split(job.batch)):
        cnn.step(model, optimizer, *batch)
