#!/usr/bin/env bash
# One, two and three pipelines share out the same microbatches with --exact-sums: the same losses to
# the last digit, and the same weights and moments.
cd "$(dirname "$0")/.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher

write_stories
train() {  # train NAME STAGES PIPELINES MICROBATCHES [options]: six sequences in a step
  tools/pipeline.sh "$2" "$3" --microbatches "$4" --batch 6 --d 32 --heads 2 --tokens 24 --steps 6 \
    --text "$work/stories.txt" --out "$work/$1" "${@:5}"
}
exact() { train "$@" --exact-sums; }

check "one process trains" exact one 1 1 6
check "two pipelines of two stages train" exact two 2 2 3 --schedule zb-h1
check "with the same losses" same_losses one two
check "and the same weights and moments" same_tensors "$work"/{one,two}/steps/step-6
check "three pipelines train" exact three 1 3 2 --zero1
check "two go on" exact three 2 2 3 --recompute --steps 9 --resume
check "and so does one process" exact one 1 1 6 --steps 9 --resume
check "with the same losses" same_losses one three
check "and the same weights and moments" same_tensors "$work"/{one,three}/steps/step-9
check "without --exact-sums two pipelines train" train plain 2 2 3 --steps 9
check "with other losses" eval '! same_losses one plain'

finish
