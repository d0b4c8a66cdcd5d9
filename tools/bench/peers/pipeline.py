#!/usr/bin/env python3
"""Exercise B1 over torch.distributed and gloo: the course's LLaMA in 3 stages, with 3 microbatches
of 1 sequence.

pipeline.py THREADS (for each of the 3 processes), then on the standard input: steps, for 8 steps.
"""
import os
import sys
import tempfile

import torch
from torch import distributed, multiprocessing

from llama import BATCH, LENGTH, RATE, VOCABULARY, WIDTH, loss_of, make_stage
from serve import prepare, serve

STAGES, MICROBATCHES, STEPS = 3, 3, 8


def receive(rank):
    activation = torch.empty(BATCH // MICROBATCHES, LENGTH, WIDTH)
    distributed.irecv(activation, rank).wait()
    return activation


def take_step(rank, model, optimizer, ids):
    """All forwards, then all backwards; nothing waits for a send before the end of the step."""
    is_first, is_last = rank == 0, rank == STAGES - 1
    inputs, outputs, sends = [], [], []
    optimizer.zero_grad()
    for part in ids.chunk(MICROBATCHES):
        x = part if is_first else receive(rank - 1).requires_grad_()
        y = model(x)
        inputs.append(x)
        outputs.append(loss_of(y, part) / MICROBATCHES if is_last else y)
        if not is_last:
            sends.append(distributed.isend(y.detach(), rank + 1))
    for x, y in zip(inputs, outputs):
        y.backward(None if is_last else receive(rank + 1))
        if not is_first:
            sends.append(distributed.isend(x.grad, rank - 1))
    for send in sends:
        send.wait()
    optimizer.step()


class Rank:
    def __init__(self, rank, threads, meeting_point):
        prepare(threads)
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
        distributed.init_process_group("gloo", init_method=f"file://{meeting_point}", rank=rank,
                                       world_size=STAGES)
        self.rank, self.model = rank, make_stage(rank, STAGES)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE)
        self.generator = torch.Generator().manual_seed(1)

    def take_steps(self, count=STEPS):
        for _ in range(count):
            ids = torch.randint(0, VOCABULARY, (BATCH, LENGTH), generator=self.generator)
            take_step(self.rank, self.model, self.optimizer, ids)
        distributed.barrier()

    def agree(self, goes_on=False):
        """Rank 0's decision, on every rank."""
        answer = torch.tensor([int(goes_on)])
        distributed.broadcast(answer, 0)
        return bool(answer)


def follow(rank, threads, meeting_point):
    """The work of every rank but 0."""
    self = Rank(rank, threads, meeting_point)
    self.take_steps(2)
    while self.agree():
        self.take_steps()


def main():
    threads = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        meeting_point = os.path.join(folder, "meeting")
        context = multiprocessing.get_context("spawn")
        ranks = [context.Process(target=follow, args=(rank, threads, meeting_point), daemon=True)
                 for rank in range(1, STAGES)]
        for process in ranks:
            process.start()
        leader = Rank(0, threads, meeting_point)
        leader.take_steps(2)

        def steps():
            leader.agree(True)
            leader.take_steps()

        serve({"steps": steps})
        leader.agree(False)
        for process in ranks:
            process.join()


if __name__ == "__main__":
    main()
