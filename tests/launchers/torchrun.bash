# Workers of PyTorch's torchrun. Sourced by run.sh.
torchrun=${TORCHRUN:-torchrun}
found[torchrun]='torchrun (RANK=0, WORLD_SIZE=6)'

# An agent on each machine, if there are machines and two ranks for each.
launch_torchrun() {
  local run=(timeout 60 "$torchrun" --no-python) machine agent agents=() status=0
  if [ ${#machines[@]} = 0 ] || [ "$1" != 6 ]; then
    "${run[@]}" --standalone --nproc-per-node "$1" -- "${@:2}"
    return
  fi
  for machine in 0 1 2; do
    on_machine $machine "${run[@]}" --nnodes 3 --node-rank $machine --nproc-per-node 2 \
      --master-addr 10.77.0.10 --master-port 29518 -- "${@:2}" &
    agents+=($!)
  done
  for agent in "${agents[@]}"; do wait "$agent" || status=$?; done
  return $status
}
# torchrun starts all workers again, on both machines. Their counts of restarts differ after a
# worker of the second one has failed at its start.
restarts_of_torchrun() {
  local agent agents=() status=0 first=() run=("${small[@]}" --tokenizer bytes --steps 300)
  for agent in 0 1; do
    timeout 90 "$torchrun" --no-python --nnodes 2 --nproc-per-node 3 --max-restarts 3 \
      --rdzv-backend c10d --rdzv-endpoint localhost:29517 --rdzv-id again \
      -- "${first[@]}" "$program" --stages 3 "${run[@]}" --checkpoint-every 5 --resume \
      --out "$work/again" >"$work/agent-$agent" 2>&1 &
    agents+=($!) first=(bash -c 'mkdir "$0" 2>/dev/null && exit 1; exec "$@"' "$work/failed")
  done
  wait_for_step again 12 || echo "it does not train"
  kill -KILL $(rank_process again 4)
  for agent in "${agents[@]}"; do wait "$agent" || status=$?; done
  cat "$work"/agent-*
  [ $status = 0 ] && grep -q '^resumed: after step [1-9]' "$work"/agent-* &&
    tools/pipeline.sh 3 2 "${run[@]}" --out "$work/again-whole" && same_losses again-whole again
}
test_torchrun() {
  has "$torchrun" || { echo "left out: torchrun (pip install torch)"; return; }
  tested torchrun
  check "two agents of torchrun start a killed run again, and it continues" restarts_of_torchrun
}
