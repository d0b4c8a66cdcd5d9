#!/usr/bin/env bash
# Long runs do not grow: 3 ranks x 2 pipelines for 30 minutes, and 1,000 rounds of FedAvg. After the
# first tenth, a process's memory grows by less than 1 %, and its number of open files does not.
#   tests/soak/growth.sh [MINUTES [ROUNDS]]
cd "$(dirname "$0")/../.." || exit 1
program=hw1
. tests/checks.bash
export BIN=$PWD/${BIN:-bin}
minutes=${1:-30} rounds=${2:-1000}

# Adds "NAME KB FILES" of every process of a run to $work/NAME.samples for as long as the command
# succeeds.
sample() {  # sample NAME LAUNCHER COMMAND...
  local process rank
  while kill -0 "$2" && "${@:3}"; do
    for process in "$2" $(pgrep -P "$2" -f -- "--rank "); do
      [ -r "/proc/$process/fd" ] || continue
      rank=$(tr '\0' ' ' <"/proc/$process/cmdline" | grep -oP -- '(?<=--rank )\d+')
      echo "${rank:+rank-}${rank:-$1}" "$(awk '/^VmRSS/ { print $2 }' "/proc/$process/status")" \
        "$(ls "/proc/$process/fd" | wc -l)"
    done
    sleep 2
  done >"$work/$1.samples" 2>/dev/null
}

# Compares the second tenth of a run's samples with the last: the most memory in each, and the
# fewest files, because some are open only for a moment.
flat() {  # flat NAME
  awk '
    { kb[$1, ++count[$1]] = $2; files[$1, count[$1]] = $3 }
    function look_at(name, from, to,  i) {
      most = 0; fewest = 1e9
      for (i = from; i <= to; ++i) {
        if (kb[name, i] > most) most = kb[name, i]
        if (files[name, i] < fewest) fewest = files[name, i]
      }
    }
    END {
      for (name in count) {
        n = count[name]; tenth = int(n / 10)
        if (!tenth) { print name ": only " n " samples"; grew = 1; continue }
        look_at(name, tenth + 1, 2 * tenth); memory = most; descriptors = fewest
        look_at(name, n - tenth + 1, n)
        growth = 100 * (most / memory - 1); opened = fewest - descriptors
        printf "%-10s %5d samples %7.1f MB %+.2f %% %4d files %+d\n", name, n, memory / 1024,
          growth, descriptors, opened
        if (growth >= 1 || opened > 0) grew = 1
      }
      exit grew
    }' "$work/$1.samples"
}

write_stories
# No vocabulary can be fetched, so bytes are tokens. With 32,000 tokens, most of a small rank's
# memory would be messages with gradients, whose number in flight varies.
touch "$work/vocabulary"
training() {
  DATA_RAW=$work tools/pipeline.sh 3 2 --text "$work/stories.txt" --d 48 --heads 4 --tokens 64 \
    --steps 1000000000 \
    --out "$work/training" >/dev/null &
  local launcher=$! status end=$((SECONDS + 60 * minutes))
  trap "kill $launcher 2>/dev/null; rm -rf '$work'" EXIT
  sample training $launcher eval '((SECONDS < end))'
  kill -TERM $launcher
  wait $launcher
  status=$?
  echo "ended with $status; $(tail -n 1 "$work/training/loss.csv")" &&
    tail -n 3 "$work"/training/rank-*.log
  [ $status = 143 ] && ! grep -qiE 'nan|inf' "$work/training/loss.csv"
}
check "3 ranks x 2 pipelines train for $minutes minutes, with finite losses" training
echo "3 x 2 for $minutes minutes: $(($(wc -l <"$work/training/loss.csv") - 1)) steps"
check "they do not grow" flat training
cat "$work/log"

federated() {
  "$program" run --model mlp --rounds $rounds --checkpoint "$work/rounds" --json "$work/run.json" \
    >/dev/null &
  local run=$!
  trap "kill $run 2>/dev/null; rm -rf '$work'" EXIT
  sample federated $run true
  wait $run
}
check "FedAvg runs for $rounds rounds" federated
check "no client is excluded because of a NaN" [ \
  "$(grep -c '"excluded": \[\]' "$work/run.json")" = "$rounds" ]
echo "$rounds rounds of FedAvg, $(du -sh "$work/rounds" | cut -f1) of checkpoints"
check "they do not grow" flat federated
cat "$work/log"
finish
