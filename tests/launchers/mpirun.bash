# Ranks of Open MPI, on the machines of machines.bash if there are any. Sourced by run.sh.
found[mpirun]='mpi (OMPI_COMM_WORLD_RANK=0, OMPI_COMM_WORLD_SIZE=6)'

launch_mpirun() {
  local where=()
  [ "$(id -u)" != 0 ] || where=(--allow-run-as-root)
  [ ${#machines[@]} = 0 ] || where+=(--mca plm_rsh_agent "$work/ssh" --map-by node
    --host 10.77.0.10,10.77.0.11,10.77.0.12)
  timeout 90 mpirun "${where[@]}" --oversubscribe -n "$@"
}
# On an idle machine of two cores they meet within 30 s; the time that other work takes on the cores
# is allowed on top. From start to end they take 60 s of processor time, more beside other work.
many_meet() {
  local TIMEFORMAT='%U %S' user system before most machines=()
  before=$(seconds_of_all)
  { time launch_mpirun 200 "$program" --stages 2 --text "$work/stories.txt" --tokens 8 --d 16 \
    --depth 2 --heads 2 --microbatches 1 --steps 1 --timeout 80 --out "$work/many" \
    >"$work/out" 2>&1; } 2>"$work/time"
  grep '^met: 200 ranks' "$work/out" || { tail "$work/out"; return 1; }
  read -r user system <"$work/time"
  most=$(awk "BEGIN { print 30 + ($(seconds_of_all) - $before - $user - $system) / $(nproc) }")
  echo "200 processes took $user s, and $system s in the kernel; $most s are allowed to meet"
  awk -v most="$most" '/^met: 200 ranks/ { met = $5 < most } END { exit !met }' "$work/out" &&
    [ $((${user%.*} + ${system%.*})) -lt 100 ]
}
# Processor time of all work on this machine since its start, on all cores together.
seconds_of_all() {
  awk -v ticks="$(getconf CLK_TCK)" '/^cpu / { print ($2 + $3 + $4 + $7 + $8 + $9) / ticks }' \
    /proc/stat
}
# Clients whose model is cut into stages. The plays have the path that DATA_RAW had before.
cuts_clients() {
  local run=(run --dataset shakespeare --model llama --split natural -N 440 -C 0.01 -B 8 --lr 0.2
    --local-steps 4 --rounds 2 --test-every 2)
  export DATA_RAW=$data_raw
  "${program%/*}/federated" "${run[@]}" --csv "$work/plays.csv" >"$work/out" &&
    launch_mpirun 6 "${program%/*}/federated" "${run[@]}" --stages 3 --meet "$work" \
      --csv "$work/plays-6.csv" >"$work/out" 2>&1
  cat "$work/out"
  export DATA_RAW=$work/data
  cmp "$work/plays.csv" "$work/plays-6.csv" &&
    grep -q 'rank 5 computed gradients [1-9]' "$work/out"  # mpirun may put it within a line
}
test_mpirun() {
  has mpirun || { echo "left out: mpirun (package openmpi-bin)"; return; }
  tested mpirun
  if [ -e "$data_raw/shakespeare" ]; then
    check "6 processes of mpirun are two pipelines for a federation's clients" cuts_clients
  else echo "left out: clients of several stages (data/fetch.sh shakespeare)"
  fi
  check "200 processes meet and train" many_meet
  cat "$work/log"
}
