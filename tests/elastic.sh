#!/usr/bin/env bash
# One elastic run of three pipelines of three stages, in which ranks are killed, frozen and cut off
# from the network at random moments, one or two at once. No other process may restart, and the run
# must go on without a lost step.
#
#   tests/elastic.sh [COUNT [SEED [SECONDS]]]     3 faults, the first seed, 3 s apart on average
#
# Where network namespaces can be made, each rank has one, which is what is cut off.
. "$(dirname "$0")/cables.bash"
cd "$(dirname "$0")/.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher
count=${1:-3} RANDOM=${2:-1} pause=${3:-3}
stages=3 pipelines=3 ranks=9
heartbeat=2
options=(--text "$work/stories.txt" --tokenizer bytes --d 16 --depth 3
  --heads 2 --tokens 16 --threads 1 --checkpoint-every 50
  --heartbeat $heartbeat --timeout 20)
write_stories

lay_cables && has_cables=yes || has_cables=

# Starts a rank, and again whenever it dies, as a launcher would.
keep_running() {  # keep_running RANK
  local status
  cd "$work" || exit
  while :; do
    echo start >>"$work/starts-$1"
    if [ $has_cables ]; then
      nsenter --net=/proc/${homes[$1]}/ns/net "$program" --rank $1 "${train[@]}" \
        --host 10.9.$1.2 >>"$work/log-$1" 2>&1 &
    else
      "$program" --rank $1 "${train[@]}" --host 127.0.0.1 >>"$work/log-$1" 2>&1 &
    fi
    echo $! >"$work/process-$1"
    wait $!
    status=$?
    [ $status = 137 ] || return $status
  done
} 2>/dev/null
keepers=()
train=(--stages $stages --pipelines $pipelines --elastic --exact-sums "${options[@]}"
  --meet "$work/meet" --out "$work/run" --steps 1000000)
