#!/usr/bin/env python3
"""Writes random.json: what NumPy's default_rng and PyTorch's CPU generator draw for some seeds.

Our generators must reproduce the notebook's client choices, splits, initial weights and dropout
masks bit for bit; the tests compare them with this file. Floats are hexadecimal strings, so that
nothing is lost. Needs NumPy up to 1.24 (its argsort is the introsort) and PyTorch 2.7 or later (its
dropout draws from MT19937). Every entry starts from a fresh generator unless it says "after".
"""
import json
import pathlib

import numpy
import torch
from torch import nn
from torch.nn import functional

# Recorded for seed 10 with another PyTorch version: the first two weights and the sum.
COURSE_CNN_SEED_10 = {
    "conv1.weight": ("-0x1.c9d3d6p-6", "-0x1.7681p-7", 0.718423956656),
    "conv1.bias": ("0x1.27a24p-5", "0x1.4f30dep-2", 1.47594682593),
    "conv2.weight": ("0x1.e5595cp-6", "-0x1.d45ffep-5", 1.81597778329),
    "conv2.bias": ("-0x1.568c16p-5", "0x1.c867c6p-5", 0.0162608114479),
    "fc1.weight": ("-0x1.939656p-9", "0x1.e206d6p-10", -2.51716041019),
    "fc1.bias": ("-0x1.63c846p-8", "0x1.0f5496p-7", -0.0367370504973),
    "fc2.weight": ("0x1.1a5acep-4", "-0x1.58f512p-4", -0.507135301137),
    "fc2.bias": ("0x1.a09e26p-5", "0x1.47cc78p-5", 0.112242281437),
}


def hexadecimal(values):
    return [float(value).hex() for value in values]


def numpy_draws(seed):
    """Permutations, choices and uniform numbers of `default_rng(seed)`."""
    shuffler, chooser, large_chooser = (numpy.random.default_rng(seed) for _ in range(3))
    mixer = numpy.random.default_rng(seed)
    large_choice = large_chooser.choice(60000, 3000, replace=False)
    return {
        "seed": seed,
        "permutation_10": numpy.random.default_rng(seed).permutation(10).tolist(),
        "permutation_60000_first_8": shuffler.permutation(60000)[:8].tolist(),
        "permutation_200_after_60000_first_8": shuffler.permutation(200)[:8].tolist(),
        "choice_100_10_three_times": [chooser.choice(100, 10, replace=False).tolist()
                                      for _ in range(3)],
        "choice_50_5": numpy.random.default_rng(seed).choice(50, 5, replace=False).tolist(),
        "choice_10_1": numpy.random.default_rng(seed).choice(10, 1, replace=False).tolist(),
        "choice_60000_3000_first_8": large_choice[:8].tolist(),
        "choice_60000_3000_sum": int(large_choice.sum()),
        "random_4": hexadecimal(numpy.random.default_rng(seed).random(4)),
        # 32-bit draws keep half a 64-bit output; random() neither uses nor clears it
        "choice_10_1_then_random_then_choice_10_1": [
            int(mixer.choice(10, 1, replace=False)[0]), float(mixer.random()).hex(),
            int(mixer.choice(10, 1, replace=False)[0])],
    }


def argsort_orders():
    """NumPy's default argsort on labels with many ties, where the order of equals is its own."""
    small = numpy.argsort(numpy.arange(100) * 7 % 10)
    index = numpy.arange(60000)
    large = numpy.argsort((index * index * 31 + index * 7) % 10)
    return {
        "labels_7i_mod_10_of_100_first_20": small[:20].tolist(),
        "labels_31ii_7i_mod_10_of_60000_first_20": large[:20].tolist(),
        # sum over p of p * order[p], mod 2^31
        "labels_31ii_7i_mod_10_of_60000_checksum": int((large * index).sum() % 2**31),
    }


def array_split_sizes():
    return [{"items": items, "parts": parts,
             "sizes": [len(part) for part in numpy.array_split(numpy.arange(items), parts)]}
            for items, parts in ((10, 3), (60000, 7), (60000, 11), (3, 5))]


