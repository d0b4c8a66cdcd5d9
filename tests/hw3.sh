#!/usr/bin/env bash
# hw3 as a user starts it: files, wrong input, Ctrl-C. Needs MNIST in data/raw.
cd "$(dirname "$0")/.." || exit 1
program=hw3
. tests/checks.bash

check "no command is an error" refuses "name a command"
check "an unknown command is an error" refuses "q9" q9
check "zero rounds are an error" refuses "--rounds" lab --rounds 0

if [ -e "$data_raw"/mnist/t10k-labels-idx1-ubyte ]; then
  small=(--model logistic --rounds 1)
  all() {
    "$program" all "${small[@]}" --out "$work/out" >"$work/stdout" || return 1
    for f in report.html homework-3.ipynb {lab,q1,q2,q3}/{results.csv,results.json,plot1.svg} \
      lab/confusion.svg q{2,3}/confusion{1,2}.svg; do
      [ -s "$work/out/$f" ] || { echo "no $f"; return 1; }
    done
    grep -q "Lab 3: attacks and defences" "$work/out/report.html" &&
      grep -q "true .* predicted" "$work/stdout"
  }
  check "all exercises write their files, and a confusion matrix" all

  # Ctrl-C after a round of a run that would take longer.
  stopped=(q3 --model logistic --rounds 4 --threads 1 --out "$work/stopped")
  has_round() { compgen -G "$work/stopped/.unfinished/q3-4-rounds/*/step-*/manifest.txt"; }
  goes_on() {
    local pid
    "$program" "${stopped[@]}" >/dev/null 2>"$work/err" &
    pid=$!
    for _ in {1..300}; do has_round >/dev/null && break; sleep 0.1; done
    kill -INT $pid
    wait $pid
    [ $? = 130 ] && [ ! -e "$work/stopped/q3" ] &&
      "$program" "${stopped[@]}" 2>"$work/err" >/dev/null &&
      grep -q "^going on with the rounds in" "$work/err" &&
      "$program" q3 --model logistic --rounds 4 --out "$work/undisturbed" >/dev/null &&
      cmp "$work"/{stopped,undisturbed}/q3/results.csv &&
      cmp "$work"/{stopped,undisturbed}/q3/confusion1.svg
  }
  set -m  # so that the child does not inherit an ignored SIGINT
  check "an interrupted exercise goes on to the same bytes" goes_on
  set +m
fi
finish
