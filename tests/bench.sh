#!/usr/bin/env bash
# bench as a user starts it: with and without PyTorch, single jobs, files, wrong input.
cd "$(dirname "$0")/.." || exit 1
program=bench
. tests/checks.bash

mkdir "$work/bin"
printf '#!/bin/sh\nexit 1\n' >"$work/bin/python3" && chmod +x "$work/bin/python3"
without_torch() { PATH=$work/bin:$PATH "$program" "$@" 2>&1; }

check "without PyTorch it says so, and measures alone" eval \
  "without_torch --only train-100 --turns 1 >'$work/alone' && grep -q 'no torch' '$work/alone' &&
   grep -qE '^CNN training, B=100 +images/s +[0-9]+(\.[0-9])? ' '$work/alone' &&
   ! grep -qE 'Tributary +PyTorch' '$work/alone'"
mkdir "$work/git"
printf '#!/bin/sh\nexit 128\n' >"$work/git/git" && chmod +x "$work/git/git"
check "a git that cannot read the folder does not stop the measurement" eval \
  "PATH='$work/git':\$PATH '$program' --alone --only start --turns 1 | tr '\n' ' ' |
    grep -q 'of an unknown version'"
check "single jobs can be chosen, and figures are written" eval \
  "'$program' --alone --only train-100,start --turns 1 --json '$work/folder/figures.json' &&
   grep -q '\"job\": \"start\"' '$work/folder/figures.json' &&
   ! grep -q test-10000 '$work/folder/figures.json'"
check "the README's table is one flag away" prints --alone --only start --turns 1 --markdown -- \
  '^\| Work \| Unit \| Tributary \|' '^\| hw1, start to first step \| s \| [0-9.]+ \|'
python=${TORCH_PYTHON:-python3}
if "$python" -c 'import numpy, torch' 2>"$work/log"; then
  mkdir "$work/llmc"
  cat >"$work/llmc/train_gpt2" <<'END'
#!/bin/sh
[ "$OMP_NUM_THREADS" = 3 ] && [ "$(wc -c <gpt2_124M.bin)" = $((4 * (256 + 124475904))) ] &&
  ls dev/data/tinyshakespeare/tiny_shakespeare_train.bin >/dev/null || exit 1
echo "step 0: train loss 11.0 (took 9000.0 ms)"
echo "step 1: train loss 10.9 (took 4321.0 ms)"
exec sleep 1000
END
  chmod +x "$work/llmc/train_gpt2"
  check "llm.c gets its files, and tells the time of its second step" eval \
    "echo step | PYTHONDONTWRITEBYTECODE=1 '$python' tools/bench/peers/llmc.py 3 '$work/llmc' |
      grep -qxF 4.321"
else
  echo "left out: llm.c as a peer (no numpy and torch in $python)"
fi
check "growth is drawn as it is measured" eval \
  "'$program' --growth '$work/growth' --only threads --threads 1 &&
   grep -q '</svg>' '$work/growth/growth-threads.svg' &&
   grep -qE '^1,[0-9.]+$' '$work/growth/growth-threads.csv'"

check "where the time of a LLaMA step goes is printed, beside its products alone" eval \
  "'$program' --growth '$work/growth' --only llama-parts --threads 1 >'$work/parts' &&
   grep -qE '^linear +[0-9.]+ +[0-9.]+$' '$work/parts' &&
   grep -qE '^all +[0-9.]+ +[0-9.]+$' '$work/parts' &&
   grep -qE '^its matrix products alone +[0-9.]+ +[0-9.]+$' '$work/parts' &&
   grep -qE '^Adam,[0-9.]+,[0-9.]+$' '$work/growth/growth-llama-parts.csv'"

check "an unknown job is an error" refuses "there is no job sorting" --alone --only sorting
check "an unknown growth is an error" refuses "there is no job b1" --growth \
  "$work/growth" --only b1
check "zero turns are an error" refuses "--turns" --turns 0
check "a folder that cannot be written is an error" refuses "$work/bin/python3" --only threads \
  --growth "$work/bin/python3"
check "figures that cannot be written are an error before anything is measured" refuses \
  "$work/bin/python3" \
  --json "$work/bin/python3/figures.json"
finish
