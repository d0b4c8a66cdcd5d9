#!/usr/bin/env bash
# Nothing destroys a run's results: neither a later run in the same folder, a refused one, Ctrl-C, a
# removed folder or lock, nor a full disk.
cd "$(dirname "$0")/.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher

write_stories
small=(--text "$work/stories.txt" --d 32 --heads 2 --tokens 24 --microbatches 6)
train() {  # train NAME STAGES [PIPELINES] [options]: into $work/NAME
  tools/pipeline.sh "${@:2}" "${small[@]}" --out "$work/$1"
}
is_over() { ! pgrep -f -- "--out $work/$1" && [ -z "$(ls "$TMPDIR")" ]; }

# --- a second run in the same folder
check "a run trains" train out 3 --steps 6
cp -r "$work/out" "$work/first"
is_kept() {  # the first run is whole, and nothing of it is left beside the second
  train out 2 --steps 4 >"$work/stdout" || return
  cat "$work/stdout"
  grep -q "the results of an earlier run in $work/out are now in $work/out/earlier-1" \
    "$work/stdout" &&
    diff -r "$work/first" "$work/out/earlier-1" -x .lock -x .run.lock -x .run &&
    [ "$(ls "$work/out/checkpoint" | grep -c safetensors)" = 3 ] &&
    [ ! -e "$work/out/rank-2.log" ] &&
    [ "$(wc -l <"$work/out/loss.csv")" = 5 ]
}
check "another one trains there, and the first one's results are kept and reported" is_kept
says_how() {
  python3 -c "
import json
run = json.load(open('$work/out/run.json'))
start = run['starts'][-1]
assert len(run['starts']) == $1 and start['first_step'] == $2, run
assert start['training']['d'] == '32' and start['blas-core'] and start['engine'], run"
}
if command -v python3 >/dev/null; then check "run.json says how it was started" says_how 1 1; fi
check "it goes on for more steps" train out 2 --steps 8 --resume
check "in its folder" [ "$(wc -l <"$work/out/loss.csv")" = 9 ]
if command -v python3 >/dev/null; then check "run.json says both starts" says_how 2 5; fi
is_whole() { [ ! -e "$work/out/earlier-2" ] && [ -e "$work/out/restart-1-rank-0.log" ]; }
check "and nothing was moved" is_whole

# --- runs that are refused or fail before their first step
rm -rf "$work/first" && cp -r "$work/out" "$work/before"
same_as_before() { diff -r "$work/before" "$work/out" -x .lock -x .run.lock -x .run -x .start; }
refused_run() {  # refused_run PATTERN [options]
  refused "$1" tools/pipeline.sh 2 "${small[@]}" --steps 8 --out "$work/out" "${@:2}" &&
    same_as_before
}
check "a resumed run of another shape leaves everything as it was" \
  refused_run "d 32, this run has 64" --resume --d 64
check "so does one with sequences too long for the machine" \
  refused_run "GB of memory, .* scores" --tokens 300000
