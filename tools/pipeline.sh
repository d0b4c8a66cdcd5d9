#!/usr/bin/env bash
# Starts every rank of a training run on this machine and shows their progress. If one fails, stops
# all of them, or restarts them.
set -u

usage() {
  cat <<'END'
usage: tools/pipeline.sh STAGES [PIPELINES] [options]

Trains a language model in PIPELINES (default 1) replicas, each cut into STAGES processes.

  tools/pipeline.sh 3                      3 stages, 3 microbatches
  tools/pipeline.sh 3 2                    2 such pipelines, gradients averaged between them
  tools/pipeline.sh 3 --schedule zb-h1 --layers auto --steps 300 --trace
  tools/pipeline.sh 3 --schedule zb.csv    a schedule as PyTorch or bin/show_schedule --csv writes it
  tools/pipeline.sh 3 --model gpt2         a GPT-2 instead of the course's LLaMA
  tools/pipeline.sh 3 --config run.toml    options from a file; OUT/config.toml has those of a run
  tools/pipeline.sh 3 --resume             continues where an earlier run stopped
  tools/pipeline.sh 3 --restarts 3         restarts by itself if a rank dies
  tools/pipeline.sh 3 3 --elastic          goes on without a pipeline that loses a rank, until the
                                           rank has been started again

  --out FOLDER       for losses, logs, checkpoints and the model: out/pipeline. The results of an
                     earlier run move to FOLDER/earlier-1, or the next free number
  --tcp HOST:PORT    use TCP, rank r at PORT + r, instead of private local sockets
  --keys FOLDER      keys of the ranks (bin/pipeline_worker --make-keys); if HOST is 127.x, they are
                     made for the run
  --trace            record a timeline of every rank, as a picture and for Perfetto
  --elastic          start a rank that dies again, and let the others go on meanwhile
  --restarts N       if a rank dies, restart from the newest checkpoint, at most N times: 0

Ctrl-C finishes the step, saves the model and a checkpoint, and ends; a second Ctrl-C ends at once.
All other options go to bin/pipeline_worker; bin/pipeline_worker --help lists them.
END
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/tools/launch/shell.bash"
bin=${BIN:-$root/bin}
command=("$0" "$@")
case ${1-} in -h | --help) usage && exit ;; esac
[ $# -gt 0 ] || { usage && exit 2; }
[[ $1 =~ ^[1-9][0-9]{0,2}$ ]] ||
  fail "$1 is not a number of stages" "tools/pipeline.sh 3"
stages=$1 pipelines=1
shift
[[ ${1-} =~ ^[0-9] ]] && { pipelines=$1 && shift; }
[[ $pipelines =~ ^[1-9][0-9]{0,2}$ ]] ||
  fail "$pipelines is not a number of pipelines" "tools/pipeline.sh 3 2"
[ -x "$bin/pipeline_worker" ] || fail "bin/pipeline_worker is not built" "make"

address= keys= restarts=0 elastic= options=()
while [ $# -gt 0 ]; do
  case $1 in --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;; esac
  case $1 in
    -h | --help) usage && exit ;;
    --stages | --pipelines | --rank | --run | --address | --parent | --state | --launcher | --meet)
      fail "$1 is set by the launcher" "tools/pipeline.sh STAGES [PIPELINES] [--tcp HOST:PORT]" ;;
    --out | --config | --tcp | --keys | --text | --tokenizer | --restarts)
      case ${2-} in '' | --*) fail "$1 needs a value" "tools/pipeline.sh --help" ;; esac ;;
  esac
  case $1 in
    --tcp) address=tcp://$2 && shift ;;
    --keys) keys=$2 && shift ;;
    --restarts) restarts=$2 && shift ;;
    --elastic) elastic=yes && options+=("$1") ;;
    *) options+=("$1") ;;
  esac
  shift
done
[[ $restarts =~ ^[0-9]{1,6}$ ]] || fail "$restarts is not a number of restarts" "--restarts 3"
ranks=$((stages * pipelines)) data=${DATA_RAW:-$root/data/raw}
[ ! "$elastic" ] || [ ! "$address$keys" ] ||
  fail "with --elastic ranks find each other in a folder" "leave --tcp and --keys out"
