#!/usr/bin/env python3
"""Writes tabular_vae.json: the losses of lab 2's VAE on heart.csv by PyTorch, one per epoch.

820 rows train, as scikit-learn's train_test_split chooses them with NumPy's seed. Gradients are
zeroed once an epoch. Needs NumPy, and data/raw/heart (data/fetch.sh heart).
"""
import csv
import json
import math
import pathlib

import numpy
import torch
from torch import nn

HERE = pathlib.Path(__file__).parent
CATEGORICAL = ["sex", "cp", "fbs", "restecg", "exang", "slope", "ca", "thal"]
EPOCHS, BATCH, KEPT = 200, 64, 60


def read_heart():
    """[rows, 31]: numbers, encoded categories, the class."""
    with open(HERE.parents[1] / "data/raw/heart/heart.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    numerical = [name for name in rows[0] if name not in CATEGORICAL + ["target"]]
    columns = [[float(row[name]) for row in rows] for name in numerical]
    for name in CATEGORICAL:
        for value in sorted({int(row[name]) for row in rows}):
            columns.append([float(int(row[name]) == value) for row in rows])
    return numpy.array(columns + [[float(row["target"]) for row in rows]]).T


def training_rows(seed):
    everything = read_heart()
    tested = math.ceil(0.2 * len(everything))
    chosen = everything[numpy.random.RandomState(seed).permutation(len(everything))[tested:]]
    low, high = chosen.min(0), chosen.max(0)
    scale = 1 / numpy.where(high > low, high - low, 1)
    return torch.tensor(chosen * scale - low * scale).float()


def layers(widths, ends_in_relu):
    parts = []
    for a, b in zip(widths, widths[1:]):
        parts += [nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU()]
    return nn.Sequential(*(parts if ends_in_relu else parts[:-1]))


class Vae(nn.Module):
    def __init__(self, columns):
        super().__init__()
        self.encoder = layers([columns, 48, 32, 32, 16], True)
        self.mean, self.log_variance = nn.Linear(16, 16), nn.Linear(16, 16)
        self.decoder = layers([16, 16, 32, 32, 48, columns], False)

    def forward(self, x):
        x = self.encoder(x)
        mean, log_variance = self.mean(x), self.log_variance(x)
        z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        return self.decoder(z), mean, log_variance


def losses(seed):
    rows = training_rows(seed)
    torch.manual_seed(seed)
    model = Vae(rows.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    result = []
    for _ in range(EPOCHS):
        optimizer.zero_grad()
        total, batches = 0.0, rows.split(BATCH)
        for batch in batches:
            decoded, mean, log_variance = model(batch)
            kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
            loss = nn.functional.mse_loss(decoded, batch, reduction="sum") + kl
            loss.backward()
            optimizer.step()
            total += loss.item()
        result.append(round(total / len(batches), 4))
    return result


def main():
    torch.set_num_threads(1)
    runs = []
    for seed in (42, 7):
        every = losses(seed)
        runs.append({"seed": seed, "loss": every[:KEPT], "last": every[-1]})
    (HERE / "tabular_vae.json").write_text(json.dumps({"runs": runs}, indent=1) + "\n")


main()
