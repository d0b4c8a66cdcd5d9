#!/usr/bin/env bash
# Runs continue from their checkpoints, by --resume and by --restarts, after ranks were killed,
# files damaged and a disk filled: the losses and weights are those of an undisturbed run.
cd "$(dirname "$0")/.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher

write_stories
small=(--text "$work/stories.txt" --d 32 --heads 2 --tokens 24 --steps 40)
saved=("${small[@]}" --checkpoint-every 10)
train() {  # train NAME STAGES [PIPELINES] [options]: into $work/NAME
  tools/pipeline.sh "${@:2}" --out "$work/$1"
}
same_model() {
  local file
  for file in "$work/$1"/checkpoint/*; do
    cmp "$file" "$work/$2/checkpoint/$(basename "$file")" || return
  done
}
close_losses() {  # within 1e-6
  [ "$(losses "$1" | wc -l)" = 41 ] && paste -d, <(losses "$1") <(losses "$2") |
    awk -F, 'NR > 1 && ($2 - $4 > 1e-6 * $2 || $4 - $2 > 1e-6 * $2) { print; bad = 1 }
      END { exit bad }'
}

check "two pipelines train" train whole 2 2 "${small[@]}"
check "two pipelines train, saving checkpoints" \
  train saved 2 2 "${saved[@]}" --checkpoint "$work/steps"
check "with the same losses" same_losses whole saved
check "with the same weights" same_model whole saved
check "the two newest checkpoints are kept" \
  [ "$(ls "$work/steps" | tr '\n' ' ')" = "step-30 step-40 " ]

# Kills rank 2 twice, at different steps, as it trains.
killed() {
  tools/pipeline.sh 2 2 "${saved[@]}" --checkpoint "$work/killed-steps" --restarts 2 \
    --out "$work/killed" \
    >"$work/out" 2>"$work/err" &
  local launcher=$! step
  for step in 12 28; do
    wait_for_step killed $step || return
    kill -KILL "$(pgrep -P $launcher -f -- "--rank 2 ")"
    sleep 1
  done
  wait $launcher || { cat "$work/err"; return 1; }
  cat "$work/out" "$work/err"
  [ "$(grep -c 'rank 2 ended by signal 9' "$work/err")" = 2 ] &&
    grep -q "restart 2 of 2" "$work/err" &&
    grep -qE "resumed: after step [1-3]0 of" "$work/out"
}
check "a run with a rank killed twice restarts and ends" killed
check "with the same losses" same_losses whole killed
check "with the same weights" same_model whole killed

# The same with moments that are shared out.
killed_sharing() {
  tools/pipeline.sh 2 2 "${saved[@]}" --zero1 --checkpoint "$work/sharing-steps" --restarts 1 \
    --out "$work/sharing" >"$work/out" 2>"$work/err" &
  local launcher=$!
  wait_for_step sharing 15 || return
  kill -KILL "$(pgrep -P $launcher -f -- "--rank 3 ")"
  wait $launcher || { cat "$work/err"; return 1; }
  grep -qE "resumed: after step [1-3]0 of" "$work/out"
}
check "a run that shares moments out restarts when a rank is killed" killed_sharing
check "with the same losses" same_losses whole sharing
check "with the same weights" same_model whole sharing

# Kills everything at once, as when the machine stops.
lost() {
  local worker
  tools/pipeline.sh 2 2 "${saved[@]}" --checkpoint "$work/lost-steps" --out "$work/lost" \
    >/dev/null 2>&1 &
  local launcher=$!
  wait_for_step lost 18 || return
  worker=$(pgrep -P $launcher -f -- "--rank")
  kill -KILL $launcher $worker
  wait $launcher
  while pgrep -f -- "--out $work/lost" >/dev/null; do sleep 0.05; done
  rm -rf "$TMPDIR"/tributary-*
}
check "a run is killed" lost
cp -r "$work/lost-steps" "$work/moved-steps"
check "it goes on" train lost 2 2 "${saved[@]}" --checkpoint "$work/lost-steps" --resume
check "with the same losses" same_losses whole lost
check "with the same weights" same_model whole lost
check "it goes on as one pipeline of three stages" \
  train moved 3 "${saved[@]}" --microbatches 6 --checkpoint "$work/moved-steps" --resume
check "with nearly the same losses" close_losses whole moved

damaged() {  # the last checkpoint, which is reported
  rm -rf "$work/damaged-steps"
  cp -r "$work/steps" "$work/damaged-steps"
  printf 'x' | dd of="$work/damaged-steps/step-40/piece-3.safetensors" bs=1 seek=5000 conv=notrunc \
    status=none
  train damaged 2 2 "${saved[@]}" --checkpoint "$work/damaged-steps" --resume >"$work/out" || return
  cat "$work/out"
  grep -q "note: .*step-40/piece-3.safetensors is damaged: its checksum is wrong" "$work/out" &&
    grep -q "resumed: after step 30" "$work/out"
}
check "a damaged checkpoint is reported, and the one before it is used" damaged
check "with the same losses" same_losses whole damaged
check "with the same weights" same_model whole damaged

# OpenBLAS has kernels for each kind of processor, which sum in different orders.
other_core() {
  rm -rf "$work/core-steps"
  OPENBLAS_CORETYPE=Haswell train core 2 "${saved[@]}" --steps 10 --checkpoint "$work/core-steps" ||
    return
  OPENBLAS_CORETYPE=$1 train core 2 "${saved[@]}" --steps 20 --checkpoint "$work/core-steps" \
    --resume >"$work/out" || return
  cat "$work/out"
}
rounding="the same training but for rounding"
on_another() {
  other_core Sandybridge &&
    grep -q "note: .* made with blas-core Haswell, here it is Sandybridge: $rounding" "$work/out"
}
on_the_same() { other_core Haswell && ! grep -q "note:" "$work/out"; }
check "a checkpoint of another kind of processor is reported" on_another
check "one of the same kind is not" on_the_same

# Checkpoints of every version so far.
old_version() {
  mkdir -p "$work/data"
  rm -rf "$work/version" "$work/versions"
  cp -r "$1" "$work/version"
  "$program" --data "$work/data" --text tests/golden/formats/text.txt --d 4 --depth 1 --heads 2 \
    --hidden 8 --tokens 16 --steps 6 --checkpoint "$work/version" --resume \
    --out "$work/versions" >"$work/out" || return
  cat "$work/out"
  grep -q "resumed: after step 4 of" "$work/out" && [ -e "$work/version/step-6" ]
}
for version in tests/golden/formats/*/; do
  check "a checkpoint of version $(basename "$version") goes on" old_version "$version"
done
check "one of version 1 does so without mentioning processors" \
  eval 'old_version tests/golden/formats/1 && ! grep -q note: "$work/out"'

# No file may be longer than 64 KiB: for checkpoints, the disk is full.
full() {
  (
    trap '' XFSZ
    ulimit -f 64
    refused "cannot write .*File too large" "$program" "${small[@]}" --steps 50 \
      --checkpoint-every 5 --batch 6 --microbatches 3 --checkpoint "$work/steps" --resume \
      --out "$work/full"
  )
}
full_disk() {
  cp -r "$work/steps" "$work/before"
  full
  diff -r "$work/before/step-40" "$work/steps/step-40" && ! ls "$work"/steps/*/.*.part 2>/dev/null
}
check "a full disk ends a run and leaves the last checkpoint" full_disk

refused_resume() { refused "$1" tools/pipeline.sh 2 2 "${saved[@]}" --out "$work/bad" "${@:2}"; }
check "checkpoints of an earlier run are not mixed with another's" \
  refused_resume "earlier run" --checkpoint "$work/steps"
check "another seed is not a continuation" \
  refused_resume "seed 0, this run has 7" --checkpoint "$work/steps" --resume --seed 7
check "nor is a run that ends earlier" \
  refused_resume "the run ends at step 20" --checkpoint "$work/steps" --resume --steps 20
starts_over() {
  train anew 2 2 "${saved[@]}" --resume &&
    grep -q "begins at step 1: there is no checkpoint yet" "$work/log"
}
check "a run without a checkpoint to resume from starts over" starts_over
check "with the same losses" same_losses whole anew
check "the number of restarts is one" \
  refused_resume "not a number" --restarts many --checkpoint "$work/x"
exhausted() {  # a rank that cannot go on is not restarted forever
  : >"$work/steps-file"
  tools/pipeline.sh 2 2 "${saved[@]}" --checkpoint "$work/steps-file" --restarts 3 \
    --out "$work/bad" >"$work/out" 2>"$work/err"
  [ $? = 2 ] && ! grep -q restart "$work/err" && grep -q "^error" "$work/err"
}
check "wrong options are not retried" exhausted

shared() {
  flock "$work/steps/.lock" tools/pipeline.sh 2 2 "${saved[@]}" --checkpoint "$work/steps" \
    --resume --restarts 1 --out "$work/shared" >"$work/out" 2>"$work/err"
  [ $? = 2 ] && cat "$work/err" && grep -q "another run writes to $work/steps" "$work/err"
}
check "two runs do not share a folder of checkpoints" shared

skipped() {
  train nan 3 "${small[@]}" --lr 1e30 --skip-bad-steps >"$work/out" || return
  cat "$work/out"
  grep -qE "^skipped: 3[0-9] steps" "$work/out" && [ "$(losses nan | wc -l)" -lt 12 ]
}
check "steps with a NaN are skipped and counted" skipped
check "no sockets are left behind" [ -z "$(ls "$TMPDIR")" ]
finish
