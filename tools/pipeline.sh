#!/usr/bin/env bash
# Starts every rank of a training run on this machine, shows how they are doing, and stops all of
# them if one fails, or starts all again.
set -u

usage() {
  cat <<'END'
usage: tools/pipeline.sh STAGES [PIPELINES] [options]

Trains the course's LLaMA in PIPELINES (default 1) replicas, each cut into STAGES processes.

  tools/pipeline.sh 3                      3 stages, 3 microbatches
  tools/pipeline.sh 3 2                    2 such pipelines, gradients averaged between them
  tools/pipeline.sh 3 --schedule zb-h1 --layers auto --steps 300 --trace
  tools/pipeline.sh 3 --checkpoint out/steps --checkpoint-every 50 --restarts 3
  tools/pipeline.sh 3 --checkpoint out/steps --resume

  --out FOLDER       for losses, logs, traces and the model: out/pipeline
  --tcp HOST:PORT    messages over TCP, rank r at PORT + r, instead of private local sockets
  --keys FOLDER      who may connect (bin/pipeline_worker --make-keys); needed unless HOST is 127.x
  --trace            record a timeline of every rank, as a picture and for Perfetto
  --restarts N       if a rank dies, start again from the newest checkpoint, N times at most: 0

All other options go to bin/pipeline_worker; bin/pipeline_worker --help lists them.
END
}

fail() {  # fail MESSAGE HINT
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  exit 2
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=${BIN:-$root/bin}
case ${1-} in -h | --help) usage && exit ;; esac
[[ ${1-} =~ ^[1-9][0-9]{0,2}$ ]] || fail "${1:-nothing} is not a number of stages" "tools/pipeline.sh 3"
stages=$1 pipelines=1
shift
[[ ${1-} =~ ^[0-9] ]] && { pipelines=$1 && shift; }
[[ $pipelines =~ ^[1-9][0-9]{0,2}$ ]] || fail "$pipelines is not a number of pipelines" "tools/pipeline.sh 3 2"
[ -x "$bin/pipeline_worker" ] || fail "bin/pipeline_worker is not built" "make"

out=out/pipeline address= trace= text= checkpoint= restarts=0 options=()
while [ $# -gt 0 ]; do
  case $1 in --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;; esac
  case $1 in
    -h | --help) usage && exit ;;
    --stages | --pipelines | --rank | --run | --address | --parent)
      fail "$1 is the launcher's own" "tools/pipeline.sh STAGES [PIPELINES] [--tcp HOST:PORT]" ;;
    --out | --tcp | --text | --restarts | --checkpoint)
      case ${2-} in '' | --*) fail "$1 needs a value" "tools/pipeline.sh --help" ;; esac ;;
  esac
  case $1 in
    --out) out=$2 && shift ;;
    --tcp) address=tcp://$2 && shift ;;
    --text) text=yes options+=("$1" "$2") && shift ;;
    --restarts) restarts=$2 && shift ;;
    --checkpoint) checkpoint=yes options+=("$1" "$2") && shift ;;
    --trace) trace=yes options+=(--trace) ;;
    *) options+=("$1") ;;
  esac
  shift
done
[[ $restarts =~ ^[0-9]{1,6}$ ]] || fail "$restarts is not a number of restarts" "--restarts 3"
[ "$restarts" = 0 ] || [ "$checkpoint" ] || fail "there is nothing to restart from" "--restarts needs --checkpoint FOLDER"
ranks=$((stages * pipelines)) data=${DATA_RAW:-$root/data/raw}
options+=(--stages "$stages" --pipelines "$pipelines" --data "$data" --out "$out")
# Nothing of an earlier run is touched before the options are known to be right.
checked=$("$bin/pipeline_worker" --check ${address:+--address "$address"} "${options[@]}") || exit
umask "${checked#umask }"  # if text or model are not for everyone, neither is what becomes of them
mkdir -p "$out" 2>/dev/null || fail "cannot write to $out" "choose another folder with --out"
# Ranks hold the lock too, and one that is killed ends a moment later: so it waits a little.
{ exec 4>"$out/.run.lock"; } 2>/dev/null || fail "cannot write to $out" "choose another folder with --out"
flock -w 3 4 || fail "another run writes to $out" "wait for it, or choose another --out"
rm -f "$out"/{rank,restart}-*.log "$out"/rank-*.state "$out"/trace* "$out"/loss.csv "$out"/costs.csv

# What is missing is made up for: without stories a grammar writes some, without vocabulary bytes are tokens.
"$root/data/fetch.sh" vocabulary >"$out/fetch.log" 2>&1
[ "$text" ] || "$root/data/fetch.sh" stories >>"$out/fetch.log" 2>&1

sockets= workers=() running=() failures=() refusal= interrupted=
# From here on stderr is 3: the shell itself would report every rank that ends by a signal.
exec 3>&2 2>/dev/null

