#!/usr/bin/env bash
# Ranks that are started again, by tools/launch/keep.sh and with --resume, also when their run has
# ended meanwhile. And ranks that do not see the same folder.
cd "$(dirname "$0")/.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher

write_stories
options=(--text "$work/stories.txt" --tokenizer bytes --d 16 --depth 2 --heads 2 --tokens 16
  --threads 1 --host 127.0.0.1 --heartbeat 1 --timeout 20 --checkpoint-every 50 --steps 1000)
mkdir -m 700 "$work/meet"
start_rank() {  # start_rank NAME RANK [options]: sets process
  "${keep[@]}" "$program" --rank "$2" "${options[@]}" --meet "$work/meet" --out "$work/$1" "${@:3}" \
    >>"$work/$1-$2.log" 2>&1 &
  process=$!
}
start() {  # start NAME RANKS [options]: sets ranks, their processes
  local rank
  ranks=()
  for ((rank = 0; rank < $2; ++rank)); do
    start_rank "$1" $rank "${@:3}"
    ranks[rank]=$process
  done
}
ends() {  # ends NAME STATUS RANK...
  local rank status=0
  for rank in "${@:3}"; do
    wait "${ranks[rank]}"
    [ $? = "$2" ] || { echo "rank $rank:"; tail -n 5 "$work/$1-$rank.log"; status=1; }
  done
  return $status
}
kept() { pgrep -P "${ranks[$1]}" -f pipeline_worker; }  # kept RANK: what its keep.sh runs
is_left_alone() {  # is_left_alone NAME COMMAND...: nothing in $work/NAME changes
  local before
  before=$(listed "$1")
  "${@:2}" && diff <(echo "$before") <(listed "$1")
}
listed() { find "$work/$1" -type f ! -name '.*' -printf '%P %s %T@\n' | sort; }
is_whole() {  # is_whole NAME: each step once
  [ ! -e "$work/$1/earlier-1" ] &&
    diff <(cut -d, -f1 "$work/$1/loss.csv" | tail -n +2) <(seq 1000)
}

# Rank LAST of an elastic run is killed, and comes back when that is over.
keep=(tools/launch/keep.sh)
comes_late() {  # comes_late NAME RANKS STAGES
  local last=$(($2 - 1)) others
  others=$(seq 0 $((last - 1)))
  start "$1" "$2" --elastic --stages "$3" --pipelines 2
  wait_for_step "$1" 200 && kill -STOP "${ranks[last]}" && kill -KILL "$(kept $last)" || return
  ends "$1" 0 $others || return
  is_left_alone "$1" returns "$1" $last && is_whole "$1"
}
returns() {
  kill -CONT "${ranks[$2]}" && ends "$1" 0 "$2" && cat "$work/$1-$2.log" &&
    grep -q '^note: the run has ended' "$work/$1-$2.log"
}
check "a rank that comes back after the end of its run ends, too" comes_late late 2 1
check "so does one of several stages" comes_late later 4 2
check "nothing is left where they met" [ -z "$(ls -A "$work/meet")" ]

all_die() {
  start dying 2 --elastic --pipelines 2 --exact-sums
  wait_for_step dying 70 && kill -KILL "$(kept 0)" "$(kept 1)" || return
  ends dying 0 0 1 && is_whole dying && grep '^resumed: after step' "$work"/dying-?.log
}
check "a run all of whose ranks were killed goes on without a word" all_die
other_terms() {
  start settled 2 --elastic --pipelines 2
  wait_for_step settled 70 && start_rank settled 2 --elastic --pipelines 2 --lr 0.5 || return
  wait "$process"
  [ $? = 2 ] && grep '^error: rank [01] was started with lr .*, this one with lr 0.5$' \
    "$work/settled-2.log" && ends settled 0 0 1 && is_whole settled
}
check "a process with other options is refused, and the others train on" other_terms
check "an undisturbed run trains" tools/pipeline.sh 1 --microbatches 6 --exact-sums "${options[@]}" \
  --out "$work/whole"
check "with the same losses" same_losses whole dying

loses_its_text() {
  cp "$work/stories.txt" "$work/lost.txt"
  tools/pipeline.sh 1 2 --elastic "${options[@]/stories.txt/lost.txt}" --out "$work/lost" \
    >"$work/lost.log" 2>&1 &
  local run=$!
  wait_for_step lost 70 && rm "$work/lost.txt" && kill -KILL "$(pgrep -P $run -f 'rank 1 ')" &&
    wait $run && is_whole lost &&
    grep "^rank 1: error: .*lost.txt.*; other pipelines go on" "$work/lost.log"
}
check "a run goes on without a rank that cannot be started again" loses_its_text

keep=()
resumes() { start "$1" 4 --stages 2 --pipelines 2 --resume "${@:2}" && ends "$1" 0 0 1 2 3; }
for elastic in --elastic ''; do
  check "a run that is done is not begun again${elastic:+ with $elastic}" \
    is_left_alone later resumes later $elastic
done
check "nor by pipeline.sh" tools/pipeline.sh 2 2 "${options[@]}" --out "$work/later" --resume
check "nor with another seed" refused "seed 0, this run has 9" \
  tools/pipeline.sh 2 2 "${options[@]}" --out "$work/later" --resume --seed 9
check "it goes on for more steps" resumes later --steps 1020
check "to the last" [ "$(tail -n 1 "$work/later/loss.csv" | cut -d, -f1)" = 1020 ]

begins_anew() {  # a run is killed, and another seed is none of its business
  start killed 2 --elastic --pipelines 2
  wait_for_step killed 70 && kill -KILL "${ranks[@]}" && ends killed 137 0 1
  start killed 2 --elastic --pipelines 2 --seed 9 && ends killed 0 0 1 &&
    [ -e "$work/killed/earlier-1" ]
}
check "the next run does not continue one that was killed" begins_anew

# Two ranks with folders of their own. Sets zero and one, how they ended.
apart() {  # apart [options]
  rm -rf "$work"/apart-*
  start_rank apart-0 0 --stages 2 "$@"
  zero=$process
  start_rank apart-1 1 --stages 2 "$@"
  one=$process
  wait $zero
  zero=$?
  wait $one
  one=$?
  cat "$work"/apart-*.log
}
are_refused() {
  apart && [ $zero = 1 ] && [ $one = 2 ] && [ ! -e "$work/apart-0/run.json" ] &&
    grep -q "rank 1 failed: $work/apart-1 is another folder than that of rank 0" "$work/apart-0-0.log" &&
    grep -q "^hint: give all ranks the same --out" "$work/apart-1-1.log"
}
check "ranks with folders of their own cannot make checkpoints, and say so at once" are_refused
train_apart() {
  apart --checkpoint-every 0 && [ $zero$one = 00 ] && [ -e "$work/apart-0/checkpoint" ]
}
check "without checkpoints they train" train_apart
finish
