"""bin/federated run, with keywords for options."""
import dataclasses
import io
import math
import warnings
from ctypes import c_char_p

from . import engine
from .data import FETCHED, open_data, wrap
from .models import Model
from .progress import bar


@dataclasses.dataclass
class Federation:
    """A run: `table` has a row for each round, `model` is the server's after the last one."""
    table: "pandas.DataFrame"
    model: Model

    def as_df(self):
        return self.table


def federated(train=None, test=None, **options):
    """Runs `bin/federated run`. A keyword is an option's name with underscores:

        tributary.federated(algorithm="fedprox", mu=0.1, split="dirichlet", alpha=0.3, rounds=5)
        tributary.federated(attack="reversion", malicious=[3, 25], defence="krum", fraction=0.2)

    With train=(inputs, labels) and test=(inputs, labels) it learns these arrays, as wrap() takes
    them. Ctrl-C ends it after a round; with checkpoint="out/run", resume=True it goes on. Returns
    a Federation. Raises InputError.
    """
    import pandas

    if (train is None) != (test is None):
        raise engine.InputError("only one of train and test is given", "give both, or neither")
    if train is not None and options.keys() & {"dataset", "data", "label", "categorical"}:
        raise engine.InputError("train and test are the data, and dataset names another one",
                                "leave one of them out")
    words = [word for name, value in options.items() for word in _words(name, value)]
    name, data = options.get("dataset", "mnist"), None
    if train is not None:
        data = wrap(train, test)
    elif "data" not in options and name in FETCHED:
        data = open_data(name)
    tables, log = [], []
    with engine.interruptible() as is_interrupted, bar("Rounds") as show:

        def played(rounds, of, accuracy, text):
            log.append(text.decode())
            show(rounds, of, "" if math.isnan(accuracy) or not rounds else f"{accuracy:.2f} %")
            return is_interrupted()

        watcher = engine.Watcher(engine.Watcher.Played(played),
                                 engine.Watcher.Ended(lambda text: tables.append(text.decode())))
        handle = engine.make("federated", data and data.handle,
                             (c_char_p * len(words))(*(word.encode() for word in words)),
                             len(words), watcher)
    for line in "".join(log).splitlines():
        warnings.warn(line, stacklevel=2)
    return Federation(pandas.read_csv(io.StringIO(tables[0])), Model.of(handle))


def _words(name, value):
    """The option as the command line has it."""
    option = "--" + name.replace("_", "-")
    if value is None or value is False:
        return []
    if value is True:
        return [option]
    if isinstance(value, (list, tuple)):
        value = ",".join(map(str, value)) + ("," if name == "malicious" else "")
    return [f"{option}={value}"]
