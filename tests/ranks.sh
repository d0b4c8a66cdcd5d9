#!/usr/bin/env bash
# bin/federated run on several processes: the same bits as one, also when some die, freeze or are
# interrupted. Needs the table of patients in data/raw.
cd "$(dirname "$0")/.." || exit 1
program=federated
. tests/checks.bash
. tests/ranks.bash
[ -e data/raw/heart/heart.csv ] ||
  { echo "left out: needs data/fetch.sh heart"; finish; exit; }
run=(run --dataset heart --model mlp -N 30 -C 0.4 -B 16 -E 5 --lr 0.1 --rounds 5)

shares() {  # shares RANKS ARGUMENTS...: as one process does
  local rank
  rm -f "$work"/shared-*
  alone "${@:2}" && start shared "$@" || return
  wait "${ranks[@]}" || { cat "$work"/shared-*.out; return 1; }
  for ((rank = 1; rank < $1; ++rank)); do
    grep -qE "^rank $rank trained clients [1-9][0-9]* times?$" "$work/shared-$rank.out" || return
    [ ! -e "$work/shared-$rank.csv" ] || return
  done
  same shared && [ -z "$(ls -A "$work/meet")" ]
}
check "three ranks give the bits of one" shares 3
check "in bfloat16, too" shares 2 --precision bf16-plain
check "so do two, with states and residuals of clients" shares 2 --algorithm scaffold \
  --compression topk
check "with clients that collude against a defence" shares 3 --attack alie --malicious 0.3 \
  --defence multi-krum --byzantine 3 --keep 6
check "with clients that started from earlier weights" shares 2 --clock fedbuff
check "with personal models and shuffled samples" shares 3 --algorithm ditto --held-out 0.2 \
  --shuffle --momentum 0.9

# Rounds of a run that is disturbed take a while.
slow=(--rounds 12 -E 100 --heartbeat 1)
survives() {  # survives NAME SIGNAL RANK...
  start "$1" 4 "${slow[@]}" --checkpoint "$work/$1-steps"
  played "$1" 2 || echo "it does not train"
  local rank status
  for rank in "${@:3}"; do kill "-$2" "${ranks[rank]}"; done
  wait "${ranks[0]}"
  status=$?
  for rank in "${@:3}"; do kill -KILL "${ranks[rank]}"; done 2>/dev/null
  wait
  cat "$work/$1-0.out"
  for rank in "${@:3}"; do
    grep -q "^rank $rank .*; others take over its work" "$work/$1-0.out" || return
  done
  [ $status = 0 ] && same "$1"
}
alone "${slow[@]:0:4}"
check "a rank that is killed loses nothing" survives killed KILL 2
check "nor do all ranks but the first" survives deserted KILL 1 2 3
check "nor does one that freezes" survives frozen STOP 3

comes_back() {  # rank 2 is killed, and started again as its launcher would
  start back 3 "${slow[@]}" --checkpoint "$work/back-steps"
  played back 2 || echo "it does not train"
  kill -KILL "${ranks[2]}"
  "$program" "${run[@]}" "${slow[@]}" --threads 1 --rank 2 --ranks 3 --meet "$work/meet" \
    >"$work/back-2.out" 2>&1 &
  wait "${ranks[0]}" && wait "${ranks[1]}" && wait $! || return
  cat "$work"/back-*.out
  grep -q "^rank 2 is back$" "$work/back-0.out" &&
    grep -qE "^rank 2 trained clients [1-9]" "$work/back-2.out" && same back &&
    [ -z "$(ls -A "$work/meet")" ]
}
check "a rank that is started again takes part again" comes_back

