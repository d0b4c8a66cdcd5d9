#!/usr/bin/env bash
# Every output meets a full disk: each command runs on disks with less to more room, until all that
# it writes fits. On the smaller ones it must end with one line that says why, and hw1 must leave
# another exercise's results alone; once there is room, the same command gives the results of an
# undisturbed run. Prints a table. Needs MNIST and the table of patients in data/raw.
cd "$(dirname "$0")/../.." || exit 1
program=federated
. tests/checks.bash
prepare_launcher
[ -e "$data_raw/heart/heart.csv" ] && [ -e "$data_raw/mnist/t10k-labels-idx1-ubyte" ] ||
  { echo "left out: needs data/fetch.sh mnist heart"; finish; exit; }
disk=$work/disk
mkdir "$disk"
mount -t tmpfs -o size=1m tmpfs "$disk" 2>/dev/null && umount "$disk" ||
  { echo "left out: needs permission to mount a disk"; finish; exit; }
clean_up() {
  while umount -l "$disk"; do :; done
  rm -rf "$work"
} 2>/dev/null
trap clean_up EXIT
touch "$work/table"

insert_disk() {  # insert_disk [OPTIONS OF MOUNT]: with what is in $work/earlier
  mount -t tmpfs "$@" tmpfs "$disk" && cp -r "$work/earlier/." "$disk"
}
# In at most so many lines, without hints.
says_why() {
  grep -qE '^(rank [0-9]+: )?error: .*No space left|is the disk (of .* )?full' "$work/err" &&
    [ "$(grep -vc '^hint: ' "$work/err")" -le $lines ]
}
command=() lines=1

# fits NAME RESULTS...: files below the disk that must not depend on what happened
fits() {
  local name=$1 kb=0 failures=0 slowest=0 used start
  insert_disk && "${command[@]}" >/dev/null || return
  rm -rf "$work/whole" && mkdir "$work/whole" && cp -r "$disk/." "$work/whole" && umount "$disk"
  used=$(du -sk "$work/earlier" | cut -f1)
  until
    insert_disk -o size=$((used + kb))k || return
    "${command[@]}" >"$work/said" 2>"$work/err"
  do
    ((++failures))
    cat "$work/said" "$work/err"
    says_why || { echo "with $kb kB it does not say why"; return 1; }
    keeps_earlier || return
    mount -o remount,size=64m "$disk" || return
    start=$(date +%s%N)
    "${command[@]}" >"$work/said" 2>&1 || { cat "$work/said"; return 1; }
    start=$((($(date +%s%N) - start) / 100000000))
    if [ $start -gt $slowest ]; then slowest=$start; fi
    same_results "${@:2}" || { echo "after $kb kB"; return 1; }
    umount "$disk" || return
    kb=$((kb * 4 / 3 + 1))
  done
  same_results "${@:2}" && umount "$disk" || return
  [ $failures -gt 0 ] || { echo "all fits into $kb kB"; return 1; }
  printf '| %s | %d | %d.%d |\n' "$name" $failures $((slowest / 10)) $((slowest % 10)) \
    >>"$work/table"
}
same_results() {
  local file
  for file; do cmp "$work/whole/$file" "$disk/$file" || return; done
}
# Wherever the files are now.
keeps_earlier() {
  local file
  while read -r file; do
    cmp "$work/earlier/$file" "$disk/$file" || return
  done < <(cd "$work/earlier" && find . -type f)
}

check_fits() { check "$1: nothing is lost on a full disk" fits "$@"; }  # as fits
mkdir "$work/earlier"
command=("$program" run --dataset heart --model mlp -N 10 -C 0.5 -B 16 -E 1 --rounds 3
  --csv "$disk/run.csv" --json "$disk/run.json" --tensorboard "$disk/board"
  --partition-svg "$disk/split.svg" --checkpoint "$disk/steps" --resume)
check_fits "federated run: table, JSON, TensorBoard, picture, checkpoints" \
  run.csv split.svg steps/step-3/weights.safetensors
