#!/usr/bin/env bash
# Sweeps over lists of options: each run is made once, even if the sweep is killed; TensorBoard.
cd "$(dirname "$0")/.." || exit 1
program=federated
. tests/checks.bash

[ -e "$data_raw"/mnist ] || { echo "left out: no MNIST"; finish; exit; }
cat >"$work/sweep.toml" <<'EOF'
# two configurations, two seeds
model = "mlp"
rounds = 4
algorithm = ["fedavg", "fedprox"]
seed = [1, 2]
EOF
sweep() { "$program" sweep "$work/sweep.toml" --jobs 2 --out "$work/$1" 2>"$work/err"; }
same_tables() {
  cmp "$work/whole/results.csv" "$work/$1/results.csv" &&
    cmp "$work/whole/summary.csv" "$work/$1/summary.csv"
}

check "a sweep makes every run" eval 'sweep whole && [ "$(ls "$work/whole/runs" | wc -l)" = 4 ]'
check "and says at first how many" grep -q "^4 of 4 runs to go, 2 at once$" "$work/err"
check "its table has every round of every run" \
  eval '[ "$(grep -c "^\"algorithm=fed" "$work/whole/results.csv")" = 16 ]'
check "its summary has a row for each configuration" \
  eval '[ "$(cut -d, -f1,2 "$work/whole/summary.csv" | tr "\n" " ")" = \
    "algorithm,Runs fedavg,2 fedprox,2 " ]'
check "its report has a band" grep -q 'class="band"' "$work/whole/report.html"
check "and the split that both algorithms share, once" \
  eval '[ "$(grep -c "aria-label=\"Samples of each client" "$work/whole/report.html")" = 1 ]'
check "and losses" grep -q "<th class=\"number\">Training loss</th>" "$work/whole/report.html"
attacked() {
  writes 'model = "logistic"' 'rounds = 1' 'attack = "backdoor"' 'malicious = 0.2' \
    'defence = ["none", "median"]' 'seed = [1, 2]'
  "$program" sweep "$work/bad.toml" --out "$work/attacked" &&
    grep -q ">Attack success</th>" "$work/attacked/report.html" &&
    [ "$(grep -c "% of class 0 as 0<" "$work/attacked/report.html")" = 2 ]
}
alone() {
  "$program" run --model mlp --rounds 4 --algorithm fedprox --seed 2 --csv "$work/alone.csv" &&
    cmp "$work/alone.csv" "$work/whole/runs/algorithm=fedprox,seed=2/results.csv"
}
check "a run of a sweep equals the same run alone" alone
once() { sweep whole && [ ! -s "$work/err" ]; }
check "a complete sweep runs nothing" once

killed() {
  local pid attempt
  for attempt in {1..6}; do
    setsid "$program" sweep "$work/sweep.toml" --jobs 2 --out "$work/killed" >/dev/null 2>&1 &
    pid=$!
    sleep "0.$((RANDOM % 500 + 200))"
    kill -KILL -- -$pid 2>/dev/null
    wait $pid
  done
  sweep killed
}
check "a killed sweep goes on" killed
check "to the same tables" same_tables killed
stopped() {
  setsid "$program" sweep "$work/sweep.toml" --jobs 2 --out "$work/stopped" >/dev/null \
    2>"$work/err" &
  local pid=$!
  sleep 0.4
  kill -TERM $pid
  wait $pid
  local status=$?
  [ $status = 0 ] || { [ $status = 143 ] && grep -q "the same command goes on" "$work/err"; }
}
check "a stopped sweep says how to go on" stopped
check "and goes on" sweep stopped
check "to the same tables" same_tables stopped
# Every run reaches this in its first round.
stops_at_target() {
  writes 'model = "mlp"' 'rounds = 4' 'seed = [1, 2]' 'target = 1' 'stop-at-target = true'
  "$program" sweep "$work/bad.toml" --out "$work/short" 2>"$work/err" &&
    [ "$(wc -l <"$work/short/results.csv")" = 3 ] && [ -e "$work/short/runs/seed=2/done" ]
}

writes() { printf '%s\n' "$@" >"$work/bad.toml"; }
refuses_file() {  # refuses_file PATTERN LINES...
  writes "${@:2}"
  refuses "$1" sweep "$work/bad.toml" --out "$work/bad" && [ ! -e "$work/bad" ]
}
check "runs that stop at their target are done" stops_at_target
check "under an attack the report has confusion matrices" attacked
check "an unknown option is refused before a run starts" \
  refuses_file "there is no option --mo" 'mo = 1'
check "a value out of range is refused" \
  refuses_file "mu=-1: --mu: -1 is not" 'algorithm = "fedprox"' 'mu = [-1, 1]'
check "so is one that is not whole" \
  refuses_file "iterations=1.5: .* is not a whole number" 'defence = "centered-clip"' \
  'iterations = [1, 1.5]'
