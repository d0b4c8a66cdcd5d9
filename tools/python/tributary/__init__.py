"""Federated learning by the Tributary engine, with NumPy arrays.

tributary.hfl stands in for the course's tutorial_1a.hfl_complete; federated() runs everything that
bin/federated can.
"""
from .data import Data, open_data, wrap
from .engine import EngineError, InputError
from .federation import Federation, federated
from .models import Model

__all__ = ["Data", "EngineError", "Federation", "InputError", "Model", "federated", "open_data",
           "wrap"]
