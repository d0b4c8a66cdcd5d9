#!/usr/bin/env bash
# Ranks started by real launchers, mpirun, torchrun and Slurm, on three machines that are network
# namespaces joined by 100 Mbit/s. Each part runs where its tools are installed.
#
#   make test-launchers
#   TORCHRUN=/path/to/torchrun tests/launchers/run.sh
cd "$(dirname "$0")/../.." || exit 1
own_network=${1-}  # this script is in a network namespace of its own
if [ ! "$own_network" ] && unshare --net ip link set lo up 2>/dev/null; then
  exec unshare --net bash -c 'ip link set lo up && exec "$0" own' "$PWD/tests/launchers/run.sh"
fi
program=pipeline_worker
. tests/checks.bash
prepare_launcher

write_stories
export DATA_RAW=$work/data  # without a vocabulary: little time goes into the arithmetic
small=(--text "$work/stories.txt" --d 32 --heads 2 --tokens 24)
has() { command -v "$@" >/dev/null; }

# A launcher's file has launch_NAME RANKS COMMAND..., as users type it, what rank 0 of six processes
# finds, and its test_...
declare -A found
for part in machines kubernetes mpirun torchrun slurm; do . tests/launchers/$part.bash; done
trap '{ stop_machines; stop_slurm; } 2>/dev/null; rm -rf "$work"' EXIT

