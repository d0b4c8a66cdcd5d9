#!/usr/bin/env bash
# hw1 as a user starts it: files, columns, wrong input, Ctrl-C, memory. Needs MNIST in data/raw.
cd "$(dirname "$0")/.." || exit 1
program=hw1
. tests/checks.bash

touch "$work/file"
check "no command is an error" refuses "name a command"
check "an unknown command is an error" refuses "a9" a9
check "an unknown option is an error" refuses "frac" a1 --frac 2
check "an unknown algorithm is an error" refuses "fedfoo" run --algorithm fedfoo
check "an unknown model is an error" refuses "resnet" run --model resnet
check "C = 0 is an error" refuses "C = 0" run --fraction 0
no_data() { DATA_RAW=$work/no-data refuses "$@" && [ ! -e "$work/no-data" ]; }
check "a bad value is an error before data is fetched" no_data "C = 0" run --fraction 0
check "so is an option that the algorithm does not use" no_data "fedavg does not use --mu" run \
  --mu 0.1
check "so is an algorithm's option out of range" no_data "-1 is not a number" run \
  --algorithm fedprox --mu -1
printf '%s\n' "Round,Algorithm,N,C,B,E,η,Seed,Test accuracy" 1,FedAvg,9,7,1,1,1,1,9 >"$work/bad.csv"
check "so is a bad configuration of a table" no_data "C = 7" compare "$work/bad.csv" --out "$work/c"
check "C above 1 is an error" refuses "C = 1.5" run --fraction 1.5
check "more clients than images are an error" refuses "70000" run --clients 70000
check "FedSGD with a batch size is an error" refuses "not B = 7" run --algorithm fedsgd --batch 7
check "FedSGD with several epochs is an error" refuses "not E = 3" run --algorithm fedsgd-weight \
  --epochs 3
check "clients for the baseline are an error" refuses "one party" run --algorithm centralized \
  --clients 50
check "--resume without a folder is an error" refuses "resume" run --resume
check "an option in place of a folder is an error" refuses "--resume is an option" run \
  --checkpoint --resume
for option in --checkpoint --csv --json; do
  check "an empty $option is an error" refuses "$option: is empty" run $option ""
done
check "zero rounds are an error" refuses "0 rounds" run --rounds 0
check "a batch of words is an error" refuses "B = many" run --batch many
check "a negative learning rate is an error" refuses "learning rate" run --lr -1
check "a CSV that cannot be written is an error" refuses "$work/file" run --csv "$work/file/x.csv"
check "a CSV with too long a name is an error" refuses "name too long" run \
  --csv "$work/$(printf '%0300d' 0)"
check "a folder as a CSV is an error" refuses "it is a folder" run --csv "$work"
check "one file for CSV and JSON is an error" refuses "both CSV and JSON" run --csv "$work/x" \
  --json "$work/./new/../x"
check "a folder that cannot be written is an error" refuses "$work/file" a1 --out "$work/file/out"
check "a missing data file is an error" refuses "no such file" run --data "$work/nothing"
check "a missing reference is an error" refuses "cannot read" compare "$work/none.csv" \
  --out "$work/c"

