"""What belongs to PyTorch says so, where a notebook of the course would use it."""
import numpy as np


class NeedsTorch(RuntimeError):
    """What only PyTorch can do."""

    def __init__(self, name):
        super().__init__(f"{name} belongs to PyTorch; here models are trained by the engine, and "
                         "weights are NumPy arrays\nhint: write update(weights, seed) with arrays, "
                         "and call super().update(weights, seed) to train")


class Weights(np.ndarray):
    """A model's tensor, in the model's own memory."""

    def __getattr__(self, name):
        if name in ("detach", "cpu", "clone", "grad", "requires_grad"):
            raise NeedsTorch(f"a tensor's {name}")
        raise AttributeError(f"a weight has no attribute {name}")


class TorchObject:
    """One of the course's objects of PyTorch: using it says that it is not here."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        self()

    def __call__(self, *_, **__):
        raise NeedsTorch(self._name)

    __iter__ = __len__ = __getitem__ = __call__