leaves_no_meeting() { [ -z "$(find "$work/$1" -name '.meeting*')" ]; }  # leaves_no_meeting NAME
trains() {  # trains LAUNCHER RANKS
  "launch_$1" "$2" "$program" --stages 3 "${small[@]}" --steps 6 --out "$work/$1-$2" \
    >"$work/$1-$2.out" 2>&1 && same_losses "sh-$2" "$1-$2" && leaves_no_meeting "$1-$2" ||
    { cat "$work/$1-$2.out"; return 1; }
}
# Rank 0 says which launcher it found, by which variables, and what it makes of 6 processes.
says_who_started_it() {  # says_who_started_it LAUNCHER
  local said="launcher: ${found[$1]}; 3 stages x 2 pipelines; meeting in $work/$1-6/.meeting-"
  grep -F "$said" "$work/$1-6.out" || { echo "no $said"; cat "$work/$1-6.out"; return 1; }
}
# Rank 2 does something else than the others, which say so and end.
notices() {  # notices LAUNCHER WHAT-RANK-2-DOES PATTERN
  local name=notices-$1 rank='${OMPI_COMM_WORLD_RANK-${RANK-${SLURM_PROCID-$JOB_COMPLETION_INDEX}}}'
  ! "launch_$1" 3 bash -c "[ $rank != 2 ] || $2; exec \"\$@\"" - "$program" --stages 3 \
    "${small[@]}" --steps 6 --timeout 8 --out "$work/$name" >"$work/out" 2>&1
  cat "$work/out"
  grep -q "$3" "$work/out"
}
# The process of a rank of the run whose --out or --csv begins with $work/NAME.
rank_process() {  # rank_process NAME RANK
  local process
  for process in $(pgrep -f -- "^[^ ]*(pipeline_worker|federated) .*--(out|csv) $work/$1"); do
    tr '\0' '\n' <"/proc/$process/environ" |
      grep -qxE "(OMPI_COMM_WORLD_RANK|RANK|SLURM_PROCID|JOB_COMPLETION_INDEX)=$2" && echo "$process"
  done 2>/dev/null
}
# Slurm kills the others after KillWait, 2 s in slurm.bash. By then they have named it.
names_the_killed() {  # names_the_killed LAUNCHER
  local name=killed-$1 launcher status start
  "launch_$1" 6 "$program" --stages 3 "${small[@]}" --steps 1000000 --out "$work/$name" \
    >"$work/out" 2>&1 &
  launcher=$!
  wait_for_step "$name" 3 || echo "it does not train"
  start=$SECONDS
  kill -KILL $(rank_process "$name" 1)
  wait $launcher
  status=$?
  cat "$work/out"
  echo "status $status after $((SECONDS - start)) s"
  [ $status != 0 ] && [ $((SECONDS - start)) -le 15 ] && grep -q "rank 1 is gone" "$work/out" &&
    ! pgrep -f -- "^[^ ]*pipeline_worker .*--out $work/$name"
}
# keep.sh starts a killed process again, and the launcher notices nothing: the pipeline leaves and
# comes back, and the losses are those of an undisturbed process.
elastic=(--exact-sums "${small[@]}" --checkpoint-every 0)
replaces() {  # replaces LAUNCHER
  local name=elastic-$1 launcher _ last
  "launch_$1" 6 tools/launch/keep.sh "$program" --elastic --stages 3 --heartbeat 2 "${elastic[@]}" \
    --steps 1000000 --out "$work/$name" >"$work/out" 2>&1 &
  launcher=$!
  wait_for_step "$name" 3 || { cat "$work/out"; kill $launcher; return 1; }
  kill -KILL $(rank_process "$name" 1)
  for _ in {1..400}; do
    grep -q 'pipeline 0 came' "$work/$name/members.csv" && break
    sleep 0.05
  done
  kill -TERM $(rank_process "$name" 4)  # all stop after the same step
  wait $launcher
  cat "$work/out" "$work/$name/members.csv"
  last=$(tail -n 1 "$work/$name/loss.csv" | cut -d, -f1)
  # It has left before; no row says so if no step was done without it.
  grep -q 'pipeline 0 came' "$work/$name/members.csv" &&
    tools/pipeline.sh 3 --microbatches 6 "${elastic[@]}" --steps "$last" \
      --out "$work/$name-alone" && same_losses "$name-alone" "$name"
}
# The clients of a federation, shared out over processes.
federates() {  # federates LAUNCHER
  "launch_$1" 3 "${program%/*}/federated" "${federation[@]}" --meet "$work" \
    --csv "$work/$1.csv" >"$work/out" 2>&1
  cat "$work/out"
  cmp "$work/federation.csv" "$work/$1.csv" && grep 'rank 2 trained clients [1-9]' "$work/out" &&
    grep -F "3 ranks, started by ${found[$1]%% *}" "$work/out"
}
# A rank that dies is started again by keep.sh; others train its clients meanwhile.
takes_over() {  # takes_over LAUNCHER
  local name=takes-over-$1 launcher rounds _
  "launch_$1" 3 tools/launch/keep.sh "${program%/*}/federated" "${federation[@]}" \
    --rounds 1000000 --heartbeat 2 --meet "$work/$name" --checkpoint "$work/$name-rounds" \
    --csv "$work/$name.csv" >"$work/out" 2>&1 &
  launcher=$!
  for _ in {1..600}; do
    [ ! -e "$work/$name-rounds/step-2" ] || break
    sleep 0.05
  done
  kill -KILL $(rank_process "$name" 2)
  for _ in {1..600}; do
    ! grep -q 'rank 2 is back' "$work/out" || break
    sleep 0.05
  done
  kill -TERM $(rank_process "$name" 0)  # all stop after the same round
  wait $launcher
  cat "$work/out"
  rounds=$(tail -n 1 "$work/$name.csv" | cut -d, -f1)
  grep -q 'others take over' "$work/out" && grep -q 'rank 2 is back' "$work/out" &&
    leaves_no_meeting "$name" && "${program%/*}/federated" "${federation[@]}" \
    --rounds "$rounds" --csv "$work/$name-alone.csv" &&
    cmp "$work/$name-alone.csv" "$work/$name.csv"
}
tested() {  # tested LAUNCHER
  check "3 processes of $1 train as those of pipeline.sh" trains "$1" 3
  check "6 processes of $1 train as those of pipeline.sh" trains "$1" 6
  check "they say that $1 started them, and how they know" says_who_started_it "$1"
  check "a killed one ends the job of $1, and is named" names_the_killed "$1"
  check "another option of one of $1 is refused" notices "$1" 'set -- "$@" --lr 0.5' \
    'was started with'
  check "a missing one of $1 is named" notices "$1" 'exit 0' 'for rank 2'
  check "3 processes of $1 share the clients of a federation" federates "$1"
  check "a killed one's clients are trained by others of $1, and it comes back" takes_over "$1"
  check "a killed one's pipeline leaves an elastic job of $1, and comes back" replaces "$1"
}

# 40 patients, in columns that can tell who is ill.
{ echo a,b,ill; for i in {1..40}; do echo $((i % 7)),$((i * i % 11)),$((i % 7 > 3)); done; } \
  >"$work/patients.csv"
# Clients take long enough for every rank to get some.
federation=(run --dataset table --data "$work/patients.csv" --label ill --model mlp -N 8 -C 1 -B 4
  -E 50 --rounds 3)
check "a federation trains" "${program%/*}/federated" "${federation[@]}" \
  --csv "$work/federation.csv"
check "a federation needs to know how many pods there are" \
  refused "kubernetes does not say how many ranks" env JOB_COMPLETION_INDEX=0 \
  "${program%/*}/federated" "${federation[@]}"

for pipelines in 1 2; do
  check "pipeline.sh trains" tools/pipeline.sh 3 $pipelines "${small[@]}" --steps 6 \
    --out "$work/sh-$((3 * pipelines))"
done
test_kubernetes
start_machines
test_mpirun
test_torchrun
test_slurm
finish
