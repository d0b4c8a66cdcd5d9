#!/usr/bin/env bash
# bin/federated run --stages: clients whose model is cut over several processes have the bits of one
# process, also when some are killed. Needs Shakespeare's plays in data/raw.
cd "$(dirname "$0")/.." || exit 1
program=federated
. tests/checks.bash
. tests/ranks.bash
[ -e data/raw/shakespeare ] || { echo "left out: needs data/fetch.sh shakespeare"; finish; exit; }
run=(run --dataset shakespeare --model llama --split natural -N 440 -C 0.01 -B 8 --lr 0.2
  --local-steps 6 --rounds 2 --test-every 100)

ends_as_alone() {  # ends_as_alone NAME: results and weights
  local step
  for step in "$work"/alone-steps/step-*; do
    same_tensors "$step" "$work/$1-steps/${step##*/}" || return
  done
  same "$1" && [ -z "$(ls -A "$work/meet")" ]
}
cuts() {  # cuts RANKS "OPTIONS OF RANKS" ARGUMENTS...
  local rank cutting
  read -ra cutting <<<"$2"
  rm -rf "$work"/cut-* "$work"/alone*
  alone --checkpoint "$work/alone-steps" "${@:3}" &&
    start cut "$1" "${cutting[@]}" --checkpoint "$work/cut-steps" "${@:3}" || return
  wait "${ranks[@]}" || { cat "$work"/cut-*.out; return 1; }
  for ((rank = 1; rank < $1; ++rank)); do
    grep -qE "^rank $rank (trained clients|computed gradients) [1-9][0-9]* times?$" \
      "$work/cut-$rank.out" || { cat "$work"/cut-*.out; return 1; }
  done
  ends_as_alone cut
}
check "clients of two stages give the bits of one process" cuts 2 "--stages 2"
check "so do those of three, with another schedule" cuts 3 "--stages 3 --schedule gpipe"
check "two pipelines of two train two clients at a time" cuts 4 "--stages 2 --schedule zb-v"
half=(--precision bf16-plain --local-steps 1 --rounds 1)  # slow
grep -q avx512_bf16 /proc/cpuinfo && half=(--precision bf16)
check "also in bfloat16, on every lead" cuts 4 "--stages 2" "${half[@]}"
check "clients keep states, and compress, on the first stage" cuts 4 "--stages 2" \
  --algorithm scaffold --compression topk

# A rank of a run with two pipelines of two is killed.
slow=(--rounds 4 --local-steps 30 --heartbeat 1 --timeout 10)
loses() {  # loses NAME RANK: while it trains
  start "$1" 4 --stages 2 "${slow[@]}" --checkpoint "$work/$1-steps"
  played "$1" 1 || echo "it does not train"
  kill -KILL "${ranks[$2]}"
}
survives() {  # survives NAME RANK PATTERN: of what rank 0, or the rank's lead, says
  loses "$1" "$2"
  wait "${ranks[0]}"
  local status=$?
  wait
  cat "$work/$1"-*.out
  [ $status = 0 ] && cat "$work/$1"-*.out | grep -q "$3" && ends_as_alone "$1"
}
rm -rf "$work"/alone*
alone "${slow[@]:0:4}" --checkpoint "$work/alone-steps"
check "rank 0 goes on when its other stage is killed" survives own 1 \
  "^rank 1 is gone.*; rank 0 goes on without its pipeline$"
check "so does another lead" survives others 3 \
  "^rank 3 is gone.*; rank 2 goes on without its pipeline$"
check "a lead's client is given to others when it is killed" survives lead 2 \
  "^rank 2 is gone.*; others take over its work$"

hangs() {  # a stage of rank 0 stops for less than a heartbeat
  start hangs 2 --stages 2 "${slow[@]}" --heartbeat 60 --client-timeout 2 \
    --checkpoint "$work/hangs-steps"
  played hangs 1 || echo "it does not train"
  kill -STOP "${ranks[1]}"
  wait "${ranks[0]}"
  local status=$?
  kill -KILL "${ranks[1]}"
  wait
  cat "$work"/hangs-*.out
  [ $status = 0 ] && grep -q "while .*; rank 0 goes on without its pipeline$" "$work/hangs-0.out" &&
    ends_as_alone hangs
}
check "rank 0 goes on without a stage that sends nothing for too long" hangs