check "and one with a batch too large for it" refused_run "GB of memory, .* scores" --batch 12000000
check "and one with a missing text" refused_run "none.txt" --text "$work/none.txt"
fails_to_start() {  # rank 1 is killed as soon as it exists
  train out 2 --steps 1000 >"$work/stdout" 2>"$work/err" &
  local launcher=$! victim status
  until victim=$(pgrep -P $(pgrep -P $launcher) -f -- "--rank 1 " ||
    pgrep -P $launcher -f -- "--rank 1 "); do sleep 0.01; done 2>/dev/null
  sleep "${1:-0.05}"
  kill -KILL "$victim"
  wait $launcher
  status=$?
  cat "$work/err"
  [ $status = 1 ] && grep -q "^rank 1 ended by signal 9" "$work/err"
}
check "a rank killed 50 ms after its start is named" fails_to_start
starts_over() {  # rank 1 dies before the first step: this run restarts, not the earlier one
  train anew 2 --steps 3 && cp -r "$work/anew" "$work/anew-before" || return
  tools/pipeline.sh 2 "${small[@]}" --steps 3 --seed 9 --restarts 1 --out "$work/anew" \
    >"$work/stdout" 2>"$work/err" &
  local launcher=$! victim
  until victim=$(pgrep -P $launcher -f -- "--rank 1 "); do sleep 0.01; done 2>/dev/null
  kill -KILL "$victim"
  wait $launcher
  cat "$work/stdout" "$work/err"
  grep -q "restart 1 of 1" "$work/err" && ! grep -q "resumed" "$work/stdout" &&
    diff -r "$work/anew-before" "$work/anew/earlier-1" -x .lock -x .run.lock -x .run
}
check "a rank killed before the first step does not make an earlier run continue" starts_over
stops_at_once() {  # Ctrl-C before the first step
  env --default-signal=INT setsid tools/pipeline.sh 2 "${small[@]}" --steps 100000 --d 64 \
    --trace --out "$work/out" >"$work/stdout" 2>"$work/err" &
  local launcher=$! status
  until pgrep -P $launcher -f -- "--rank 1 "; do sleep 0.01; done >/dev/null
  sleep "$1"
  kill -INT -- -$launcher
  wait $launcher
  status=$?
  cat "$work/stdout" "$work/err"
  [ $status = 130 ] && same_as_before && [ "$(tail -n 1 "$work/err")" = interrupted ] &&
    ! grep -q "to continue" "$work/err"
}
stopped=0 && for delay in 0 0.05 0.1; do  # at one of these, unless the machine is very fast
  stops_at_once $delay && ((++stopped))
  rm -rf "$work/out" && cp -r "$work/before" "$work/out"
done >"$work/log" 2>&1
check "Ctrl-C before the first step changes nothing, and suggests no --resume" [ $stopped -gt 0 ]
check "a model is not read from a folder that the run moves aside" \
  refused_run "moves aside" --init "$work/out/checkpoint"
check "nor are checkpoints saved there" \
  refused_run "moves aside" --checkpoint "$work/out/checkpoint"
fewer() {  # a run with a trace of three ranks, resumed by two
  train fewer 3 --steps 2 --trace && train fewer 2 --steps 4 --trace --resume &&
    ! grep -q "rank 2" "$work/fewer/timeline.svg"
}
check "a picture shows the ranks of one start" fewer
serial() { "$program" "${small[@]}" --steps 3 --out "$work/$1" "${@:2}"; }
check "one process trains" serial alone
check "and again" serial alone --seed 5
check "its first results are kept" \
  [ "$(losses alone | tail -n 1)" != "$(losses alone/earlier-1 | tail -n 1)" ]

# --- Ctrl-C
check "two pipelines train undisturbed" train whole 3 2 --steps 60
interrupted() {  # interrupted NAME WHOM: a signal in training; the run saves and says how to go on
  env --default-signal=INT setsid tools/pipeline.sh 3 2 "${small[@]}" --steps 60 --out "$work/$1" \
    >"$work/stdout" 2>"$work/err" &
  local launcher=$! status
  wait_for_step "$1" 5 || return
  case $2 in
    launcher) kill -TERM $launcher ;;
    all) kill -INT -- -$launcher ;;
    rank) kill -TERM "$(pgrep -P $launcher -f -- "--rank 4 ")" ;;
  esac
  wait $launcher
  status=$?
  cat "$work/stdout" "$work/err"
  [ $status = "$3" ] && is_over "$1" && grep -q "^stopped after step [0-9]* of 60" "$work/stdout" &&
    grep -q "^to continue: tools/pipeline.sh 3 2 .* --resume" "$work/err" &&
    [ -e "$work/$1/checkpoint/config.json" ] &&
    [ "$(wc -l <"$work/$1/loss.csv")" -lt 60 ]
}
as_undisturbed() {
  train "$1" 3 2 --steps 60 --resume && same_losses whole "$1" &&
    same_tensors "$work"/{whole,"$1"}/checkpoint
}
check "a stopped launcher lets the run finish its step and save" \
  interrupted told launcher 143
