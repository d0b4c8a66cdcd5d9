#!/usr/bin/env bash
# Training on a machine that behaves badly: a slow disk, clocks that jump or differ, everything
# suspended for a while, too little memory. Losses and weights must be those of an undisturbed run.
# Prints a table.
cd "$(dirname "$0")/../.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher
disk=$work/disk groups=() launcher=
clean_up() {
  [ ! "$launcher" ] ||
    { pkill -CONT -P $launcher; kill -CONT $launcher; kill $launcher; wait $launcher; }
  umount -l "$disk"
  rm -rf "$work"
  [ ${#groups[@]} = 0 ] || rmdir "${groups[@]}"
} 2>/dev/null
trap clean_up EXIT
touch "$work/table"

write_stories
options=(--text "$work/stories.txt" --tokenizer bytes --d 16 --depth 3 --heads 2 --tokens 16
  --threads 1 --checkpoint-every 500 --steps 3000)
environment=()
train() {  # train FOLDER [options]: takes the shell's place
  exec env "${environment[@]}" tools/pipeline.sh 3 --restarts 2 "${options[@]}" --out "$@"
}
usual=$SECONDS
check "an undisturbed run trains" eval '(train "$work/whole")'
usual=$((SECONDS - usual))
same() {  # same FOLDER
  diff <(losses whole) <(cut -d, -f1,2 "$1/loss.csv") &&
    same_tensors {"$work"/whole,"$1"}/checkpoint
}

# Prints how many steps are done again and the longest time without a new one, until the launcher
# ends.
watch_steps() {  # watch_steps FOLDER
  local again=0 most=0 step=0 highest=0 before now last
  last=$(date +%s%N)
  while kill -0 $launcher; do
    before=$step now=$(date +%s%N) step=$(tail -n 1 "$1/loss.csv" | cut -d, -f1)
    [[ $step =~ ^[0-9]+$ ]] || step=$before  # the file is just being replaced
    if [ $step -lt $before ]; then again=$((again + before - step)); fi
    if [ $step -gt $highest ]; then highest=$step last=$now; fi
    if [ $((now - last)) -gt $most ]; then most=$((now - last)); fi
    sleep 0.02
  done 2>/dev/null
  printf '%d | %d.%d' $again $((most / 1000000000)) $((most / 100000000 % 10))
}

# Follows the launcher's run to its end, and compares the results. Sets figures for row().
ends_well() {  # ends_well FOLDER
  figures=$(watch_steps "$1") && wait $launcher || { cat "$work/said"; return 1; }
  launcher=
  figures="$(grep -cE '^restart |starting it again' "$work/said") | $figures"
  same "$1"
}
row() { echo "| $1 | $figures |" >>"$work/table"; }  # row CASE

# Does something to the run in $work/NAME while it trains. Sets launcher, its process.
disturbed() {  # disturbed CASE NAME COMMAND [options]
  train "$work/$2" "${@:4}" >"$work/said" 2>&1 &
  launcher=$!
  wait_for_step "$2" 30 && $3 && kill -0 $launcher && ends_well "$work/$2" && row "$1"
}

# --- all processes stand still, for longer than any deadline
suspends() {
  local processes
  processes="$launcher $(pgrep -P $launcher -f -- "--rank ")"
  kill -STOP $processes && sleep 15 && kill -CONT $processes
}
check "all processes are suspended and go on" \
  disturbed "all suspended for 15 s, with \`--timeout 5\`" suspended suspends \
  --timeout 5 --heartbeat 1

# --- the clock of the day
faketime=$(echo /usr/lib/*/faketime/libfaketime.so.1)
jumps() {
  local offset
  for offset in +1h -48h; do
    echo $offset >"$work/clock"
    [ "$(env "${environment[@]}" date +%F-%H)" != "$(date +%F-%H)" ] && sleep 1 || return
  done
}
if [ -e "$faketime" ]; then
  echo +0 >"$work/clock"
  environment=(LD_PRELOAD="$faketime" FAKETIME_TIMESTAMP_FILE="$work/clock" FAKETIME_NO_CACHE=1
    FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1)
  check "the clock may jump an hour forwards and two days back" \
    disturbed "clock jumps 1 h forwards, then 2 days back (libfaketime)" jumped jumps
  environment=()
else
  echo "left out: clocks that jump (needs the package faketime)"
fi

# Machines that were switched on at other times: steady clocks that are weeks apart.
train_apart() {
  local rank ranks=() status=0
  for rank in 0 1 2; do
    unshare --time --monotonic $((rank * 2000000)) --boottime $((rank * 2000000)) --fork \
      tools/launch/keep.sh "$program" --stages 3 --rank $rank "${options[@]}" --meet "$work/meet" \
      --host 127.0.0.1 --out "$work/apart" --resume &
    ranks+=($!)
  done
  for rank in "${ranks[@]}"; do wait "$rank" || status=1; done
  return $status
}
weeks_apart() {
  train_apart >"$work/said" 2>&1 &
  launcher=$!
  wait_for_step apart 30 && ends_well "$work/apart" &&
    row "steady clocks 3 weeks apart (\`unshare --time\`)"
}
if unshare --time --monotonic 1 --fork true 2>/dev/null; then
  check "steady clocks may be weeks apart" weeks_apart
else
  echo "left out: clocks that differ (needs root and time namespaces)"
fi

# --- control groups, of version 1 or 2
new_group() { # new_group CONTROLLER: sets group
  group=/sys/fs/cgroup/$1
  [ -d "$group" ] || group=/sys/fs/cgroup
  group=$group/tributary-$$-$1
  mkdir "$group" && groups+=("$group")
} 2>/dev/null
limit() {  # limit FILE_OF_VERSION_1 VALUE FILE_OF_VERSION_2 VALUE
  if [ -e "$group/$1" ]; then echo "$2" >"$group/$1"; else echo "$4" >"$group/$3"; fi
} 2>/dev/null

no_more_memory() { pgrep -P $launcher -f -- "--rank 1 " >"$group/cgroup.procs"; }
if new_group memory && limit memory.limit_in_bytes 100k memory.max 100k; then
  check "a rank that the kernel kills for its memory is started again" \
    disturbed "rank killed for its memory (control group)" memory no_more_memory
else
  echo "left out: too little memory (needs root and control groups)"
fi

slow_disk() {  # 100 kB/s; without a journal, which the kernel writes at full speed
  mkdir "$disk" && truncate -s 64M "$work/disk.img" &&
    mkfs.ext4 -q -O ^has_journal "$work/disk.img" && mount -o loop "$work/disk.img" "$disk" &&
    { new_group blkio || new_group io; } || return
  local device
  device=$(stat -c '%Hd:%Ld' "$disk")
  limit blkio.throttle.write_bps_device "$device 100000" io.max "$device wbps=100000"
} 2>/dev/null
writes_slowly() {
  local start=$SECONDS seconds
  (echo "$BASHPID" >"$group/cgroup.procs" && train "$disk/run") >"$work/said" 2>&1 &
  launcher=$!
  wait_for_step disk/run 30 && ends_well "$disk/run" || return
  seconds=$((SECONDS - start))
  [ $seconds -gt "$usual" ] || { echo "$seconds s, as usual: the limit has no effect"; return 1; }
  row "disk of 100 kB/s (control group): $seconds s instead of $usual"
}
if slow_disk; then
  check "a slow disk only takes longer" writes_slowly
else
  echo "left out: a slow disk (needs root, control groups and a loop device)"
fi

echo '| the machine | restarts | steps repeated | longest pause, in seconds |'
cat "$work/table"
finish
