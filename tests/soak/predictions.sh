#!/usr/bin/env bash
# Predicted steps beside measured ones. Each training runs a few steps to measure its costs. Then it
# is rehearsed: its processes exchange the same messages, and sleep for these costs instead of
# computing, so that they need no cores of their own. "Measured" is the median step. With the right
# to a real-time priority, other work on the machine does not matter. Without a rehearsal the mean
# step is measured, as the costs are means.
#   tests/soak/predictions.sh [few|ranks]    trainings and all cuts of one; 64 and 128 processes
#   tests/soak/predictions.sh full           trainings that compute at full speed: two idle cores
cd "$(dirname "$0")/../.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher
write_stories
which=${1-all}
urgent=() network=()
! chrt -f 1 true 2>/dev/null || urgent=(chrt -f 1)
common=(--text "$work/stories.txt" --checkpoint-every 0 --timeout 300 --heartbeat 60)
small=(--tokenizer bytes --d 128 --depth 4 --heads 4) model=("${small[@]}")

# Trains with these options, then rehearses with costs TIMES as high.
rehearse() {  # rehearse NAME TIMES STEPS STAGES PIPELINES OPTIONS...
  local name=$1 times=$2 steps=$3 stages=$4 pipelines=$5
  shift 5
  local options=("${common[@]}" "${model[@]}" "$@" --threads 1) traced=()
  [ "$pipelines" -lt 16 ] || traced=(--trace)
  tools/pipeline.sh "$stages" "${measured_pipelines:-$pipelines}" "${options[@]}" --steps 4 \
    --out "$work/$name-costs" &&
    awk -v times="$times" '$1 ~ /"(forward|backward|weights|scores|head|update)":/ {
        printf "%s %.9g%s\n", $1, $2 * times, /,$/ ? "," : ""; next } 1' \
      "$work/$name-costs/costs.json" >"$work/$name.json" &&
    "${urgent[@]}" "${network[@]}" tools/pipeline.sh "$stages" "$pipelines" "${options[@]}" \
      --rehearse "$work/$name.json" --steps "$steps" "${traced[@]}" --out "$work/$name" \
      >"$work/$name.out" &&
    cat "$work/$name.out"
}
allowed() { sed -n 's/^a step takes .* allow \([0-9.]*\) s .*/\1/p' "$work/$1.out"; }
predicted() { sed -n 's/^predicted .*: \([0-9.]*\) s, .*/\1/p' "$work/$1.out"; }
measured() {  # the median step without the first; in `full` the mean
  awk -F, 'NR > 2 { print $3 - last } { last = $3 }' "$work/$1/loss.csv" | sort -g |
    awk -v which="$which" '{ step[NR] = $1; sum += $1 }
      END { print which == "full" ? sum / NR : step[int((NR + 1) / 2)] }'
}
error() {  # error NUMBER NAME: in percent
  awk "BEGIN { printf \"%.1f\", 100 * ($1 / $(measured "$2") - 1) }"
}
row() {  # row NAME WHAT
  printf '| `%s` | %.3f | %.3f | %s | %s |\n' "$2" "$(measured "$1")" "$(predicted "$1")" \
    "$(error "$(predicted "$1")" "$1")" "$(error "$(allowed "$1")" "$1")"
}
is_within() { awk "BEGIN { e = $(error "$(predicted "$1")" "$1"); exit !(-$2 <= e && e <= $2) }"; }

number=0
# Nothing is rehearsed: the run predicts its own step from its costs.
train() {  # train NAME STAGES PIPELINES OPTIONS...
  tools/pipeline.sh "$2" "$3" "${common[@]}" "${model[@]}" "${@:4}" --threads 1 --steps 40 \
    --out "$work/$1" >"$work/$1.out" && cat "$work/$1.out"
}
trains_as_predicted() {  # trains_as_predicted PERCENT STAGES PIPELINES OPTIONS...
  local name=run-$((++number))
  check "it trains: ${*:2}" train $name "${@:2}"
  [ -s "$work/$name.out" ] || return
  row $name "pipeline.sh ${*:2}"
  check "predicted within $1 %: ${*:2}" is_within $name "$1"
}
holds() {  # holds PERCENT TIMES STEPS STAGES PIPELINES OPTIONS...
  local name=run-$((++number))
  check "it trains: ${*:4}" rehearse $name "${@:2}"
  [ -s "$work/$name.out" ] || return
  row $name "pipeline.sh ${*:4}"
  check "predicted within $1 %: ${*:4}" is_within $name "$1"
}

best_by() {  # best_by predicted|measured RUN...: the run with the shortest step
  local run
  for run in "${@:2}"; do echo "$("$1" "$run") $run"; done | sort -g | head -n 1 | cut -d ' ' -f 2
}
best_cut() {  # best_cut COMMAND...: that trains with more options
  local cut runs=()
  for cut in 0,3 1,2 2,1 3,0; do
    "$@" 2 1 --microbatches 4 --depth 3 --layers $cut
    runs+=("run-$number")
  done
  check "the best cut by prediction is the best one" \
    [ "$(best_by predicted "${runs[@]}")" = "$(best_by measured "${runs[@]}")" ]
}

