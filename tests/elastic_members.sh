#!/usr/bin/env bash
# Elastic runs as the launcher starts them: one in which ranks are killed, its history played again,
# and pipelines that are alone, late, or added by hand.
#
#   tests/elastic_members.sh [KILLS]     1
cd "$(dirname "$0")/.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher
. tests/elastic.bash
kills=${1:-1}

check "it needs a folder to meet in" \
  refuses 'elastic needs a folder' --elastic --address ipc:///tmp/none --pipelines 2
for option in '--zero1' '--split-head' '--trace' '--layers auto' '--sample-every 2'; do
  check "$option does not go with it" \
    refuses elastic --elastic --meet "$work" --stages 2 --pipelines 2 $option
done
check "a history needs it" refuses 'replays an elastic run' --members "$work/none"

# Without exact sums the bits depend on who trains.
last=$((60 + 300 * (kills - 1)))
dies_under_launcher() {
  local launcher number
  launched died --steps $last >"$work/said" 2>&1 &
  launcher=$!
  for ((number = 0; number < kills; ++number)); do
    wait_for_step died $((10 + 300 * number)) &&
      kill -KILL "$(pgrep -f -- "--rank $(((4 + 2 * number) % ranks)) .*--out $work/died")" || return
  done
  wait $launcher || { cat "$work/said"; return 1; }
  [ "$(losses died | tail -n +2 | wc -l)" = $last ]
}
check "the launcher starts a killed rank again" dies_under_launcher
check "and says so" grep -q 'rank 4 ended by signal 9.*started again' "$work/said"
check "the history of members can be played again" \
  launched again --members "$work/died/members.csv" --steps $last
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

# Where one rank is left, it trains alone; a replay may leave a pipeline out for longer than
# --timeout, and bring it back before the others leave, who have the only state.
lone() {
  tools/pipeline.sh 1 2 --elastic "${options[@]}" --timeout 2 --steps 200 --out "$work/$1" "${@:2}"
}
printf '%s,0,%s,""\n' 1,1 '0 1' 2,20 1 3,100 0 4,190 '1 0' |  # rank 0 is one that has been away
  cat <(echo Epoch,First step,Seconds,Pipelines,Why) - >"$work/lone.csv"
check "a pipeline that is left alone goes on" lone lone --members "$work/lone.csv"
has_history() {  # epochs without a step have numbers, but no rows
  diff <(cut -d, -f2,4 "$work/lone.csv") <(cut -d, -f2,4 "$work/lone/members.csv")
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
finish