check "the run goes on to the same losses and weights" as_undisturbed told
check "Ctrl-C, which reaches all processes, does the same" interrupted keys all 130
check "the run goes on to the same losses and weights" as_undisturbed keys
check "so does a signal to one rank" interrupted rank rank 130
check "the run goes on to the same losses and weights" as_undisturbed rank
twice() {
  tools/pipeline.sh 3 2 "${small[@]}" --steps 100000 --out "$work/twice" >/dev/null 2>"$work/err" &
  local launcher=$! start status
  wait_for_step twice 3 || return
  kill -STOP "$(pgrep -P $launcher -f -- "--rank 3 ")"
  kill -TERM $launcher
  sleep 0.7
  start=$(date +%s%N)
  kill -TERM $launcher
  wait $launcher
  status=$?
  cat "$work/err"
  [ $status = 143 ] && [ $(($(date +%s%N) - start)) -lt $((slack * 1500000000)) ] &&
    grep -q "interrupt again to stop at once" "$work/err" &&
    is_over twice
}
check "the second interrupt ends a run that cannot finish its step" twice
alone_interrupted() {
  "$program" "${small[@]}" --steps 100000 --out "$work/single" >"$work/stdout" 2>"$work/err" &
  local pid=$! status
  wait_for_step single 5 || return
  kill -TERM $pid
  wait $pid
  status=$?
  cat "$work/stdout" "$work/err"
  [ $status = 130 ] && grep -q "^stopped after step" "$work/stdout" &&
    grep -q "^hint: to continue, .*--resume" "$work/err" &&
    [ -e "$work/single/checkpoint/model.safetensors" ]
}
check "a single process does the same" alone_interrupted

# --- folders that disappear, disks that are full
# disturbed NAME PATTERN COMMAND [options]: the command runs during training, which must end with an
# error that matches.
disturbed() {
  tools/pipeline.sh 2 "${small[@]}" --steps 100000 --out "$work/$1" "${@:4}" \
    >"$work/stdout" 2>"$work/err" &
  local launcher=$! status
  wait_for_step "$1" 3 || return
  eval "$3"
  wait $launcher
  status=$?
  cat "$work/err"
  [ $status != 0 ] && grep -qE "$2" "$work/err" && is_over "$1"
}
check "a removed folder ends the run, with the reason" \
  disturbed gone "removed while the run wrote to it" "rm -rf '$work/gone'"
check "so does a removed lock" disturbed lock "lock/.lock was removed" "rm '$work/lock/.lock'"
check "and removed checkpoints in it" \
  disturbed own "steps/.lock was removed" "rm -rf '$work/own/steps'"
check "and a removed folder of checkpoints" disturbed apart "steps-apart/.lock was removed" \
  "rm -rf '$work/steps-apart'" --checkpoint "$work/steps-apart"
full_output() {
  train full 2 --steps 3 2>"$work/err" >/dev/full
  [ $? = 1 ] && grep -q "cannot write to the standard output" "$work/err"
}
check "an output that accepts nothing is an error" full_output
mkdir "$work/disk"
if mount -t tmpfs -o size=64k tmpfs "$work/disk" 2>/dev/null; then
  trap 'umount "$work/disk"; rm -rf "$work"' EXIT
  disk_fills() { disturbed disk/out "cannot write .*No space left" :; }
  check "a disk that fills up ends the run, with the reason" disk_fills
  head -c 200000 /dev/zero >"$work/disk/fill" 2>/dev/null
  check "a disk that is full from the start does, too" \
    refused "No space left" tools/pipeline.sh 2 "${small[@]}" --out "$work/disk/out"
else
  echo "left out: a full disk (needs permission to mount one)"
fi

