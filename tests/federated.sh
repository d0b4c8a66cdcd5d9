#!/usr/bin/env bash
# federated as a user starts it: PyTorch's numbers, held-out samples, simulated time, wrong input.
# Needs MNIST in data/raw.
cd "$(dirname "$0")/.." || exit 1
program=federated
. tests/checks.bash

check "a held-out share of all samples is an error" refuses "held-out share of 1 is outside" run \
  --held-out 1
check "so is a negative one" refuses "held-out share of -0.1 is outside" run --held-out -0.1
check "so is a clock's option without the clock" refuses "fedavg does not use --deadline" run \
  --deadline 3
for option in "--local-steps 3" "--momentum 0.5" "--weight-decay 0.1" --shuffle; do
  check "so is $option where a client takes one step" \
    refuses "does not use ${option% *}" run --algorithm fedsgd $option
done
check "so is --sort without shards" refuses "iid does not use --sort" run --sort stable
check "so is a malicious client that is named twice" refuses "names client 7 twice" run \
  --attack flip --malicious 7,3,7

check "so is a malicious client that does not exist" \
  refuses "there is no client 300" run --attack flip --malicious 300
for option in "--compression sign" "--defence median" "--attack flip --malicious 0.2" "--ldp-clip 1"
do
  check "so is $option where one party has all samples" \
    refuses "it does not use ${option%% *}" run --algorithm centralized $option
done
check "so is the rate of a clip that follows no quantile" \
  refuses "there is none" run --defence dp --dp-clip-rate 0.5
for noise in "--defence dp" "--ldp-clip 1"; do
  check "so is $noise, where a client sends more than changes" \
    refuses "does not hide all that qfedavg sends" run --algorithm qfedavg $noise
done

check "help says which options are whole numbers" prints run --help -- '--iterations INT' \
  '--mu FLOAT'

if [ -e "$data_raw"/mnist/t10k-labels-idx1-ubyte ]; then
  mlp=(--model mlp --rounds 2)
  check "a held-out share too small for an image per client is an error" \
    refuses "0.001 is less than an example for each of 100 clients" run --held-out 0.001
  check "but not where one party has all images" "$program" run --algorithm centralized \
    --model logistic --rounds 1 --held-out 0.001
  check "local buffers of a model that has none are an error" refuses "mlp has no buffers" run \
    "${mlp[@]}" --buffers local
  check "so is FedBN with it" refuses "mlp has none" run "${mlp[@]}" --algorithm fedbn
  lone() {
    "$program" run --model logistic --rounds 1 --attack alie --malicious 7 --algorithm ditto \
      2>"$work/err" && grep -q "^note: --attack alie does nothing" "$work/err" &&
      grep -q "^note: ditto's models .* --held-out" "$work/err"
  }
  check "a note names choices without effect" lone
  measures() {
    "$program" run --model logistic --rounds 1 "${@:2}" | grep -q "$1"
  }
  check "a private run prints epsilon" measures Epsilon --defence dp
  check "and a backdoor its success" measures Triggered --attack backdoor --malicious 0.2
  client_columns() {
    local columns="Client accuracy,Client accuracy deviation,Client accuracy worst tenth"
    "$program" run "${mlp[@]}" --algorithm ditto --split shards --held-out 0.2 \
      --csv "$work/ditto.csv" &&
      head -n 1 "$work/ditto.csv" | grep -q ",$columns," &&
      grep -q "^2,Ditto,.*,lambda=0.1,shards,mnist,mlp,.*,held-out=0.2,0,[0-9.]*,[0-9.]*," \
        "$work/ditto.csv"
  }
  check "a personal model is tested on its client's held-out samples" client_columns
  buffered() {
    local run=("$program" run --model mlp --clock fedbuff --buffer-size 4 --drop-out 0.2 --target 5)
    "${run[@]}" --rounds 3 --csv "$work/whole.csv" |
      grep -q "^5 % is reached in round .* seconds$" &&
      "${run[@]}" --rounds 1 --checkpoint "$work/buffered" --threads 1 &&
      "${run[@]}" --rounds 3 --checkpoint "$work/buffered" --resume --csv "$work/parts.csv" &&
      cmp "$work/whole.csv" "$work/parts.csv" &&
      head -n 1 "$work/whole.csv" | grep -q ",Class 9,Simulated seconds,Staleness,"
  }
  check "FedBuff, resumed after a round, goes on with the clients in flight" buffered
  column() {  # column NAME TABLE: of simple cells
    awk -F, -v name="$1" 'NR == 1 { for (c = NF; c > 0 && $c != name; --c); if (!c) exit 1 }
      { print $c }' "$2"
  }
  half() {  # half NAME PRECISION [ROUNDS [ARGUMENTS...]]
    "$program" run --model logistic --precision "$2" --csv "$work/$1.csv" --rounds "${3-2}" "${@:4}"
  }
  in_half() {
    half whole16 bf16-plain 2 --threads 2 &&
      half parts16 bf16-plain 1 --checkpoint "$work/half" --threads 1 &&
      half parts16 bf16-plain 2 --checkpoint "$work/half" --resume &&
      cmp "$work/whole16.csv" "$work/parts16.csv" &&
      grep -q ",logistic,.*,precision=bf16," "$work/whole16.csv" && half whole32 float &&
      ! diff <(column "Test loss" "$work/whole16.csv") <(column "Test loss" "$work/whole32.csv")
  }
  check "a run in bfloat16, resumed after a round, has its bits" in_half
  check "it does not go on in float" refuses "precision=bf16" run --model logistic --rounds 2 \
    --checkpoint "$work/half" --resume
  check "its table can be repeated without instructions for bfloat16" "$program" compare \
    "$work/whole16.csv" --precision bf16-plain --tolerance 0 --out "$work/compared16"
  if grep -q avx512_bf16 /proc/cpuinfo; then
    quick_half() { half quick16 bf16 && cmp "$work/whole16.csv" "$work/quick16.csv"; }
    check "the processor's instructions give the twin's bits" quick_half
    check "a table in float can be repeated in bfloat16" "$program" compare "$work/whole32.csv" \
      --precision bf16 --tolerance 1 --out "$work/compared16"
  else
    check "without instructions for bfloat16 there is a refusal" \
      refuses "this processor has no instructions for bfloat16" run --precision bf16
  fi
  check "seven algorithms have PyTorch's accuracies, three of them with unequal clients, too" \
    "$program" compare tests/golden/federated.csv --model mlp --tolerance 0.1 \
    --out "$work/compared"
fi
finish
