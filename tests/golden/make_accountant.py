"""Writes accountant.json: epsilons of Google's dp-accounting 0.6.0.

    pip install dp-accounting==0.6.0 && python tests/golden/make_accountant.py
"""
import json
import pathlib

from dp_accounting import dp_event
from dp_accounting.rdp import rdp_privacy_accountant

SAMPLING = [(0.001, 10000), (0.01, 1000), (0.1, 100), (0.5, 20), (1.0, 10)]
NOISE = [0.5, 0.8, 1.1, 3.0, 20.0]
DELTAS = [1e-5, 1e-8]


def epsilon(q, noise, rounds, delta):
    accountant = rdp_privacy_accountant.RdpAccountant()
    step = dp_event.PoissonSampledDpEvent(q, dp_event.GaussianDpEvent(noise))
    return float(accountant.compose(step, rounds).get_epsilon(delta))


def main():
    golden = [{"q": q, "noise": noise, "rounds": rounds, "delta": delta,
               "epsilon": epsilon(q, noise, rounds, delta)}
              for q, rounds in SAMPLING for noise in NOISE for delta in DELTAS]
    lines = ",\n ".join(json.dumps(row) for row in golden)
    pathlib.Path(__file__).with_name("accountant.json").write_text(f"[{lines}]\n")


main()
