"""A progress bar, if tqdm is installed."""
import contextlib

try:
    from tqdm import tqdm
except ImportError:
    tqdm = None


def steps(count, title):
    """0 .. count - 1, shown as they pass."""
    return tqdm(range(count), desc=title, leave=False) if tqdm else range(count)


@contextlib.contextmanager
def bar(title):
    """Gives a function that shows how many of how many are done, and a word about the last one."""
    if not tqdm:
        yield lambda done, count, detail: None
        return
    with tqdm(desc=title, leave=False) as shown:

        def show(done, count, detail):
            shown.n, shown.total = done, count
            shown.set_postfix_str(detail)

        yield show
