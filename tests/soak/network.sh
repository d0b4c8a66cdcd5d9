#!/usr/bin/env bash
# One training run of three machines, which are network namespaces, while packets get lost and
# cables are cut. Each machine's launcher starts its rank again when it fails, and nobody types
# anything. Losses and weights must end up as those of an undisturbed run. Prints a table.
. "$(dirname "$0")/../cables.bash"
cd "$(dirname "$0")/../.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher
ranks=3 keepers=()
clean_up() {
  [ ${#keepers[@]} = 0 ] || { kill "${keepers[@]}"; wait "${keepers[@]}"; }
  [ ${#homes[@]} = 0 ] || kill "${homes[@]}"
  rm -rf "$work"
} 2>/dev/null
trap clean_up EXIT
lay_cables || { echo "left out: needs root and network namespaces"; finish; exit; }
iptables -L -n >/dev/null 2>&1 && has_losses=yes ||
  echo "left out: lost packets (needs iptables, and its module statistic)"

write_stories
options=(--text "$work/stories.txt" --tokenizer bytes --d 16 --depth 3 --heads 2 --tokens 16
  --threads 1 --checkpoint-every 50)
mkdir -m 700 "$work/meet"
for ((rank = 0; rank < ranks; ++rank)); do
  nsenter --net=/proc/${homes[rank]}/ns/net tools/launch/keep.sh "$program" --stages 3 \
    --rank $rank "${options[@]}" --meet "$work/meet" --host 10.9.$rank.2 --steps 1000000 \
    --out "$work/run" --resume >"$work/log-$rank" 2>&1 &
  keepers+=($!)
done

steps() { tail -n 1 "$work/run/loss.csv" 2>/dev/null | cut -d, -f1; }
passes() {  # passes STEP SECONDS
  local end=$((SECONDS + $2)) now
  while now=$(steps); ! [[ $now =~ ^[0-9]+$ ]] || [ "$now" -le "$1" ]; do
    [ $SECONDS -lt $end ] || { tail -n 4 "$work"/log-*; return 1; }
    sleep 0.1
  done
}
starts() { cat "$work"/log-* | grep -c 'starting it again'; }
resumed_at() { sed -nE 's/^resumed: after step ([0-9]+) .*/\1/p' "$work/log-0" | tail -n 1; }

drop() {  # drop -i|-o RANK: a tenth of the packets from it or to it
  iptables -A FORWARD "$1" "cable$2" -m statistic --mode random --probability 0.1 -j DROP
}
pull() { local rank; for rank; do ip link set "cable$rank" down; done; }
plug() { local rank; for rank; do ip link set "cable$rank" up; done; }

# Disturbs the run for some seconds. It must go on within two minutes after that.
disturb() {  # disturb CASE SECONDS BEGIN END
  local before started reached start lost=0 again
  before=$(steps) started=$(starts)
  eval "$3"
  sleep "$2"
  reached=$(steps)
  eval "$4"
  start=$(date +%s%N)
  passes "$reached" 120 || return
  start=$((($(date +%s%N) - start) / 100000000))
  again=$(($(starts) - started))
  [ $again = 0 ] || lost=$((reached - $(resumed_at)))
  printf '| %s | %d | %d | %d | %d.%d |\n' "$1" $((reached - before)) $again $lost \
    $((start / 10)) $((start % 10)) >>"$work/table"
}

check "the run begins" passes 10 60
if [ "${has_losses-}" ]; then
  check "it goes on when a machine's packets get lost both ways" \
    disturb "10 % of packets lost both ways" 20 'drop -i 1; drop -o 1' 'iptables -F'
  check "and one way" disturb "10 % lost on the way out" 20 'drop -i 1' 'iptables -F'
  check "and the other way" disturb "10 % lost on the way in" 20 'drop -o 1' 'iptables -F'
fi
check "after a short cut" disturb "cut for 2 s" 2 'pull 1' 'plug 1'
check "after a long cut" disturb "cut for 30 s" 30 'pull 1' 'plug 1'
check "after a long cut of rank 0" disturb "rank 0 cut for 30 s" 30 'pull 0' 'plug 0'
check "after a long cut one way" disturb "receives nothing for 30 s" 30 \
  'ip route add blackhole 10.9.1.2' 'ip route del blackhole 10.9.1.2'
check "and the other way" disturb "sends nothing for 30 s" 30 \
  'at_home 1 ip route add blackhole 10.9.0.0/16' 'at_home 1 ip route del blackhole 10.9.0.0/16'
check "when all machines are alone for a while" disturb "all cut for 30 s" 30 \
  'pull 0 1 2' 'plug 0 1 2'

ends() {
  local rank
  kill -TERM "${keepers[@]}"
  for rank in "${keepers[@]}"; do
    wait "$rank"
    [ $? = 130 ] || { cat "$work"/log-*; return 1; }
  done
}
check "the run ends on request" ends
last=$(steps)
check "an undisturbed run trains to the same step, $last" \
  tools/pipeline.sh 3 "${options[@]}" --steps "$last" --out "$work/whole"
check "both have the same losses to the last digit" same_losses run whole
check "both have the same model" same_tensors "$work"/{whole,run}/checkpoint
echo '| disturbance | steps meanwhile | restarts | steps repeated | seconds to recover |'
cat "$work/table"
finish
