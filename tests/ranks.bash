# For tests of bin/federated on several processes, which set `run` to its arguments.

# The run in $work/NAME.csv, by so many ranks; the process of rank R is ${ranks[R]}.
start() {  # start NAME RANKS ARGUMENTS...
  local rank threads
  ranks=()
  for ((rank = $2 - 1; rank >= 0; --rank)); do
    threads=$((rank % 2 + 1))
    "$program" "${run[@]}" --threads $threads --rank $rank --ranks "$2" --meet "$work/meet" \
      --csv "$work/$1-$rank.csv" "${@:3}" >"$work/$1-$rank.out" 2>&1 &
    ranks[rank]=$!
  done
}
alone() { "$program" "${run[@]}" --threads 1 --csv "$work/alone.csv" "$@" >"$work/out" 2>&1; }
same() { diff "$work/alone.csv" "$work/$1-0.csv"; }  # same NAME
played() {  # played NAME ROUND: waits for it; the run has --checkpoint "$work/NAME-steps"
  local _
  for _ in {1..600}; do
    [ -e "$work/$1-steps/step-$2" ] && return
    sleep 0.02
  done
  return 1
}
