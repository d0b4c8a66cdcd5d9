#!/usr/bin/env bash
# Strangers connect while ranks train over TCP: they are dropped and counted, and the losses are
# those of an undisturbed run to the last digit.
cd "$(dirname "$0")/.." || exit 1
program=pipeline_worker
. tests/checks.bash
stranger=$PWD/build/float${BUILD_SUFFIX-}/tests/stranger
ports=28610 run=123456789 steps=800

write_stories
# A small vocabulary, so that little time goes into the arithmetic.
small=(--text "$work/stories.txt" --data "$work/no-vocabulary" --d 32 --heads 2 --tokens 24
  --microbatches 6)

# The address of rank 1 is given: strangers may stand in between. Its log is $work/NAME/rank-R.log.
start_rank() {  # start_rank NAME RANK ADDRESS_OF_RANK_1 [options]
  mkdir -p "$work/$1"
  exec "$program" "${small[@]}" --steps $steps --stages 3 --rank "$2" --run $run --out "$work/$1" \
    --address "tcp://127.0.0.1:$ports,tcp://127.0.0.1:$3,tcp://127.0.0.1:$((ports + 2))" \
    --timeout 30 "${@:4}" >"$work/$1/rank-$2.log" 2>&1
}
step_of() { tail -n +2 "$work/$1/loss.csv" 2>/dev/null | wc -l; }
await_step() {  # await_step NAME STEP
  for _ in {1..300}; do [ "$(step_of "$1")" -ge "$2" ] && return; sleep 0.1; done
  return 1
}
same_losses() { cmp <(losses serial | head -n $((steps + 1))) <(losses "$1"); }

check "one process trains" "$program" "${small[@]}" --steps $steps --out "$work/serial"
check "keys are made" "$program" --stages 3 --make-keys "$work/keys"

attacked() {  # attacked NAME [options]: strangers come while it trains, and it trains on
  local ranks=() rank status=0
  for rank in 0 1 2; do start_rank "$1" $rank $((ports + 1)) "${@:2}" & ranks+=($!); done
  await_step "$1" 5 && "$stranger" attack $ports 3 $run "${@:3}" || status=1
  echo "the attack was over at step $(step_of "$1") of $steps"
  [ "$(step_of "$1")" -lt $steps ] || status=1
  for rank in "${ranks[@]}"; do wait "$rank" || status=1; done
  cat "$work/$1"/rank-*.log
  return $status
}
tells() {  # tells NAME WHAT...: every rank ends with a count of each
  local rank what
  for rank in 0 1 2; do
    for what in "${@:2}"; do
      grep "^rank $rank dropped" "$work/$name/rank-$rank.log" | grep -qE "$what \([0-9]+\)" ||
        { echo "rank $rank: no $what"; grep dropped "$work/$name/rank-$rank.log"; return 1; }
    done
  done
}

name=open
check "strangers do not stop a run" attacked $name
check "nor change its losses" same_losses $name
check "every rank counts what they tried" \
  tells $name "malformed messages" "messages of another run" \
  "connections of strangers"
name=closed
check "strangers do not stop a run with keys" attacked $name --keys "$work/keys"
check "nor change its losses" same_losses $name
check "every rank counts what they tried" tells $name "unknown keys" "connections of strangers" \
  "further connections with the key of rank [0-2]"

steps=300
crowded() {  # 900 connections to each rank, for 3 s
  local ranks=() rank status=0 most=0 descriptors
  for rank in 0 1 2; do start_rank crowd $rank $((ports + 1)) & ranks+=($!); done
  await_step crowd 5 || status=1
  "$stranger" crowd $ports 3 900 3 & ranks+=($!)
  while kill -0 $!; do
    for rank in "${ranks[@]::3}"; do
      descriptors=$(ls "/proc/$rank/fd" | wc -l)
      [ "$descriptors" -gt $most ] && most=$descriptors
    done
    sleep 0.1
  done 2>/dev/null
  for rank in "${ranks[@]}"; do wait "$rank" || status=1; done
  cat "$work/crowd"/rank-*.log
  echo "a rank had $most files open"
  [ "$most" -gt 256 ] && [ "$most" -lt 512 ] && [ $status = 0 ]
}
check "a crowd that says nothing holds few files" crowded
check "nor does it change the losses" same_losses crowd

replayed() {  # replayed NAME [options]: what rank 0 tells rank 1 is heard in between and said again
  local ranks=() status=0
  "$stranger" relay $((ports + 7)) $((ports + 1)) 100000 & ranks+=($!)
  start_rank "$1" 1 $((ports + 1)) "${@:2}" & ranks+=($!)
  start_rank "$1" 2 $((ports + 1)) "${@:2}" & ranks+=($!)
  sleep 1
  start_rank "$1" 0 $((ports + 7)) "${@:2}" & ranks+=($!)
  for rank in "${ranks[@]}"; do wait "$rank" || status=1; done
  cat "$work/$1"/rank-*.log
  return $status
}
check "messages that are said again do not stop a run" replayed again
check "nor change its losses" same_losses again
check "they are counted" \
  grep -qE "^rank 1 dropped .*repeated messages \([0-9]+\)" "$work/again/rank-1.log"
