#!/usr/bin/env python3
"""Writes ops.json: inputs, outputs and gradients of each operation, computed by PyTorch in double.

Our own tests check that gradients fit our forward functions; this file checks that the forward
functions are the usual ones. Gradients are for the given upstream `dy`; an output of one number has
shape []. Integer inputs (ids, labels) are attributes.
"""
import json
import math
import pathlib

import torch
from torch.nn import functional


def rotate_half(rows, heads, theta, tokens):
    """Rotary embedding of [batch * tokens, heads * head_size] as in Hugging Face's library.

    The position of a row is row % tokens.
    """
    head_size = rows.shape[1] // heads
    frequencies = theta ** (-torch.arange(0, head_size, 2, dtype=torch.float64) / head_size)
    positions = torch.arange(rows.shape[0], dtype=torch.float64) % tokens
    angles = torch.outer(positions, frequencies).repeat(1, 2)[:, None, :]
    split = rows.view(rows.shape[0], heads, head_size)
    rotated = torch.cat((-split[..., head_size // 2:], split[..., :head_size // 2]), -1)
    return (split * angles.cos() + rotated * angles.sin()).reshape(rows.shape)


def causal_attention(query, key, value, batch, heads, key_value_heads):
    """Softmax attention over [batch * tokens, heads * head_size].

    Query head h uses key head h * key_value_heads / heads.
    """
    tokens, head_size = query.shape[0] // batch, query.shape[1] // heads
    query, key, value = (rows.view(batch, tokens, -1, head_size).transpose(1, 2)
                         for rows in (query, key, value))
    key, value = (split.repeat_interleave(heads // key_value_heads, 1) for split in (key, value))
    scores = query @ key.transpose(2, 3) / math.sqrt(head_size)
    future = torch.ones(tokens, tokens, dtype=torch.bool).triu(1)
    mixed = scores.masked_fill(future, -math.inf).softmax(-1) @ value
    return mixed.transpose(1, 2).reshape(batch * tokens, heads * head_size)


def rms_norm(rows, weight, eps):
    return rows * torch.rsqrt(rows.square().mean(-1, keepdim=True) + eps) * weight


def batch_norm(images, weight, bias, eps):
    return functional.batch_norm(images, None, None, weight, bias, training=True, eps=eps)


def batch_norm_by(images, weight, bias, mean, variance, eps):
    mean, variance = (torch.tensor(moments, dtype=torch.float64) for moments in (mean, variance))
    return functional.batch_norm(images, mean, variance, weight, bias, training=False, eps=eps)


def group_norm(images, weight, bias, groups, eps):
    return functional.group_norm(images, groups, weight, bias, eps)


def on_labels(loss):
    return lambda scores, labels, **rest: loss(scores, torch.tensor(labels), **rest)


OPERATIONS = {
    "add": torch.add,
    "multiply": torch.mul,
    "linear": functional.linear,
    "matmul": torch.matmul,
    "conv2d": functional.conv2d,
    "max_pool2d": functional.max_pool2d,
    "avg_pool2d": functional.avg_pool2d,
    "global_average_pool": lambda x: functional.adaptive_avg_pool2d(x, 1).flatten(1),
    "relu": functional.relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "embedding": lambda table, ids: functional.embedding(torch.tensor(ids), table),
    "layer_norm": lambda rows, *weights, eps: functional.layer_norm(
        rows, rows.shape[-1:], *weights, eps),
    "rms_norm": rms_norm,
    "rotary": rotate_half,
    "causal_attention": causal_attention,
    "softmax": lambda rows: rows.softmax(-1),
    "log_softmax": lambda rows: rows.log_softmax(-1),
    "nll_loss": on_labels(functional.nll_loss),
    "cross_entropy": on_labels(functional.cross_entropy),
    "mse_loss": functional.mse_loss,
    "leaky_relu": functional.leaky_relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu_tanh": lambda rows: functional.gelu(rows, approximate="tanh"),
    "batch_norm": batch_norm,
    "batch_norm by": batch_norm_by,
    "group_norm": group_norm,
}

# (operation, case, attributes, shapes of the inputs)
CASES = [
    ("add", "same shape", {}, [(3, 4), (3, 4)]),
    ("multiply", "same shape", {}, [(3, 4), (3, 4)]),
    ("linear", "with bias", {}, [(4, 5), (3, 5), (3,)]),
    ("linear", "without bias", {}, [(4, 5), (3, 5)]),
    ("linear", "one row", {}, [(1, 7), (2, 7), (2,)]),
    ("matmul", "plain", {}, [(3, 5), (5, 4)]),
    ("conv2d", "first layer", {"stride": 1, "padding": 0}, [(2, 1, 6, 7), (4, 1, 3, 3), (4,)]),
    ("conv2d", "stride 1", {"stride": 1, "padding": 0}, [(2, 3, 7, 5), (4, 3, 3, 3), (4,)]),
    ("conv2d", "stride 2, padding 1", {"stride": 2, "padding": 1},
     [(2, 3, 7, 6), (4, 3, 3, 3), (4,)]),
    ("conv2d", "padding 2", {"stride": 1, "padding": 2}, [(2, 2, 5, 4), (3, 2, 3, 3), (3,)]),
    ("conv2d", "oblong kernel", {"stride": 1, "padding": 0}, [(1, 2, 5, 6), (3, 2, 2, 3), (3,)]),
    ("conv2d", "kernel of one pixel", {"stride": 1, "padding": 0},
     [(2, 3, 3, 4), (2, 3, 1, 1), (2,)]),
    ("max_pool2d", "even", {"kernel_size": 2, "stride": 2}, [(2, 3, 4, 6)]),
    ("max_pool2d", "odd, last row and column unused", {"kernel_size": 2, "stride": 2},
     [(2, 3, 7, 5)]),
    ("avg_pool2d", "odd, last row and column unused", {"kernel_size": 2, "stride": 2},
     [(2, 3, 5, 7)]),
    ("avg_pool2d", "overlapping", {"kernel_size": 3, "stride": 2}, [(2, 2, 7, 8)]),
    ("relu", "plain", {}, [(3, 5)]),
    ("gelu", "exact", {}, [(3, 5)]),
    ("silu", "plain", {}, [(3, 5)]),
    ("embedding", "repeated ids", {"ids": [4, 0, 4, 2, 4, 6, 0]}, [(7, 3)]),
    ("layer_norm", "plain", {"eps": 1e-5}, [(4, 6), (6,), (6,)]),
    ("rms_norm", "plain", {"eps": 1e-6}, [(4, 6), (6,)]),
    ("rotary", "two heads", {"heads": 2, "theta": 10000.0, "tokens": 5}, [(5, 12)]),
    ("rotary", "two sequences", {"heads": 3, "theta": 10000.0, "tokens": 4}, [(8, 12)]),
    ("causal_attention", "two heads", {"batch": 2, "heads": 2, "key_value_heads": 2},
     [(10, 8)] * 3),
    ("causal_attention", "grouped heads", {"batch": 2, "heads": 4, "key_value_heads": 2},
     [(10, 16), (10, 8), (10, 8)]),
    ("causal_attention", "one token", {"batch": 3, "heads": 1, "key_value_heads": 1}, [(3, 4)] * 3),
    ("softmax", "plain", {}, [(3, 5)]),
    ("log_softmax", "plain", {}, [(3, 5)]),
    ("nll_loss", "mean", {"labels": [1, 0, 4, 1]}, [(4, 5)]),
    ("cross_entropy", "mean", {"labels": [1, 0, 4, 1]}, [(4, 5)]),
    ("cross_entropy", "ignored labels", {"labels": [1, -100, 4, -100, 0], "ignore_index": -100},
     [(5, 5)]),
    ("mse_loss", "mean", {}, [(3, 4), (3, 4)]),
]

# (operation, case, attributes, the one input): where ties, signs and large numbers matter
EDGE_CASES = [
    ("relu", "zero has no gradient", {}, [[-1.0, 0.0, 2.0]]),
    ("max_pool2d", "the first of equals gets the gradient", {"kernel_size": 2, "stride": 2},
     [[[[1.0, 1.0, 0.0, -2.0], [1.0, 1.0, 3.0, 3.0]]]]),
    ("gelu", "far from zero", {}, [[-40.0, -6.0, -0.5, 0.0, 0.5, 6.0, 40.0]]),
    ("silu", "far from zero", {}, [[-800.0, -20.0, 0.0, 20.0, 800.0]]),
    ("softmax", "large", {}, [[1000.0, 999.0, -1000.0]]),
    ("log_softmax", "large", {}, [[1000.0, 999.0, -1000.0]]),
    ("cross_entropy", "large", {"labels": [2]}, [[1000.0, 999.0, -1000.0]]),
]

# The same two kinds in lists of their own, so that the cases above keep the numbers drawn for them.
LATER_CASES = [
    ("leaky_relu", "plain", {"negative_slope": 0.01}, [(3, 5)]),
    ("leaky_relu", "steep", {"negative_slope": 0.3}, [(2, 3, 2, 2)]),
    ("tanh", "plain", {}, [(3, 5)]),
    ("sigmoid", "plain", {}, [(3, 5)]),
    ("gelu_tanh", "plain", {}, [(3, 5)]),
    ("batch_norm", "rows", {"eps": 1e-5}, [(5, 3), (3,), (3,)]),
    ("batch_norm", "two rows", {"eps": 1e-5}, [(2, 4), (4,), (4,)]),
    ("batch_norm", "images", {"eps": 1e-5}, [(3, 2, 4, 5), (2,), (2,)]),
    ("batch_norm", "one image, large epsilon", {"eps": 0.1}, [(1, 3, 5, 4), (3,), (3,)]),
    ("batch_norm", "sequences", {"eps": 1e-5}, [(2, 3, 17), (3,), (3,)]),
    ("batch_norm by", "rows", {"mean": [0.5, -0.25, 0.0], "variance": [1.5, 0.5, 1.0], "eps": 1e-5},
     [(4, 3), (3,), (3,)]),
    ("batch_norm by", "images", {"mean": [0.5, -0.25], "variance": [1.5, 0.0], "eps": 0.01},
     [(2, 2, 3, 5), (2,), (2,)]),
    ("group_norm", "two groups", {"groups": 2, "eps": 1e-5}, [(3, 4, 3, 2), (4,), (4,)]),
    ("group_norm", "one group", {"groups": 1, "eps": 1e-5}, [(2, 3, 4, 5), (3,), (3,)]),
    ("group_norm", "a group for each channel", {"groups": 3, "eps": 0.1},
     [(2, 3, 4, 5), (3,), (3,)]),
    ("group_norm", "rows", {"groups": 2, "eps": 1e-5}, [(3, 6), (6,), (6,)]),
]
LATER_EDGE_CASES = [
    ("leaky_relu", "zero counts as negative", {"negative_slope": 0.01}, [[-1.0, 0.0, 2.0]]),
    ("tanh", "far from zero", {}, [[-800.0, -20.0, -1e-6, 0.0, 1e-6, 20.0, 800.0]]),
    ("sigmoid", "far from zero", {}, [[-800.0, -20.0, 0.0, 20.0, 800.0]]),
    ("gelu_tanh", "far from zero", {}, [[-40.0, -6.0, -0.5, 0.0, 0.5, 6.0, 40.0]]),
    ("global_average_pool", "oblong images", {},
     [[[[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]], [[0.0, 0.125, 7.0], [-4.0, 2.5, 1.0]]]]),
]


def as_json(tensor):
    values = [float(f"{value:.12g}") for value in tensor.detach().flatten().tolist()]
    return {"shape": list(tensor.shape), "values": values}


def rounded_normal(shape):
    """Seeded numbers of few digits, so that the file holds exactly what was computed with."""
    return torch.randn(shape, dtype=torch.float64).mul(1000).round().div(1000)


def golden(operation, case, attributes, inputs):
    for tensor in inputs:
        tensor.requires_grad_()
    output = OPERATIONS[operation](*inputs, **attributes)
    dy = rounded_normal(output.shape)
    gradients = torch.autograd.grad(output, inputs, dy, allow_unused=True)
    assert all(tensor.isfinite().all() for tensor in (output, *gradients)), (operation, case)
    return {"op": operation, "case": case, "attributes": attributes,
            "inputs": [as_json(tensor) for tensor in inputs],
            "dy": as_json(dy), "output": as_json(output),
            "gradients": [as_json(gradient) for gradient in gradients]}


def main():
    torch.manual_seed(0)
    goldens = []
    for cases, edge_cases in ((CASES, EDGE_CASES), (LATER_CASES, LATER_EDGE_CASES)):
        goldens += [golden(operation, case, attributes, [rounded_normal(shape) for shape in shapes])
                    for operation, case, attributes, shapes in cases]
        goldens += [golden(operation, case, attributes, [torch.tensor(values, dtype=torch.float64)])
                    for operation, case, attributes, values in edge_cases]
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in goldens)
    pathlib.Path(__file__).with_name("ops.json").write_text(f"[{lines}]\n")


main()
