#!/usr/bin/env python3
"""Writes vertical.json: split learning on heart.csv by PyTorch, with the quirks of the course's lab.

Four clients hold 3, 3, 3 and 4 features and a bottom model each, the server the top model.
Gradients are zeroed once an epoch, the scores go through dropout, and dropout stays on in testing.
The first 50 of 300 epochs are kept. Needs NumPy, and data/raw/heart (data/fetch.sh heart). With a
seed as argument, prints all epochs of its run instead: Epoch,Train accuracy,Loss.
"""
import csv
import json
import pathlib
import sys

import numpy
import torch
from torch import nn

HERE = pathlib.Path(__file__).parent
CATEGORICAL = ["sex", "cp", "fbs", "restecg", "exang", "slope", "ca", "thal"]
SHARES = [3, 3, 3, 4]
EPOCHS, BATCH = 300, 64


def read_heart():
    """Features in the file's order, encoded columns by name, all rows scaled, and the classes."""
    with open(HERE.parents[1] / "data/raw/heart/heart.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    features = [name for name in rows[0] if name != "target"]
    columns = {}
    for name in features:
        if name not in CATEGORICAL:
            columns[name] = numpy.array([float(row[name]) for row in rows])
    for name in CATEGORICAL:
        values = numpy.array([int(row[name]) for row in rows])
        for value in sorted(set(values)):
            columns[f"{name}_{value}"] = (values == value).astype(float)
    for name, values in columns.items():
        scale = 1 / (values.max() - values.min())
        columns[name] = values * scale - values.min() * scale
    return features, columns, torch.tensor([int(row["target"]) for row in rows])


class Bottom(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.first, self.second = nn.Linear(size, 2 * size), nn.Linear(2 * size, 2 * size)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x):
        return self.dropout(self.second(self.first(x).relu()).relu())


class Split(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.bottoms = nn.ModuleList(Bottom(size) for size in sizes)
        widths = [2 * sum(sizes), 128, 256, 2]
        self.top = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.dropout = nn.Dropout(0.1)

    def forward(self, parts):
        x = torch.cat([bottom(part) for bottom, part in zip(self.bottoms, parts)], 1)
        for layer in self.top:
            x = nn.functional.leaky_relu(layer(x))
        return self.dropout(x)


def run(seed):
    features, columns, classes = read_heart()
    parts, first = [], 0
    for share in SHARES:
        mine = features[first:first + share]
        names = [name for feature in mine for name in columns
                 if name == feature or name.startswith(feature + "_")]
        parts.append(torch.tensor(numpy.stack([columns[n] for n in names], 1)).float())
        first += share
    train, test = slice(0, 821), slice(821, 1025)
    torch.manual_seed(seed)
    model = Split([part.shape[1] for part in parts])
    optimizer = torch.optim.AdamW(model.parameters())
    accuracies, losses = [], []
    for _ in range(EPOCHS):
        optimizer.zero_grad()
        total, correct, batches = 0.0, 0, 0
        for start in range(0, train.stop, BATCH):
            rows = slice(start, min(start + BATCH, train.stop))
            scores = model([part[rows] for part in parts])
            loss = nn.functional.cross_entropy(scores, classes[rows])
            loss.backward()
            optimizer.step()
            total += loss.item()
            correct += (scores.argmax(1) == classes[rows]).sum().item()
            batches += 1
        accuracies.append(100 * correct / train.stop)
        losses.append(total / batches)
    scores = model([part[test] for part in parts])
    tested = (scores.argmax(1) == classes[test]).float().mean().item() * 100
    return accuracies, losses, tested


def rounded(values, digits=6):
    return [round(value, digits) for value in values]


def main():
    torch.set_num_threads(1)
    if len(sys.argv) > 1:
        accuracies, losses, tested = run(int(sys.argv[1]))
        print("Epoch,Train accuracy,Loss")
        for epoch, pair in enumerate(zip(accuracies, losses)):
            print(epoch, *rounded(pair), sep=",")
        print(tested, file=sys.stderr)
        return
    runs = []
    for seed in (42, 7, 10):
        accuracies, losses, tested = run(seed)
        runs.append({"seed": seed, "accuracy": rounded(accuracies[:50], 4),
                     "loss": rounded(losses[:50]), "test": round(tested, 4)})
    (HERE / "vertical.json").write_text(json.dumps({"runs": runs}, indent=1) + "\n")


main()
