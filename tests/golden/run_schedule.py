"""Lets PyTorch train with a schedule of ours, in one process for each row, and compares the
gradients with those of one process:

    bin/show_schedule --schedule zb-v --stages 3 --microbatches 4 --csv zb-v.csv
    python tests/golden/run_schedule.py zb-v.csv

Needs PyTorch 2.8 or later.
"""

import csv
import sys
import tempfile

import torch
import torch.distributed as dist
from torch.distributed.pipelining import PipelineStage, schedules
from torch.nn.functional import mse_loss

WIDTH = 8


def layer(part):
    torch.manual_seed(part)
    return torch.nn.Linear(WIDTH, WIDTH)


def read(file):
    with open(file, newline="") as text:
        cells = [[cell for cell in row if cell] for row in csv.reader(text)]
    rows = [[schedules._Action.from_str(cell) for cell in row] for row in cells]
    actions = [action for row in rows for action in row]
    parts = 1 + max(action.stage_index for action in actions)
    microbatches = 1 + max(action.microbatch_index for action in actions)
    return [sorted({action.stage_index for action in row}) for row in rows], parts, microbatches


def train(rank, file, meeting_place):
    parts_of_rank, parts, microbatches = read(file)
    own = parts_of_rank[rank]
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting_place}/ranks", rank=rank,
                            world_size=len(parts_of_rank))
    stages = [PipelineStage(layer(part), part, parts, torch.device("cpu")) for part in own]
    schedule = schedules._PipelineScheduleRuntime(stages, microbatches, loss_fn=mse_loss)
    schedule._load_csv(file)
    torch.manual_seed(100)
    x, y = torch.randn(2, 2 * microbatches, WIDTH)
    schedule.step(*([x] if 0 in own else []), **({"target": y} if parts - 1 in own else {}))

    whole = torch.nn.Sequential(*[layer(part) for part in range(parts)])
    mse_loss(whole(x), y).backward()
    for stage in stages:
        expected = whole[stage.stage_index].weight.grad
        assert torch.allclose(stage.submod.weight.grad, expected, rtol=1e-4, atol=1e-7)
    print(f"rank {rank}: the gradients of parts {own} are right", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(train, (sys.argv[1], folder), nprocs=len(read(sys.argv[1])[0]))
