#!/usr/bin/env bash
# Training in bfloat16, as users start it: the same losses for every cut and on every processor.
cd "$(dirname "$0")/.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher

write_stories
small=(--text "$work/stories.txt" --d 32 --heads 2 --tokens 24 --steps 6 --microbatches 3)
train() {  # train NAME STAGES [options]: losses in $work/NAME/loss.csv
  tools/pipeline.sh "${@:2}" "${small[@]}" --out "$work/$1"
}
differ() { ! same_losses "$1" "$2"; }

check "one process trains in bfloat16" train serial 1 --precision bf16-plain
check "three do" train three 3 --precision bf16-plain
check "with the same losses" same_losses serial three
check "two recompute layers" train again 2 --precision bf16-plain --recompute
check "with the same losses" same_losses serial again
check "a GPT-2 trains" train gpt2 1 --precision bf16-plain --model gpt2
check "also in two processes" train gpt2-2 2 --precision bf16-plain --model gpt2
check "with the same losses" same_losses gpt2 gpt2-2
check "float trains" train float 1
check "with other losses" differ serial float
check "a float run does not go on from a checkpoint in bfloat16" \
  refuses "made with product-precision bf16, this run has float" "${small[@]}" --out "$work/serial" --resume
if grep -q avx512_bf16 /proc/cpuinfo; then
  check "this processor's instructions for bfloat16 train" train quick 2 --precision bf16
  check "with the same losses" same_losses serial quick
  check "they go on from what the plain twin saved" \
    train three 2 --precision bf16 --steps 8 --resume
else
  check "without instructions for bfloat16 there is a refusal" \
    refuses "this processor has no instructions for bfloat16" "${small[@]}" --precision bf16
fi
finish