# Rank 2 stops for less than a heartbeat, but for longer than a client may take. It is told so when
# it goes on, and started again.
hangs() {
  local _ late=("${slow[@]}" --heartbeat 60 --client-timeout 4)
  start hangs 3 "${late[@]}" --checkpoint "$work/hangs-steps"
  played hangs 2 || echo "it does not train"
  kill -STOP "${ranks[2]}"
  for _ in {1..600}; do
    grep -q "others take over" "$work/hangs-0.out" && break
    sleep 0.02
  done
  kill -CONT "${ranks[2]}"
  wait "${ranks[2]}"
  local status=$?
  "$program" "${run[@]}" "${late[@]}" --threads 1 --rank 2 --ranks 3 --meet "$work/meet" \
    >"$work/hangs-again.out" 2>&1 &
  wait "${ranks[0]}" && wait "${ranks[1]}" && wait $! || { cat "$work"/hangs-*.out; return 1; }
  cat "$work"/hangs-*.out
  grep -qE "^rank 2 has not done client [0-9]+ in 4 s \(--client-timeout\); others take over" \
    "$work/hangs-0.out" &&
    [ $status = 1 ] && grep -qE "^error: rank 2 has not done .* in 4 s" "$work/hangs-2.out" &&
    grep -q "^rank 2 is back$" "$work/hangs-0.out" && same hangs
}
check "a client that does not come back is given to others" hangs

comes_late() {  # rank 1 is killed, and its keep.sh starts it again once the run is over
  local kept
  start late 1 "${slow[@]}" --ranks 2 --checkpoint "$work/late-steps"
  tools/launch/keep.sh "$program" "${run[@]}" "${slow[@]}" --rank 1 --ranks 2 --meet "$work/meet" \
    --timeout 5 >"$work/late-1.out" 2>&1 &
  kept=$!
  played late 2 && kill -STOP $kept && kill -KILL "$(pgrep -P $kept)" || echo "it does not train"
  wait "${ranks[0]}" && kill -CONT $kept && wait $kept || { cat "$work"/late-*.out; return 1; }
  same late && grep -q "^rank 1 was started again and finds no run: it has ended" "$work/late-1.out"
}
check "a rank that is started again after the end ends, too" comes_late

goes_on() {
  start stopped 3 "${slow[@]}" --checkpoint "$work/stopped-steps"
  played stopped 2 || echo "it does not train"
  kill -INT "${ranks[@]}"
  wait "${ranks[0]}"
  [ $? = 130 ] && wait "${ranks[1]}" && wait "${ranks[2]}" ||
    { cat "$work"/stopped-*.out; return 1; }
  start stopped 2 "${slow[@]}" --checkpoint "$work/stopped-steps" --resume
  wait "${ranks[@]}" && same stopped
}
check "an interrupted run ends after a round, and goes on with fewer ranks" goes_on
orphans() {
  start orphans 2 "${slow[@]}"
  sleep 1
  kill -KILL "${ranks[0]}"
  wait "${ranks[1]}"
  [ $? = 1 ] && grep -q "^error: .*rank 0" "$work/orphans-1.out"
}
check "a rank ends when rank 0 has died" orphans

check "a rank beyond the last is refused" refuses "no rank 3 of 3" run --rank 3 --ranks 3
check "a longest time for clients of ranks that are not there is refused" refuses \
  "--client-timeout is for clients of other ranks" run --client-timeout 60
misses() {
  "$program" "${run[@]}" --rank 1 --ranks 3 --meet "$work/meet" >"$work/other" 2>&1 &
  ! "$program" "${run[@]}" --rank 0 --ranks 3 --meet "$work/meet" --timeout 3 >"$work/out" 2>&1 &&
    cat "$work/out" && grep -q "rank 0 waited 3 s in .* for rank 2$" "$work/out" && ! wait $!
}
check "a missing rank is named" misses
differs() {
  "$program" "${run[@]}" --rank 1 --ranks 2 --meet "$work/meet" --lr 0.2 >"$work/other" 2>&1 &
  ! "$program" "${run[@]}" --rank 0 --ranks 2 --meet "$work/meet" >"$work/out" 2>&1
  wait
  cat "$work/out" "$work/other"
  grep -q 'η=0.1 ' "$work/out" && grep -q 'η=0.2 ' "$work/out"
}
check "ranks with other options are refused" differs
other_precision() {
  "$program" "${run[@]}" --rank 1 --ranks 2 --meet "$work/meet" >"$work/other" 2>&1 &
  ! "$program" "${run[@]}" --rank 0 --ranks 2 --meet "$work/meet" --precision bf16-plain \
    >"$work/out" 2>&1
  wait
  cat "$work/out" "$work/other"
  grep -q 'precision=bf16' "$work/out" && grep -q 'precision=bf16' "$work/other"
}
check "so are ranks with another precision" other_precision
finish