if [ -e "$data_raw"/mnist/t10k-labels-idx1-ubyte ]; then
  mkdir "$work/short" "$work/wrong"
  ln -s "$data_raw"/mnist/*-ubyte "$work/short"
  ln -s "$data_raw"/mnist/*-ubyte "$work/wrong"
  rm "$work/short/t10k-images-idx3-ubyte" "$work/wrong/t10k-labels-idx1-ubyte"
  head -c 100000 "$data_raw"/mnist/t10k-images-idx3-ubyte >"$work/short/t10k-images-idx3-ubyte"
  sed 's/\x07/\x01/' "$data_raw"/mnist/t10k-labels-idx1-ubyte >"$work/wrong/t10k-labels-idx1-ubyte"
  check "a truncated data file is an error" refuses "t10k-images" run --data "$work/short"
  check "a data file with a wrong checksum is an error" refuses "t10k-labels" run \
    --data "$work/wrong"

  mlp=(--model mlp --rounds 2)
  quick=(--model logistic --rounds 2)
  run_twice() {
    "$program" run "${mlp[@]}" --threads 1 --csv "$work/1.csv" --json "$work/1.json" &&
      "$program" run "${mlp[@]}" --threads 2 --csv "$work/2.csv" && cmp "$work/1.csv" "$work/2.csv"
  }
  check "any number of threads writes the same bytes" run_twice
  header="Round,Algorithm,N,C,B,E,η,Seed,Message count,Test accuracy,Training loss,Test loss"
  check "the CSV has the notebook's columns and losses" grep -qx "$header" "$work/1.csv"
  check "the JSON has the configuration" grep -q '"algorithm": "fedavg"' "$work/1.json"
  check "every split and algorithm runs" bash -c "
    for split in iid shards dirichlet; do
      for algorithm in fedsgd fedsgd-weight fedavg fedprox fedadam scaffold; do
        '$program' run --model mlp --rounds 1 --split \$split --algorithm \$algorithm \
          --batch inf || exit 1
      done
    done
    '$program' run --model mlp --rounds 1 --algorithm centralized --batch inf"
  diverges() {
    local status
    "$program" run "${mlp[@]}" --lr 1e30 --csv "$work/lost.csv" >"$work/lost" 2>&1
    status=$?
    [ $status = 3 ] && [ "$(wc -l <"$work/lost.csv")" = 3 ] &&
      grep -q "no client is left" "$work/lost" &&
      grep -q "^error: training diverged: .* in round 2$" "$work/lost" &&
      tail -n 1 "$work/lost" | grep -qx "hint: choose a smaller --lr than 1e+30"
  }
  check "a run that loses all clients says so, and keeps its results" diverges

  other_mu() {
    "$program" run "${mlp[@]}" --algorithm fedprox --mu 0.5 --csv "$work/mu.csv" \
      --checkpoint "$work/mu" &&
      grep -q "^2,FedProx,.*,mu=0.5," "$work/mu.csv" && grep -q '"mu": 0.5' "$work/mu.csv.json" &&
      "$program" compare "$work/mu.csv" --model mlp --out "$work/c" | grep "FedProx mu=0.5 N=100" ||
      return 1
    refuses "another run: fedprox mu=0.5 .*, not fedprox mu=0.1 " run "${mlp[@]}" \
      --algorithm fedprox --mu 0.1 \
      --checkpoint "$work/mu" --resume
  }
  check "an algorithm's option is in CSV and JSON, and tells runs apart" \
    other_mu

  # Killed at ten moments of a run that takes about a second, and resumed after each.
  saved=(run --model mlp --rounds 12 --split shards)
  survives() {
    local seed=$1 attempt pid status
    "$program" "${saved[@]}" --csv "$work/whole.csv" --checkpoint "$work/whole-$seed" >/dev/null ||
      return 1
    RANDOM=$seed
    for attempt in {1..10}; do
      "$program" "${saved[@]}" --threads $((attempt % 2 + 1)) --csv "$work/killed.csv" \
        --checkpoint "$work/killed-$seed" --resume &
      pid=$!
      sleep "0.$((RANDOM % 400 + 100))"
      kill -KILL $pid 2>/dev/null
      wait $pid && break
    done
    "$program" "${saved[@]}" --csv "$work/killed.csv" --checkpoint "$work/killed-$seed" --resume ||
      return 1
    # A kill between the last checkpoint and the removal of older ones can leave an older one.
    cmp "$work/whole.csv" "$work/killed.csv" &&
      cmp "$work"/{whole,killed}-"$seed"/step-12/weights.safetensors &&
      [ "$(ls "$work/killed-$seed" | tail -n 2)" = "$(printf 'step-11\nstep-12')" ]
  }
  check "a run killed at any moment goes on to the same bytes" survives 1
  check "a run killed at other moments does, too" survives 2
  check "a folder with a run is not overwritten" refuses "up to round 12" "${saved[@]}" \
    --checkpoint "$work/whole-1"
  check "a changed configuration is not resumed" refuses "another run: .*η=0.01 .*, not .*η=0.02 " \
    "${saved[@]}" --lr 0.02 --checkpoint "$work/whole-1" --resume
  longer() {
    "$program" "${saved[@]}" --rounds 13 --csv "$work/longer.csv" --checkpoint "$work/whole-1" \
      --resume &&
      head -n 13 "$work/longer.csv" | cmp - "$work/whole.csv" &&
      [ "$(wc -l <"$work/longer.csv")" = 14 ]
  }
  check "more rounds are added to a finished run" longer
  check "two runs do not share a folder of checkpoints" refused "another run" \
    flock "$work/whole-1/.lock" "$program" "${saved[@]}" --checkpoint "$work/whole-1" --resume
  check "a checkpoint folder that cannot be written is an error" refuses "$work/file" run \
    --checkpoint "$work/file/x"

  all() {
    "$program" all "${quick[@]}" --out "$work/out" &&
      for f in report.html homework-1.ipynb a{1,2,3}/results.csv a{1,2,3}/plot{1,2}.svg \
        a3/plot3.svg; do
        [ -s "$work/out/$f" ] || { echo "no $f"; return 1; }
      done && [ "$(grep -c '<svg' "$work/out/report.html")" -ge 7 ]
  }
  check "all exercises write their files" all
  check "a table can be compared with itself" "$program" compare "$work/1.csv" --model mlp \
    --out "$work/c"
  sed -i -E 's/[0-9.]*(,[^,]*,[^,]*)$/99\1/' "$work/2.csv" && sed -i "1s/.*/$header/" "$work/2.csv"
  differs() { ! "$program" compare "$work/2.csv" --model mlp --out "$work/c"; }
  check "different numbers are told apart" differs

  # Ctrl-C and SIGTERM, each after a round of a run that would take minutes.
  has_round() { compgen -G "$1/step-*/manifest.txt" >/dev/null; }
  interrupted() {  # interrupted STATUS SIGNALS PATTERN ARGUMENTS...: a second signal comes at once
    local pid expected=$1 signals=$2 pattern=$3 signal
    "$program" "${@:4}" >"$work/stdout" 2>"$work/err" &
    pid=$!
    for _ in {1..300}; do eval "$when" && break; sleep 0.1; done
    local start; start=$(date +%s%N)
    for signal in $signals; do kill -$signal $pid; sleep 0.1; done
    wait $pid
    status=$?
    local milliseconds=$((($(date +%s%N) - start) / 1000000))
    cat "$work/stdout" "$work/err"
    echo "status $status after $milliseconds ms"
    [ $status = "$expected" ] && [ $milliseconds -lt $((slack * 15000)) ] &&
      grep -q "^stopping after this round; again to stop at once" "$work/err" &&
      grep -qE -- "$pattern" "$work/err"
  }
  set -m  # so that the child does not inherit an ignored SIGINT
  whole=(run --rounds 500 --model mlp)
  go_on() {  # types the suggested command, with fewer rounds
    local round; round=$(sed -nE 's/^stopped after round ([0-9]+) of .*/\1/p' "$work/err")
    [ "$(wc -l <"$work/stop.csv")" = $((round + 1)) ] &&
      grep -q '"planned_rounds": 500' "$work/stop.csv.json" &&
      [ "$(grep -c '"round":' "$work/stop.csv.json")" = "$round" ] &&
      grep -q "Test accuracy" "$work/stdout" &&
      eval "$(tail -n 1 "$work/err") --rounds $((round + 1))" &&
      [ "$(wc -l <"$work/stop.csv")" = $((round + 2)) ]
  }
  when='has_round "$work/stop it"'
  stop_and_go() {
    interrupted "$1" "$2" "^stopped after round [0-9]+ of 500; it goes on with" \
      "${whole[@]}" --csv "$work/stop.csv" --checkpoint "$work/stop it" && go_on &&
      rm -r "$work/stop it"
  }
  check "Ctrl-C ends a run after its round, with table, CSV, JSON and the command to go on" \
    stop_and_go 130 INT
  check "SIGTERM does the same" stop_and_go 143 TERM
  when='sleep 2'
  keeps_rounds() {
    interrupted 130 INT "a run with --checkpoint FOLDER goes on" "${whole[@]}" \
      --csv "$work/kept.csv" && [ "$(wc -l <"$work/kept.csv")" -gt 1 ]
  }
  check "without a checkpoint it keeps the rounds and says how a run can go on" keeps_rounds
  when='has_round "$work/twice"'
  ends_at_once() {
    interrupted 130 "INT INT" "" run --model mlp --threads 1 --fraction 0.5 --epochs 3 --rounds 9 \
      --csv "$work/twice.csv" --checkpoint "$work/twice" &&
      ! grep -q "^stopped after" "$work/err" && [ ! -s "$work/stdout" ] &&
      [ ! -e "$work/twice.csv" ]
  }
  check "a second Ctrl-C ends it at once, with nothing half-written" ends_at_once

  small_a3=(a3 --model mlp --rounds 6 --out "$work/stopped")
  unfinished=$work/stopped/.unfinished/a3-6-rounds
  exercise_goes_on() {
    "$program" a1 "${quick[@]}" --out "$work/stopped" && cp -r "$work/stopped" "$work/before" &&
      interrupted 130 INT "^stopped; the rounds so far are kept in $unfinished, and the same" \
      "${small_a3[@]}" &&
      [ "$(tail -n 1 "$work/err")" = "  $program ${small_a3[*]}" ] &&
      diff -r --exclude .unfinished "$work/before" "$work/stopped" || return 1
    "${program}" "${small_a3[@]}" 2>"$work/err" >/dev/null && cat "$work/err" &&
      grep -q "^going on with the rounds in $unfinished" "$work/err" &&
      [ ! -e "$work/stopped/.unfinished" ] &&
      "$program" a3 --model mlp --rounds 6 --out "$work/undisturbed" &&
      cmp "$work"/{stopped,undisturbed}/a3/results.csv
  }
  when='compgen -G "$unfinished/fedavg mlp N=100 C=0.1 B=100 E=1 *iid*/step-2" >/dev/null'
  check "an interrupted exercise loses no round, keeps old files and goes on to the same bytes" \
    exercise_goes_on
  set +m

  adds() {
    "$program" a2 "${quick[@]}" --seed 3 --out "$work/add" && cp -r "$work/add/a2" "$work/a2" &&
      "$program" a1 "${quick[@]}" --out "$work/add" && diff -r "$work/a2" "$work/add/a2" &&
      for part in "A1: FedSGD" "A2: The number" \
        "<dt>seed</dt><dd>3</dd>" "<dt>seed</dt><dd>10</dd>" \
        "<dd>$program a2 --model logistic --rounds 2 --seed 3 --out"; do
        grep -q "$part" "$work/add/report.html" &&
          grep -q "${part//<\/dd>/}" "$work/add/homework-1.ipynb" || return 1
      done
  }
  check "an exercise joins the others in the report, each with its origin" adds
  damaged() {
    printf '{"format": 1, ' >"$work/add/a2/results.json"
    "$program" a1 "${quick[@]}" --out "$work/add" 2>"$work/err" || return 1
    cat "$work/err"
    grep -q "^warning: the report omits a2 .*a2/results.json is not JSON" "$work/err" &&
      [ "$(wc -l <"$work/err")" = 1 ] &&
      [ "$(cat "$work/add/a2/results.json")" = '{"format": 1, ' ] &&
      ! grep -q "A2: The number" "$work/add/report.html"
  }
  check "damaged exercises are reported, left out and left alone" damaged
  edited() {
    sed -i 's/"# Homework 1/"My own words, and # Homework 1/' "$work/add/homework-1.ipynb" &&
      cp "$work/add/homework-1.ipynb" "$work/mine.ipynb" &&
      sed -i 's/"test_accuracy": [0-9.]*/"test_accuracy": 99.5/' "$work/add/a1/results.json" &&
      "$program" a2 "${quick[@]}" --out "$work/add" 2>"$work/err" || return 1
    cat "$work/err"
    diff - "$work/err" <<END && cmp "$work/mine.ipynb" "$work/add/homework-1.edited-1.ipynb" &&
warning: $work/add/a1/results.json may have been edited: its checksum is missing or wrong
note: $work/add/homework-1.ipynb may have been edited: kept as $work/add/homework-1.edited-1.ipynb
END
      grep -q "<dt>results.json</dt><dd>may have been edited" "$work/add/report.html" &&
      "$program" a2 "${quick[@]}" --out "$work/add" &&
      [ ! -e "$work/add/homework-1.edited-2.ipynb" ]
  }
  check "an edited notebook is kept, and edited results are reported, in the report, too" edited
  at_once() {
    local pids=() exercise
    for exercise in a1 a2 a3; do
      "$program" $exercise "${quick[@]}" --threads 1 --out "$work/both" &
      pids+=($!)
    done
    for exercise in "${pids[@]}"; do wait "$exercise" || return 1; done
    for exercise in A1 A2 A3; do
      grep -q "<h2>$exercise: " "$work/both/report.html" &&
        grep -q "\"## $exercise: " "$work/both/homework-1.ipynb" || return 1
    done
    diff <(ls -A "$work/both") <(printf '%s\n' .lock a1 a2 a3 homework-1.ipynb report.html)
  }
  check "exercises that end at the same time are all in the report" at_once
  refused_leaves() {
    cp -r "$work/add" "$work/same" && refuses "such file" a1 --data "$work/nothing" \
      --out "$work/add" &&
      diff -r "$work/same" "$work/add"
  }
  check "a refused command leaves all files as they were" refused_leaves
  same_again() {
    local exercise
    for exercise in a1 a2 a3; do
      "$program" compare "$work/out/$exercise/results.csv" --model logistic \
        --out "$work/same-$exercise" >"$work/stdout" || return 1
      cat "$work/stdout"
      grep -q "largest difference is 0.00" "$work/stdout" &&
        [ -s "$work/same-$exercise/results.json" ] || return 1
    done
  }
  check "compare reads the tables of the exercises" same_again
  beside_exercises() {
    cp "$work/out/report.html" "$work/report.html"
    "$program" compare "$work/out/a1/results.csv" --model logistic --out "$work/out" &&
      cmp "$work/report.html" "$work/out/report.html" &&
      grep -q "Same seed" "$work/out/comparison.html"
  }
  check "and keeps their report in a shared folder" beside_exercises
  beside() {
    "$program" run "${mlp[@]}" --csv "$work/beside" &&
      grep -q '"command": ".*--csv' "$work/beside.csv.json" &&
      grep -q '"dataset": "mnist"' "$work/beside.csv.json" &&
      "$program" run "${mlp[@]}" --csv "$work/named.csv" --json "$work/named" &&
      [ ! -e "$work/named.csv.json" ] &&
      [ -s "$work/named" ] && "$program" run "${mlp[@]}" --csv /dev/stdout | grep "^2,FedAvg"
  }
  check "a CSV's origin is in a file beside it" beside

  memory() {  # memory ARGUMENTS...: the peak in MB
    "$program" run --rounds 1 --threads 2 "$@" --json "$work/memory.json" >/dev/null &&
      grep -oE '"peak_memory_mb": [0-9]+' "$work/memory.json" | grep -oE '[0-9]+$'
  }
  fits() { local mb; mb=$(memory "$@") && echo "$mb MB" && [ "$mb" -le $((slack * 600)) ]; }
  check "one client with 6,000 images in one batch fits in 600 MB" \
    fits --algorithm fedsgd --clients 10 --fraction 0.1
  check "10,000 clients fit in 600 MB" fits --clients 10000 --fraction 0.01
fi
finish
