#!/usr/bin/env bash
# The package `tributary` as users of Python have it: its servers against bin/hw1, bit for bit, and
# a notebook like the course's, run by Jupyter. Needs what `make python` leaves, and a Python with
# NumPy, pandas and, for the notebook, nbconvert and ipykernel: $ORACLE_PYTHON, or the one that
# .ci/run makes.
cd "$(dirname "$0")/.." || exit 1
program=hw1
. tests/checks.bash
python=${ORACLE_PYTHON:-$PWD/build/python-oracle/bin/python}
export PYTHONPATH=$PWD/build/python PROGRAMS=${program%/*}

[ -e "$data_raw"/mnist/t10k-labels-idx1-ubyte ] ||
  { echo "left out: the package (no MNIST)"; finish; exit; }
[ -e build/python/tributary/libtributary.so ] ||
  { echo "left out: the package (make python builds it)"; finish; exit; }
"$python" -c 'import numpy, pandas' 2>/dev/null ||
  { echo "left out: no Python with NumPy and pandas"; finish; exit; }
make -s SETUP=skip python >/dev/null || exit

course() { "$python" tests/python/course.py "$1"; }
package() { "$python" tests/python/package.py "$1"; }
check "servers have the tables and the bits of hw1" course servers
check "own clients have the same bits, and FedSGD by weights is FedSGD" course own_clients
check "a server with a loop of its own works on arrays" course own_server
check "a second run goes on with the model" course second_run
check "a table has the notebook's columns and types" course table
check "errors are exceptions with hints" package errors
check "an update that is not finite is left out, with a warning" course excluded
check "federated() has the table and the bits of bin/federated" package federated
check "own arrays are learned, saved, resumed and predicted" package own_data
check "Ctrl-C stops a run soon" package interrupted

# The package from a clone, in an environment of its own that takes NumPy from the one around it.
installs() {
  "$python" -m venv --without-pip "$work/venv" &&
    "$python" -c 'import numpy, pathlib; print(pathlib.Path(numpy.__file__).parents[1])' \
      >"$(echo "$work"/venv/lib/python3*/site-packages)/around.pth" &&
    "$python" -m pip --python "$work/venv/bin/python" install -q --no-deps --no-index . &&
    (cd "$work" && env -u PYTHONPATH DATA_RAW="$data_raw" "$work/venv/bin/python" -c '
import tributary
assert "venv" in tributary.__file__, tributary.__file__
assert len(tributary.open_data("mnist").train[1]) == 60000')
}
check "pip install . works" installs

"$python" -c 'import ipykernel, nbconvert' 2>/dev/null ||
  { echo "left out: no Python with nbconvert and ipykernel"; finish; exit; }
export HOME=$work JUPYTER_RUNTIME_DIR=$work/jupyter
runs() {
  "$python" -m jupyter nbconvert --to notebook --execute --output-dir "$work" "$1"
}
check "a notebook like homework 1 runs" runs tests/python/homework.ipynb
finish
