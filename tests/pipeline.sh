#!/usr/bin/env bash
# Training in several processes, as users start it: the same losses for every cut, over ipc and tcp;
# files, wrong input, Ctrl-C, ranks that die or freeze.
cd "$(dirname "$0")/.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher

write_stories
small=(--text "$work/stories.txt" --d 32 --heads 2 --tokens 24 --steps 6)
train() {  # train NAME STAGES [PIPELINES] [options]: losses in $work/NAME/loss.csv
  tools/pipeline.sh "${@:2}" "${small[@]}" --out "$work/$1"
}
close_losses() {  # within 1e-6
  [ "$(losses "$1" | wc -l)" = 7 ] && paste -d, <(losses "$1") <(losses "$2") |
    awk -F, 'NR > 1 && ($2 - $4 > 1e-6 * $2 || $4 - $2 > 1e-6 * $2) { print; bad = 1 }
      END { exit bad }'
}

view() (  # view RANKS ROWS COLUMNS LINES: the ranks take so many lines, all narrow enough
  . tools/launch/view.bash
  private=$work stages=6 ranks=$1
  begin_view
  add_ranks "$2" "$3" 2>/dev/null
  printf '%s\n' "${lines[@]}" | tee "$work/view"
  [ "$(wc -l <"$work/view")" = "$4" ] && ! grep -qE ".{$(($3 + 1))}" "$work/view"
)
check "the live view has a line for each rank" view 6 24 80 6
check "24 ranks fit on 24 lines" view 24 24 80 12
check "and in 50 columns" view 24 24 50 12
check "ranks that do not fit are left out" view 300 24 50 22
# A name can have lines that begin as a step does.
names_are_no_steps() (
  . tools/launch/view.bash
  cd "$work" || exit
  elastic= ranks=3
  begin_view
  take 0 "step 7/9  loss 1"
  take 0 'step ranks[$(touch run)]/9'
  take 0 'step 8[$(touch run)]/9'
  take 0 "step 6/9  loss 2"
  take 0 "step 10/19  loss 3"
  [ "$step" = "step 10/19  loss 3" ] && [ ! -e run ]
)
check "a line that looks like a step runs no command" names_are_no_steps

check "one process trains" train serial 1 --microbatches 6
check "it records every step" [ "$(wc -l <"$work/serial/loss.csv")" = 7 ]
check "three processes train" train three 3 --microbatches 6
check "with the same losses" same_losses serial three
if grep -q ' lo$' /proc/net/if_inet6 2>/dev/null; then
  check "over IPv6 it trains" train six 2 --tcp '[::1]:28480' --microbatches 6
  check "with the same losses" same_losses serial six
fi
check "zb-h1 over tcp trains" train zb 3 --schedule zb-h1 --tcp 127.0.0.1:28470 --microbatches 6
check "with the same losses" same_losses serial zb
check "two pipelines train" train two 3 2 --microbatches 3
check "with nearly the same losses" close_losses serial two
check "interleaved with a cut of its own trains" \
  train interleaved 2 --schedule interleaved --chunks 2 --layers 4,1,1,0 --microbatches 6
check "with the same losses" same_losses serial interleaved
check "a V trains, with both ends of the model in one process" \
  train v 3 --schedule zb-v --chunks 2 --microbatches 6
check "with the same losses" same_losses serial v
longer() { tools/pipeline.sh "${@:2}" --microbatches 6 "${small[@]}" --steps 9 --out "$work/$1"; }
check "it continues with another schedule" longer v 2 --schedule v-min --resume
check "as one process would" longer serial-9 1
check "with the same losses" same_losses serial-9 v
check "a head split over three processes trains" \
  train split 3 --split-head --microbatches 6 --trace
check "with the same losses" same_losses serial split
check "its trace explains scores and head" \
  eval '"$BIN/show_trace" "$work/split" | grep -q "  S scores  T head  "'
