#!/usr/bin/env bash
# The model that a run saves: complete even if a rank dies meanwhile, and in one place even if ranks
# do not share a folder.
cd "$(dirname "$0")/.." || exit 1
program=pipeline_worker
. tests/checks.bash
generate=$(dirname "$program")/generate
mkdir "$work/data"
for i in {1..40}; do echo "Tom had $i red balls."; done >"$work/stories.txt"
# A model of 3 MB, sent between machines in several parts.
options=(--data "$work/data" --text "$work/stories.txt" --tokens 16 --d 128 --heads 2 --depth 3
  --hidden 512 --steps 3 --checkpoint-every 0 --out out)

# ranks COUNT FOLDER OPTIONS...: all ranks; rank R is in FOLDER/machine-N, where N is digit R of
# $machines.
machines=000000
ranks() {
  local rank machine pids=() status=0
  for ((rank = 0; rank < $1; ++rank)); do
    machine=$2/machine-${machines:rank:1}
    mkdir -p "$machine"
    (cd "$machine" && exec "$program" "${options[@]}" --rank $rank "${@:3}" \
      >"rank-$rank.log" 2>&1) &
    pids+=($!)
  done
  for rank in "${!pids[@]}"; do
    wait "${pids[rank]}" || { status=1; cat "$2"/machine-*/rank-$rank.log; }
  done
  return $status
}
layout=(--stages 3 --pipelines 2 --microbatches 1)
check "six ranks in one folder train" \
  ranks 6 "$work/shared" "${layout[@]}" --address tcp://127.0.0.1:28510
machines=001011
check "six ranks on two machines train" \
  ranks 6 "$work/apart" "${layout[@]}" --address tcp://127.0.0.1:28520
machines=000000
one=machine-0/out/checkpoint
check "rank 0 has the same model as ranks that share a folder" \
  diff -r "$work/shared/$one" "$work/apart/$one"
check "and no other rank has any part of it" \
  [ -z "$(ls -A "$work/apart/machine-1/out" | grep -E 'checkpoint|part')" ]
check "the rank that sent its part says so" \
  grep -q "sent model-00003-of-00003.safetensors to rank 0" "$work/apart/machine-1/rank-2.log"
check "and no other rank does" \
  [ "$(cat "$work"/*/machine-*/rank-*.log | grep -c "safetensors to rank 0")" = 1 ]
check "the model can be used" "$generate" --checkpoint "$work/apart/$one" --tokens 3
says() { grep -qx "state $1" "$work/apart/$one/manifest.txt"; }
check "it says what made it" says "step 3"
check "with its options" says "schedule 1f1b"
check "and its processor" says "vectors .*"
check "and its text" says "text [0-9]* tokens, checksum [0-9]*"

# Two runs, one after the other, in one folder; a rank of the second is killed while it saves.
mkdir -m 700 "$work/sockets"
two=(--stages 2 --address "ipc://$work/sockets")
check "a model is trained" ranks 2 "$work/old" "${two[@]}" --seed 1
check "and another one" ranks 2 "$work/new" "${two[@]}" --seed 2 --hidden 768
# killed RANK DELAY: the new model is complete or not there yet; the old one was moved aside.
killed() {
  local folder=$work/killed/machine-0 pids=() rank
  rm -rf "$work/killed"
  cp -r "$work/old" "$work/killed"
  rm "$folder/out/loss.csv"
  for rank in 0 1; do
    (cd "$folder" && exec "$program" "${options[@]}" --rank $rank "${two[@]}" --seed 2 \
      --hidden 768 --timeout 5 >/dev/null 2>&1) &
    pids+=($!)
  done
  for _ in {1..1000}; do
    [ "$(wc -l 2>/dev/null <"$folder/out/loss.csv")" = 4 ] && break
    sleep 0.005
  done
  sleep "$2"
  kill -KILL "${pids[$1]}" 2>/dev/null
  wait "${pids[@]}"
  diff -rq "$work/old/$one" "$folder/out/earlier-1/checkpoint" || return
  [ -e "$folder/out/checkpoint" ] || { echo none >>"$work/left"; return; }
  "$generate" --checkpoint "$folder/out/checkpoint" --tokens 3 &&
    diff -rq "$work/new/$one" "$folder/out/checkpoint" && echo new >>"$work/left"
}
for delay in 0 0.002 0.004 0.008 0.016 0.03 0.06; do
  for rank in 0 1; do
    check "rank $rank killed after $delay s of saving leaves a whole model" killed $rank $delay
  done
done
check "some of these left no new model" grep -q none "$work/left"
after() {
  ranks 2 "$work/killed" "${two[@]}" --seed 1 && diff -r "$work/old/$one" "$work/killed/$one" &&
    ls -A "$work/killed/machine-0/out"
}
check "the next save leaves its model and nothing of earlier ones" after
check "no temporary files of a save are left" [ ! -e "$work/killed/machine-0/out/.checkpoint.part" ]
finish
