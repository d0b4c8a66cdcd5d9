"""PyTorch's own pipeline schedules as it writes them, in tests/golden/schedules:

    python tests/golden/make_schedules.py              # makes them
    python tests/golden/make_schedules.py --load FILE...  # whether PyTorch can load and run them

Needs PyTorch 2.8 or later.
"""

import csv
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

from torch.distributed.pipelining import schedules

logging.disable()


def stages_of(ranks, chunks):
    """The stages of rank 0: all that a schedule asks before it runs."""
    return [
        SimpleNamespace(
            stage_index=ranks * chunk,
            num_stages=ranks * chunks,
            group_size=ranks,
            group_rank=0,
            is_first=chunk == 0,
            is_last=ranks * chunk == ranks * chunks - 1,
            submod=None,
            has_backward=True,
        )
        for chunk in range(chunks)
    ]


def rows_of(name, ranks, chunks, microbatches):
    make = getattr(schedules, name)
    if issubclass(make, schedules.PipelineScheduleSingle):
        return make(stages_of(ranks, 1)[0], microbatches)._get_pipeline_order()
    return make(stages_of(ranks, chunks), microbatches).pipeline_order


def make_all(folder):
    for file, name, ranks, chunks, microbatches in [
        ("gpipe", "ScheduleGPipe", 3, 1, 4),
        ("1f1b-incomplete", "Schedule1F1B", 4, 1, 6),  # 2.13's lacks the last rank's first F
        ("1f1b", "ScheduleInterleaved1F1B", 4, 1, 6),
        ("interleaved", "ScheduleInterleaved1F1B", 2, 2, 4),
        ("interleaved-zb", "ScheduleInterleavedZeroBubble", 3, 2, 6),
        ("zb-v", "ScheduleZBVZeroBubble", 3, 2, 6),
        ("breadth-first", "ScheduleLoopedBFS", 2, 2, 4),
    ]:
        with open(folder / f"{file}.csv", "w", newline="") as out:
            csv.writer(out).writerows(rows_of(name, ranks, chunks, microbatches).values())


def load(file):
    """Raises if the schedule is invalid or stages would deadlock."""
    with open(file, newline="") as text:
        cells = [[cell for cell in row if cell] for row in csv.reader(text)]
    actions = [schedules._Action.from_str(cell) for row in cells for cell in row]
    parts = 1 + max(action.stage_index for action in actions)
    microbatches = 1 + max(action.microbatch_index for action in actions)
    stages = stages_of(len(cells), parts // len(cells))
    schedule = schedules._PipelineScheduleRuntime(stages, microbatches)
    schedule._load_csv(file)
    kept = ("F", "I", "W", "B", "SEND_F", "RECV_F", "SEND_B", "RECV_B")
    lists = {
        rank: [action for action in list if action.computation_type.value in kept]
        for rank, list in schedule.pipeline_order_with_comms.items()
    }
    schedules._simulate_comms_compute(lists, schedule.stage_index_to_group_rank.get, parts)
    print(f"{len(cells)} ranks, {parts} stages, {microbatches} microbatches")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--load"]:
        for file in sys.argv[2:]:
            load(file)
    else:
        make_all(Path(__file__).parent / "schedules")
