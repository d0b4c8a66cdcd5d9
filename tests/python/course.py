"""The course's module as notebooks use it, a function for each test: course.py NAME."""
import sys
import warnings

import numpy as np

from common import SEED, assert_same, program, untested
from tributary.hfl import *


class Own(WeightClient):
    """Does what it always did, but in an update() of its own."""

    def update(self, weights, seed):
        return super().update(weights, seed)


class WeightOfGradient(GradientClient):
    """FedSGD by weights, as exercise A1 asks for."""

    def __init__(self, client_data, lr):
        super().__init__(client_data)
        self.lr = lr

    def update(self, weights, seed):
        gradients = super().update(weights, seed)
        return [weight - self.lr * gradient for weight, gradient in zip(weights, gradients)]


def servers():
    subsets = split(100, False, SEED)
    for server, options in [
            (FedAvgServer(0.01, 200, subsets, 0.01, 2, SEED),
             "--algorithm fedavg --fraction 0.01 --batch 200 --epochs 2 --rounds 2"),
            (FedSgdGradientServer(0.1, subsets, 0.02, SEED),
             "--algorithm fedsgd --fraction 0.02 --lr 0.1 --rounds 1")]:
        table, model = program("hw1", options + " --split shards")
        course = "".join(line.rsplit(",", 2)[0] + "\n" for line in table.splitlines())  # no losses
        assert server.run(table.count("\n") - 1).as_df().to_csv(index=False) == course
        assert_same(server.model, model)


def own_clients():
    subsets = split(100, True, SEED)
    engines, mixed = (untested(FedAvgServer(0.1, 100, subsets, 0.03, 1, SEED)) for _ in range(2))
    for chosen in np.random.default_rng(SEED).choice(100, 3, replace=False)[1:]:
        mixed.clients[chosen] = Own(subsets[chosen], 0.1, 100, 1)
    engines.run(1), mixed.run(1)
    assert_same(engines.model, mixed.model)

    by_gradients = untested(FedSgdGradientServer(0.1, subsets, 0.02, SEED))
    by_weights = untested(FedAvgServer(0.1, -1, subsets, 0.02, 1, SEED))
    by_weights.clients = [WeightOfGradient(subset, 0.1) for subset in subsets]
    by_gradients.run(1), by_weights.run(1)
    for ours, theirs in zip(by_gradients.model.parameters(), by_weights.model.parameters()):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def own_server():
    class Plain(DecentralizedServer):
        """A loop of the student's own."""

        def run(self, nr_rounds):
            weights = [np.array(weight) for weight in self.model.parameters()]
            chosen = self.rng.choice(self.nr_clients, self.nr_clients_per_round, replace=False)
            total = sum(self.client_sample_counts[i] for i in chosen)
            sums = [np.zeros_like(weight) for weight in weights]
            for i in chosen:
                share = self.client_sample_counts[i] / total
                for part, sent in zip(sums, self.clients[i].update(weights, self.seed + i + 1)):
                    part += np.float32(share) * sent
            for weight, mean in zip(self.model.parameters(), sums):
                weight[:] = mean

    subsets = split(100, True, SEED)
    reference = untested(FedAvgServer(0.1, 100, subsets, 0.02, 1, SEED))
    server = Plain(0.1, 100, subsets, 0.02, SEED)
    server.clients = reference.clients
    server.run(1), reference.run(1)
    for ours, theirs in zip(server.model.parameters(), reference.model.parameters()):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-7)


def second_run():
    """It goes on with the model and with other clients; the clients' seeds start again."""
    subsets = split(100, True, SEED)
    server = untested(FedAvgServer(0.1, 100, subsets, 0.01, 1, SEED))
    first = server.run(1)
    weights = [np.array(weight) for weight in server.model.parameters()]
    second = server.run(1)
    generator = np.random.default_rng(SEED)
    client = [generator.choice(100, 1, replace=False)[0] for _ in range(2)][1]
    expected = server.clients[client].update(weights, SEED + client + 1)
    for ours, theirs in zip(server.model.parameters(), expected):
        np.testing.assert_array_equal(ours, theirs)
    assert first.message_count == second.message_count == [2]


def table():
    result = RunResult("FedAvg", 100, 0.1, -1, 1, 0.01, SEED, [0.5, 1.0], [20, 40], [50.0, 60.5])
    columns = ["Round", "Algorithm", "N", "C", "B", "E", "η", "Seed", "Message count",
               "Test accuracy"]
    rows = result.as_df()
    assert list(rows.columns) == columns and list(rows.B) == ["∞", "∞"]
    assert list(result.as_df(skip_wtime=False).columns) == columns[:8] + ["Wall time"] + columns[8:]
    kinds = {name: rows[name].dtype.kind for name in columns}
    assert "".join(kinds[name] for name in columns if name not in ("Algorithm", "B")) == "iififiif"


def excluded():
    """What is not finite is left out, and the others are weighted anew."""
    subsets = split(100, True, SEED)
    server = untested(FedAvgServer(0.1, 100, subsets, 0.02, 1, SEED))
    bad, good = np.random.default_rng(SEED).choice(100, 2, replace=False)
    server.clients[bad] = type("Bad", (), {
        "update": lambda self, weights, seed: [weight * np.nan for weight in weights]})()
    weights = [np.array(weight) for weight in server.model.parameters()]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        server.run(1)
    assert [str(warning.message).split(" was")[0] for warning in caught] == [f"client {bad}"]
    for ours, theirs in zip(server.model.parameters(),
                            server.clients[good].update(weights, SEED + good + 1)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=0)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
