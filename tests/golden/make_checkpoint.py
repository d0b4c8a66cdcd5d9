#!/usr/bin/env python3
"""Writes mlp.safetensors: the weights of Linear(5, 3) and Linear(3, 2) in float32.

Our reader must open what PyTorch users write with the `safetensors` package. The values after
manual_seed(0) are those of our own default initialisation, so the test needs no second file.
"""
import pathlib

import torch
from safetensors.torch import save_file


def main():
    torch.manual_seed(0)
    model = torch.nn.Sequential()
    model.add_module("fc1", torch.nn.Linear(5, 3))
    model.add_module("fc2", torch.nn.Linear(3, 2))
    file = pathlib.Path(__file__).with_name("mlp.safetensors")
    save_file(model.state_dict(), file, metadata={"format": "pt"})


main()
