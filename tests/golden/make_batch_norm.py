#!/usr/bin/env python3
"""Writes batch_norm.safetensors: a network with batch normalisation as PyTorch saves it after three batches.

Weights and batches are drawn after manual_seed(0), which our generator does alike, so the test needs no
other file. The metadata has what the network then makes of a fourth batch when it is evaluated.
"""
import json
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)
        self.fc1, self.bn2 = nn.Linear(24, 5), nn.BatchNorm1d(5)

    def forward(self, x):
        return self.bn2(self.fc1(torch.relu(self.bn1(self.conv1(x))).flatten(1)))


def main():
    torch.manual_seed(0)
    net = Net()
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(8, 2, 4, 5))
        net.eval()
        evaluated = json.dumps(net(torch.randn(8, 2, 4, 5)).flatten().tolist())
    save_file(net.state_dict(), pathlib.Path(__file__).with_name("batch_norm.safetensors"),
              metadata={"format": "pt", "evaluated": evaluated})


main()
