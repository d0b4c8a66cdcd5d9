"""Training and test examples: a data set by its name, or the caller's arrays."""
import functools
import os
import pathlib
import subprocess

import numpy as np

from . import engine

FETCHED = ("mnist", "fashion", "shakespeare", "heart")


class Data:
    """What is learned. `train` and `test` are (inputs, labels), as a model gets them."""

    def __init__(self, handle, arrays=None):
        self.handle = handle
        self._arrays = arrays  # the engine reads them

    def __del__(self):
        engine.library.tributary_close(self.handle)

    def facts(self, is_test=False):
        facts = engine.Facts()
        engine.library.tributary_describe(self.handle, is_test, facts)
        return facts

    @functools.cached_property
    def train(self):
        return self._copy(False)

    @functools.cached_property
    def test(self):
        return self._copy(True)

    def _copy(self, is_test):
        facts = self.facts(is_test)
        inputs = np.empty((facts.size, *facts.shape[:facts.rank]), np.float32)
        labels = np.empty((facts.size, facts.labels_per_example), np.int32)
        engine.library.tributary_copy(self.handle, is_test, inputs.ctypes.data, labels.ctypes.data)
        return inputs, labels[:, 0] if facts.labels_per_example == 1 else labels


def open_data(name="mnist"):
    """A data set by its name: mnist, fashion, shakespeare or heart. Fetched if it is missing, and
    read once."""
    return _open(name)


@functools.cache
def _open(name):
    os.environ.setdefault("DATA_RAW", str(_data_raw()))
    try:
        return Data(engine.make("open", name.encode()))
    except engine.InputError as missing:
        if name not in FETCHED:
            raise
        script = engine.PACKAGE / "fetch.sh"
        fetched = subprocess.run(["bash", script, name], capture_output=True, text=True)
        if fetched.returncode:
            raise engine.InputError(missing.what, fetched.stderr.strip() or missing.hint) from None
    return Data(engine.make("open", name.encode()))


def wrap(train, test):
    """The caller's own (inputs, labels). Float32 arrays in C order are used as they are; others
    are copied. Inputs are images, [n, height, width] or [n, channels, height, width], or rows
    [n, columns]; labels count from 0."""
    arrays = [_as_arrays(*train), _as_arrays(*test)]
    return Data(engine.make("wrap", *(part for part, *_ in arrays)), arrays)


def as_floats(inputs):
    """Without a copy if they are float32 in C order."""
    inputs = np.asarray(inputs)
    if inputs.dtype.kind != "f":
        raise engine.InputError(f"the inputs are of type {inputs.dtype}",
                                "scale them as the model is to see them, such as x / 255")
    return np.ascontiguousarray(inputs, np.float32)


def _as_arrays(inputs, labels):
    inputs, labels = as_floats(inputs), np.asarray(labels)
    if labels.dtype.kind not in "iub":
        raise engine.InputError(f"the labels are of type {labels.dtype}", "number the classes")
    labels = np.ascontiguousarray(labels, np.int64)
    if inputs.ndim not in (2, 3, 4) or labels.shape != inputs.shape[:1]:
        raise engine.InputError(
            f"inputs of shape {list(inputs.shape)} and labels of shape {list(labels.shape)}",
            "inputs are [n, columns], [n, height, width] or [n, channels, height, width], "
            "labels are [n]")
    extents = {2: (0, 1), 3: (1,), 4: ()}[inputs.ndim] + inputs.shape[1:]
    arrays = engine.Arrays(inputs.ctypes.data, labels.ctypes.data, len(labels), *extents)
    return arrays, inputs, labels


def _data_raw():
    """Of the project that this package was built in, or else the user's."""
    project = engine.PACKAGE.parents[2]
    if engine.PACKAGE == project / "build/python/tributary":
        return project / "data" / "raw"
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "tributary"
