# A Slurm of the three machines of machines.bash. Sourced by run.sh.
slurm=$work/slurm slurm_processes=()

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