comes_back() {  # the second stage is started again, as its launcher would
  loses back 1
  "$program" "${run[@]}" "${slow[@]}" --stages 2 --threads 1 --rank 1 --ranks 4 \
    --meet "$work/meet" >"$work/back-1.out" 2>&1 &
  wait "${ranks[0]}" && wait "${ranks[2]}" && wait "${ranks[3]}" && wait $! || return
  cat "$work"/back-*.out
  grep -q "^the pipeline of rank 0 is back$" "$work/back-0.out" &&
    grep -qE "^rank 1 computed gradients [1-9]" "$work/back-1.out" && ends_as_alone back
}
check "a stage that is started again takes part again" comes_back

# Of three stages the second is started again when the third has waited longer than --timeout.
comes_back_late() {
  local _ newest late=(--rounds 500 --local-steps 30 --heartbeat 1 --timeout 5 --stages 3)
  start late 3 "${late[@]}" --checkpoint "$work/late-steps"
  played late 1 || echo "it does not train"
  kill -KILL "${ranks[1]}"
  sleep 7
  "$program" "${run[@]}" "${late[@]}" --threads 1 --rank 1 --ranks 3 --meet "$work/meet" \
    >"$work/late-1.out" 2>&1 &
  ranks[1]=$!
  for _ in {1..600}; do
    grep -q "^the pipeline of rank 0 is back$" "$work/late-0.out" && break
    sleep 0.1
  done
  kill -TERM "${ranks[0]}"  # it ends after the round
  wait "${ranks[0]}"
  cat "$work"/late-*.out
  wait "${ranks[1]}" && wait "${ranks[2]}" &&
    grep -qE "^rank 1 computed gradients [1-9]" "$work/late-1.out" || return
  newest=$(basename "$(ls -d "$work"/late-steps/step-* | sort -V | tail -n 1)")
  rm -rf "$work"/alone*
  alone --rounds "${newest#step-}" --local-steps 30 --checkpoint "$work/alone-steps" &&
    same_tensors "$work/alone-steps/$newest" "$work/late-steps/$newest" &&
    [ -z "$(ls -A "$work/meet")" ]
}
check "a stage waits for another for as long as the run goes on" comes_back_late

# The run ends while the second of three stages is away.
ends_without() {
  start away 3 --stages 3 "${slow[@]}" --checkpoint "$work/away-steps"
  played away 1 || echo "it does not train"
  kill -KILL "${ranks[1]}"
  wait "${ranks[0]}" && wait "${ranks[2]}" || { cat "$work"/away-*.out; return 1; }
  cat "$work"/away-*.out
  grep -q "^rank 2: the run has ended without its pipeline$" "$work/away-2.out"
}
check "a stage ends with the run, also while another one is away" ends_without

differ() {  # differ STAGES OTHER: of rank 0, and of rank 1
  local status
  "$program" "${run[@]}" --stages "$1" --rank 0 --ranks 2 --meet "$work/meet" >"$work/0.out" 2>&1 &
  "$program" "${run[@]}" --stages "$2" --rank 1 --ranks 2 --meet "$work/meet" >"$work/1.out" 2>&1
  status=$?
  cat "$work/1.out"
  kill -TERM $!
  wait $!
  [ $status = 2 ] && grep -qx "error: rank 0 was started with --stages $1, rank 1 with $2" "$work/1.out"
}
check "a rank with other --stages than rank 0 is refused" differ 2 1
check "so is one with stages where rank 0 has none" differ 1 2

check "ranks that make no whole pipelines are refused" refuses \
  "5 ranks do not divide into pipelines of 2 stages" run --rank 0 --ranks 5 --stages 2
check "so is a schedule without stages" refuses "--schedule is the order of work in a pipeline" \
  run --schedule gpipe
check "so is a model that cannot be cut" refuses "--stages cuts language models alone" \
  run --dataset heart --model mlp -N 3 --rank 0 --ranks 2 --stages 2 --meet "$work/meet"
finish
