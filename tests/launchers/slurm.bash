# A Slurm of the three machines of machines.bash. Sourced by run.sh.
slurm=$work/slurm slurm_processes=()
found[srun]='slurm (SLURM_PROCID=0, SLURM_STEP_NUM_TASKS=6)'
found[sbatch]=${found[srun]}

in_background() {  # in_background NAME COMMAND...: the output is in $slurm/NAME.out
  "${@:2}" >"$slurm/$1.out" 2>&1 &
  slurm_processes+=($!)
}

# The ports are none that connections of other tests are given.
write_slurm_conf() {
  local host
  host=$(hostname)
  cat >"$slurm/slurm.conf" <<END
ClusterName=tributary
SlurmctldHost=$host(10.77.0.1)
SlurmctldPort=16820
SlurmUser=root
AuthInfo=socket=$slurm/munge.socket
StateSaveLocation=$slurm/state
SlurmdSpoolDir=$slurm/spool-%n
SlurmctldPidFile=$slurm/slurmctld.pid
SlurmdPidFile=$slurm/slurmd-%n.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/linear
KillWait=2
NodeName=n[0-2] NodeHostname=$host NodeAddr=10.77.0.1[0-2] Port=[16830-16832] CPUs=4
PartitionName=all Nodes=n[0-2] Default=YES
END
  export SLURM_CONF=$slurm/slurm.conf
}

# Says what is missing, and fails, if there can be no Slurm here.
start_slurm() {
  local tool node _
  for tool in slurmctld slurmd srun munged; do
    has $tool || { echo "left out: Slurm (packages slurm-wlm, munge)"; return 1; }
  done
  [ ${#machines[@]} = 3 ] || { echo "left out: Slurm (needs the three machines)"; return 1; }
  mkdir -p "$slurm/state" && write_slurm_conf
  chmod 711 "$work" "$slurm"  # munged's clients reach its socket
  head -c 1024 /dev/urandom >"$slurm/munge.key" && chmod 400 "$slurm/munge.key"
  in_background munged munged --force --foreground --key-file="$slurm/munge.key" \
    --socket="$slurm/munge.socket" --pid-file="$slurm/munged.pid" --log-file="$slurm/munged.log" \
    --seed-file="$slurm/munged.seed"
  in_background slurmctld slurmctld -D -f "$SLURM_CONF"
  for node in 0 1 2; do
    in_background slurmd-$node on_machine $node slurmd -D -N n$node -f "$SLURM_CONF"
  done
  local start=$SECONDS
  while [ $((SECONDS - start)) -lt 30 ]; do
    [ "$(timeout 5 sinfo -h -o %T 2>/dev/null)" = idle ] && return
    sleep 0.1
  done
  echo "FAILED: Slurm does not start"
  tail -n 5 "$slurm"/*.out "$slurm"/*.log
  failed=$((failed + 1))
  return 1
}

stop_slurm() {
  local process
  for process in "${slurm_processes[@]}"; do kill -KILL "$process"; done
  wait
}

launch_srun() { timeout 60 srun -K -N 3 -n "$@"; }
launch_sbatch() {  # the script has all of the command but its options
  local status=0
  while [ $# -gt 0 ] && [[ $1 != --* ]]; do shift; done
  rm -f "$work/batch.log"  # to which jobs append
  timeout 90 sbatch --wait --output="$work/batch.log" --chdir="$PWD" tools/launch/slurm.sh "$@" ||
    status=$?
  cat "$work/batch.log"
  return $status
}
# Slurm would wait two minutes before it starts a requeued job again.
continues() {
  local run=("${small[@]}" --steps 24 --checkpoint-every 4) job _
  rm -f "$work/batch.log"
  tools/pipeline.sh 3 2 "${run[@]}" --out "$work/not-requeued" || return
  job=$(sbatch --parsable --output="$work/batch.log" --chdir="$PWD" tools/launch/slurm.sh \
    --stages 3 "${run[@]}" --out "$work/requeued") && wait_for_step requeued 6 &&
    scontrol requeue "$job" || { cat "$work/batch.log"; scancel "$job"; return 1; }
  for _ in {1..900}; do
    case $(squeue -h -j "$job" -o '%T %r') in
      'PENDING BeginTime') scontrol update jobid="$job" StartTime=now ;;
      '') break ;;
    esac
    sleep 0.1
  done
  cat "$work/batch.log"
  grep -q '^begins at step 1: ' "$work/batch.log" &&
    grep -qE '^resumed: after step [1-9]' "$work/batch.log" && same_losses not-requeued requeued
}
test_slurm() {
  start_slurm || return
  tested srun
  check "the script for sbatch trains" trains sbatch 6
  check "its ranks say that Slurm started them, and how they know" says_who_started_it sbatch
  check "a killed one ends the job of sbatch, and is named" names_the_killed sbatch
  check "a killed one's pipeline leaves an elastic job of sbatch, and comes back" replaces sbatch
  check "a job that is requeued continues from its checkpoint" continues
}
