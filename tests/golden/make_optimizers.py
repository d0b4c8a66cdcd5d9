#!/usr/bin/env python3
"""Writes optimizers.json: five steps of each PyTorch optimizer, in double, on seven values.

Also the same gradients clipped by clip_grad_norm_. The values are three parameters of sizes 2, 4
and 1; our optimizers work on one flat array, so they appear joined.
"""
import json
import pathlib

import torch

SIZES = (2, 4, 1)
STEPS = 5
OPTIMIZERS = [
    ("sgd", {"lr": 0.1}),
    ("sgd", {"lr": 0.1, "momentum": 0.9}),
    ("sgd", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True}),
    ("adam", {"lr": 8e-4}),
    ("adam", {"lr": 8e-4, "weight_decay": 0.01}),
    ("adamw", {"lr": 1e-3, "weight_decay": 0.01}),
]
CLASSES = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def rounded(tensor):
    return [float(f"{value:.15g}") for value in tensor.detach().tolist()]


def parameters_of(values):
    return [torch.nn.Parameter(part.clone()) for part in values.split(SIZES)]


def set_gradients(parameters, gradient):
    for parameter, part in zip(parameters, gradient.split(SIZES)):
        parameter.grad = part.clone()


def optimizer_golden(name, options, start, gradients):
    parameters = parameters_of(start)
    optimizer = CLASSES[name](parameters, **options)
    values = []
    for gradient in gradients:
        set_gradients(parameters, gradient)
        optimizer.step()
        values.append(rounded(torch.cat(parameters)))
    return {"optimizer": name, "options": options, "values_after_each_step": values}


def clip_golden(start, gradient, maximum):
    parameters = parameters_of(start)
    set_gradients(parameters, gradient)
    norm = torch.nn.utils.clip_grad_norm_(parameters, maximum)
    return {"gradient": rounded(gradient), "maximum": maximum, "norm": float(norm),
            "clipped": rounded(torch.cat([parameter.grad for parameter in parameters]))}


def main():
    torch.manual_seed(0)
    start = torch.randn(sum(SIZES), dtype=torch.float64).mul(1000).round().div(1000)
    gradients = torch.randn(STEPS, sum(SIZES), dtype=torch.float64).mul(1000).round().div(1000)
    gradients[2, 3] = 0.0
    golden = {
        "sizes": SIZES, "start": rounded(start),
        "gradients": [rounded(gradient) for gradient in gradients],
        "optimizers": [optimizer_golden(name, options, start, gradients)
                       for name, options in OPTIMIZERS],
        "clip_grad_norm": [clip_golden(start, gradients[0], 1.0),
                           clip_golden(start, gradients[0] / 100, 1.0)],
    }
    file = pathlib.Path(__file__).with_name("optimizers.json")
    file.write_text(json.dumps(golden, indent=1) + "\n")


main()
