#!/usr/bin/env bash
# hw2 and the processes of vertical.sh as a user starts them: files, wrong input, Ctrl-C. Needs
# heart.csv in data/raw.
cd "$(dirname "$0")/.." || exit 1
program=hw2
. tests/checks.bash
prepare_launcher

check "no command is an error" refuses "name a command"
check "an unknown command is an error" refuses "ex9" ex9
check "zero epochs are an error" refuses "--epochs" lab --epochs 0
check "a folder without the table is an error" refuses "heart.csv" lab --data "$work"
check "zero clients are an error" refused "number of clients" tools/vertical.sh 0
check "the launcher's own options are an error" refused "set by the launcher" \
  tools/vertical.sh 4 --rank 1

if [ -e "$data_raw"/heart/heart.csv ]; then
  all() {
    "$program" all --epochs 2 --out "$work/out" >"$work/stdout" || return 1
    for f in report.html homework-2.ipynb lab2b.csv {lab,ex1,ex2,ex3}/{results.csv,results.json,plot1.svg}
    do
      [ -s "$work/out/$f" ] || { echo "no $f"; return 1; }
    done
    grep -q "Exercise 2" "$work/out/report.html" && grep -q "What do the notebook's quirks cost" \
      "$work/stdout"
  }
  check "all exercises write their files and answers" all
  has_epochs() {
    [ "$(head -n 1 "$work/out/lab2b.csv")" = "Epoch,Train accuracy,Loss" ] &&
      [ "$(cut -d, -f1 "$work/out/lab2b.csv" | tr '\n' ' ')" = "Epoch 0 1 " ]
  }
  check "lab2b.csv has a row for each epoch" has_epochs
  by_another_exercise() {
    "$program" ex1 --epochs 1 --out "$work/out" >/dev/null &&
      grep -q "Lab 2" "$work/out/report.html" && sed -i s/0/1/ "$work/out/lab/results.json" &&
      "$program" ex1 --epochs 1 --out "$work/out" 2>"$work/err" >/dev/null &&
      grep -q "^warning: the report omits lab" "$work/err" &&
      ! grep -q "Lab 2" "$work/out/report.html"
  }
  check "the report keeps other exercises, but not edited ones" by_another_exercise

  processes() {  # processes CLIENTS [options]
    tools/vertical.sh "$@" --out "$work/processes" >"$work/stdout" 2>"$work/err"
  }
  same_bits() {
    "$program" lab --seed 5 --epochs 4 --out "$work/one" >/dev/null &&
      processes 4 --seed 5 --epochs 4 && grep -q "^test accuracy" "$work/stdout" &&
      cmp "$work/one/lab2b.csv" "$work/processes/lab2b.csv"
  }
  check "processes give the bits of one process" same_bits
  same_vae() {
    "$program" ex3 --seed 5 --epochs 3 --out "$work/one" >/dev/null &&
      processes 4 --network vae --seed 5 --epochs 3 && grep -q "^losses in" "$work/stdout" &&
      diff <(sed -n 's/^four clients,\([0-9]*\),,/\1,/p' "$work/one/ex3/results.csv") \
        <(tail -n +2 "$work/processes/vae.csv")
  }
  check "and so they do for exercise 3's encoders, VAE and decoders" same_vae
  check "which has no quirks" refused "none of the lab's quirks" \
    tools/vertical.sh 4 --network vae --quirks none
  check "one client works, and so does one for each feature" eval \
    'processes 1 --epochs 1 && processes 13 --epochs 1 --dropout-rng mkl --quirks none &&
    processes 2 --epochs 1 --quirks published'
  stays_whole() {  # all processes end when one is killed
    tools/vertical.sh 3 --epochs 100000 --out "$work/killed" >/dev/null 2>"$work/err" &
    local launcher=$! victim _
    for _ in {1..200}; do
      victim=$(pgrep -f -- "--rank 2 .*--out $work/killed") && break
      sleep 0.05
    done
    sleep 0.3
    kill -KILL "$victim"
    wait $launcher
    [ $? != 0 ] && grep -q '^error:' "$work/err" && [ "$(wc -l <"$work/err")" = 2 ] &&
      ! pgrep -f -- "--out $work/killed" && [ -z "$(ls "$TMPDIR")" ]
  }
  check "if a client is killed, all end and say why" stays_whole

  stops() {
    "$program" lab --epochs 100000 --out "$work/stopped" >/dev/null 2>"$work/err" &
    local pid=$!
    sleep 1
    kill -INT $pid
    wait $pid
    [ $? = 130 ] && [ ! -e "$work/stopped/lab" ] && grep -q "^stopping after this epoch" "$work/err"
  }
  goes_on() {
    local kept=$work/resumed/.unfinished _
    local command=("$program" ex1 --epochs 60 --out "$work/resumed")
    "$program" ex1 --epochs 60 --out "$work/whole" >/dev/null
    "${command[@]}" >/dev/null 2>"$work/err" &
    local pid=$!
    for _ in {1..6000}; do
      [ -e "$kept" ] && [ "$(ls "$kept"/ex1-42-mt-60-epochs-*.json 2>/dev/null)" ] && break
      sleep 0.02
    done
    kill -INT $pid
    wait $pid
    [ $? = 130 ] && grep -q "^  .*hw2 ex1 --epochs 60 --out $work/resumed$" "$work/err" &&
      "${command[@]}" >/dev/null 2>"$work/err" && grep -q "^going on with the curves" "$work/err" &&
      cmp "$work/whole/ex1/results.csv" "$work/resumed/ex1/results.csv" && [ ! -e "$kept" ]
  }
  set -m  # so that the child does not inherit an ignored SIGINT
  check "Ctrl-C ends an exercise and leaves no half of it" stops
  check "after Ctrl-C the same command goes on with the curves that are complete" goes_on
  set +m
fi
finish