# Ranks that do not stop in 15 s are killed.
stop_all() {
  local _
  kill "${workers[@]}"
  for _ in {1..150}; do
    kill -0 "${workers[@]}" || return
    sleep 0.1
  done
  kill -KILL "${workers[@]}"
}

clean_up() {
  trap '' INT TERM HUP
  [ ${#running[@]} -gt 0 ] && stop_all
  wait
  [ "$sockets" ] && rm -rf "$sockets"
}

trap clean_up EXIT
trap 'interrupted=130' INT
trap 'interrupted=143' TERM HUP

# A socket's path has 107 bytes at most.
temporary=${TMPDIR:-/tmp}
(LC_ALL=C && [ ${#temporary} -le 70 ]) || temporary=/tmp
[ "$address" ] || { sockets=$(mktemp -d "$temporary/tributary-XXXXXX") && address=ipc://$sockets; } ||
  fail "cannot make a folder for sockets in $temporary" "choose another with TMPDIR, or use --tcp HOST:PORT" 2>&3

# Each start is a run of its own, so that nothing of the one before is taken for a message of it.
start_ranks() {
  local rank run
  run=$(od -An -N6 -tu8 /dev/urandom | tr -d ' ')
  workers=() running=() failures=() refusal=
  for ((rank = 0; rank < ranks; ++rank)); do
    "$bin/pipeline_worker" --rank "$rank" --run "$run" --address "$address" --parent $$ "${options[@]}" \
      >"$out/rank-$rank.log" 2>&1 &
    workers+=($!) running+=("$rank")
  done
}

# Sets running to the ranks that still run, and failures to what became of those that failed.
look_after_ranks() {
  local rank status still=()
  for rank in "${running[@]}"; do
    if kill -0 "${workers[rank]}"; then
      still+=("$rank")
      continue
    fi
    wait "${workers[rank]}"
    status=$?
    [ $status -gt 128 ] && failures+=("rank $rank ended by signal $((status - 128))")
    [ $status -gt 0 ] && [ $status -le 128 ] && failures+=("rank $rank: $(grep -m1 '^error:' "$out/rank-$rank.log")")
    [ $status -eq 2 ] && refusal=$out/rank-$rank.log
  done
  running=("${still[@]}")
}

# On a terminal: the last line of the log, and below it what each rank is doing, in place.
recorder=$out/rank-$((stages - 1)).log shown=0 last=
show() {
  local line rank state
  line=$(grep '^step ' "$recorder" | tail -n 1)
  if [ ! -t 1 ]; then
    [ "$line" != "$last" ] && echo "$line"
    last=$line
    return
  fi
  [ "$shown" -gt 0 ] && printf '\e[%dA' "$shown"
  shown=$((ranks + 1))
  printf '\e[K%s\n' "${line:-starting}"
  for ((rank = 0; rank < ranks; ++rank)); do
    state=
    read -r state <"$out/rank-$rank.state"
    printf '\e[K  rank %-3d pipeline %d, stage %d  %s\n' "$rank" $((rank / stages)) $((rank % stages)) "$state"
  done
}

# Until all ranks are done, or one has failed.
watch_ranks() {
  while [ ${#running[@]} -gt 0 ] && [ ${#failures[@]} -eq 0 ] && [ ! "$interrupted" ]; do
    sleep 0.25
    show
    look_after_ranks
  done
  show
}

# The others find out by themselves and say what they waited for; who stays silent longer is frozen.
wait_for_the_others() {
  local patience=20 before
  while [ ${#running[@]} -gt 0 ] && ((patience-- > 0)); do
    sleep 0.2
    before=${#running[@]}
    look_after_ranks
    [ ${#running[@]} -lt "$before" ] && patience=10
  done
  [ ${#running[@]} -gt 0 ] && kill -KILL "${workers[@]}"
  wait
  running=()
}

for ((restart = 0;; ++restart)); do
  start_ranks
  watch_ranks
  if [ "$interrupted" ]; then
    stop_all
    echo "interrupted" >&3
    exit "$interrupted"
  fi
  [ ${#failures[@]} -gt 0 ] || break
  wait_for_the_others
  if [ "$refusal" ]; then  # all ranks were given the same: one answer is enough
    grep -E '^(error|hint):' "$refusal" >&3
    exit 2
  fi
  printf '%s\n' "${failures[@]}" >&3
  if [ "$restart" = "$restarts" ]; then
    echo "hint: the logs are $out/rank-*.log" >&3
    exit 1
  fi
  # What they said stays in a file of its own.
  for ((rank = 0; rank < ranks; ++rank)); do
    mv "$out/rank-$rank.log" "$out/restart-$((restart + 1))-rank-$rank.log"
  done
  [ "$restart" = 0 ] && options+=(--resume)
  echo "restart $((restart + 1)) of $restarts" >&3
  shown=0
done
grep -hvE '^(step |dropped:)' "$out"/rank-*.log
[ ! "$trace" ] || [ ! -e "$out/trace-predicted.csv" ] || "$bin/show_trace" "$out" 2>&3