check "an option that one of the algorithms does not use is refused" \
  refuses_file "fedavg does not use --mu" 'algorithm = ["fedprox", "fedavg"]' 'mu = 0.1'
check "an option of the sweep's own is refused" refuses_file "sets csv itself" 'csv = "x"'
check "a repeated value is refused" refuses_file "seed has 1 twice" 'seed = [1, 2, 1]'
check "a defence that cannot work with so few clients is refused" \
  refuses_file "krum needs n >= 2 f" 'defence = ["median", "krum"]' 'C = 0.05'
check "a section is refused" refuses_file "is a section" '[run]' 'lr = 1'
check "a repeated name is refused" refuses_file "twice" 'lr = 1' 'C = 1' 'lr = 2'
check "also in the next line" refuses_file "lr is given twice" 'lr = [0.1]' 'lr = [0.2]'
check "a list that is not closed is refused" refuses_file "list of seed is not closed" 'seed = [1,2'
check "nor closed before the next option" refuses_file "list of seed is not closed" \
  'seed = [1, 2' 'lr = [0.1, 0.2]'
check "so are two values that are no list" refuses_file "lr has 2 values" 'lr = 0.5 garbage'
check "an empty file is refused" refuses_file "no option in it" '# nothing'
check "too many runs are refused" refuses_file "more than 10000 runs" \
  "seed = [$(seq -s, 0 200)]" "lr = [$(seq -s, 1 100)]"
check "a missing file is refused" refuses "none.toml" sweep "$work/none.toml"
fails() {
  printf 'dataset = "heart"\ndata = "%s"\nlr = [0.1, 0.2]\n' "$work/none" >"$work/fails.toml"
  "$program" sweep "$work/fails.toml" --jobs 1 --out "$work/fails" 2>&1 |
    grep "^error: 2 of 2 runs failed, such as lr=0.1: cannot read $work/none/heart.csv"
}
check "a run that fails is named, with its reason" fails
changed() {
  sed 's/"mlp"/"logistic"/' "$work/sweep.toml" >"$work/changed.toml"
  refuses "has a run with other options" sweep "$work/changed.toml" --out "$work/whole"
}
check "another sweep in the same folder is refused" changed
lost() {
  rm "$work/killed/runs/algorithm=fedavg,seed=1/results.csv"
  sweep killed && same_tables killed
}
check "a run whose table is lost writes it again" lost
longer() {
  sed 's/rounds = 4/rounds = 5/' "$work/sweep.toml" >"$work/longer.toml"
  "$program" sweep "$work/longer.toml" --jobs 2 --out "$work/killed" 2>"$work/err" &&
    "$program" sweep "$work/longer.toml" --jobs 2 --out "$work/long" 2>"$work/err" &&
    cmp "$work"/{killed,long}/results.csv && cmp "$work"/{killed,long}/summary.csv
}
check "with more rounds its runs go on, to the tables of a sweep that had them at first" longer
check "with fewer it is refused" \
  refuses "has a run with more rounds" sweep "$work/sweep.toml" --out "$work/killed"
diverges() {
  writes 'model = "mlp"' 'lr = [1e38, 0.1]' 'rounds = 2'
  "$program" sweep "$work/bad.toml" --out "$work/diverged" >"$work/stdout" 2>"$work/err" &&
    grep -q 'diverged: lr=1e38' "$work/err" && grep -q '^lr=1e38 .* 1 of 1$' "$work/stdout" &&
    [ "$(cut -d, -f1,7 "$work/diverged/summary.csv" | tr '\n' ' ')" = \
      "lr,Diverged 1e38,1 0.1,0 " ]
}
check "a run that diverges is named, and in the tables" diverges
forecast() {
  sed -i 's/\[1, 2\]/[1, 2, 3]/' "$work/sweep.toml"
  sweep whole && grep -qE "^2 of 6 runs to go, 2 at once: about [0-9:]+, if" "$work/err"
}
check "a longer list of seeds adds its runs, and says how long the others took" forecast

# The real TensorBoard reads our event files, if it is installed.
python=${ORACLE_PYTHON-build/python-oracle/bin/python}
events() {
  "$program" run --model mlp --rounds 3 --tensorboard "$work/events" --csv "$work/e.csv" &&
    "$python" - "$work/events" "$work/e.csv" <<'EOF'
import csv, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1])
events.Reload()
rows = list(csv.DictReader(open(sys.argv[2])))
for name in ("Test accuracy", "Test loss", "Training loss"):
    ours = [float(row[name]) for row in rows]
    read = [event.value for event in events.Scalars(name)]
    assert [event.step for event in events.Scalars(name)] == [1, 2, 3], name
    assert all(abs(a - b) < 1e-5 * abs(a) for a, b in zip(ours, read)), (ours, read)
EOF
}
if "$python" -c 'import tensorboard' 2>/dev/null; then
  check "TensorBoard reads a run's measures" events
fi
finish
