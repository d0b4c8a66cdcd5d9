#!/usr/bin/env bash
# What pipelines send each other, and what they learn from Shakespeare: with gradients averaged in
# each step, and with synchronisations every 100 steps.
#   tests/soak/slow_links.sh [STEPS]
cd "$(dirname "$0")/../.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher
steps=${1:-2000}

# With the default learning rate, which does not decay.
train() {  # train NAME [options]: a LLaMA of 335,000 weights in two pipelines of three stages
  tools/pipeline.sh 3 2 --text shakespeare --tokenizer bytes --d 64 --depth 6 --heads 4 \
    --hidden 176 --tokens 64 --microbatches 2 --batch 16 --steps "$steps" --held-out 0.1 \
    --eval-every 500 --eval-batches 40 --checkpoint-every 0 --timeout 300 --heartbeat 60 \
    --out "$work/$1" "${@:2}"
}
logged() { sed -nE "s/^sent: .* $2.*/\\1/p" "$work/$1"/rank-*.log; }  # logged NAME PATTERN
sent() { logged "$1" 'bytes, ([0-9]+) to' | awk '{ n += $1 } END { if (NR) printf "%.0f", n }'; }
most() { logged "$1" 'most ([0-9]+) in' | sort -n | tail -n 1; }  # but for the last step
loss() { tail -n 1 "$work/$1/validation.csv" | cut -d, -f2; }
row() {  # row NAME WHAT
  local sent all
  sent=$(sent "$1") all=$(sent averaged)
  printf '| %s | %d | 1/%d | %d | %.4f | %+.2f %% |\n' "$2" "$sent" $((all / sent)) "$(most "$1")" \
    "$(loss "$1")" "$(awk "BEGIN { print 100 * ($(loss "$1") / $(loss averaged) - 1) }")"
}

# The outer learning rate and momentum of the paper overshoot in so few outer steps.
alone=(--sync-every 100 --sync-wire int8)
means=("${alone[@]}" --outer-lr 1 --outer-momentum 0)
nesterov=("${alone[@]}" --outer-lr 0.7 --outer-momentum 0.3)
check "gradients are averaged" train averaged
check "pipelines train alone" train int8 "${means[@]}"
check "with some of Nesterov's momentum" train nesterov "${nesterov[@]}"
check "in two fragments" train stream "${means[@]}" --stream 2
check "with the paper's outer steps" train paper "${alone[@]}"
echo "| $steps steps | bytes to other pipelines | | most of a rank in a step | validation | |"
echo "| --- | ---: | ---: | ---: | ---: | ---: |"
row averaged "gradients averaged in each step"
row int8 "\`${means[*]}\`"
row stream "the same, \`--stream 2\`"
row nesterov "\`${nesterov[*]}\`"
row paper "\`${alone[*]}\`"
check "int8 sends at most a 300th" eval '((300 * $(sent int8) <= $(sent averaged)))'
for run in int8 nesterov; do
  check "$run ends within 2 % of the validation loss" \
    awk "BEGIN { exit !($(loss $run) <= 1.02 * $(loss averaged)) }"
done
finish