check "with keys nothing can be said again" replayed again-closed --keys "$work/keys"
check "nor are the losses others" same_losses again-closed
check "the attempt is counted" \
  grep -q "^rank 1 dropped connections of strangers (1)$" "$work/again-closed/rank-1.log"

other_run() {  # a rank of another run that was given the same keys
  local ranks=() rank status=0
  for rank in 0 1 2; do
    start_rank other $rank $((ports + 1)) --keys "$work/keys" & ranks+=($!)
  done
  await_step other 5 || status=1
  "$program" "${small[@]}" --stages 3 --rank 1 --run 5 --out "$work/stray" --timeout 2 \
    --keys "$work/keys" --address \
    "tcp://127.0.0.1:$ports,tcp://127.0.0.1:$((ports + 8)),tcp://127.0.0.1:$((ports + 2))" \
    2>"$work/stray.log" && status=1
  cat "$work/stray.log"
  for rank in "${ranks[@]}"; do wait "$rank" || status=1; done
  cat "$work/other"/rank-*.log
  grep -q "further connections with the key of rank 1 (" "$work/other/rank-0.log" && [ $status = 0 ]
}
check "a rank of another run is not heard" other_run
check "nor are the losses others" same_losses other

# The most memory that a process has had so far, in KB.
memory_of() { awk '/^VmHWM/ { print $2 }' "/proc/$1/status"; }
# watched NAME [COMMAND...]: three ranks with keys; rank 0's memory is then in $work/NAME.kb. The
# command starts before rank 2.
watched() {
  local ranks=() rank status=0 other=
  start_rank "$1" 0 $((ports + 1)) --keys "$work/keys" & ranks+=($!)
  start_rank "$1" 1 $((ports + 1)) --keys "$work/keys" & ranks+=($!)
  [ $# = 1 ] || { "${@:2}" & other=$!; sleep 1; }
  start_rank "$1" 2 $((ports + 1)) --keys "$work/keys" & ranks+=($!)
  await_step "$1" 5 || status=1
  touch "$work/keys/go"
  while kill -0 "${ranks[0]}" 2>/dev/null; do
    memory_of "${ranks[0]}" >"$work/kb" && mv "$work/kb" "$work/$1.kb"
    sleep 0.05
  done 2>/dev/null
  rm "$work/keys/go"
  [ ! "$other" ] || wait "$other" || status=1
  for rank in "${ranks[@]}"; do wait "$rank" || status=1; done
  cat "$work/$1"/rank-*.log
  return $status
}
steps=1500
check "one process trains for longer" "$program" "${small[@]}" --steps $steps --out "$work/serial"
check "three ranks train undisturbed" watched calm
check "a rank that sends what it should not does not stop a run" \
  watched inside "$stranger" insider $ports 3 $run "$work/keys"
check "nor change its losses" same_losses inside
little_memory() {
  echo "rank 0 took $(<"$work/inside.kb") KB, and $(<"$work/calm.kb") KB undisturbed"
  [ $(($(<"$work/inside.kb") - $(<"$work/calm.kb"))) -lt 16000 ]
}
check "nor fill the memory of another" little_memory
cat "$work/log"
named() {
  local kinds what
  kinds=({activation,gradient,reduce,loss,clock,cut,checkpoint,verdict,report,failure}" messages")
  for what in "${kinds[@]/%/ that rank 2 should not send}" "malformed messages" \
    "messages of another run" "messages in another rank's name" \
    "further connections with the key of rank 2"; do
    grep -q "^rank 0 dropped .*$what (" "$work/inside/rank-0.log" ||
      { echo "nothing of $what"; return 1; }
  done
}
check "it is named, with all that it tried" named

worker() { "$program" --out "$work/bad" "${small[@]}" --stages 2 "$@"; }
check "an address beyond this machine needs keys" \
  refused "anyone on the network" worker --address tcp://0.0.0.0:9000
check "the launcher passes that on" \
  refused "anyone on the network" tools/pipeline.sh 2 --tcp 10.0.0.1:9000
check "a socket needs a private folder" \
  refused "private folder of this user" worker --address ipc:///tmp
chmod 644 "$work/keys/rank-0.secret"
check "a secret that others can read is refused" refused "can be read" worker --keys "$work/keys" \
  --address tcp://127.0.0.1:9000
check "keys are not overwritten" \
  refused "cannot write" "$program" --stages 3 --make-keys "$work/keys"
finish