cp "$work/split/costs.json" "$work/split.json"
check "it continues as one process with a whole head" longer split 1 --resume
check "with the same losses" same_losses serial-9 split
check "and the same model" cmp "$work"/{split,serial-9}/checkpoint/model.safetensors
check "a model starts with a split head" train split-init 2 --split-head \
  --init "$work/split/checkpoint"
check "PyTorch's schedule trains" train csv 3 --schedule tests/golden/schedules/zb-v.csv
check "with the same losses" same_losses serial csv
check "a schedule for more processes is an error" refused "has 3 stages, not 2" \
  train csv 2 --schedule tests/golden/schedules/zb-v.csv
check "a measured cut trains" train auto 3 --layers auto --microbatches 6
check "with the same losses" same_losses serial auto
check "the model of three processes equals that of one" "$program" --steps 0 \
  --init "$work/three/checkpoint" "${small[@]}" --steps 0 --out "$work/loaded"

rehearsed() {
  train rehearsed 3 2 --microbatches 3 --resume --rehearse "$work/three/costs.json" \
    >"$work/stdout" &&
    cat "$work/stdout" && grep -qE '^predicted with .*: [0-9.]+ s, [0-9.]+ % (less|more); ' \
    "$work/stdout" && [ ! -e "$work/rehearsed/checkpoint" ]
}
check "two pipelines rehearse with the costs of one, and save no model" rehearsed
split_rehearsed() {
  train split-rehearsed 3 2 --split-head --microbatches 3 \
    --rehearse "$work/split.json" >"$work/stdout" &&
    cat "$work/stdout" && grep -q "with a split head on 6 cores allow" "$work/stdout"
}
check "a split head is rehearsed, too" split_rehearsed
check "costs of a split head are those of no other" refused "has costs of a split head" \
  train other 3 --rehearse "$work/split.json"
check "nor are others a split head's" refused "has costs of a whole head" \
  train other 3 --split-head --rehearse "$work/three/costs.json"
check "they predict no other ranks" refused "has costs of a split head" \
  "$BIN/show_schedule" --ranks 6 --costs "$work/split.json"
check "costs of other stages are an error" refused "stages with 3, 2, 3 blocks" \
  train other 2 --rehearse "$work/three/costs.json"
check "costs of other parts of the model are an error" refused "has other blocks" \
  train other 2 --schedule zb-v --chunks 2 --layers 4,1,1,0 --microbatches 6 \
  --rehearse "$work/interleaved/costs.json"
check "costs that are not there are an error" refused "there are no costs" \
  train other 2 --rehearse "$work/x.json"
check "a rehearsal evaluates nothing" refused "does not go with --eval-every" \
  train other 3 --rehearse "$work/three/costs.json" --held-out 0.1 --eval-every 2

check "a GPT-2 trains in one process" train gpt2 1 --model gpt2 --microbatches 6
check "and in three" train gpt2-three 3 --model gpt2 --microbatches 6 --schedule zb-h1
check "with the same losses" same_losses gpt2 gpt2-three
check "and in two pipelines" train gpt2-two 2 2 --model gpt2 --microbatches 3
check "with nearly the same losses" close_losses gpt2 gpt2-two
check "its model is loaded again" "$program" --init "$work/gpt2-three/checkpoint" "${small[@]}" \
  --steps 0 --out "$work/loaded"
check "and tells a story" \
  "${BIN:-bin}/generate" --checkpoint "$work/gpt2-three/checkpoint" --tokens 5

traced() {
  train traced 3 2 --trace && grep -q "idle" "$work/log" && [ -s "$work/traced/timeline.svg" ] &&
    grep -q '"ph":"X"' "$work/traced/trace.json"
}
check "a traced run shows what its ranks did" traced

worker() { "$program" --out "$work/bad" "$@"; }
explains_itself() { tools/pipeline.sh | grep "^usage: tools/pipeline.sh STAGES"; }
check "without arguments the launcher explains itself" explains_itself
check "a word for the number of stages is an error" refused "three is not a number" \
  tools/pipeline.sh three
