"""The package as its users call it, a function for each test: checks.py NAME."""
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import numpy as np

import tributary
from tributary.hfl import *
from tributary.torch_names import NeedsTorch

SEED = 10


def raised(kind, pattern, action):
    """It raises exactly this, and says so."""
    try:
        action()
    except Exception as error:
        assert type(error) is kind and pattern in str(error), repr(error)
    else:
        raise AssertionError(f"no {kind.__name__}")


def assert_same(model, others):
    for ours, theirs in zip(model.parameters(), others.parameters(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def program(name, options):
    """The table of a program's run, and its model."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([os.path.join(os.environ["PROGRAMS"], name), "run", *options.split(),
                        "--csv", f"{folder}/run.csv", "--checkpoint", f"{folder}/run"],
                       check=True, capture_output=True)
        with open(f"{folder}/run.csv", encoding="utf-8") as file:
            table = file.read()
        model = tributary.Model()
        model.load(f"{folder}/run/step-{table.count(chr(10)) - 1}/weights.safetensors")
    return table, model


def untested(server):
    """Saves the time of a test on 10,000 images."""
    server.test = lambda: 0.0
    return server


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
        assert server.run(table.count("\n") - 1).as_df().to_csv(index=False) == table
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


def errors():
    assert issubclass(tributary.InputError, ValueError)
    subsets = split(2, True, SEED)
    raised(tributary.InputError, "hint: choose clients", lambda: split(60001, True, SEED))
    raised(tributary.InputError, "share of 2", lambda: FedAvgServer(1, 1, subsets, 2, 1, SEED))
    raised(NeedsTorch, "test_loader belongs to PyTorch", lambda: list(test_loader))
    raised(NeedsTorch, "train_epoch belongs to PyTorch", lambda: train_epoch(1, 2, 3))
    raised(NeedsTorch, "MnistCnn belongs to PyTorch", lambda: MnistCnn().to(device))
    server = FedAvgServer(0.1, 100, subsets, 0.5, 1, SEED)
    raised(NeedsTorch, "detach", lambda: [weight.detach() for weight in server.model.parameters()])
    raised(NeedsTorch, "a client's model", lambda: server.clients[0].model)
    raised(NeedsTorch, "a model's train", lambda: server.model.train())
    server.clients = [type("Short", (), {"update": lambda self, weights, seed: weights[:1]})()] * 2
    raised(tributary.InputError, "gave 288 numbers", lambda: server.run(1))
    raised(tributary.InputError, "hint: ", lambda: tributary.federated(algorithm="fedavgg"))
    raised(tributary.InputError, "choose lr 0.01", lambda: tributary.federated(lr=-1))
    raised(tributary.InputError, "labels of shape [2]",
           lambda: tributary.wrap(([[0.5]], [1, 2]), ([[1.0]], [1])))
    raised(tributary.InputError, "x / 255",
           lambda: tributary.wrap((np.zeros((1, 4), np.uint8), [0]), ([[0.5]], [0])))
    raised(tributary.InputError, "the model takes",
           lambda: server.model.predict(np.zeros((2, 784))))


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


def federated():
    table, model = program("federated", "--algorithm fedprox --mu 0.1 --defence median "
                           "--clients 200 -C 0.02 --split dirichlet --rounds 1")
    run = tributary.federated(algorithm="fedprox", mu=0.1, defence="median", clients=200,
                              fraction=0.02, split="dirichlet", rounds=1)
    assert run.as_df().to_csv(index=False).splitlines()[0] == table.splitlines()[0]
    assert list(run.table["Test accuracy"]) == [
        float(line.split(",")[9]) for line in table.splitlines()[1:]]
    assert_same(run.model, model)
    images, labels = tributary.open_data("mnist").test
    right = run.model.predict(images).argmax(1) == labels
    assert 100 * right.sum() / len(right) == run.table["Test accuracy"].iloc[-1]


def own_data():
    generator = np.random.default_rng(SEED)
    inputs = generator.normal(size=(1200, 4)).astype(np.float32)
    labels = (inputs @ [1, -2, 3, 0.5] > 0).astype(np.int64)
    train, test = (inputs[:1000], labels[:1000]), (inputs[1000:], labels[1000:])
    assert tributary.wrap(train, test).train[0].shape == (1000, 4)
    with tempfile.TemporaryDirectory() as folder:
        options = dict(train=train, test=test, model="logistic", clients=10, fraction=0.5, lr=1,
                       batch=20, attack="reversion", malicious=[3], checkpoint=f"{folder}/run", json=f"{folder}/run.json")
        tributary.federated(rounds=2, **options)
        run = tributary.federated(rounds=5, resume=True, **options)
        once = tributary.federated(rounds=5, **{**options, "checkpoint": None, "json": None})
        assert os.path.getsize(f"{folder}/run.json") > 1000
        assert_same(run.model, once.model)
        raised(tributary.InputError, "", lambda: tributary.federated(
            rounds=6, resume=True, **{**options, "train": test}))
        run.model.save(f"{folder}/model.safetensors")
        other = tributary.Model("logistic", tributary.wrap(train, test), seed=1)
        other.load(f"{folder}/model.safetensors")
        assert_same(run.model, other)
    assert run.table["Test accuracy"].iloc[-1] > 80
    weight, bias = run.model.weights().values()
    scores = test[0] @ weight.T + bias
    scores -= np.log(np.exp(scores).sum(1, keepdims=True))
    np.testing.assert_allclose(run.model.predict(test[0]), scores, atol=1e-5)
    images = generator.random((100, 2, 8, 8), np.float32)
    colours = (images, np.arange(100) % 3)
    run = tributary.federated(train=colours, test=colours, model="mlp", clients=4, rounds=1)
    assert run.model.predict(images).shape == (100, 3)


def interrupted():
    """Ctrl-C ends a round of the engine's, and a run of federated(), after a client or a
    round; afterwards Python has its own handler again."""
    for action in (lambda: FedAvgServer(0.01, 100, split(100, True, SEED), 1, 5, SEED).run(9),
                   lambda: tributary.federated(clients=1000, fraction=0.002, rounds=1000)):
        begun = time.monotonic()
        threading.Timer(2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            action()
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError("it went on")
        assert time.monotonic() - begun < 60
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


if __name__ == "__main__":
    globals()[sys.argv[1]]()