# --- what is reported, and what is not
says_synthetic() {
  mkdir -p "$work/raw"
  DATA_RAW=$work/raw tools/pipeline.sh 1 --d 8 --depth 1 --heads 2 --tokens 16 --steps 2 \
    --out "$work/grammar" >"$work/stdout" || return
  cat "$work/stdout"
  awk '/^text: .*grammar/ { text = NR } /^step / { step = NR; exit }
    END { exit !(text && text < step) }' "$work/stdout"
}
if ! [ -e "$data_raw"/stories/TinyStoriesV2-GPT4-valid.txt ]; then
  check "a synthetic text is reported before the first step" says_synthetic
fi
drawn_step() {
  train bound 3 2 --steps 8 --trace >"$work/stdout" || return
  cat "$work/stdout"
  printed() { sed -nE "s/$1 ([0-9.]+) s.*/\1/p" "$work/stdout"; }
  awk -v drawn="$(printed '^As predicted from average costs,')" \
    -v predicted="$(printed '^predicted with .*:')" \
    'BEGIN { exit !(drawn > 0 && drawn < 1.02 * predicted + 0.001) }'
}
check "a step without variation is drawn, which takes no longer than the predicted one" drawn_step
is_private() {  # no command line has the run's number, and no other user can reach its keys
  tools/pipeline.sh 2 "${small[@]}" --steps 100000 --out "$work/private" --tcp 127.0.0.1:28490 \
    >/dev/null 2>&1 &
  local launcher=$! lines keys status=0
  wait_for_step private 3 || status=1
  lines=$(pgrep -P $launcher -fa -- "--rank ")
  keys=$(sed -nE 's/.*--keys ([^ ]+).*/\1/p' <<<"$lines" | head -n 1)
  echo "$lines"
  [ "$(stat -c %a "$(dirname "$keys")")" = 700 ] &&
    [ "$(stat -c %a "$keys/rank-1.secret")" = 600 ] || status=1
  grep -qE -- '--run|[0-9]{9}' <<<"$lines" && status=1
  kill -TERM $launcher
  wait $launcher
  [ -e "$keys" ] && status=1
  return $status
}
check "a run over TCP on this machine makes its own keys" is_private
leftover() {  # a killed launcher's folder of sockets
  tools/pipeline.sh 2 "${small[@]}" --steps 100000 --out "$work/killed" >/dev/null 2>&1 &
  local launcher=$!
  wait_for_step killed 3 || return
  kill -KILL $launcher
  for _ in {1..100}; do pgrep -f -- "--out $work/killed" >/dev/null || break; sleep 0.1; done
  [ -n "$(ls "$TMPDIR")" ] && train killed 2 --steps 3 && [ -z "$(ls "$TMPDIR")" ]
}
check "the next launcher clears away what a killed one left" leftover
# Opening some of these, or waiting for their locks, would block forever; others must stay.
strange_leftovers() {
  local kept
  mkfifo "$work/pipe" && mkdir -p "$work/mine" "$work/shared/tributary-run-pipe" \
    "$work/shared/tributary-run-new" || return
  touch "$work/mine/.lock" "$work/shared/tributary-run-new/socket"
  ln -s "$work/pipe" "$work/shared/tributary-run-pipe/.lock"
  ln -s "$work/mine" "$work/shared/tributary-run-link"
  [ "$(id -u)" = 0 ] && chown -h 12345 "$work"/shared/tributary-run-{pipe,pipe/.lock,link}
  TMPDIR=$work/shared timeout 30 tools/pipeline.sh 2 "${small[@]}" --steps 3 \
    --out "$work/strange" || return
  kept=$(cd "$work/shared" && ls)
  echo "$kept"
  [ "$kept" = "$(printf 'tributary-run-%s\n' link new pipe)" ] && [ -e "$work/mine/.lock" ]
}
check "leftovers of others with such a name are neither opened nor removed" strange_leftovers
check "nothing is left in the temporary folder" [ -z "$(ls "$TMPDIR")" ]
finish
