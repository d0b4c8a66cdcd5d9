#!/usr/bin/env bash
# valgrind finds neither leaks nor wrong accesses in a federated run and in a pipeline of three
# ranks. It does not know every processor's instructions, so the portable programs are used.
cd "$(dirname "$0")/../.." || exit 1
command -v valgrind >/dev/null || { echo "error: this needs valgrind: apt install valgrind" >&2; \
  exit 2; }
make -s -j"$(nproc)" PORTABLE=1 SETUP=skip programs || exit 1
export BIN=build/float-portable/bin OPENBLAS_CORETYPE=Haswell OPENBLAS_NUM_THREADS=1
program=hw1
. tests/checks.bash

memory_is_right() {
  valgrind -q --leak-check=full --errors-for-leak-kinds=definite,indirect,possible \
    --show-leak-kinds=definite,indirect,possible --error-exitcode=9 "$@"
}

check "hw1 run has no leaks and no wrong accesses" memory_is_right "$program" run --model mlp \
  --rounds 1 --clients 500 --fraction 0.004 --threads 2 --json "$work/run.json"

three_ranks() {
  local rank ranks=() status=0
  for rank in 0 1 2; do
    memory_is_right "$BIN/pipeline_worker" --stages 3 --rank $rank --address "ipc://$work" \
      --text "$work/stories.txt" --d 32 --heads 2 --tokens 24 --steps 2 --timeout 300 \
      --out "$work/out" >"$work/rank-$rank.log" 2>&1 &
    ranks+=($!)
  done
  for rank in "${ranks[@]}"; do wait "$rank" || status=1; done
  cat "$work"/rank-*.log
  [ $status = 0 ]
}
for i in {1..60}; do echo "Tom had $i red balls. Mia was glad."; done >"$work/stories.txt"
check "three ranks of a pipeline have none either" three_ranks
finish
