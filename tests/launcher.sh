#!/usr/bin/env bash
# The launcher of one machine: what it shows on a terminal, Ctrl-C and terminals that close, ranks
# that die or freeze, and that nothing stays behind.
cd "$(dirname "$0")/.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher

write_stories
small=(--text "$work/stories.txt" --d 32 --heads 2 --tokens 24 --steps 6)

view() (  # view RANKS ROWS COLUMNS LINES: the ranks take so many lines, all narrow enough
  . tools/launch/view.bash
  private=$work stages=6 ranks=$1
  begin_view
  add_ranks "$2" "$3" 2>/dev/null
  printf '%s\n' "${lines[@]}" | tee "$work/view"
  [ "$(wc -l <"$work/view")" = "$4" ] && ! grep -qE ".{$(($3 + 1))}" "$work/view"
)
check "the live view has a line for each rank" view 6 24 80 6
check "24 ranks fit on 24 lines" view 24 24 80 12
check "and in 50 columns" view 24 24 50 12
check "ranks that do not fit are left out" view 300 24 50 22
# A name can have lines that begin as a step does.
names_are_no_steps() (
  . tools/launch/view.bash
  cd "$work" || exit
  elastic= ranks=3
  begin_view
  take 0 "step 7/9  loss 1"
  take 0 'step ranks[$(touch run)]/9'
  take 0 'step 8[$(touch run)]/9'
  take 0 "step 6/9  loss 2"
  take 0 "step 10/19  loss 3"
  [ "$step" = "step 10/19  loss 3" ] && [ ! -e run ]
)
check "a line that looks like a step runs no command" names_are_no_steps

# Sends SIGNAL to rank 1 of a run: it must stop by itself within 15 s, with an error that matches.
fault() {  # fault SIGNAL PATTERN
  rm -rf "$work/fault"
  tools/pipeline.sh 3 2 "${small[@]}" --steps 100000 --out "$work/fault" \
    >"$work/out" 2>"$work/err" &
  local launcher=$! victim start status
  wait_for_step fault 3
  victim=$(pgrep -P $launcher -f -- "--rank 1 ") || return 1
  start=$SECONDS
  kill -"$1" "$victim"
  wait $launcher
  status=$?
  cat "$work/err"
  local gone='rank 1 is gone(, says rank [0-5])?, while rank [0-5] .*stage [0-2]\) at step [0-9]+ '
  [ $status != 0 ] && [ $((SECONDS - start)) -le 15 ] && grep -qE "$2" "$work/err" &&
    ! pgrep -f -- "--out $work/fault" &&
    [ "$(grep -lE "$gone" "$work"/fault/rank-*.log | wc -l)" = 5 ]
}
check "a killed rank stops all others, and they say so" fault KILL "rank 1 ended by signal 9"
check "a frozen rank stops all others, and they say so" fault STOP "rank 1 is gone"

# Stops all ranks for longer than they wait for each other.
suspended() {  # suspended NAME
  tools/pipeline.sh 3 2 "${small[@]}" --steps 200 --out "$work/$1" --timeout 2 --heartbeat 1 \
    >/dev/null 2>"$work/err" &
  local launcher=$! ranks
  wait_for_step "$1" 3
  ranks=$(pgrep -P $launcher -f -- "--rank ") || return 1
  kill -STOP $ranks
  sleep 4
  kill -CONT $ranks
  wait $launcher || { cat "$work/err"; return 1; }
}
check "two pipelines train for longer" \
  tools/pipeline.sh 3 2 "${small[@]}" --steps 200 --out "$work/calm"
check "ranks suspended together go on" suspended once
check "with the same losses" same_losses calm once
check "and do so again" suspended twice
check "with the same losses" same_losses calm twice