mkdir -m 700 "$work/meet"
start_ranks() {
  local rank
  for ((rank = 0; rank < ranks; ++rank)); do
    keep_running $rank &
    keepers+=($!)
  done
}
clean_up() {
  local rank
  exec 2>/dev/null
  for rank in "${!keepers[@]}"; do
    kill -KILL "${keepers[rank]}" "$(cat "$work/process-$rank")"
  done
  [ ${#homes[@]} = 0 ] || kill "${homes[@]}"
  wait
  rm -rf "$work"
}
trap clean_up EXIT

steps() { tail -n 1 "$work/run/loss.csv" 2>/dev/null | cut -d, -f1; }
passes() {  # passes STEP SECONDS: the run gets beyond the step
  local end=$((SECONDS + $2)) now
  while now=$(steps); ! [[ $now =~ ^[0-9]+$ ]] || [ "$now" -le "$1" ]; do
    [ $SECONDS -lt $end ] || { tail -n 4 "$work"/log-*; return 1; }
    sleep 0.05
  done
}
are_complete() {  # are_complete SECONDS: all pipelines are there
  local end=$((SECONDS + $1))
  until [[ $(tail -n 1 "$work/run/members.csv" | cut -d, -f4 | wc -w) = "$pipelines" ]]; do
    [ $SECONDS -lt $end ] || { tail -n 5 "$work/run/members.csv"; return 1; }
    sleep 0.1
  done
}

kinds=(kill kill freeze two)
[ $has_cables ] && kinds+=(cut_2 cut_30 deaf mute new_deaf new_mute) ||
  echo "left out: cuts of the network (need root and network namespaces)"
kills=()
process_of() { cat "$work/process-$1"; }
cut_cable() {  # cut_cable RANK SECONDS
  ! ip link show "cable$1" | grep -q 'state DOWN' || return
  ip link set "cable$1" down
  (sleep "$2"; ip link set "cable$1" up) &
}
strike() {  # strike KIND RANK
  local cut=$((RANDOM % 8 ? 2 : 30))
  case $1 in
    kill) kill -KILL "$(process_of "$2")" && kills[$2]=$((${kills[$2]-0} + 1)) ;;
    new_*) strike "${1#new_}" "$2"; strike kill "$2" ;;  # its replacement is, too
    freeze) local process; process=$(process_of "$2")
      kill -STOP "$process"; (sleep 4; kill -CONT "$process") & ;;
    two) strike kill "$2"; strike kill $((($2 + 1 + RANDOM % (ranks - 1)) % ranks)) ;;
    cut_2) cut_cable "$2" 2 ;;
    cut_30) cut_cable "$2" 30 ;;
    # Where a fault of this kind lasts already, this is none.
    deaf) ip route add blackhole "10.9.$2.2" &&
      (sleep $cut; ip route del blackhole "10.9.$2.2") & ;;
    mute) at_home "$2" ip route add blackhole 10.9.0.0/16 &&
      (sleep $cut; at_home "$2" ip route del blackhole 10.9.0.0/16) & ;;
  esac 2>/dev/null
}
hangs=0
fault() {  # fault NUMBER: the run goes on within 45 s, more than the longest cut
  local kind=${kinds[RANDOM % ${#kinds[@]}]} rank=$((RANDOM % ranks)) before
  before=$(steps)
  echo "fault $1: $kind of rank $rank after step $before"
  echo "$before,$(wc -l <"$work/run/members.csv"),$kind" >>"$work/faults"
  strike "$kind" $rank
  ((RANDOM % 5)) || { sleep 0.$((RANDOM % 10)); return; }  # the next one strikes while it recovers
  sleep "$((RANDOM % (2 * pause))).$((RANDOM % 10))"
  passes "$before" 45 || { hangs=$((hangs + 1)); return 1; }
}

check "it needs a folder to meet in" \
  refuses 'elastic needs a folder' --elastic --address ipc:///tmp/none --pipelines 2
for option in '--zero1' '--split-head' '--trace' '--layers auto' '--sample-every 2'; do
  check "$option does not go with it" \
    refuses elastic --elastic --meet "$work/meet" --stages 2 --pipelines 2 $option
done
check "a history needs it" refuses 'replays an elastic run' --members "$work/none"

start_ranks
check "the run begins" passes 1 40
spacing=$(date +%s%N)
for ((number = 1; number <= count; ++number)); do
  check "after fault $number the run goes on" fault $number
done
spacing=$((($(date +%s%N) - spacing) / count / 1000000))
check "in the end all pipelines are there again" are_complete 60
last=$(steps)
check "and go on" passes "${last:-0}" 20

restarts=0  # of the undisturbed
only_killed_restarted() {
  local rank starts extra status=0
  for ((rank = 0; rank < ranks; ++rank)); do
    starts=$(wc -l <"$work/starts-$rank")
    extra=$((starts - 1 - ${kills[rank]-0}))
    [ $extra = 0 ] ||
      { echo "rank $rank: $starts starts"; tail -n 3 "$work/log-$rank"; status=1; }
    [ $extra -le 0 ] || restarts=$((restarts + extra))
  done
  return $status
}
check "no process restarts that was not killed" only_killed_restarted

ends() {  # on request, all processes together
  local rank status=0
  for ((rank = 0; rank < ranks; ++rank)); do kill -TERM "$(process_of $rank)"; done
  for rank in "${keepers[@]}"; do
    wait "$rank" || [ $? = 130 ] || { echo "a rank ended with $?"; status=1; }
  done
  [ $status = 0 ] || tail -n 4 "$work"/log-*
  return $status
}
check "the run ends on request" ends

last=$(steps)
no_step_is_lost() { diff <(cut -d, -f1 "$work/run/loss.csv" | tail -n +2) <(seq 1 "$last"); }
check "no row is lost or doubled" no_step_is_lost
check "a single pipeline that nothing disturbs trains to the same step, $last" \
  tools/pipeline.sh 3 --microbatches 9 --exact-sums "${options[@]}" --steps "$last" \
  --out "$work/whole"
check "both have the same losses to the last digit" same_losses run whole
check "both have the same model" same_tensors "$work"/{whole,run}/checkpoint

launched() {
  tools/pipeline.sh 3 3 --elastic "${options[@]}" --steps 60 --out "$work/$1" "${@:2}"
}
check "its history can be played again" launched replayed --members "$work/run/members.csv" \
  --exact-sums --steps "$last"
# Who trained from which step on. What was done before a return to a checkpoint does not count.
members_of() {  # members_of NAME
  tail -n +2 "$work/$1/members.csv" | tac |
    awk -F, '!least || $2 < least { least = $2; print $2 "," $4 }' | tac |
    awk -F, '$2 != now { now = $2; print }'
}
same_members() { diff <(members_of "$1") <(members_of "$2"); }
check "the same pipelines leave and come, before the same steps" same_members run replayed
check "with the same losses to the last digit" same_losses run replayed
check "and the same model" same_tensors "$work"/{run,replayed}/checkpoint

# Without exact sums the bits depend on who trains.
dies_under_launcher() {
  local launcher
  launched died >"$work/said" 2>&1 &
  launcher=$!
  wait_for_step died 10 && kill -KILL "$(pgrep -f -- "--rank 4 .*--out $work/died")" || return
  wait $launcher || { cat "$work/said"; return 1; }
  [ "$(losses died | wc -l)" = 61 ]
}
check "the launcher starts a killed rank again" dies_under_launcher
check "and says so" grep -q 'rank 4 ended by signal 9.*started again' "$work/said"
check "the history of members can be played again" \
  launched again --members "$work/died/members.csv"
check "with the same losses to the last digit" same_losses died again
check "and the same model" same_tensors "$work"/{died,again}/checkpoint

# The loss of a step depends on the weights before it. So each step with new members is taken once
# more, from the same weights, by the members before.
as_undisturbed() {
  local row step
  for ((row = 3; row <= $(wc -l <"$work/died/members.csv"); ++row)); do
    step=$(sed -n ${row}p "$work/died/members.csv" | cut -d, -f2)
    head -n $((row - 1)) "$work/died/members.csv" >"$work/before.csv"
    launched before-$row --members "$work/before.csv" --steps "$step" >/dev/null || return
    paste -d, <(losses died | grep "^$step,") <(losses before-$row | grep "^$step,")
  done >"$work/steps.csv"
  awk -F, '{ d = ($2 - $4) / $4; if (d < 0) d = -d; if (d > most) most = d }
    END { printf "%d changes of members; the losses differ by at most %.1e\n", NR, most
      exit NR < 1 || most > 1e-5 }' "$work/steps.csv"
}
check "the first step after each change has the loss of an undisturbed one" as_undisturbed
cat "$work/log"

keeps_earlier() {
  cp -r "$work/again" "$work/first" && launched again --seed 9 --steps 5 || return
  diff -r "$work/first" "$work/again/earlier-1" -x .lock -x .run.lock -x .run &&
    [ "$(losses again | wc -l)" = 6 ]
}
check "another run in its folder keeps its results" keeps_earlier

# Where one rank is left, it trains alone; a replay leaves a pipeline out for longer than --timeout.
lone() {
  tools/pipeline.sh 1 2 --elastic "${options[@]}" --timeout 2 --steps 200 --out "$work/$1" "${@:2}"
}
printf 'Epoch,First step,Seconds,Pipelines,Why\n1,1,0,0 1,"start"\n2,20,0,1,""\n3,190,0,0 1,""\n' \
  >"$work/lone.csv"  # in the end rank 0 is one that has been away
check "a pipeline that is left alone goes on" lone lone --members "$work/lone.csv"
has_history() {
  diff <(cut -d, -f1,2,4 "$work/lone.csv") <(cut -d, -f1,2,4 "$work/lone/members.csv")
}
check "and the other one comes back, and goes on with the history" has_history
dies_at_the_end() {
  local launcher
  launched late >"$work/said" 2>&1 &
  launcher=$!
  for _ in {1..600}; do [ -e "$work/late/checkpoint/config.json" ] && break; sleep 0.05; done
  pkill -KILL -f -- "--rank 8 .*--out $work/late"
  wait $launcher || { cat "$work/said"; return 1; }
}
check "a rank that dies when the run is done is not waited for" dies_at_the_end

# One more process for each stage is one more pipeline: the third of a run that began with two.
start_by_hand() {  # start_by_hand RANK
  "$program" --rank "$1" --stages 2 --pipelines 2 --elastic --exact-sums "${options[@]}" \
    --meet "$work/hands" --host 127.0.0.1 --steps 600 --out "$work/added" >"$work/hand-$1" 2>&1 &
  hands+=($!)
}
adds_a_pipeline() {
  local hands=() hand status=0
  mkdir -m 700 "$work/hands"
  for hand in 0 1 2 3; do start_by_hand $hand; done
  wait_for_step added 10 || { echo "it does not train"; status=1; }
  for hand in 4 5; do start_by_hand $hand; done
  for hand in "${hands[@]}"; do wait "$hand" || status=1; done
  tail -n 4 "$work"/hand-* "$work/added/members.csv"
  [ $status = 0 ] && grep -q ',0 1 2,"pipeline 2 came"$' "$work/added/members.csv"
}
check "processes that are started by hand are one more pipeline" adds_a_pipeline
check "a single pipeline trains for as long" \
  tools/pipeline.sh 2 --microbatches 6 --exact-sums "${options[@]}" --steps 600 --out "$work/alone"
check "both have the same losses to the last digit" same_losses alone added
check "both have the same model" same_tensors "$work"/{alone,added}/checkpoint

# Two lines for each fault, of its kind and of all: how many unfinished steps were taken again at
# most, how many done ones after returns to a checkpoint, and the seconds from the end of the step
# before each change of members to the end of the one after. A change belongs to the last fault
# before it.
costs_of_faults() {
  awk -F, '
    FNR == NR { step[++faults] = $1; rows[faults] = $2; kind[faults] = $3; next }
    FNR > 2 {
      while (at < faults && rows[at + 1] < FNR) ++at
      if (!/,"pipelines? [0-9, ]+ came"$/) ++unfinished[at]
      if (/has its state/ && step[at] >= $2) done[at] += step[at] - $2 + 1
      seconds[at] += $3
    }
    END {
      for (at = 1; at <= faults; ++at) {
        costs = unfinished[at] + 0 " " done[at] + 0 " " seconds[at] + 0
        print kind[at], costs
        print "all", costs
      }
    }
  ' "$work/faults" "$work/run/members.csv"
}
figures() {
  printf '%d faults, one every %d ms; %d steps, %d changes of members\n' "$count" $spacing "$last" \
    $(($(wc -l <"$work/run/members.csv") - 2))
  printf '%d restarts of ranks that were not killed, %d hangs\n' "$restarts" "$hangs"
  echo '| fault | how many | unfinished steps again | done steps again | seconds: median | mean | most |'
  echo '| --- | ---: | ---: | ---: | ---: | ---: | ---: |'
  costs_of_faults | sort -k1,1 -k4,4g | awk '
    function end_row() {
      if (n) printf "| %s | %d | %d | %d | %.2f | %.2f | %.2f |\n", kind, n, unfinished, done,
        seconds[int((n + 1) / 2)], sum / n, seconds[n]
    }
    $1 != kind { end_row(); kind = $1; n = unfinished = done = sum = 0 }
    { seconds[++n] = $4; sum += $4; unfinished += $2; done += $3 }
    END { end_row() }'
}
figures
finish
