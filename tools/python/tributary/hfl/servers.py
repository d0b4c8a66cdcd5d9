"""The course's servers."""
import dataclasses
from abc import ABC, abstractmethod

import numpy as np

from .. import engine
from ..models import Model
from ..progress import steps
from .clients import GradientClient, WeightClient, engine_training, split
from .trainer import Training, Turn, trainer


@dataclasses.dataclass
class RunResult:
    """What a run's rounds came to."""
    algorithm: str
    n: int
    c: float
    b: int
    e: int
    lr: float
    seed: int
    wall_time: list[float] = dataclasses.field(default_factory=list)
    message_count: list[int] = dataclasses.field(default_factory=list)
    test_accuracy: list[float] = dataclasses.field(default_factory=list)

    def as_df(self, skip_wtime=True):
        """A row for each round."""
        from pandas import DataFrame

        columns = {name.capitalize().replace("_", " "): value
                   for name, value in dataclasses.asdict(self).items()}
        if columns["B"] == -1:
            columns["B"] = "\N{INFINITY}"
        table = DataFrame({"Round": range(1, len(self.wall_time) + 1), **columns})
        table = table.rename(columns={"Lr": "\N{GREEK SMALL LETTER ETA}"})
        return table.drop(columns=["Wall time"]) if skip_wtime else table


class Server(ABC):
    """Has a model, with the weights that the seed draws."""

    def __init__(self, lr: float, batch_size: int, seed: int):
        self.lr, self.batch_size, self.seed = lr, batch_size, seed
        self.clients = []
        self.model = Model("mnist_cnn", seed=seed)

    @abstractmethod
    def run(self, nr_rounds: int) -> RunResult:
        """Trains the model further."""

    def test(self) -> float:
        """Percent of the test images."""
        return trainer().test(self.model)

    def _play(self, chosen, weights, first_seed, training):
        """A round of these clients; returns its seconds."""
        turns = [Turn(i, self.clients[i], engine_training(self.clients[i]), first_seed + i, weight)
                 for i, weight in zip(chosen, weights)]
        return trainer().play(turns, training, self.model)


class CentralizedServer(Server):
    """Has all the images, which it shuffles. A round is an epoch."""

    def __init__(self, lr: float, batch_size: int, seed: int):
        super().__init__(lr, batch_size, seed)
        self.clients = [WeightClient(split(1, True, seed)[0], lr, batch_size, 1)]
        self.clients[0].is_shuffled = True

    def run(self, nr_rounds):
        result = RunResult("Centralized", 1, 1, self.batch_size, 1, self.lr, self.seed)
        seconds = 0
        for epoch in steps(nr_rounds, "Epochs"):
            seconds += self._play([0], [1], self.seed + epoch + 1, Training(b"fedavg"))
            result.wall_time.append(round(seconds, 1))
            result.message_count.append(0)
            result.test_accuracy.append(self.test())
        return result


class DecentralizedServer(Server):
    """Chooses some of its clients in every round, and moves the model to the mean of what they
    send, each weighted by its count of samples."""
    name = "Decentralized"
    nr_local_epochs = 1

    def __init__(self, lr: float, batch_size: int, client_subsets: list, client_fraction: float,
                 seed: int):
        super().__init__(lr, batch_size, seed)
        if not client_subsets or not 0 < client_fraction <= 1:
            raise engine.InputError(
                f"{len(client_subsets)} clients, and a share of {client_fraction} in a round",
                "there is a client or more, and the share is above 0, at most 1")
        self.nr_clients = len(client_subsets)
        self.client_fraction = client_fraction
        self.client_sample_counts = [len(subset) for subset in client_subsets]
        self.nr_clients_per_round = max(1, round(client_fraction * self.nr_clients))
        self.rng = np.random.default_rng(seed)

    def training(self):
        """What becomes of the mean."""
        return Training(b"fedavg")

    def run(self, nr_rounds):
        result = RunResult(self.name, self.nr_clients, self.client_fraction, self.batch_size,
                           self.nr_local_epochs, self.lr, self.seed)
        seconds = 0
        for number in steps(nr_rounds, "Rounds"):
            chosen = self.rng.choice(self.nr_clients, self.nr_clients_per_round, replace=False)
            seconds += self._play(chosen.tolist(), [self.client_sample_counts[i] for i in chosen],
                                  self.seed + 1 + number * self.nr_clients_per_round,
                                  self.training())
            result.wall_time.append(round(seconds, 1))
            result.message_count.append(2 * (number + 1) * self.nr_clients_per_round)
            result.test_accuracy.append(self.test())
        return result


class FedSgdGradientServer(DecentralizedServer):
    """Clients send gradients, and the server takes a step along their mean."""
    name = "FedSGDGradient"

    def __init__(self, lr: float, client_subsets: list, client_fraction: float, seed: int):
        super().__init__(lr, -1, client_subsets, client_fraction, seed)
        self.clients = [GradientClient(subset) for subset in client_subsets]

    def training(self):
        return Training(b"fedsgd", self.lr)


class FedAvgServer(DecentralizedServer):
    """Clients send weights, and their mean is the server's."""
    name = "FedAvg"

    def __init__(self, lr: float, batch_size: int, client_subsets: list, client_fraction: float,
                 nr_local_epochs: int, seed: int):
        super().__init__(lr, batch_size, client_subsets, client_fraction, seed)
        self.nr_local_epochs = nr_local_epochs
        self.clients = [WeightClient(subset, lr, batch_size, nr_local_epochs)
                        for subset in client_subsets]
