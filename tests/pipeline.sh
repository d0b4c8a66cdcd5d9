#!/usr/bin/env bash
# Training in several processes, as users start it: the same losses for every cut, over ipc and tcp;
# files, and wrong input.
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

check "no sockets are left behind" [ -z "$(ls "$TMPDIR")" ]
finish
