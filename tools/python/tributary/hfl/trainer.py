"""Where the servers and clients of a notebook meet the engine."""
import functools
import warnings
from ctypes import c_double, c_int32
from itertools import groupby
from time import perf_counter
from typing import NamedTuple

import numpy as np

from .. import engine
from ..data import open_data


class Training(NamedTuple):
    """What the engine does for a client, or for the server with the mean of what clients send."""
    algorithm: bytes
    lr: float = 0
    batch: int = 0  # 0: all samples
    epochs: int = 1
    is_shuffled: bool = False


class Turn(NamedTuple):
    """A client's part in a round."""
    name: int
    client: "Client"
    training: Training | None  # None: the client has an update() of its own
    seed: int
    weight: int


class Trainer:
    """Plays rounds on MNIST. Clients that the engine trains do so at the same time, those with an
    update() of their own one by one; the mean is taken in the order of the turns."""

    def __init__(self):
        self.data = open_data()
        self.handle = engine.make("make_trainer", self.data.handle, b"mnist_cnn", 0)

    def update(self, client, training, weights, seed):
        """What the engine makes of a client: an array for each of the weights."""
        flat = _flat(weights)
        update = np.empty_like(flat)
        self._train([Turn(0, client, training, seed, 0)], flat.ctypes.data, update.ctypes.data)
        ends = np.cumsum([np.size(array) for array in weights])[:-1]
        return [part.reshape(np.shape(array))
                for part, array in zip(np.split(update, ends), weights)]

    def play(self, turns, training, model):
        """A round. Returns its seconds, were every client a computer of its own."""
        start = engine.library.tributary_weights(model.handle)
        engine.library.tributary_start(self.handle, sum(turn.weight for turn in turns))
        longest = 0
        for is_the_engines, group in groupby(turns, lambda turn: turn.training):
            group = list(group)
            played = self._train(group, start) if is_the_engines else self._add(group, model)
            for turn, (is_excluded, seconds) in zip(group, played):
                longest = max(longest, seconds)
                if is_excluded:
                    warnings.warn(f"client {turn.name} was excluded from the round: it has no "
                                  "samples, or its update is not finite", stacklevel=4)
        applying = perf_counter()
        engine.call("finish", self.handle, engine.Training(*training), model.handle)
        return longest + perf_counter() - applying

    def test(self, model):
        """Percent of the test images."""
        accuracy = c_double()
        engine.call("test", self.handle, model.handle, accuracy)
        return accuracy.value

    def _train(self, turns, start, update=None):
        """Turns with the same training, from these weights. Returns for each whether it was
        excluded, and its seconds."""
        samples = [_samples(turn.client.client_data) for turn in turns]
        clients = (engine.Client * len(turns))(
            *(engine.Client(part.ctypes.data, len(part), turn.weight, 0, turn.seed, 0)
              for part, turn in zip(samples, turns)))
        with engine.interruptible() as is_interrupted:
            engine.call("train", self.handle, engine.Training(*turns[0].training), clients,
                        len(turns), start, update, engine.Stop(is_interrupted))
        return [(client.is_excluded, client.seconds) for client in clients]

    def _add(self, turns, model):
        """The same for turns with updates of their own."""
        played = []
        for turn in turns:
            started = perf_counter()
            weights = [weight.copy() for weight in model.parameters()]
            update = _flat(turn.client.update(weights, turn.seed))
            size = sum(weight.size for weight in weights)
            if update.size != size:
                raise engine.InputError(
                    f"update() of client {turn.name} gave {update.size} numbers, not {size}",
                    "return a list with an array for each of the weights")
            is_excluded = c_int32()
            engine.call("add", self.handle, update.ctypes.data, turn.weight, is_excluded)
            played.append((is_excluded.value, perf_counter() - started))
        return played


trainer = functools.cache(Trainer)


def _flat(arrays):
    """The numbers of all arrays, one after the other."""
    return np.concatenate([np.asarray(array, np.float32).ravel() for array in arrays])


def _samples(subset):
    samples = np.ascontiguousarray(subset.indices, np.int32)
    size = open_data().facts().size
    if len(samples) and not 0 <= samples.min() <= samples.max() < size:
        raise engine.InputError("a client has images that do not exist",
                                f"its indices are from 0 to {size - 1}")
    return samples
