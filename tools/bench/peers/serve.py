"""What every peer does around its work: it prints its name, then answers each job with its seconds.

A job is a line of the standard input. So `bin/bench` can take turns between this process and its
own engine on a machine whose speed changes by the minute.
"""
import ctypes
import sys
import time

import torch


def prepare(threads, is_frugal=False):
    """Tunes PyTorch: its threads, and a malloc that keeps memory, because page faults are slow.

    With `is_frugal`, malloc returns memory as usual.
    """
    torch.set_num_threads(threads)
    if is_frugal:
        return
    glibc = ctypes.CDLL(None)
    most_mmaps, trim_threshold = -4, -1
    glibc.mallopt(most_mmaps, 0)
    glibc.mallopt(trim_threshold, -1)


class Seconds(float):
    """The result of a job that times itself."""


def serve(jobs, name=f"PyTorch {torch.__version__}"):
    """Runs the jobs, a dictionary of functions, named on the standard input, until it ends."""
    print(name, flush=True)
    for job in map(str.strip, sys.stdin):
        if job not in jobs:
            sys.exit(f"error: no job '{job}'; there are {', '.join(jobs)}")
        start = time.perf_counter()
        result = jobs[job]()
        print(result if isinstance(result, Seconds) else time.perf_counter() - start, flush=True)


if __name__ == "__main__":  # lets bin/bench see whether there is a PyTorch to compare with
    import numpy  # reads MNIST
    serve({})