interrupted() {
  tools/pipeline.sh 3 "${small[@]}" --steps 100000 --out "$work/stop" >/dev/null 2>&1 &
  local launcher=$! status
  wait_for_step stop 0
  kill -TERM $launcher
  wait $launcher
  status=$?
  [ $status = 143 ] && ! grep -q terminate "$work"/stop/rank-*.log &&
    ! pgrep -f -- "--out $work/stop"
}
check "a stopped launcher leaves nothing running" interrupted
# A terminal that closes tells all processes, and its shell tells the launcher again. No more can be
# written to it.
hung_up() {
  setsid tools/pipeline.sh 3 "${small[@]}" --steps 100000 --out "$work/hung-up" >/dev/full 2>&1 &
  local launcher=$!
  wait_for_step hung-up 3
  kill -HUP -- -$launcher
  sleep 0.1
  kill -HUP $launcher
  wait $launcher
  [ $? = 143 ] && [ -s "$work/hung-up/checkpoint/manifest.txt" ]
}
check "a run whose terminal closes saves its model" hung_up
failed_unheard() {  # its ranks are killed after it was told to stop, and nobody can read why
  tools/pipeline.sh 3 "${small[@]}" --steps 100000 --out "$work/unheard" >/dev/full 2>&1 &
  local launcher=$! ranks
  wait_for_step unheard 3
  ranks=$(pgrep -P $launcher -f -- "--rank ") || return 1
  kill -STOP $ranks
  kill -TERM $launcher
  sleep 0.5
  kill -KILL $ranks
  wait $launcher
  [ $? = 143 ] && [ -s "$work/unheard/loss.csv" ]
}
check "a run that fails unheard keeps its results" failed_unheard

# What a terminal shows after the launcher has gone up some lines, erased them and so on.
seen() {
  awk '{ sub(/\r$/, "")
    while (match($0, /\033\[[0-9]+A\r\033\[J/)) {
      n -= substr($0, RSTART + 2) + 0
      $0 = substr($0, RSTART + RLENGTH)
    }
    line[n++] = $0 }
    END { for (i = 0; i < n; ++i) print line[i] }'
}
keeps_messages() {  # keeps_messages NAME MESSAGE OPTIONS...: when rank 1 is killed
  local terminal _
  script -qec "tools/pipeline.sh ${*:3} ${small[*]} --steps 100000 --out $work/$1" \
    "$work/typescript" </dev/null >/dev/null &
  terminal=$!
  wait_for_step "$1" 3
  sleep 1  # so does the view
  pkill -KILL -f -- "--rank 1 .*--out $work/$1"
  for _ in {1..200}; do grep -qE "resumed:|came\)" "$work/typescript" && break; sleep 0.1; done
  sleep 1
  pkill -TERM -f -- "--rank 0 .*--out $work/$1"
  wait $terminal
  seen <"$work/typescript" | tee "$work/seen"
  grep -qxE "$2" "$work/seen" && ! grep -q "^  rank .*pipeline" "$work/seen"
}
check "a restart is announced on a terminal" keeps_messages said "restart 1 of 1" \
  3 --checkpoint-every 1 --restarts 1
check "so is a rank's new start" \
  keeps_messages said-again "rank 1 ended by signal 9 .* and started again" 1 2 --elastic \
  --timeout 2 --heartbeat 1
# Someone who sits at a processor that OpenBLAS takes for one of 2004 is told what to set.
slow_kernels() {
  note() { OPENBLAS_CORETYPE=$1 script -qec "$BIN/show_loss --help" /dev/null | grep -c "^note: "; }
  grep -q avx2 /proc/cpuinfo || return 0
  [ "$(note Prescott)" = 1 ] && [ "$(note Haswell)" = 0 ] &&
    ! OPENBLAS_CORETYPE=Prescott "$BIN/show_loss" --help 2>&1 | grep "^note: "
}
check "a terminal shows which kernels would be faster" slow_kernels
# A killed launcher can neither stop its ranks nor remove the folder of their sockets.
orphaned() {
  local ranks
  remain() { pgrep -f -- "--rank .* --out $work/orphans"; }
  mkdir "$work/orphans.tmp"
  TMPDIR=$work/orphans.tmp tools/pipeline.sh 3 "${small[@]}" --steps 100000 --out "$work/orphans" \
    >/dev/null 2>&1 &
  local launcher=$!
  wait_for_step orphans 0
  ranks=$(pgrep -P $launcher -f -- "--rank ") && [ "$(wc -w <<<"$ranks")" = 3 ] || return 1
  kill -KILL $launcher
  for _ in {1..50}; do remain || break; sleep 0.1; done
  if remain; then kill -KILL $ranks; return 1; fi
  tools/pipeline.sh 3 "${small[@]}" --out "$work/orphans"
}
check "a killed launcher takes its ranks along, and its folder is free" orphaned
check "no sockets are left behind" [ -z "$(ls "$TMPDIR")" ]
finish
