#!/usr/bin/env bash
# One training run whose ranks are killed, frozen and cut off from the network at random moments; it
# must restart from its checkpoints each time, and end up with the weights and losses of an
# undisturbed run.
#
#   tests/faults.sh [COUNT [SEED]]      20 faults, the first seed
#   tests/faults.sh --elastic ...       see tests/elastic.sh
cd "$(dirname "$0")/.." || exit 1
[ "${1-}" = --elastic ] && exec tests/elastic.sh "${@:2}"
program=pipeline_worker
. tests/checks.bash
prepare_launcher
count=${1:-20} RANDOM=${2:-1}
stages=2 pipelines=2 ranks=4

write_stories
train() {  # train NAME [options]: into $work/NAME, with checkpoints in $work/NAME-steps
  exec tools/pipeline.sh $stages $pipelines --resume --text "$work/stories.txt" --d 16 --depth 2 \
    --heads 2 --tokens 16 \
    --checkpoint-every 3 --checkpoint "$work/$1-steps" --out "$work/$1" "${@:2}"
}

# Breaks all connections of a process, as a network might: shuts its sockets down from outside.
# Fails where that is not allowed.
disconnect() {
  perl -e 'my ($process) = @ARGV;
    my $handle = syscall(434, $process + 0, 0);                # pidfd_open
    exit 1 if syscall(438, $handle, 0, 0) < 0;
    for (glob "/proc/$process/fd/*") {
      next unless readlink =~ /^socket/ && m{(\d+)$};
      my $number = syscall(438, $handle, $1 + 0, 0);           # pidfd_getfd
      next if $number < 0;                                       # already closed
      open my $socket, "+<&=", $number;
      shutdown $socket, 2;
    }' "$1"
}

wait_for() {  # wait_for SECONDS COMMAND...
  local end=$((SECONDS + $1))
  until "${@:2}"; do
    [ $SECONDS -lt $end ] && kill -0 $launcher || return 1
    sleep 0.02
  done 2>/dev/null
}
rank_process() { pgrep -P $launcher -f -- "--rank $1 "; }
all_started() { [ "$(pgrep -P $launcher -f -c -- "--rank .* --out $work/faults")" = $ranks ]; }
has_begun() {  # a checkpoint is complete, which all ranks take part in
  [ "$(find "$work/faults-steps" -name manifest.txt -newer "$work/start")" ]
}
has_restarted() { grep -q "^restart $1 of" "$work/err"; }

# All ranks but the victim name it and say what they were doing. They can do so once they have met.
others_said_why() {  # others_said_why FAULT VICTIM
  local rank when='at (step|the checkpoint of step) [0-9]+'
  for ((rank = 0; rank < ranks; ++rank)); do
    [ "$rank" = "$2" ] || grep -qE \
      "^error: .*rank $2 .*while rank $rank \(pipeline [01], stage [01]\) $when" \
      "$work/faults/restart-$1-rank-$rank.log" || { echo "rank $rank:" &&
        cat "$work/faults/restart-$1-rank-$rank.log"; return 1; }
  done
}

kinds=(kill kill freeze)
sleep 30 &
disconnect $! && kinds+=(disconnect) ||
  echo "left out: disconnecting ranks (needs perl, Linux 5.6 and permission)"
kill $!
declare -A done_to=([kill]=0 [freeze]=0 [disconnect]=0)
slowest=0
strike() {  # strike FAULT
  local kind victim process begun= start
  kind=${kinds[RANDOM % ${#kinds[@]}]} victim=$((RANDOM % ranks))
  wait_for 15 all_started || { echo "the ranks do not start"; return 1; }
  touch "$work/start"
  if ((RANDOM % 5 > 0)); then
    wait_for 15 has_begun || { echo "training does not begin"; return 1; }
    begun=yes
  fi
  sleep "0.$(printf %03d $((RANDOM % 400)))"
  process=$(rank_process $victim) || { echo "rank $victim is gone"; return 1; }
  start=$(date +%s%N)
  case $kind in
    kill) kill -KILL "$process" ;;
    freeze) kill -STOP "$process" ;;
    disconnect) disconnect "$process" ;;
  esac || { echo "cannot $kind rank $victim"; return 1; }
  wait_for 15 has_restarted "$1" || { echo "fault $1, $kind of rank $victim: no restart in 15 s"; \
    return 1; }
  local took=$((($(date +%s%N) - start) / 1000000))
  [ $took -gt $slowest ] && slowest=$took
  done_to[$kind]=$((done_to[$kind] + 1))
  echo "fault $1: $kind of rank $victim ${begun:+in training}, restarted after $took ms"
  [ ! "$begun" ] || [ $kind = disconnect ] || others_said_why "$1" $victim
}

train faults --steps 1000000 --heartbeat 1 --timeout 5 --restarts $((count + 1)) >"$work/out" \
  2>"$work/err" &
launcher=$!
for ((fault = 1; fault <= count; ++fault)); do
  check "after fault $fault all ranks stop within 15 s, say why and restart" strike $fault
  [ "${VERBOSE-}" ] && cat "$work/log"
  kill -0 $launcher 2>/dev/null || break
done
echo "$((fault - 1)) faults: ${done_to[kill]} killed, ${done_to[freeze]} frozen," \
  "${done_to[disconnect]} disconnected; the slowest restart took $slowest ms"

ended() {  # after the last fault it trains on, and ends on request
  touch "$work/start"
  wait_for 15 has_begun && sleep 0.5 && kill -TERM $launcher
  wait $launcher
  [ $? = 143 ]
}
check "the run ends on request" ended
check "it leaves no process" [ -z "$(pgrep -f -- "--out $work/faults")" ]
check "it leaves no socket" [ -z "$(ls "$TMPDIR")" ]

newest=$(ls "$work/faults-steps" | sed -n 's/step-//p' | sort -n | tail -n 1)
[ -e "$work/faults-steps/step-$newest/manifest.txt" ] ||
  newest=$(ls "$work"/faults-steps/*/manifest.txt | sed 's/.*step-//; s/.manifest.txt//' |
    sort -n | tail -n 1)
check "an undisturbed run trains to the same step, $newest" eval \
  '(train whole --steps $newest)'
as_undisturbed() {
  local saved=$work/faults-steps/step-$newest whole=$work/whole-steps/step-$newest
  same_tensors "$saved" "$whole" && [ "$(wc -l <"$saved/loss.csv")" = $((newest + 1)) ] &&
    diff <(cut -d, -f1,2 "$saved/loss.csv") <(cut -d, -f1,2 "$whole/loss.csv")
}
check "both have the same weights, moments and losses" as_undisturbed
finish