hw1=${program%/*}/hw1
"$hw1" a2 --model logistic --rounds 1 --out "$work/a2" >/dev/null
cp -r "$work/a2/a2" "$work/earlier"
command=("$hw1" a1 --model logistic --rounds 2 --out "$disk")
check_fits "hw1 a1: tables, plots, notebook, report, rounds so far" \
  a1/results.csv a1/plot1.svg a1/plot2.svg a2/results.json
rm -rf "$work/earlier" && mkdir "$work/earlier"

printf '%s\n' 'dataset = "heart"' 'model = "mlp"' 'clients = 10' 'fraction = 0.5' 'batch = 16' \
  'rounds = 2' 'lr = [0.1, 0.2]' >"$work/sweep.toml"
lines=6  # of the runs, too
command=("$program" sweep "$work/sweep.toml" --out "$disk/sweep")
check_fits "federated sweep: runs, tables, report" sweep/{summary,results}.csv
# The disk has the folder in which they meet; the first one writes the results.
federates() {
  local rank ranks=() status=0
  for rank in 0 1; do
    "$program" run --dataset heart --model mlp -N 10 -C 0.5 -B 16 --rounds 3 --rank $rank \
      --ranks 2 --timeout 5 --meet "$disk/meet" --csv "$disk/run-$rank.csv" \
      --checkpoint "$disk/steps-$rank" --resume &
    ranks+=($!)
  done
  for rank in "${ranks[@]}"; do wait "$rank" || status=$?; done
  return $status
}
command=(federates)
check_fits "federated run on two ranks: the same, meeting place" \
  run-0.csv steps-0/step-3/weights.safetensors
lines=1
command=("${program%/*}/hw2" lab --epochs 2 --out "$disk")
check_fits "hw2 lab: the same as hw1" lab2b.csv lab/{results.csv,plot1.svg}
command=("${program%/*}/hw3" q3 --model logistic --rounds 1 --out "$disk")
check_fits "hw3 q3: the same, confusion matrices" q3/{results.csv,plot1.svg,confusion1.svg}
lines=3
command=(env TMPDIR="$disk" tools/vertical.sh 2 --epochs 300 --out "$disk/out")
check_fits "vertical.sh: losses, logs, sockets" out/lab2b.csv
lines=1
command=("${program%/*}/show_schedule" zb-h1 --svg "$disk/schedule.svg" --csv "$disk/schedule.csv")
check_fits "show_schedule: picture, table" schedule.{svg,csv}

write_stories
training=(--text "$work/stories.txt" --tokenizer bytes --d 16 --heads 2 --depth 2 --tokens 16
  --threads 1 --checkpoint-every 5 --steps 15)
model=out/checkpoint/model-0000
lines=2
command=(env DATA_RAW="$disk/data" tools/pipeline.sh 2 "${training[@]}" --trace --out "$disk/out"
  --tensorboard "$disk/board" --resume)
check_fits "pipeline.sh: losses, logs, checkpoints, model, timeline, TensorBoard" \
  ${model}{1,2}-of-00002.safetensors
lines=4
command=(env TMPDIR="$disk" tools/pipeline.sh 2 2 "${training[@]}" --sync-every 5 --out "$disk/out"
  --resume)
check_fits "pipeline.sh --sync-every: the same" ${model}{1,2}-of-00002.safetensors
command=(env TMPDIR="$disk" tools/pipeline.sh 2 2 --elastic "${training[@]}" --exact-sums
  --timeout 5 --out "$disk/out" --resume)
check_fits "pipeline.sh --elastic: the same, history, meeting place" \
  ${model}{1,2}-of-00002.safetensors
"${program%/*}/pipeline_worker" "${training[@]}" --out "$work/drawn" >/dev/null
lines=1
command=("${program%/*}/show_loss" "$work/drawn" --svg "$disk/loss.svg")
check_fits "show_loss: picture" loss.svg
echo '| command and its outputs | disks too small | seconds to recover |'
cat "$work/table"
finish