check "layers that do not add up are an error" refused "layers" worker --stages 3 --layers 2,2,3
check "a batch that does not divide is an error" refused "batch" worker --batch 4
check "an unknown schedule is an error" refused "no schedule" worker --schedule fast
check "an unknown model is an error" refused "no model \"bert\"" worker --model bert
check "a model of another kind is an error" \
  refused "it is a llama" worker "${small[@]}" --model gpt2 --init "$work/three/checkpoint"
check "a head that shares its weights is not split" refused "shares its weights" \
  worker --model gpt2 --split-head --stages 2
check "an unknown option is an error" refused "fast" worker --fast
check "text that cannot be read is an error" refused "none.txt" worker --text "$work/none.txt"
check "a folder that cannot be written is an error" \
  refused "stories" worker --out "$work/stories.txt/x"
check "a checkpoint of another shape is an error" \
  refused "hidden_size is 32" worker "${small[@]}" --d 64 --init "$work/three/checkpoint"
check "the launcher passes a refusal on" refused "layers" train bad 3 --layers 1,1,1

check "a missing temporary folder is an error" \
  refused "sockets in $work/none" env TMPDIR="$work/none" tools/pipeline.sh 1 "${small[@]}" \
  --out "$work/bad"
deep=$work/$(printf 'deep%.0s' {1..20})
mkdir "$deep"
check "a temporary folder too deep for sockets is left alone" eval 'TMPDIR=$deep train deep 2'

mkdir "$work/a,b"
check "a comma in the temporary folder's name does not separate addresses" \
  eval 'TMPDIR=$work/a,b train comma 2 --microbatches 6'
check "with the same losses" same_losses serial comma

# Three processes with the variables of a launcher.
launched() {
  local rank ranks=() status=0
  for rank in 2 1 0; do
    SLURM_PROCID=$rank SLURM_STEP_NUM_TASKS=3 SLURM_JOB_ID=17 SLURM_STEP_ID=0 \
      "$program" --stages 3 "${small[@]}" --microbatches 6 --out "$work/launched" "$@" &
    ranks+=($!)
  done
  for rank in "${ranks[@]}"; do wait "$rank" || status=$?; done
  return $status
}
check "ranks that a launcher started meet and train" launched
check "with the same losses" same_losses serial launched
check "they leave no meeting behind" [ ! -e "$work/launched/.meeting-slurm-17-0" ]
check "a number of processes that does not fit is an error" \
  refused "slurm started 3 processes, which 2 stages do not divide" \
  env SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=3 SLURM_STEP_ID=0 "$program" --stages 2
check "a launcher that started nothing is an error" refused "mpi did not start this process" \
  worker --launcher mpi

check "an option in place of the launcher's values is an error" refused "--out needs a value" \
  tools/pipeline.sh 2 --out --trace
check "an option in place of a rank's values is an error" refused "--trace is an option" \
  tools/pipeline.sh 2 --init --trace

check "numbers too large for a machine are an error" \
  refused "4096" worker --stages 65536 --pipelines 65536
check "an infinite learning rate is an error" refused "learning rate" worker --lr inf
check "two ranks at one address are an error" refused "two ranks" worker "${small[@]}" --stages 2 \
  --address ipc:///tmp/a,ipc:///tmp/a
check "the launcher keeps its own options" refused "launcher" tools/pipeline.sh 2 --rank 1
keeps_results() {
  train three 3 --schedule fast
  [ $? = 2 ] && [ -s "$work/three/loss.csv" ]
}
check "a refusal leaves the last run's results alone" keeps_results
diverges() {
  "$program" "${small[@]}" --lr 3e38 --steps 50 --out "$work/nan"
  [ $? = 2 ] && grep -q "the loss of step .* is" "$work/log"
}
check "a loss that is not a number stops the run" diverges
taken() {
  flock "$work/three/.run.lock" tools/pipeline.sh 2 "${small[@]}" --out "$work/three" \
    >"$work/out" 2>"$work/err"
  [ $? = 2 ] && grep -q "another run" "$work/err"
}
check "two runs do not share a folder" taken

