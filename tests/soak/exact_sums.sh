#!/usr/bin/env bash
# What --exact-sums costs, in elapsed time: steps of the course's model with it and without it, in
# turns. Medians of all steps but the first of each run. Three minutes on two idle cores.
#   tests/soak/exact_sums.sh [TURNS]
cd "$(dirname "$0")/../.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher
turns=${1:-4}
[ -e "$data_raw/stories" ] || { echo "left out: needs data/fetch.sh stories"; finish; exit; }

alone() { "$program" --microbatches 3 "$@"; }
pipelines() { tools/pipeline.sh 1 2 --threads 1 "$@"; }
# Every step's seconds go to $work/NAME-plain or $work/NAME-exact.
takes_turns() {  # takes_turns NAME: `alone` or `pipelines`
  local turn sums
  for ((turn = 0; turn < turns; ++turn)); do
    for sums in plain exact; do
      rm -rf "$work/out"
      "$1" $([ $sums = plain ] || echo --exact-sums) --steps 5 --checkpoint-every 0 \
        --out "$work/out" || return
      awk -F, 'NR > 2 { print $3 - last } { last = $3 }' "$work/out/loss.csv" >>"$work/$1-$sums"
    done
  done
}
median() { sort -g "$work/$1" | awk '{ step[NR] = $1 } END { print step[int((NR + 1) / 2)] }'; }
costs_at_most() {  # costs_at_most PERCENT NAME
  awk "BEGIN { exit !($(median "$2-exact") <= (1 + $1 / 100) * $(median "$2-plain")) }"
}
row() {  # row NAME WHAT
  awk "BEGIN { plain = $(median "$1-plain"); exact = $(median "$1-exact")
    printf \"| %s | %.2f s | %.2f s | %.0f %% |\\n\", \"$2\", plain, exact,
      100 * (exact / plain - 1) }"
}

echo '| | without | with it | more |'
for name in alone pipelines; do
  check "it trains: $name" takes_turns $name
  [ -s "$work/$name-exact" ] || continue
  row $name "$([ $name = alone ] && echo 'one process, all cores' || echo 'two pipelines of one stage')"
  check "exact sums take at most 25 % more: $name" costs_at_most 25 $name
done
finish
