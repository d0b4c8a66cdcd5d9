#!/usr/bin/env bash
# Programs that cannot get the memory they need say so and end; OpenBLAS alone would retry forever.
cd "$(dirname "$0")/.." || exit 1
program=pipeline_worker
. tests/checks.bash
case ${BUILD_SUFFIX-} in *address* | *thread*)
  echo "left out: sanitizers need terabytes of address space"
  finish
  exit ;;
esac
bin=$PWD/${BIN:-bin}

# Ends within 20 s, with success or a reason; the smallest limits end a program before its main.
ends() {  # ends KILOBYTES COMMAND...
  local status reason='^error: .*memory|failed to map segment|annot allocate|pthread_create failed'
  reason+='|cannot start [0-9]+ threads'
  (ulimit -v "$1" && exec timeout -k 1 20 "${@:2}") >"$work/stdout" 2>"$work/err"
  status=$?
  cat "$work/err"
  echo "status $status"
  [ $status = 0 ] || { [ $status != 124 ] && [ $status != 137 ] && grep -qE "$reason" "$work/err"; }
}

training=(--text tests/README.md --data "$work/data" --d 16 --heads 2 --depth 1 --tokens 16
  --steps 1 --out "$work/out")
for limit in 50000 100000 200000 300000 400000 600000 1000000 2000000; do
  check "with $limit kB of addresses pipeline_worker --check ends" \
    ends $limit "$program" --check --threads 2
  check "with $limit kB of addresses training ends" \
    ends $limit "$program" "${training[@]}" --threads 2
  [ ! -e "$data_raw"/mnist/t10k-labels-idx1-ubyte ] ||
    check "with $limit kB of addresses hw1 run ends" \
    ends $limit "$bin/hw1" run --model mlp --rounds 1 --threads 2
done
if [ -e "$data_raw"/mnist/t10k-labels-idx1-ubyte ]; then
  for limit in 500000 520000 540000 560000; do
    check "with $limit kB of addresses three threads end" \
      ends $limit "$bin/hw1" run --model mlp --rounds 1 --threads 3
  done
fi
in_little() { (ulimit -v 250000 && exec "$@"); }
# Eight microbatches in flight; the memory of weights and programs is small beside them.
took() {  # took OPTIONS...: megabytes
  "$program" --text tests/README.md --data "$work/data" --d 128 --heads 4 --depth 12 --tokens 256 \
    --schedule gpipe --microbatches 8 --threads 1 --steps 1 --checkpoint-every 0 \
    --out "$work/out" "$@" | sed -nE 's/^memory: .* took up to ([0-9]+) MB$/\1/p'
}
recomputed() {
  local whole=$(took) less=$(took --recompute)
  echo "$whole MB, recomputed $less MB"
  [ "$less" -gt 0 ] && [ $((3 * less)) -lt "$whole" ]
}
check "recomputing layers takes less than a third of the memory" recomputed
# A shell of 600 MB, more than the training takes.
from_a_large_one() {
  local alone from_large ballast
  alone=$(took --recompute)
  ballast=$(head -c 600000000 /dev/zero | tr '\0' x)
  from_large=$(took --recompute)
  echo "$alone MB, started by a shell with ${#ballast} bytes $from_large MB"
  [ "$alone" -lt 500 ] && [ $((from_large - alone)) -lt 50 ]
}
check "the memory of a program is not that of the one that started it" from_a_large_one
shared_out() {
  local whole less
  launch() {
    tools/pipeline.sh 1 3 --text tests/README.md --data "$work/data" --d 256 --heads 4 --depth 16 \
      --tokens 8 --microbatches 1 --threads 1 --steps 1 --checkpoint-every 0 \
      --out "$work/out" "$@" | sed -nE 's/^memory: rank 2 took up to ([0-9]+) MB$/\1/p'
  }
  whole=$(launch) less=$(launch --zero1)
  echo "$whole MB, shared out $less MB"
  # The layers have 16.8 million weights with two moments of 4 bytes: two thirds are 89 MB.
  [ "$less" -gt 0 ] && [ $((whole - less)) -ge 60 ]
}
check "each of three pipelines has a third of the moments" shared_out
check "a limit that is too low is an error with the figure" \
  refused "134 MB for each of 9 threads" in_little "$program" --check --threads 9
check "more threads than OpenBLAS has places for are an error" \
  refused "OpenBLAS supports at most .* threads" "$program" --check --threads 1000
check "ranks that lack memory end their run with the reason" \
  refused "memory for matrix products" in_little tools/pipeline.sh 2 "${training[@]}" --threads 4
no_threads_of_blas() {
  "$program" "${training[@]}" --threads 1 --steps 1000000 >/dev/null &
  local pid=$! threads
  sleep 1
  threads=$(ls /proc/$pid/task | wc -l)
  kill $pid
  wait $pid
  echo "$threads threads"
  [ "$threads" -le 3 ]  # the program's own and ZeroMQ's two
}
check "OpenBLAS has no threads of its own" no_threads_of_blas
# The text is 60 MB; its ids, 120 MB, would not fit.
in_parts() {
  yes 'Once upon a time there was a little girl named Lily.' | head -c 60000000 >"$work/long.txt"
  (ulimit -d 220000 && exec "$program" --text "$work/long.txt" --data "$work/data" --steps 0 \
    --tokenizer bytes --d 2 --heads 1 --depth 0 --tokens 16 --threads 1 --out "$work/out")
}
check "a text is encoded in little memory, whatever its size" in_parts
finish
