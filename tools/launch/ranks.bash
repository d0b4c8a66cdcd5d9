# The processes of tools/pipeline.sh, which sources it: started, looked after, told to stop.

# workers: the process of each rank; running: ranks; failures: a reason for each rank that failed;
# refused: pipelines that lack a rank which was; refusal: the log of one that the run cannot do
# without; has_ended: a rank of an elastic run is done.
workers=() running=() failures=() refused=() refusal= has_ended=
interrupted= again=  # the exit code of the first interruption; there was a second one

start_ranks() {
  local rank
  number_run
  workers=() running=() failures=() refused=() refusal= has_ended= deaths=0 start=$(date +%s%3N)
  for ((rank = 0; rank < ranks; ++rank)); do start_rank "$rank"; done
  open_logs
  begin_view
}
start_rank() {  # start_rank RANK: appends to its log
  local log=$logs/rank-$1.log
  : >>"$log"
  {
    trap '' HUP  # a terminal that closes tells the launcher, too, which stops the run with care
    close_logs
    exec "$bin/pipeline_worker" --rank "$1" --state "$private/rank-$1.state" "${options[@]}"
  } >>"$log" 2>&1 &
  workers[$1]=$!
  running+=("$1")
}

# Starts ranks that died again, while the others go on. Not those that were refused, nor those that
# die again and again without a step in between.
deaths=0 step_at_death=
replace_ranks() {
  [ "$elastic" ] && [ ! "$refusal$has_ended$interrupted" ] && [ ${#dead[@]} -gt 0 ] || return
  local rank
  [ "$step" = "$step_at_death" ] || deaths=0
  step_at_death=$step
  deaths=$((deaths + ${#dead[@]}))
  [ $deaths -le $((3 * ranks)) ] || return
  for rank in "${dead[@]}"; do TRIBUTARY_FIRST_START=$start start_rank "$rank"; done
  lines+=("${failures[@]/%/ and started again}")
  failures=()
}

# Sets running to the ranks that still run, dead to those that others may replace, and failures. A
# rank that ends with 130 was told to stop, and has made all others stop.
look_after_ranks() {
  local rank status still=() error
  dead=()
  for rank in "${running[@]}"; do
    if kill -0 "${workers[rank]}"; then
      still+=("$rank")
      continue
    fi
    wait "${workers[rank]}"
    status=$?
    [ "$elastic" ] && [ $status = 0 ] && has_ended=yes
    [ $status = 130 ] && interrupted=${interrupted:-130}
    [ $status = 0 ] || [ $status = 130 ] && continue
    [ $status = 2 ] || dead+=("$rank")
    if [ $status -gt 128 ]; then
      failures+=("rank $rank ended by signal $((status - 128))")
      [ $status = 137 ] && failures[-1]+=" (is the machine out of memory?)"
      continue
    fi
    error=$(grep '^error:' "$logs/rank-$rank.log" | tail -n 1)
    if [ $status = 2 ] && [ "$error" ]; then
      refused[rank / stages]=yes
      if [ "$elastic" ] && [ "$step" ] && [ ${#refused[@]} -lt "$pipelines" ]; then
        lines+=("rank $rank: $error; other pipelines go on")
        continue
      fi
      refusal=rank-$rank.log
    fi
    [ -d "$out" ] || error="$out was removed while the run wrote to it"
    error=${error:-ended with $status and could not write why: is the disk of $out full?}
    failures+=("rank $rank: $error")
  done
  running=("${still[@]}")
}

# Returns when all ranks are done or one has failed.
watch_ranks() {
  local is_told=
  while [ ${#running[@]} -gt 0 ] && [ ${#failures[@]} -eq 0 ] && [ ! "$again$has_ended" ]; do
    sleep 0.25
    show
    look_after_ranks
    replace_ranks
    [ "$interrupted" ] && [ ! "$is_told" ] || continue
    is_told=yes
    wipe
    tell_to_stop && echo "stopping after this step; interrupt again to stop at once" >&3
  done
}

# The other ranks notice by themselves and report what they waited for. A rank that stays silent is
# frozen.
wait_for_the_others() {
  local patience=20 before
  while [ ${#running[@]} -gt 0 ] && ((patience-- > 0)); do
    sleep 0.2
    before=${#running[@]}
    look_after_ranks
    [ ${#running[@]} -lt "$before" ] && patience=10
  done
  kill_ranks
}

# One rank tells the others; but it may be waiting to join.
tell_to_stop() {
  local rank
  [ "$elastic" ] || { kill "${workers[0]}"; return; }
  for rank in "${running[@]}"; do kill "${workers[rank]}"; done
}
kill_ranks() {
  local rank
  for rank in "${running[@]}"; do kill -KILL "${workers[rank]}"; done
  wait
  running=()
}

interrupt() {  # the first one lets the run finish its step, a second one does not
  [ "$interrupted" ] && again=yes
  interrupted=$1
}
trap 'interrupt 130' INT
trap 'interrupt 143' TERM
trap '[ "$interrupted" ] || interrupt 143' HUP  # comes from the terminal and from its shell
