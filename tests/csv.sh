#!/usr/bin/env bash
# Python's csv module reads all our CSV files: every row of a table is as wide as its header.
cd "$(dirname "$0")/.." || exit 1
program=hw1
. tests/checks.bash
prepare_launcher

python=$(command -v python3) && "$python" -c 'import csv' 2>/dev/null ||
  { echo "left out: reading tables (no python3)"; finish; exit; }
rectangular() {  # rectangular FILE...
  [ $# -gt 0 ] && "$python" -c '
import csv, sys
for name in sys.argv[1:]:
    with open(name, newline="", encoding="utf-8") as file:
        widths = {len(row) for row in csv.reader(file, strict=True)}
    if len(widths) != 1: sys.exit(f"{name} has rows of {sorted(widths)} cells")
    print(name, *widths)' "$@"
}
# PyTorch's schedules have a row for each rank, as long as its work.
mapfile -t committed < <({ git ls-files '*.csv' 2>/dev/null ||
  find fl pipeline tests -name '*.csv'; } | grep -v '^tests/golden/schedules/')
check "the project's own tables are rectangles" rectangular "${committed[@]}"

if [ -e "$data_raw"/mnist/t10k-labels-idx1-ubyte ]; then
  exercises() {
    "$program" all --model mlp --rounds 1 --out "$work/out" &&
      rectangular "$work"/out/a{1,2,3}/results.csv &&
      "$program" run --model mlp --rounds 1 --wall-time --csv "$work/run.csv" &&
      "$program" compare "$work/out/a3/results.csv" --model mlp --out "$work/compare" &&
      rectangular "$work/run.csv" "$work/compare/results.csv"
  }
  check "so are those of hw1" exercises
fi
trained() {
  write_stories
  tools/pipeline.sh 2 --text "$work/stories.txt" --d 32 --heads 2 --tokens 24 --steps 3 \
    --trace --out "$work/run" &&
    rectangular "$work"/run/*.csv
}
check "so are those of a pipeline" trained
elastic() {
  tools/pipeline.sh 2 2 --elastic --text "$work/stories.txt" --d 32 --heads 2 --tokens 24 \
    --steps 3 --threads 1 --out "$work/elastic" && rectangular "$work"/elastic/*.csv &&
    [ "$(cut -d, -f1 "$work/elastic/members.csv" | head -n 1)" = Epoch ]
}
check "and of one whose pipelines may leave" elastic
finish
