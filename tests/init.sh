#!/usr/bin/env bash
# Hostile models, for --init of a run and for generate. Whatever they claim, they are refused before
# memory is allocated for it. Every program here gets 2 GB and a minute.
cd "$(dirname "$0")/.." || exit 1
program=pipeline_worker
. tests/checks.bash
generate=$(dirname "$program")/generate
mkdir "$work/data"
for i in {1..40}; do echo "Tom had $i red balls."; done >"$work/stories.txt"
small=(--data "$work/data" --text "$work/stories.txt" --tokens 16)

# Sanitizers need terabytes of address space.
limited() { (
  [ "${BUILD_SUFFIX-}" ] || ulimit -v 2000000
  exec timeout $((60 * slack)) "$@"
); }
train() { limited "$program" "${small[@]}" --steps 0 --out "$work/out" "$@"; }

# A model of ours without its manifest, like those of other programs.
good=$work/good
check "a model is made under the limit" train --d 16 --depth 2 --heads 2 --hidden 24
mv "$work/out/checkpoint" "$good"
mv "$good/manifest.txt" "$work/manifest.txt"
check "and trained further" train --init "$good"
rm -r "$work/out/checkpoint"
check "a check passes under the limit" train --init "$good" --check
check "a story is written under the limit" limited "$generate" --checkpoint "$good" --tokens 4

