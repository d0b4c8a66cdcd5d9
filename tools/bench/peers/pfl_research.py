#!/usr/bin/env python3
"""pfl-research (pip install pfl) doing FLUTE's job: one process, clients one after the other.

pfl_research.py THREADS FOLDER, with MNIST's four files in FOLDER; then on its input: flute.
"""
import sys

import numpy
import torch
from pfl.aggregate.simulate import SimulatedBackend
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.callback.central_evaluation import CentralEvaluationCallback
from pfl.data.dataset import Dataset
from pfl.data.federated_dataset import FederatedDataset
from pfl.data.sampling import get_user_sampler
from pfl.hyperparam.base import NNEvalHyperParams, NNTrainHyperParams
from pfl.metrics import Weighted
from pfl.model.pytorch import PyTorchModel
from torch import nn

import jobs
from serve import prepare, serve


class Logistic(nn.Module):
    """With the methods that PyTorchModel needs."""

    def __init__(self, job):
        super().__init__()
        self.layers = job.make_model()

    def loss(self, images, labels, is_eval=False):
        self.eval() if is_eval else self.train()
        return nn.functional.nll_loss(self.layers(images), labels)

    @torch.no_grad()
    def metrics(self, images, labels):
        self.eval()
        right = int((self.layers(images).argmax(1) == labels).sum())
        return {"accuracy": Weighted(right, len(labels))}


def play(job, folder):
    images, labels = jobs.read_mnist(folder, "train")
    parts = jobs.split(job)
    numpy.random.seed(jobs.SEED)
    torch.manual_seed(jobs.SEED)

    def make_client(number):
        return Dataset((images[parts[number]], labels[parts[number]]), user_id=str(number))

    sampler = get_user_sampler("minimize_reuse", list(range(job.clients)))
    clients = FederatedDataset(make_client, sampler)
    network = Logistic(job)
    model = PyTorchModel(network, local_optimizer_create=torch.optim.SGD,
                         central_optimizer=torch.optim.SGD(network.parameters(), lr=1))
    in_one_batch = NNEvalHyperParams(local_batch_size=None)
    test = CentralEvaluationCallback(Dataset(jobs.read_mnist(folder, "t10k")), in_one_batch,
                                     frequency=job.test_every)
    FederatedAveraging().run(
        NNAlgorithmParams(central_num_iterations=job.rounds, evaluation_frequency=job.rounds,
                          train_cohort_size=jobs.CHOSEN, val_cohort_size=0),
        SimulatedBackend(clients, clients), model,
        NNTrainHyperParams(local_num_epochs=1, local_learning_rate=job.rate,
                           local_batch_size=job.batch),
        in_one_batch, [test], send_metrics_to_platform=False)


def main():
    prepare(int(sys.argv[1]))
    serve({"flute": lambda: play(jobs.FLUTE, sys.argv[2])})


if __name__ == "__main__":
    main()
