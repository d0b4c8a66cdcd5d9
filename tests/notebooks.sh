#!/usr/bin/env bash
# The notebooks of hw1, hw2 and hw3, run by Jupyter as a reader would: they read the tables beside
# them and draw every plot. Needs a Python with nbconvert, ipykernel, pandas and seaborn:
# $ORACLE_PYTHON, or the one that .ci/run makes.
cd "$(dirname "$0")/.." || exit 1
program=hw1
. tests/checks.bash
python=${ORACLE_PYTHON:-$PWD/build/python-oracle/bin/python}

[ -e "$data_raw"/mnist/t10k-labels-idx1-ubyte ] ||
  { echo "left out: notebooks (no MNIST)"; finish; exit; }
makes() {  # makes FOLDER EXERCISE [options]
  "$program" "$2" --model logistic --rounds 2 --out "$work/$1" "${@:3}" &&
    grep -q '"nbformat": 4' "$work/$1/homework-1.ipynb"
}
check "a notebook of a1 is made" makes a1 a1
check "so is one of a2 with another seed and more rounds" makes a2 a2 --seed 7 --rounds 3
check "so is one of a3" makes a3 a3 --sort stable
check "so is one of all, with one round, in a folder with a strange name" \
  makes "all 'of' \"it\", η" all --rounds 1

"$python" -c 'import ipykernel, nbconvert, nbformat, pandas, seaborn' 2>/dev/null ||
  { echo "left out: no Python with nbconvert, ipykernel, pandas and seaborn"; finish; exit; }

# The notebook is valid and says that no kernel ran it; run in its folder, it draws as many pictures
# as it had.
cat >"$work/pictures.py" <<'PYTHON'
import sys
import nbformat

made, run = (nbformat.read(name, as_version=4) for name in sys.argv[1:])
nbformat.validate(made)
assert all(cell.execution_count is None for cell in made.cells if cell.cell_type == "code")
outputs = lambda notebook: [o for cell in notebook.cells for o in cell.get("outputs", [])]
wanted = sum("image/svg+xml" in output.data for output in outputs(made))
drawn = sum("image/png" in output.get("data", {}) for output in outputs(run))
print(f"{drawn} pictures of {wanted}")
assert drawn == wanted > 0
PYTHON
execute() { "$python" -m jupyter nbconvert --to notebook --execute "$@"; }
runs() {  # runs FOLDER [NOTEBOOK]
  local notebook=${2-homework-1}.ipynb
  (cd "$work/$1" && execute --output run.ipynb "$notebook") &&
    (cd "$work" && "$python" pictures.py "$1/$notebook" "$1/run.ipynb")
}
export HOME=$work JUPYTER_RUNTIME_DIR=$work/jupyter
for folder in a1 a2 a3 "all 'of' \"it\", η"; do
  check "the notebook of $folder runs and draws its plots" runs "$folder"
done

# A notebook that Jupyter saved belongs to the reader, even if only its outputs are new.
keeps() {
  local notebook=$work/a1/homework-1.ipynb
  (cd "$work/a1" && execute --inplace homework-1.ipynb) &&
    cp "$notebook" "$work/executed" && makes a1 a1 &&
    cmp "$work/executed" "$work/a1/homework-1.edited-1.ipynb" &&
    ! cmp "$work/executed" "$notebook"
}
check "a notebook run in place is kept when the exercise is run again" keeps

reads() {
  "$python" -c '
import pandas, sys
table = pandas.read_csv(sys.argv[1])
print(table.Curve.unique())
assert list(table.columns[:2]) == ["Round", "Algorithm"] and len(table.Curve.unique()) == 8
assert "FedAvg (non-IID, η=0.001, C=0.5)" in set(table.Curve)' "$work/a3/a3/results.csv"
}
check "pandas reads the names of the curves as they are" reads

of_hw3() {
  "$(dirname "$program")/hw3" all --model logistic --rounds 1 --out "$work/hw3" &&
    runs hw3 homework-3
}
check "the notebook of hw3 runs and draws its plots" of_hw3
if [ -e "$data_raw"/heart/heart.csv ]; then
  of_hw2() {
    "$(dirname "$program")/hw2" all --epochs 3 --out "$work/hw2" && runs hw2 homework-2
  }
  check "the notebook of hw2 runs and draws its plots" of_hw2
  reads_epochs() {
    "$python" -c '
import pandas, sys
table = pandas.read_csv(sys.argv[1])
assert list(table.columns) == ["Epoch", "Train accuracy", "Loss"] and list(table.Epoch) == [0, 1, 2]
assert table.dtypes["Loss"] == table.dtypes["Train accuracy"] == "float64"' "$work/hw2/lab2b.csv"
  }
  check "pandas reads the epochs of lab 2B" reads_epochs
fi
finish