# refused_by WHO PATTERN FOLDER: train, check or generate refuse the model in the folder.
refused_by() {
  case $1 in
    train) refused "$2" train --init "$3" && ! [ -e "$work/out/checkpoint" ] ;;
    check) refused "$2" train --init "$3" --check ;;
    generate) refused "$2" limited "$generate" --checkpoint "$3" ;;
  esac
}
hostile=$work/hostile
# hostile SENTENCE PATTERN COMMAND...: the command runs in a copy of the model and spoils it.
hostile() {
  local who
  rm -rf "$hostile"
  cp -r "$good" "$hostile"
  (cd "$hostile" && "${@:3}") || { echo "FAILED: $1: not made"; failed=$((failed + 1)); return; }
  for who in train check generate; do
    check "$who: $1 is refused" refused_by $who "$2" "$hostile"
  done
}
claims() { sed -i -E "s/\"$1\": [^,]+/\"$1\": $2/" config.json; }
all_claims() { while [ $# -gt 0 ]; do claims "$1" "$2"; shift 2; done; }

hostile "a width of 65536 and 4096 layers" \
  "layers" all_claims hidden_size 65536 intermediate_size 65536 num_hidden_layers 4096
hostile "a width of 65536" "has shape \[259, 16\]" claims hidden_size 65536
hostile "4096 layers" "4096 layers, but the files have only" claims num_hidden_layers 4096
hostile "an extra layer" "there is no tensor model.layers.2" claims num_hidden_layers 3
hostile "a missing layer" "has no tensor .*model.layers.1" claims num_hidden_layers 1
hostile "a billion layers" "layers" claims num_hidden_layers 1073741824
hostile "a billion tokens" "has shape" claims vocab_size 1073741824
hostile "a wide feed-forward network" "has shape" claims intermediate_size 1073741824
hostile "a billion heads" \
  "heads" all_claims num_attention_heads 1073741824 num_key_value_heads 1073741824
hostile "more key heads than there are weights for" \
  "has shape" all_claims num_attention_heads 8 num_key_value_heads 8 hidden_size 64
for field in vocab_size hidden_size intermediate_size num_hidden_layers num_attention_heads \
  num_key_value_heads max_position_embeddings; do
  for value in -1 0 1.5 1e300 99999999999999999999 '"16"' '[16]' '{}' true; do
    rm -rf "$hostile"
    cp -r "$good" "$hostile"
    (cd "$hostile" && claims $field "$value")
    check "check: $field $value is refused" refused_by check "config.json: $field is" "$hostile"
  done
done
hostile "a model of another kind" "model_type" claims model_type '"mistral"'

config_is() { rm config.json; "$@"; }
hostile "no config.json" "config.json" config_is true
hostile "a config.json that is a pipe" "config.json" config_is mkfifo config.json
hostile "a config.json that is a folder" "config.json" config_is mkdir config.json
hostile "a config.json that is a link to itself" \
  "config.json" config_is ln -s config.json config.json
hostile "a config.json that is a device" "config.json" config_is ln -s /dev/zero config.json
hostile "a config.json of 50 MB" \
  "config.json has 5[0-9]* bytes" config_is sh -c 'yes "{" | head -c 50000000 >config.json'
hostile "a config.json of 20 MB" \
  "config.json is nested" config_is sh -c 'yes "[" | tr -d "\n" | head -c 19000000 >config.json'
hostile "an empty config.json" "config.json" config_is touch config.json

weights_are() { rm model.safetensors; "$@"; }
# header NUMBER TEXT: the length of a header in four bytes, and what follows.
header() {
  local shift
  for shift in 0 8 16 24; do printf "\\x$(printf %x $(($1 >> shift & 255)))"; done
  printf '\0\0\0\0%s' "$2"
}
claiming() { header "$@" >model.safetensors; }
large_header() {
  { header 95000000 '{"__metadata__":{"a":"'
    head -c 94999976 /dev/zero | tr '\0' a
    printf '"}}'; } >model.safetensors
}
hostile "a file without weights" "model.safetensors" weights_are true
hostile "weights that are a pipe" "model.safetensors" weights_are mkfifo model.safetensors
hostile "weights that are a folder" "model.safetensors" weights_are mkdir model.safetensors
hostile "weights that are a link to themselves" \
  "model.safetensors" weights_are ln -s model.safetensors model.safetensors
hostile "weights that are a device" \
  "model.safetensors" weights_are ln -s /dev/zero model.safetensors
hostile "an empty file of weights" "too short" weights_are touch model.safetensors
hostile "a header that claims more than the file has" \
  "the header claims 4294967295 bytes" claiming 4294967295 '{}'
hostile "a header of 95 MB" "the header claims 95000000 bytes, more than" large_header
hostile "half the weights" "gap|outside|claims" truncate -s 5000 model.safetensors
hostile "weights with an extra byte" "belong to no tensor" sh -c 'printf x >>model.safetensors'
huge_tensor() {
  local shape='"shape":[1073741824,1073741824]'
  local text='{"lm_head.weight":{"dtype":"F32",'$shape',"data_offsets":[0,4]}}'
  claiming ${#text} "${text}xxxx"
}
hostile "a tensor larger than any memory" "larger than the file" huge_tensor
# The last weights in this file are the head's.
with_nan() { truncate -s -4 model.safetensors && printf '\0\0\300\177' >>model.safetensors; }
rm -rf "$hostile"
cp -r "$good" "$hostile"
(cd "$hostile" && with_nan)
check "train: a weight that is not a number is refused" \
  refused_by train "lm_head.weight is not finite" "$hostile"
check "generate: a weight that is not a number is refused" \
  refused_by generate "lm_head.weight is not finite" "$hostile"

indexed() {  # in an index that puts the head into FILE
  mv model.safetensors "${2-x.safetensors}" &&
    printf '{"weight_map": {"lm_head.weight": %s}}' "$1" >model.safetensors.index.json
}
hostile "an index that leads outside" \
  "not a safetensors file in this folder" indexed '"../good/model.safetensors"'
hostile "an index that leads to the root" \
  "not a safetensors file in this folder" indexed '"/etc/passwd"'
hostile "an index with a number for a file" "names no file" indexed 3
hostile "an index of a missing file" "y.safetensors" indexed '"y.safetensors"'
hostile "an index with only one of the tensors" \
  "which the index does not list" indexed '"x.safetensors"'
hostile "an index that is a pipe" \
  "index.json" sh -c 'rm model.safetensors; mkfifo model.safetensors.index.json'

with_manifest() { cp "$work/manifest.txt" . && "$@"; }
hostile "a config.json changed after the manifest" \
  "config.json is damaged: its checksum" with_manifest claims rms_norm_eps 1e-07
hostile "weights changed after the manifest" \
  "model.safetensors is damaged" with_manifest with_nan
hostile "a manifest with a changed line" \
  "manifest.txt is damaged: its checksum" with_manifest sed -i 's/seed 0/seed 1/' manifest.txt
hostile "a manifest that is a pipe" "manifest.txt" mkfifo manifest.txt
hostile "a manifest that is a link to itself" "manifest.txt" ln -s manifest.txt manifest.txt
hostile "a manifest that is a device" "manifest.txt" ln -s /dev/zero manifest.txt
hostile "a manifest of 50 MB" "too large for a manifest" truncate -s 50M manifest.txt
hostile "an empty manifest" "manifest.txt is damaged" touch manifest.txt

# Files and options that only one of the programs reads.
check "a width that is not the model's is refused before memory is allocated" \
  refused "hidden_size is 16, the model's is 65536" train --init "$good" --d 65536
check "and in a check" \
  refused "hidden_size is 16, the model's is 65536" train --init "$good" --d 65536 --check
check "so are 4096 layers" \
  refused "num_hidden_layers is 2, the model's is 4096" train --init "$good" --depth 4096 --check
tokenizer() { rm -rf "$hostile" && cp -r "$good" "$hostile" && (cd "$hostile" && "$@"); }
tokenizer_refused() { tokenizer "${@:2}" && refused_by generate "$1" "$hostile"; }
check "generate: a tokenizer.json that is a pipe is refused" \
  tokenizer_refused tokenizer.json mkfifo tokenizer.json
check "generate: one that is a folder is refused" \
  tokenizer_refused tokenizer.json mkdir tokenizer.json
check "generate: one that is a link to itself is refused" \
  tokenizer_refused tokenizer.json ln -s tokenizer.json tokenizer.json
check "generate: one of 50 MB is refused" \
  tokenizer_refused "larger than" truncate -s 50M tokenizer.json
check "generate: an invalid one is refused" \
  tokenizer_refused tokenizer.json sh -c 'echo {} >tokenizer.json'
if [ -e "$data_raw"/vocabulary/tokenizer.json ]; then
  check "generate: one of another vocabulary is refused" \
    tokenizer_refused "32000 tokens, but the model only 259" \
    cp "$data_raw/vocabulary/tokenizer.json" .
  mkdir "$work/pieces"
  ln -s "$data_raw/vocabulary" "$work/pieces"
  other_tokens() {
    refused "vocab_size is 259, the model's is 32000" train --init "$good" --data "$work/pieces"
  }
  check "train: a model with a vocabulary other than the text's is refused" other_tokens
fi
finish
