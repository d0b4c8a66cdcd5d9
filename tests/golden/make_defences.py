#!/usr/bin/env python3
"""Writes defences.json: each defence's result for small random updates, in plain NumPy and double.

The numbers of an update are floats, so that both precisions start from the same values.
"""
import json
import pathlib

import numpy as np


def times_count(updates, weights):
    """The updates times |S| n_k / n."""
    return updates * (len(updates) * weights / weights.sum())[:, None]


def median(updates, weights):
    return np.sort(times_count(updates, weights), axis=0)[(len(updates) - 1) // 2], None


def trimmed_mean(updates, weights, trim):
    ordered = np.sort(times_count(updates, weights), axis=0)
    dropped = int(len(updates) * trim)
    return ordered[dropped : len(updates) - dropped].mean(axis=0), None


def choose(updates, keep, byzantine):
    left, chosen = list(range(len(updates))), []
    for _ in range(keep):
        nearest = len(left) - byzantine - 2
        scores = []
        for i in left:
            distances = sorted(((updates[i] - updates[j]) ** 2).sum() for j in left if j != i)
            scores.append(sum(distances[:nearest]))
        chosen.append(left.pop(int(np.argmin(scores))))
    return sorted(chosen)


def krum(updates, weights, byzantine):
    chosen = choose(updates, 1, byzantine)
    return updates[chosen[0]], chosen


def multi_krum(updates, weights, keep, byzantine):
    chosen = choose(updates, keep, byzantine)
    return np.average(updates[chosen], axis=0, weights=weights[chosen]), chosen


def bulyan(updates, weights, keep, byzantine, trim):
    chosen = choose(updates, keep, byzantine)
    return trimmed_mean(updates[chosen], weights[chosen], trim)[0], chosen


def geometric_median(updates, weights, iterations, smoothing):
    z = np.zeros(updates.shape[1])
    for _ in range(iterations):
        distances = np.linalg.norm(updates - z, axis=1)
        z = np.average(updates, axis=0, weights=weights / np.maximum(smoothing, distances))
    return z, None


def majority_sign(updates, weights):
    scaled = times_count(updates, weights)
    has_sign = np.sign(scaled) == np.sign(np.sign(scaled).sum(axis=0))
    return np.where(has_sign, scaled, 0).mean(axis=0), None


def clip(updates, weights, clip_ratio):
    scaled = updates * (weights / weights.sum())[:, None]
    norms = np.linalg.norm(scaled, axis=1)
    scale = np.minimum(1, norms.mean() * clip_ratio / (norms + 1e-6))
    return (scaled * scale[:, None]).mean(axis=0) * len(updates), None


def sparsefed(updates, weights, clip_ratio, top_k):
    result = clip(updates, weights, clip_ratio)[0]
    kept = np.argsort(-np.abs(result), kind="stable")[: max(1, int(len(result) * top_k))]
    return np.where(np.isin(np.arange(len(result)), kept), result, 0), None


def centered_clip(updates, weights, clip_radius, iterations, rounds):
    centre = np.zeros(updates.shape[1])
    for _ in range(rounds * iterations):
        difference = updates - centre
        scale = np.minimum(1, clip_radius / np.linalg.norm(difference, axis=1))
        centre = centre + np.average(difference * scale[:, None], axis=0, weights=weights)
    return centre, None


DEFENCES = [median, trimmed_mean, krum, multi_krum, bulyan, geometric_median, majority_sign, clip,
            centered_clip, sparsefed]


def options_of(defence, n):
    """Several sets of options that go with n updates."""
    f = (n - 3) // 2
    keeps = sorted({1, max(1, n // 2), n - f - 1})
    return {
        trimmed_mean: [{"trim": trim} for trim in (0, 0.2, 0.4)],
        krum: [{"byzantine": b} for b in sorted({0, f}) if f >= 0],
        multi_krum: [{"keep": keep, "byzantine": f} for keep in keeps if f >= 0],
        bulyan: [{"keep": keep, "byzantine": f, "trim": 0.3} for keep in keeps if f >= 0],
        geometric_median: [{"iterations": 1, "smoothing": 1e-6},
                           {"iterations": 5, "smoothing": 0.9}],
        clip: [{"clip-ratio": ratio} for ratio in (0.5, 1)],
        centered_clip: [{"clip-radius": 0.7, "iterations": 1}, {"clip-radius": 2, "iterations": 3}],
        sparsefed: [{"clip-ratio": 1, "top-k": share} for share in (0.01, 0.5)],
    }.get(defence, [{}])


def result_of(defence, options, updates, weights, rounds):
    given = {name.replace("-", "_"): value for name, value in options.items()}
    if defence is centered_clip:
        given["rounds"] = rounds
    result, selected = defence(updates, weights, **given)
    return {"defence": defence.__name__.replace("_", "-"), "options": options, "rounds": rounds,
            "selected": selected or [], "result": [float(f"{value:.12g}") for value in result]}


def case(random, n, size, twin=None):
    """With a twin, every second row is that factor times the one before, and all weights are
    equal: rows that are equal, or of equal length and opposite."""
    updates = random.normal(size=(n, size)).round(4)
    updates[0] *= 100  # an outlier
    weights = random.integers(1, 10, size=n)
    if twin:
        updates[1::2] = twin * updates[: n - 1 : 2]
        weights[:] = 3
    exact = updates.astype(np.float32).astype(np.float64)
    results = [result_of(defence, options, exact, weights, rounds)
               for defence in DEFENCES for options in options_of(defence, n)
               for rounds in ((1, 2) if defence is centered_clip else (1,))]
    numbers = [[float(f"{value:.9g}") for value in row] for row in exact]
    return {"weights": weights.tolist(), "updates": numbers, "results": results}


def main():
    random = np.random.default_rng(7)
    sizes = [(1, 4), (2, 5), (3, 4), (6, 5), (11, 7), (20, 6)]
    cases = [case(random, n, size) for n, size in sizes]
    cases += [case(random, 8, 5, twin=1), case(random, 9, 5, twin=-1)]
    text = "[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n"
    pathlib.Path(__file__).with_name("defences.json").write_text(text)


if __name__ == "__main__":
    main()
