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
. tests/elastic.bash

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