echo '| | measured, s | predicted | % | % by cut and schedule alone |'
if [ "$which" = full ]; then  # as many processes as there are cores
  trains_as_predicted 3 1 1 --microbatches 4
  trains_as_predicted 3 1 1 --microbatches 3 --model gpt2 --d 192
  trains_as_predicted 3 1 2 --microbatches 4
  trains_as_predicted 3 1 2 --microbatches 3 --model gpt2
  trains_as_predicted 3 2 1 --microbatches 4
  trains_as_predicted 3 2 1 --microbatches 4 --model gpt2 --schedule zb-h1
  trains_as_predicted 3 2 1 --microbatches 6 --schedule gpipe --d 192
  trains_as_predicted 3 2 1 --microbatches 4 --schedule zb-h1
  trains_as_predicted 3 2 1 --microbatches 4 --schedule interleaved
  trains_as_predicted 3 2 1 --microbatches 5 --schedule zb-v
  best_cut trains_as_predicted 3
  model=()  # the course's LLaMA
  trains_as_predicted 3 2 1 --microbatches 4 --split-head
  finish
  exit
fi
if [ "$which" != ranks ]; then
  holds 3 4 12 1 1 --microbatches 4
  holds 3 4 12 1 2 --microbatches 4
  holds 3 4 12 2 1 --microbatches 4 --model gpt2
  holds 3 4 12 2 1 --microbatches 4 --schedule zb-h1
  holds 3 4 12 2 2 --microbatches 3 --model gpt2
  holds 3 4 12 2 1 --microbatches 4 --schedule interleaved
  holds 3 4 12 3 1 --microbatches 5 --schedule gpipe
  holds 3 4 12 3 2 --microbatches 4
  holds 3 4 12 4 1 --microbatches 6 --schedule zb-h1 --model gpt2
  holds 3 4 12 4 3 --microbatches 4
  best_cut holds 3 4 12
  model=()  # the course's LLaMA
  holds 3 1 12 4 1 --microbatches 8 --split-head
  grep '^a step takes' "$work/run-$number.out"
  check "four stages with a split head are three times as fast as one process" \
    grep -E ' \(3\.[0-9]+x over one rank; reached 3\.' "$work/run-$number.out"
  model=("${small[@]}")
  if unshare --net tc qdisc add dev lo root tbf rate 100mbit burst 16kb latency 1s 2>/dev/null; then
    network=(unshare --net bash -c 'ip link set lo up mtu 1500 &&
      tc qdisc add dev lo root tbf rate 100mbit burst 16kb latency 1s && exec "$@"' -)
    holds 3 4 12 2 1 --microbatches 4 --tcp 127.0.0.1:28900
    network=()
  else echo "left out: a link of 100 Mbit/s (needs root and iproute2)"
  fi
fi
# What show_schedule says of so many ranks, from the costs of one pipeline, beside what their
# processes did: the median step, how long all were idle in one of them, and the most that one sent.
scales() {  # scales NAME RANKS BATCH
  local said
  read -ra said < <("${program%/*}/show_schedule" --ranks "$2" --batch "$3" \
    --costs "$work/$1.json" | awk -v ranks="$2" '$1 == ranks { row = $0 } END { print row }')
  "${program%/*}/show_trace" "$work/$1" | awk -v ranks="$2" -v batch="$3" -v name="$1" \
    -v step="$(measured "$1")" -v said_step="${said[2]}" -v said_idle="${said[3]}" \
    -v said_sent="${said[4]}" \
    -v sent="$(sed -n 's/^sent: rank [0-9]* \([0-9]*\) .*/\1/p' "$work/$1.out" | sort -n | tail -n 1)" '
      /^As predicted/ { exit }
      $1 == "rank" { idle += $(NF - 1) / ranks }
      END {
        sent *= 1e-6 / 5
        printf "| %d | %d | %.3f | %.3f | %.1f | %.1f | %.2f | %.1f |\n", ranks, batch, step,
          said_step, idle, said_idle, sent, said_sent
        exit !is_near(said_step, step, 0.03 * step) || !is_near(said_idle, idle, 3) ||
          !is_near(said_sent, sent, 0.05 + 0.01 * sent)
      }
      function is_near(a, b, most) { return a - b < most && b - a < most }'
}
# Two cores are enough for the messages of so many processes where costs are some 100 ms.
if [ "$which" != few ]; then
  measured_pipelines=1
  big=()
  for sizes in '64 128 16 8' '64 256 16 16' '128 256 32 8'; do
    read -r ranks batch pipelines microbatches <<<"$sizes"
    holds 3 200 5 4 $pipelines --microbatches $microbatches --tokens 64
    big+=("run-$number $ranks $batch")
  done
  echo '| ranks | batch | step, s | predicted | idle, % | predicted | sent, MB | predicted |'
  for run in "${big[@]}"; do
    check "show_schedule predicts step, idle time and bytes of $run" scales $run
    cat "$work/log"
  done
fi
finish
