#!/usr/bin/env bash
# Writes one of each file that a version of the programs leaves, into tests/golden/formats/VERSION:
#   BIN=bin tests/golden/formats/make.sh VERSION
# Needs MNIST in data/raw/mnist. Run it when a format's version changes, and keep what the versions
# before wrote: tests/tools/formats.cpp reads them all.
set -eu
cd "$(dirname "$0")/../../.."
export BIN=$PWD/${BIN:-bin}
formats=$PWD/tests/golden/formats target=$PWD/tests/golden/formats/$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/data" "$target"

# Two ranks without the launcher, which would fetch a vocabulary: bytes keep the embedding small.
for rank in 1 0; do
  "$BIN/pipeline_worker" --stages 2 --rank $rank --address "ipc://$work" --data "$work/data" \
    --text "$formats/text.txt" \
    --d 4 --depth 1 --heads 2 --hidden 8 --tokens 16 --steps 4 --checkpoint "$work/steps" \
      --checkpoint-every 4 \
    --trace --out "$work/out" &
done
wait
cp -r "$work/steps/step-4" "$work/out/checkpoint" "$work/out/loss.csv" \
  "$work/out/trace-rank-0.csv" "$target"
cp "$work"/data/tokens/*.tokens "$target/text.tokens"

# The weights of the smallest model are 0.4 MB: the manifest goes without them.
"$BIN/hw1" run --model mlp -N 100 -C 0.01 --rounds 2 --checkpoint "$work/rounds" --csv \
  "$target/results.csv"
mkdir -p "$target/round-2"
cp "$work"/rounds/step-2/{manifest.txt,rounds.txt} "$target/round-2"
