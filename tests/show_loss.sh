#!/usr/bin/env bash
# show_loss as a user starts it: plots, the table, drawings, wrong input.
cd "$(dirname "$0")/.." || exit 1
program=show_loss
. tests/checks.bash

run() {  # run NAME STEPS ADDED: losses that fall from 10.4
  mkdir -p "$work/$1"
  awk -v n="$2" -v added="$3" 'BEGIN {
    print "Step,Loss,Seconds,Tokens per second"
    for (i = 0; i < n; ++i) {
      loss = 3 + 7.4 * exp(-i / 60) + added * (i == 7)
      printf "%d,%.9g,%.3f,%d\n", i, loss, i / 2, 1536
    }
  }' >"$work/$1/loss.csv"
}
run serial 300 0
run b1 300 0
run b2 300 0.00025
run short 100 0

check "runs are drawn and compared with the first" prints "$work/serial" "$work/b1" \
  "two=$work/b2/" -- '^ +Training loss' '● serial$' '■ b1$' '▲ two$' \
  '^serial +300 +10\.4000 +3\.0507 +1536$' \
  '^b1 .* 0 +1536$' '^two .* 0\.00025 +1536$'
check "runs of different lengths are compared on their common steps" prints "$work/serial" \
  "$work/short" -- '^short +100 .* 0 +1536$'
check "a folder may be the current one" eval "cd '$work/b1' && '$program' . | grep -q '^b1 '"

svg() {
  "$program" "$work/serial" "$work/b2" --smooth 10 --title "One & two" \
    --svg "$work/folder/loss.svg" &&
    grep -q '</svg>$' "$work/folder/loss.svg" && grep -q 'One &amp; two' "$work/folder/loss.svg" &&
    grep -q 'mean of 10 steps' "$work/folder/loss.svg" &&
    [ "$(grep -c '<title>b2' "$work/folder/loss.svg")" = 30 ]
}
check "a drawing is written, with its folder and a point for every ten steps" svg

mkdir "$work/empty" "$work/broken"
echo "Step,Loss" >"$work/broken/loss.csv"
check "no run is an error" refuses "runs"
check "a folder without losses is an error" refuses "no losses in .*/empty" "$work/empty"
check "a missing run is an error" refuses "no losses in .*/none" "$work/serial" \
  "x=$work/none"
check "another table is an error" refuses "broken/loss.csv, line 1" "$work/broken"
check "a mean of zero steps is an error" refuses "--smooth" "$work/serial" --smooth 0
check "a drawing that cannot be written is an error" refuses "$work/serial/loss.csv" \
  "$work/serial" --svg "$work/serial/loss.csv/x.svg"
check "an unknown option is an error" refuses "step" "$work/serial" --step 3
finish