options+=(--launcher none --stages "$stages" --pipelines "$pipelines" --data "$data")
checked=$("$bin/pipeline_worker" --check ${elastic:+--meet "$PWD"} \
  ${address:+--address "$address"} ${keys:+--keys "$keys"} \
  "${options[@]}") || exit
said() { sed -n "s/^$1 //p" <<<"$checked"; }
out=$(said out) trace=$(said trace)
options+=(--out "$out")
umask "$(said umask)"  # results of a private text or model are private
# The ranks hold the lock, too, and a killed one takes a moment to end: hence the wait.
{ exec 4>"$out/.run.lock"; } 2>/dev/null ||
  fail "cannot write to $out" "choose another folder with --out"
flock -w 3 4 || fail "another run writes to $out" "wait for it, or choose another --out"

# Before its first step a run touches nothing in $out but this folder, which holds its first logs.
logs=$out/.start
rm -rf "$logs" && mkdir "$logs" ||
  fail "cannot write to $out" "choose another folder with --out"

# Downloads may fail: without stories a grammar writes some, without a vocabulary bytes are tokens.
for name in $(said fetch); do "$root/data/fetch.sh" "$name"; done >"$logs/fetch.log" 2>&1

. "$root/tools/launch/ranks.bash"
. "$root/tools/launch/logs.bash"
. "$root/tools/launch/view.bash"
private=
clean_up() {
  trap '' INT TERM HUP
  kill_ranks
  [ "$private" ] && rm -rf "$private"
}
trap clean_up EXIT
make_private_folder tributary-run
if [ "$elastic" ]; then
  options+=(--meet "$private" --host 127.0.0.1)
elif [ ! "$address" ]; then
  address=ipc://$private
elif [ ! "$keys" ] && [[ $address == tcp://127.* || $address == tcp://\[::1\]:* ]]; then
  keys=$private/keys
  "$bin/pipeline_worker" --make-keys "$keys" --stages "$stages" --pipelines "$pipelines" \
    >/dev/null || exit
fi
options+=(${address:+--address "$address"} --parent $$ ${keys:+--keys "$keys"})

# From here on stderr is 3, because the shell itself reports every rank that ends by a signal to 2.
exec 3>&2 2>/dev/null
for ((restart = 0;; ++restart)); do
  start_ranks
  watch_ranks
  [ "$has_ended" ] && { wait_for_the_others; failures=(); }  # an elastic run is done without them
  end_view
  [ "$again" ] && { echo "interrupted" >&3; exit "$interrupted"; }
  [ ${#failures[@]} -gt 0 ] || break
  wait_for_the_others
  [ "$interrupted" ] && break
  if [ "$refusal" ]; then  # all ranks have the same options: one answer is enough
    grep -E '^(error|hint):' "$logs/$refusal" >&3
    [ "$logs" = "$out" ] || rm -rf "$logs"
    exit 2
  fi
  printf '%s\n' "${failures[@]}" >&3
  if [ "$restart" = "$restarts" ]; then
    echo "hint: the logs are $logs/rank-*.log" >&3
    exit 1
  fi
  keep_logs "$logs"
  # Before its first step this run has nothing to resume; checkpoints would be an earlier run's.
  [ "$logs" = "$out" ] && [[ " ${options[*]} " != *" --resume "* ]] && options+=(--resume)
  echo "restart $((restart + 1)) of $restarts" >&3
done
# Interrupted with nothing saved.
if [ "$interrupted" ] && { [ ${#failures[@]} -gt 0 ] || [ "$logs" != "$out" ]; }; then
  if [ "$logs" = "$out" ]; then printf '%s\n' "${failures[@]}" >&3; else rm -rf "$logs"; fi
  echo "interrupted" >&3
  exit "$interrupted"
fi
take_folder
show_the_others
[ ! "$trace" ] || [ ! -e "$out/trace-predicted.csv" ] || "$bin/show_trace" "$out" 2>&3
if [ "$interrupted" ]; then
  [[ " ${command[*]} " == *" --resume "* ]] || command+=(--resume)
  echo "to continue:$(printf ' %q' "${command[@]}")" >&3
  exit "$interrupted"
fi
[ ! "$unwritten" ] || { echo "error: cannot write to the standard output" >&3; exit 1; }
