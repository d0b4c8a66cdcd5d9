"""Models as functions of arrays."""
import ctypes

import numpy as np

from . import engine
from .data import as_floats, open_data
from .torch_names import NeedsTorch, Weights


class Model:
    """A network by its name in `bin/federated list`, with the weights that the seed draws."""

    def __init__(self, name="mnist_cnn", data=None, seed=10):
        data = data or open_data()
        self._take(engine.make("make_model", data.handle, name.encode(), seed))

    @classmethod
    def of(cls, handle):
        """One that the engine has made."""
        model = cls.__new__(cls)
        model._take(handle)
        return model

    def _take(self, handle):
        self.handle, self._facts = handle, engine.Facts()
        engine.library.tributary_takes(handle, self._facts)

    def __del__(self):
        if "handle" in vars(self):
            engine.library.tributary_free_model(self.handle)

    def __getattr__(self, name):
        if name in ("train", "eval", "to", "state_dict", "load_state_dict", "zero_grad", "forward"):
            raise NeedsTorch(f"a model's {name}")
        raise AttributeError(f"a model has no attribute {name}")

    def _tensors(self, kind):
        """Views of the numbers, by name."""
        first = getattr(engine.library, f"tributary_{kind}s")(self.handle)
        tensors = {}
        for line in engine.library.tributary_tensors(self.handle).decode().splitlines():
            its_kind, name, *extents = line.split(" ")
            if its_kind != kind:
                continue
            shape = tuple(map(int, extents))
            memory = (ctypes.c_float * int(np.prod(shape))).from_address(first)
            memory.model = self  # lives as long as its views
            tensors[name] = np.frombuffer(memory, np.float32).reshape(shape).view(Weights)
            first += ctypes.sizeof(memory)
        return tensors

    def weights(self):
        """The weights by PyTorch's names: arrays in the model's own memory."""
        return self._tensors("weight")

    def buffers(self):
        """What it keeps but does not train, such as running means, likewise."""
        return self._tensors("buffer")

    def parameters(self):
        """The weights as a list."""
        return list(self.weights().values())

    def predict(self, inputs):
        """Log-probabilities [n, classes], or [n, length, tokens] of text."""
        inputs, facts = as_floats(inputs), self._facts
        example = tuple(facts.shape[:facts.rank])
        if example[0] == 1 and inputs.shape[1:] == example[1:]:  # grey images without channels
            inputs = inputs[:, None]
        if inputs.shape[1:] != example:
            raise engine.InputError(f"inputs of shape {list(inputs.shape)}",
                                    f"the model takes [n, {', '.join(map(str, example))}]")
        labels = facts.labels_per_example
        result = np.empty((len(inputs), labels, facts.classes), np.float32)
        engine.call("predict", self.handle, inputs.ctypes.data, len(inputs), result.ctypes.data)
        return result[:, 0] if labels == 1 else result

    __call__ = predict

    def save(self, file):
        """In the safetensors format."""
        engine.call("save", self.handle, str(file).encode())

    def load(self, file):
        """From such a file, which has exactly the model's tensors."""
        engine.call("load", self.handle, str(file).encode())