# The port of rank 1 is taken.
port_in_use() {
  "$program" --stages 2 --rank 1 --address tcp://127.0.0.1:28480 "${small[@]}" --out "$work/port" \
    --state "$work/state" >/dev/null 2>&1 &
  local holder=$! status
  for _ in {1..50}; do grep -q 'meeting' "$work/state" 2>/dev/null && break; sleep 0.1; done
  refused "cannot listen" "$program" --stages 2 --rank 1 --address tcp://127.0.0.1:28480 \
    "${small[@]}" --out "$work/port2"
  status=$?
  kill $holder && wait $holder
  return $status
}
check "a port in use is an error" port_in_use

steps_begin() {  # steps_begin NAME: waits for the first few
  local _
  for _ in {1..100}; do
    [ "$(wc -l 2>/dev/null <"$work/$1/loss.csv")" -gt 3 ] 2>/dev/null && break
    sleep 0.1
  done
}
# Sends SIGNAL to rank 1 of a run: it must stop by itself within 15 s, with an error that matches.
fault() {  # fault SIGNAL PATTERN
  rm -rf "$work/fault"
  tools/pipeline.sh 3 2 "${small[@]}" --steps 100000 --out "$work/fault" \
    >"$work/out" 2>"$work/err" &
  local launcher=$! victim start status
  steps_begin fault
  victim=$(pgrep -P $launcher -f -- "--rank 1 ") || return 1
  start=$SECONDS
  kill -"$1" "$victim"
  wait $launcher
  status=$?
  cat "$work/err"
  local gone='rank 1 is gone(, says rank [0-5])?, while rank [0-5] .*stage [0-2]\) at step [0-9]+ '
  [ $status != 0 ] && [ $((SECONDS - start)) -le 15 ] && grep -qE "$2" "$work/err" &&
    ! pgrep -f -- "--out $work/fault" &&
    [ "$(grep -lE "$gone" "$work"/fault/rank-*.log | wc -l)" = 5 ]
}
check "a killed rank stops all others, and they say so" fault KILL "rank 1 ended by signal 9"
check "a frozen rank stops all others, and they say so" fault STOP "rank 1 is gone"

# Stops all ranks for longer than they wait for each other.
suspended() {  # suspended NAME
  tools/pipeline.sh 3 2 "${small[@]}" --steps 200 --out "$work/$1" --timeout 2 --heartbeat 1 \
    >/dev/null 2>"$work/err" &
  local launcher=$! ranks
  steps_begin "$1"
  ranks=$(pgrep -P $launcher -f -- "--rank ") || return 1
  kill -STOP $ranks
  sleep 4
  kill -CONT $ranks
  wait $launcher || { cat "$work/err"; return 1; }
}
check "two pipelines train for longer" \
  tools/pipeline.sh 3 2 "${small[@]}" --steps 200 --out "$work/calm"
check "ranks suspended together go on" suspended once
check "with the same losses" same_losses calm once
check "and do so again" suspended twice
check "with the same losses" same_losses calm twice

