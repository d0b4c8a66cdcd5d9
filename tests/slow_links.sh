#!/usr/bin/env bash
# Pipelines that train alone and synchronise from time to time: the same bits for any cut and number
# of threads and after kills and interrupts, and the bytes that they send.
cd "$(dirname "$0")/.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher

write_stories
small=(--text "$work/stories.txt" --tokenizer bytes --d 32 --heads 2 --tokens 24 --steps 40
  --checkpoint-every 10)
train() {  # train NAME STAGES [options]: two pipelines, into $work/NAME
  tools/pipeline.sh "$2" 2 "${small[@]}" --out "$work/$1" "${@:3}"
}
alone=(--sync-every 8 --sync-wire int8)
streaming=("${alone[@]}" --stream 3 --stream-delay 2)
same_state() {  # in the last checkpoints, which have files for both pipelines
  local a=$work/$1/steps/step-40 b=$work/$2/steps/step-40
  same_losses "$1" "$2" && [ "$(ls "$a" | grep -c ^pipeline-1-piece)" = 8 ] &&
    same_tensors "$a" "$b"
}

check "pipelines train alone" train whole 1 "${alone[@]}" --threads 1
check "in three stages, with more threads" train three 3 "${alone[@]}" --threads 2
check "to the same bits" same_state whole three
check "fragments are exchanged while training goes on" train stream 1 "${streaming[@]}"
check "with other losses" eval '! same_losses whole stream'

interrupted() {
  tools/pipeline.sh 2 2 "${small[@]}" "${streaming[@]}" --out "$work/stop" >/dev/null 2>&1 &
  wait_for_step stop 17 && kill -TERM $!
  wait $!
  [ $? = 143 ] && train stop 3 "${streaming[@]}" --resume
}
check "after an interrupt they go on" interrupted
check "to the same bits" same_state stream stop
killed() {
  tools/pipeline.sh 2 2 "${small[@]}" "${streaming[@]}" --restarts 1 --out "$work/kill" \
    >"$work/out" 2>&1 &
  wait_for_step kill 15 && kill -KILL "$(pgrep -P $! -f -- "--rank 3 ")"
  wait $! && grep -qE "resumed: after step [1-3]0 of" "$work/out"
}
check "after a kill they restart" killed
check "to the same bits" same_state stream kill

# The bytes that ranks sent to other pipelines, and the most of them in a step.
logged() { sed -nE "s/^sent: .* $2.*/\\1/p" "$work/$1"/rank-*.log; }  # logged NAME PATTERN
sent() { logged "$1" 'bytes, ([0-9]+) to' | awk '{ n += $1 } END { if (NR) printf "%.0f", n }'; }
peak() { logged "$1" 'most ([0-9]+) in' | sort -n | tail -n 1; }
check "gradients are averaged" train averaged 1
check "that sends 25 times as much as int8 after every 8 steps" \
  eval '(($(sent averaged) > 25 * $(sent whole)))'
check "and three fragments send less than half as much at once" \
  eval '((2 * $(peak stream) < $(peak whole)))'

refused_sync() { refused "$1" tools/pipeline.sh 2 2 --text "$work/stories.txt" "${@:2}"; }
check "moments cannot be shared out" \
  refused_sync "does not go with --zero1" "${alone[@]}" --zero1
check "an outer step can be too long for numbers" \
  refused_sync "at most 1e6" "${alone[@]}" --outer-lr 1e39
check "delays need fragments" refused_sync "about fragments" "${alone[@]}" --stream-delay 5
check "fragments need synchronisations" \
  refused_sync "about pipelines that train alone" --stream 2
finish
