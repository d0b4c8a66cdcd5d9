"""The rest of the package, a function for each test: package.py NAME."""
import os
import signal
import sys
import tempfile
import threading
import time

import numpy as np

import tributary
from common import SEED, assert_same, program, raised
from tributary.hfl import *
from tributary.torch_names import NeedsTorch


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
                       batch=20, attack="reversion", malicious=[3], checkpoint=f"{folder}/run",
                       json=f"{folder}/run.json")
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
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
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