def next_outputs(count):
    """Raw 32-bit outputs of the default generator: a 64-bit draw is two, high half first."""
    pairs = torch.empty((count + 1) // 2, dtype=torch.int64).random_(-(2**63), None)
    return [pair >> shift & 0xFFFFFFFF for pair in pairs.tolist() for shift in (32, 0)][:count]


def torch_draws(seed):
    """Raw outputs, uniform and normal numbers after `torch.manual_seed(seed)`.

    `next` is the output that follows.
    """
    draws = {"seed": seed}
    torch.manual_seed(seed)
    draws["outputs_4"] = next_outputs(4)
    torch.manual_seed(seed)
    draws["rand_5"] = hexadecimal(torch.rand(5))
    draws["rand_5_next"] = next_outputs(2)[0]
    torch.manual_seed(seed)
    draws["uniform_from_-0.3_to_0.7_8"] = hexadecimal(torch.empty(8).uniform_(-0.3, 0.7))
    torch.manual_seed(seed)  # of these, only a fused multiply-add gets all right
    draws["uniform_from_-0.1_to_0.25_16"] = hexadecimal(torch.empty(16).uniform_(-0.1, 0.25))
    torch.manual_seed(seed)
    draws["randperm_10"] = torch.randperm(10).tolist()
    draws["randperm_10_next"] = next_outputs(2)[0]
    for size in (5, 16, 20, 35):
        torch.manual_seed(seed)
        draws[f"normal_{size}"] = hexadecimal(torch.empty(size).normal_(0, 1))
        draws[f"normal_{size}_next"] = next_outputs(2)[0]
    torch.manual_seed(seed)
    masks = {share: keep_mask(torch.ones(16), share) for share in (0.25, 0.5)}
    draws["dropout_0.25_of_16_keeps"] = masks[0.25].int().tolist()
    draws["dropout_0.5_of_16_after_it_keeps"] = masks[0.5].int().tolist()
    return draws


def keep_mask(ones, share):
    return (functional.dropout(ones, share, True) != 0).flatten()


def course_cnn(seed):
    """First two values and the sum (in double, memory order) of the course's network's tensors."""
    torch.manual_seed(seed)
    model = nn.ModuleDict({"conv1": nn.Conv2d(1, 32, 3), "conv2": nn.Conv2d(32, 64, 3),
                           "fc1": nn.Linear(9216, 128), "fc2": nn.Linear(128, 10)})
    tensors = {name: tensor.detach().flatten() for name, tensor in model.state_dict().items()}
    summary = {name: {"first_2": hexadecimal(tensor[:2]), "sum": sum(tensor.tolist())}
               for name, tensor in tensors.items()}
    if seed == 10:
        for name, (first, second, total) in COURSE_CNN_SEED_10.items():
            first_2 = hexadecimal(map(float.fromhex, (first, second)))
            assert summary[name]["first_2"] == first_2, name
            assert abs(summary[name]["sum"] - total) < 1e-10, name
    return {"seed": seed, "tensors": summary}


def client_masks(seed):
    """The masks of a client that passes twice over two batches of 2, unshuffled.

    Each pass begins with one 64-bit draw by the DataLoader; each batch draws over [2, 64, 12, 12]
    and then over [2, 128].
    """
    torch.manual_seed(seed)
    loader = torch.utils.data.DataLoader(torch.zeros(4), batch_size=2, shuffle=False)
    masks = []
    for epoch in range(2):
        for batch, _ in enumerate(loader):
            for shape, share in (((2, 64, 12, 12), 0.25), ((2, 128), 0.5)):
                mask = keep_mask(torch.ones(shape), share)
                masks.append({"epoch": epoch, "batch": batch, "shape": shape, "share": share,
                              "kept": int(mask.sum()), "first_32": mask[:32].int().tolist()})
    return {"seed": seed, "masks": masks, "next": next_outputs(2)[0]}


def modelled_mkl_dropout(seed, share, size):
    """Keep mask of PyTorch wheels up to 2.6 on x86.

    Modelled from the documented MCG31 generator, not measured.
    """
    torch.manual_seed(seed)
    modulus = 2**31 - 1
    state = next_outputs(2)[0] % modulus or 1
    kept = []
    for _ in range(size):
        kept.append(int(state / modulus < 1 - share))
        state = 1132489760 * state % modulus
    return kept


def main():
    assert tuple(map(int, numpy.__version__.split(".")[:2])) <= (1, 24), "needs NumPy up to 1.24"
    assert tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 7), "needs PyTorch 2.7 or later"
    modelled = modelled_mkl_dropout(10, 0.25, 2000)
    assert modelled[:16] == [1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1]
    assert modelled_mkl_dropout(0, 0.5, 5) == [1, 0, 0, 1, 1]  # published: pytorch issue 15714
    golden = {
        "versions": {"numpy": numpy.__version__, "torch": torch.__version__},
        "numpy": [numpy_draws(seed) for seed in (0, 10, 42, 2**40 + 3)],
        "argsort": argsort_orders(),
        "array_split": array_split_sizes(),
        "torch_note": "all exact, except normal_n with n >= 16: within 2e-6, as the cosine is "
                      "PyTorch's own",
        "torch": [torch_draws(seed) for seed in (0, 10, 42, 2**40 + 3, -1)],
        "course_cnn": [course_cnn(seed) for seed in (0, 10, 42)],
        "client_masks": [client_masks(seed) for seed in (11, 12)],
        "mkl_dropout_modelled": {"seed": 10, "share": 0.25, "of_16_keeps": modelled[:16],
                                 "of_2000_kept": sum(modelled)},
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items()]
    pathlib.Path(__file__).with_name("random.json").write_text("{" + ",\n".join(lines) + "}\n")


main()
