"""The engine's library: its functions, and what they return as exceptions."""
import contextlib
import ctypes
import os
import pathlib
import re
import signal
import threading
from ctypes import POINTER, Structure, c_char, c_char_p, c_double, c_int, c_int32, c_int64, c_void_p

STOPPED, WRONG_INPUT = 130, 2
PACKAGE = pathlib.Path(__file__).parent


class EngineError(RuntimeError):
    """What went wrong in the engine through no fault of the caller's."""


class InputError(ValueError):
    """What the caller can put right, and how."""

    def __init__(self, what, hint):
        super().__init__(f"{what}\nhint: {hint}" if hint else what)
        self.what, self.hint = what, hint


class Error(Structure):
    _fields_ = [("what", c_char * 2000), ("hint", c_char * 1000)]


class Arrays(Structure):
    _fields_ = [("inputs", c_void_p), ("labels", c_void_p), ("size", c_int64),
                ("channels", c_int64), ("height", c_int64), ("width", c_int64)]


class Facts(Structure):
    _fields_ = [("size", c_int64), ("labels_per_example", c_int64), ("classes", c_int64),
                ("rank", c_int64), ("shape", c_int64 * 3)]


class Training(Structure):
    _fields_ = [("algorithm", c_char_p), ("learning_rate", c_double), ("batch", c_int32),
                ("epochs", c_int32), ("is_shuffled", c_int32)]


class Client(Structure):
    _fields_ = [("samples", c_void_p), ("size", c_int32), ("weight", c_int32),
                ("is_excluded", c_int32), ("seed", ctypes.c_uint64), ("seconds", c_double)]


Stop = ctypes.CFUNCTYPE(c_int)


class Watcher(Structure):
    Played = ctypes.CFUNCTYPE(c_int, c_int, c_int, c_double, c_char_p)
    Ended = ctypes.CFUNCTYPE(None, c_char_p)
    _fields_ = [("played", Played), ("ended", Ended)]


# The arguments of every function of tributary.h but `error`, which those that can fail have last.
THAT_CAN_FAIL = {
    "open": [c_char_p, POINTER(c_void_p)],
    "wrap": [POINTER(Arrays), POINTER(Arrays), POINTER(c_void_p)],
    "split": [c_void_p, c_int, c_int, ctypes.c_uint64, c_void_p, c_void_p],
    "make_model": [c_void_p, c_char_p, ctypes.c_uint64, POINTER(c_void_p)],
    "predict": [c_void_p, c_void_p, c_int64, c_void_p],
    "save": [c_void_p, c_char_p],
    "load": [c_void_p, c_char_p],
    "make_trainer": [c_void_p, c_char_p, c_int, POINTER(c_void_p)],
    "train": [c_void_p, POINTER(Training), POINTER(Client), c_int, c_void_p, c_void_p, Stop],
    "add": [c_void_p, c_void_p, c_int32, POINTER(c_int32)],
    "finish": [c_void_p, POINTER(Training), c_void_p],
    "test": [c_void_p, c_void_p, POINTER(c_double)],
    "federated": [c_void_p, POINTER(c_char_p), c_int, POINTER(Watcher), POINTER(c_void_p)],
}
OTHERS = {
    "close": (None, [c_void_p]),
    "describe": (None, [c_void_p, c_int, POINTER(Facts)]),
    "copy": (None, [c_void_p, c_int, c_void_p, c_void_p]),
    "free_model": (None, [c_void_p]),
    "takes": (None, [c_void_p, POINTER(Facts)]),
    "tensors": (c_char_p, [c_void_p]),
    "weights": (c_void_p, [c_void_p]),
    "buffers": (c_void_p, [c_void_p]),
    "free_trainer": (None, [c_void_p]),
    "start": (None, [c_void_p, c_int32]),
}


def _load():
    variable = "OPENBLAS_NUM_THREADS"
    before = os.environ.get(variable)
    os.environ[variable] = "1"  # the library's own threads, which nothing here uses
    try:
        library = ctypes.CDLL(str(PACKAGE / "libtributary.so"))
    finally:
        os.environ.pop(variable) if before is None else os.environ.update({variable: before})
    for name, arguments in THAT_CAN_FAIL.items():
        getattr(library, f"tributary_{name}").argtypes = [*arguments, POINTER(Error)]
    for name, (result, arguments) in OTHERS.items():
        function = getattr(library, f"tributary_{name}")
        function.restype, function.argtypes = result, arguments
    return library


library = _load()


def call(name, *arguments):
    """A function that can fail: raises InputError, KeyboardInterrupt or EngineError."""
    error = Error()
    status = getattr(library, f"tributary_{name}")(*arguments, error)
    if status == STOPPED:
        raise KeyboardInterrupt
    what, hint = (_as_keywords(text.decode()) for text in (error.what, error.hint))
    if status == WRONG_INPUT:
        raise InputError(what, hint)
    if status:
        raise EngineError(what)


def make(name, *arguments):
    """The object that such a function makes."""
    made = c_void_p()
    call(name, *arguments, made)
    return made


def _as_keywords(text):
    """--local-steps of the command line is local_steps here."""
    return re.sub(r"--([a-z][a-z0-9-]*)", lambda option: option[1].replace("-", "_"), text)


@contextlib.contextmanager
def interruptible():
    """Gives a function that says whether Ctrl-C was pressed, for the engine to ask in between."""
    pressed = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)
    if pressed:  # after the engine asked for the last time
        raise KeyboardInterrupt
