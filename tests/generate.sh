#!/usr/bin/env bash
# generate as a user starts it, with handmade models of two numbers per token.
cd "$(dirname "$0")/.." || exit 1
program=generate
. tests/checks.bash

zeros() { head -c $((4 * $1)) /dev/zero; }
ones() { for ((i = 0; i < $1; i++)); do printf '\0\0\200\077'; done; }

# model FOLDER TOKEN: vectors of ones and layers that do nothing, so that only TOKEN has a score
# above 0; with "none" all 259 are equally likely.
model() {
  local folder=$1 token=$2 header='' at=0 name shape
  mkdir -p "$folder"
  cat >"$folder/config.json" <<'EOF'
{"model_type": "llama", "vocab_size": 259, "hidden_size": 2, "num_hidden_layers": 1,
 "num_attention_heads": 1, "intermediate_size": 1, "max_position_embeddings": 32}
EOF
  local layer=model.layers.0
  while read -r name shape size; do
    header+="${header:+,}\"$name.weight\":{\"dtype\":\"F32\",\"shape\":$shape,"
    header+="\"data_offsets\":[$at,$((at += 4 * size))]}"
  done <<EOF
model.embed_tokens [259,2] 518
model.norm [2] 2
$layer.input_layernorm [2] 2
$layer.post_attention_layernorm [2] 2
$layer.self_attn.q_proj [2,2] 4
$layer.self_attn.k_proj [2,2] 4
$layer.self_attn.v_proj [2,2] 4
$layer.self_attn.o_proj [2,2] 4
$layer.mlp.gate_proj [1,2] 2
$layer.mlp.up_proj [1,2] 2
$layer.mlp.down_proj [2,1] 2
lm_head [259,2] 518
EOF
  header="{$header}"
  {
    printf "\\x$(printf %x $((${#header} % 256)))\\x$(printf %x $((${#header} / 256)))\0\0\0\0\0\0"
    printf %s "$header"
    ones 520
    zeros 26
    if [ "$token" = none ]; then zeros 518; else zeros $((2 * token)); ones 2; zeros \
      $((516 - 2 * token)); fi
  } >"$folder/model.safetensors"
}

# writes TEXT OPTIONS...: generate writes the text and a newline.
writes() {
  local text=$1
  shift
  "$program" "$@" >"$work/out" || return 1
  cat "$work/out"
  diff <(printf '%s\n' "$text") "$work/out"
}
letter=(--checkpoint "$work/letter" --temperature 0)
model "$work/letter" $((3 + 97))
model "$work/end" 2
model "$work/any" none

check "a story goes on to the end of the context" writes "Once upon$(printf 'a%.0s' {1..23})" \
  "${letter[@]}" --prompt "Once upon"
check "a story needs no prompt" writes "$(printf 'a%.0s' {1..32})" "${letter[@]}"
check "--tokens ends it earlier" writes "Onceaaa" "${letter[@]}" --prompt Once --tokens 3
check "a prompt may fill the context" writes "$(printf 'b%.0s' {1..31})a" "${letter[@]}" --prompt \
  "$(printf 'b%.0s' {1..31})"
check "a prompt may be longer than the context" writes "$(printf 'b%.0s' {1..40})a" "${letter[@]}" \
  --prompt "$(printf 'b%.0s' {1..40})"
noted() { "$program" "${letter[@]}" --prompt "$(printf 'b%.0s' {1..40})" 2>&1 >/dev/null; }
check "which is said" grep "of the prompt's 40 tokens, the model reads the last 32" <(noted)
check "with --tokens a story goes on beyond the context" writes "$(printf 'a%.0s' {1..100})" \
  "${letter[@]}" --tokens 100
check "--samples writes several stories" writes $'Oa\n---\nOa\n---\nOa' "${letter[@]}" \
  --prompt O --tokens 1 --samples 3
check "the folder needs no --checkpoint, and --top-k 1 takes the likeliest token" writes Oaa \
  "$work/letter" --prompt O --tokens 2 --temperature 9 --top-k 1
check "the end-of-sequence token ends it" writes "Once" --checkpoint "$work/end" --temperature 0 \
  --prompt Once
check "a prompt with several bytes per letter comes out whole" writes "été 🙂a" "${letter[@]}" \
  --prompt "été 🙂" --tokens 1
check "without a terminal, only the story is written" test -z \
  "$("$program" "${letter[@]}" 2>&1 >/dev/null)"

random() { "$program" --checkpoint "$work/any" --temperature 1 --top-p 1 --seed "$1"; }
same() { diff <(random 5) <(random 5); }
other() { ! diff <(random 5) <(random 6); }
utf8() { for seed in 1 2 3 4 5; do random $seed | iconv -f UTF-8 -t UTF-8 >/dev/null ||
  return 1; done; }
check "the same seed gives the same story" same
check "another seed gives another" other
check "whatever is drawn, the story is UTF-8" utf8

check "a missing checkpoint is an error" refuses "checkpoint is required"
check "a missing folder is an error" refuses "$work/none/config.json" --checkpoint \
  "$work/none"
check "a temperature below 0 is an error" refuses "temperature -0.1" --checkpoint "$work/any" \
  --temperature -0.1
check "a temperature that is not a number is an error" refuses "temperature nan" --checkpoint \
  "$work/any" --temperature nan
check "top-p 0 is an error" refuses "top-p 0" --checkpoint "$work/any" --top-p 0
check "top-p above 1 is an error" refuses "top-p 1.1" --checkpoint "$work/any" --top-p 1.1
check "a negative top-k is an error" refuses "--top-k" "${letter[@]}" --top-k -1
check "zero tokens are an error" refuses "--tokens" "${letter[@]}" --tokens 0
check "a negative seed is an error" refuses "--seed" "${letter[@]}" --seed -1
check "an unknown option is an error" refuses "top-q" "${letter[@]}" --top-q 1
check "a model of another vocabulary needs its tokenizer" refuses "no tokenizer.json" --checkpoint \
  tests/golden/llama/plain
echo '{}' >"$work/end/tokenizer.json"
check "an invalid tokenizer.json is an error" refuses "tokenizer.json" --checkpoint "$work/end"
head -c 3000 "$work/letter/model.safetensors" >"$work/any/model.safetensors"
check "half a checkpoint is an error" refuses "model.safetensors" --checkpoint "$work/any"
full() { "$program" "${letter[@]}" >/dev/full; [ $? = 1 ]; }
check "a full disk is an error" full
finish