interrupted() {
  tools/pipeline.sh 3 "${small[@]}" --steps 100000 --out "$work/stop" >/dev/null 2>&1 &
  local launcher=$! status
  for _ in {1..100}; do [ -s "$work/stop/loss.csv" ] && break; sleep 0.1; done
  kill -TERM $launcher
  wait $launcher
  status=$?
  [ $status = 143 ] && ! grep -q terminate "$work"/stop/rank-*.log &&
    ! pgrep -f -- "--out $work/stop"
}
check "a stopped launcher leaves nothing running" interrupted
# A terminal that closes tells all processes, and its shell tells the launcher again. No more can be
# written to it.
hung_up() {
  setsid tools/pipeline.sh 3 "${small[@]}" --steps 100000 --out "$work/hung-up" >/dev/full 2>&1 &
  local launcher=$!
  steps_begin hung-up
  kill -HUP -- -$launcher
  sleep 0.1
  kill -HUP $launcher
  wait $launcher
  [ $? = 143 ] && [ -s "$work/hung-up/checkpoint/manifest.txt" ]
}
check "a run whose terminal closes saves its model" hung_up
failed_unheard() {  # its ranks are killed after it was told to stop, and nobody can read why
  tools/pipeline.sh 3 "${small[@]}" --steps 100000 --out "$work/unheard" >/dev/full 2>&1 &
  local launcher=$! ranks
  steps_begin unheard
  ranks=$(pgrep -P $launcher -f -- "--rank ") || return 1
  kill -STOP $ranks
  kill -TERM $launcher
  sleep 0.5
  kill -KILL $ranks
  wait $launcher
  [ $? = 143 ] && [ -s "$work/unheard/loss.csv" ]
}
check "a run that fails unheard keeps its results" failed_unheard

# What a terminal shows after the launcher has gone up some lines, erased them and so on.
seen() {
  awk '{ sub(/\r$/, "")
    while (match($0, /\033\[[0-9]+A\r\033\[J/)) {
      n -= substr($0, RSTART + 2) + 0
      $0 = substr($0, RSTART + RLENGTH)
    }
    line[n++] = $0 }
    END { for (i = 0; i < n; ++i) print line[i] }'
}
keeps_messages() {  # keeps_messages NAME MESSAGE OPTIONS...: when rank 1 is killed
  local terminal _
  script -qec "tools/pipeline.sh ${*:3} ${small[*]} --steps 100000 --out $work/$1" \
    "$work/typescript" </dev/null >/dev/null &
  terminal=$!
  steps_begin "$1"
  sleep 1  # so does the view
  pkill -KILL -f -- "--rank 1 .*--out $work/$1"
  for _ in {1..200}; do grep -qE "resumed:|came\)" "$work/typescript" && break; sleep 0.1; done
  sleep 1
  pkill -TERM -f -- "--rank 0 .*--out $work/$1"
  wait $terminal
  seen <"$work/typescript" | tee "$work/seen"
  grep -qxE "$2" "$work/seen" && ! grep -q "^  rank .*pipeline" "$work/seen"
}
check "a restart is announced on a terminal" keeps_messages said "restart 1 of 1" \
  3 --checkpoint-every 1 --restarts 1
check "so is a rank's new start" \
  keeps_messages said-again "rank 1 ended by signal 9 .* and started again" 1 2 --elastic \
  --timeout 2 --heartbeat 1
# A killed launcher can neither stop its ranks nor remove the folder of their sockets.
orphaned() {
  local ranks
  remain() { pgrep -f -- "--rank .* --out $work/orphans"; }
  mkdir "$work/orphans.tmp"
  TMPDIR=$work/orphans.tmp tools/pipeline.sh 3 "${small[@]}" --steps 100000 --out "$work/orphans" \
    >/dev/null 2>&1 &
  local launcher=$!
  for _ in {1..100}; do [ -s "$work/orphans/loss.csv" ] && break; sleep 0.1; done
  ranks=$(pgrep -P $launcher -f -- "--rank ") && [ "$(wc -w <<<"$ranks")" = 3 ] || return 1
  kill -KILL $launcher
  for _ in {1..50}; do remain || break; sleep 0.1; done
  if remain; then kill -KILL $ranks; return 1; fi
  train orphans 3
}
check "a killed launcher takes its ranks along, and its folder is free" orphaned
check "no sockets are left behind" [ -z "$(ls "$TMPDIR")" ]
finish
