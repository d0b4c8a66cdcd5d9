#!/usr/bin/env python3
"""Flower's simulation (pip install "flwr[simulation]") of the jobs in jobs.py.

flower.py THREADS FOLDER, with MNIST's four files in FOLDER and THREADS for each client: Ray runs as
many clients at a time as there are cores for. Then on the standard input: flute, the whole job; or
a3, which answers with the seconds of a round, without the first, which starts Ray's actors.
"""
import functools
import logging
import os
import sys
import time

import torch
from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation

import jobs
from cnn import test
from serve import Seconds, prepare, serve


@functools.cache
def training_set(job, folder, threads):
    """Images, labels and the samples of each client: once for every actor."""
    torch.set_num_threads(threads)
    return *jobs.read_mnist(folder, "train"), jobs.split(job)


def load(model, arrays):
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), arrays.to_numpy_ndarrays(), strict=True):
            parameter.copy_(torch.from_numpy(value))


def weights(model):
    return ArrayRecord([parameter.detach().numpy() for parameter in model.parameters()])


def client_app(job, folder, threads):
    app = ClientApp()

    @app.train()
    def train(message, context):
        images, labels, split = training_set(job, folder, threads)
        samples = split[int(context.node_config["partition-id"])]
        model = job.make_model()
        load(model, message.content["arrays"])
        jobs.train(job, model, images[samples], labels[samples])
        counts = MetricRecord({"num-examples": len(samples)})
        return Message(RecordDict({"arrays": weights(model), "metrics": counts}), reply_to=message)

    return app


def play(job, folder, threads):
    """The times at which rounds ended, from round 0, the start."""
    model, test_set, ends = job.make_model(), jobs.read_mnist(folder, "t10k"), []

    def evaluate(number, arrays):
        metrics = None
        if job.is_tested(number):
            load(model, arrays)
            metrics = MetricRecord({"accuracy": test(model, *test_set)})
        ends.append(time.perf_counter())
        return metrics

    app = ServerApp()

    @app.main()
    def serve_clients(grid, context):
        strategy = FedAvg(fraction_train=jobs.CHOSEN / job.clients, fraction_evaluate=0,
                          min_available_nodes=job.clients)
        strategy.start(grid=grid, initial_arrays=weights(model), num_rounds=job.rounds,
                       evaluate_fn=evaluate)

    run_simulation(app, client_app(job, folder, threads), num_supernodes=job.clients,
                   backend_config={"client_resources": {"num_cpus": threads, "num_gpus": 0},
                                   "init_args": {"log_to_driver": False}})
    return ends


def main():
    threads, folder = int(sys.argv[1]), sys.argv[2]
    prepare(threads)
    os.environ["RAY_worker_niceness"] = "0"  # with Ray's 15, any other program takes the cores
    logging.getLogger("flwr").setLevel(logging.ERROR)

    def a3():
        ends = play(jobs.A3, folder, threads)
        return Seconds((ends[-1] - ends[1]) / (len(ends) - 2))

    serve({"flute": lambda: play(jobs.FLUTE, folder, threads), "a3": a3})


if __name__ == "__main__":
    import flower  # under its name, so that Ray's actors import it and keep what is cached
    flower.main()
