#!/usr/bin/env bash
# How many files the processes of a run hold open at most while they start and train their first
# steps, and their memory: two stages, in more and more pipelines. Rank 0 and the recorder, rank 1
# here, are linked with all others. Prints a table.
#   tests/soak/descriptors.sh
cd "$(dirname "$0")/../.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher
write_stories
declare -A most most_kb  # of the ranks but for 0 and 1

# Looks at all processes until the run has done some steps. Writes a line "RANK FILES KB" for each.
sample() {  # sample NAME LAUNCHER
  local process rank files kb
  until [ "$(wc -l <"$work/$1/loss.csv")" -gt 9 ]; do
    kill -0 "$2" || return
    for process in $(pgrep -P "$2" -f -- "--rank "); do
      rank=$(tr '\0' ' ' <"/proc/$process/cmdline" | grep -oP -- '(?<=--rank )\d+')
      files=("/proc/$process/fd"/*)
      kb=$(awk '/^VmHWM/ { print $2 }' "/proc/$process/status")
      echo "$rank ${#files[@]} ${kb:-0}"
    done
    sleep 0.1
  done 2>/dev/null
}
counts() {  # counts NAME RANKS [options]: adds a row to the table
  local launcher status
  tools/pipeline.sh 2 $(($2 / 2)) --text "$work/stories.txt" --tokenizer bytes --d 16 --depth 2 \
    --heads 2 --tokens 8 --microbatches 1 --threads 1 --checkpoint-every 0 --steps 1000000 \
    --out "$work/$1-$2" "${@:3}" >"$work/said" 2>&1 &
  launcher=$!
  sample "$1-$2" $launcher >"$work/samples"
  kill -TERM $launcher
  wait $launcher
  status=$?
  read -r most[$1-$2] most_kb[$1-$2] < <(awk '
    $1 > 1 && $2 > most { most = $2 }
    $1 > 1 && $3 > kb { kb = $3 }
    END { print most, kb }' "$work/samples")
  awk -v start="| $1 | $2 | ${most[$1-$2]}" -v kb="${most_kb[$1-$2]}" '
    { if ($1 < 2 && $2 > first) first = $2; if ($2 > most[$1]) most[$1] = $2 }
    $1 < 2 && $3 > first_kb { first_kb = $3 }
    END {
      for (rank in most) all += most[rank]
      printf "%s | %d | %d | %.1f | %.1f |\n", start, first, all, kb / 1024, first_kb / 1024
    }
  ' "$work/samples" >>"$work/table"
  [ $status = 143 ] || { cat "$work/said"; return 1; }
}
for ranks in 8 16 32; do
  check "$ranks ranks average gradients" counts averages $ranks
  check "$ranks ranks train alone" counts --sync-every $ranks --sync-every 2
  check "$ranks ranks are elastic" counts --elastic $ranks --elastic
done
for mode in averages --elastic; do
  check "$mode: a rank's files do not grow with the ranks" \
    [ "${most[$mode-32]}" -le $((most[$mode-16] + 2)) ]
  check "$mode: nor does its memory" \
    [ "${most_kb[$mode-32]}" -le $((most_kb[$mode-16] * 21 / 20)) ]
done
echo '| | ranks | open files of a rank | of rank 0 and 1 | of all | MB of a rank | of rank 0 and 1 |'
sort -s -k 2,2 "$work/table"
finish
