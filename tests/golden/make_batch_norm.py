#!/usr/bin/env python3
"""Writes batch_norm.safetensors: a batch-normalised network, saved by PyTorch after three batches.

Weights and batches are drawn after manual_seed(0), as our generator does, so the test needs no
other file. The metadata has the network's output for a fourth batch, in evaluation.

`check FILE` goes the other way: PyTorch loads a file of ours, with images and our results in its
metadata, and must compute the same.
"""
import json
import pathlib
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)
        self.fc1, self.bn2 = nn.Linear(24, 5), nn.BatchNorm1d(5)

    def forward(self, x):
        return self.bn2(self.fc1(torch.relu(self.bn1(self.conv1(x))).flatten(1)))


def make():
    torch.manual_seed(0)
    net = Net()
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(8, 2, 4, 5))
        net.eval()
        evaluated = json.dumps(net(torch.randn(8, 2, 4, 5)).flatten().tolist())
    save_file(net.state_dict(), pathlib.Path(__file__).with_name("batch_norm.safetensors"),
              metadata={"format": "pt", "evaluated": evaluated})


def check(file):
    with safe_open(file, "pt") as ours:
        images, evaluated = (torch.tensor(json.loads(ours.metadata()[name]))
                             for name in ("images", "evaluated"))
        state = {name: ours.get_tensor(name) for name in ours.keys()}
    dtype = state["fc1.weight"].dtype
    net = Net().to(dtype).eval()
    net.load_state_dict(state, strict=True)
    with torch.no_grad():
        result = net(images.to(dtype).reshape(8, 2, 4, 5)).flatten()
    error = (result - evaluated.to(dtype)).abs().max().item()
    assert error < 1e-5, f"differs by {error}"


check(sys.argv[2]) if sys.argv[1:2] == ["check"] else make()
