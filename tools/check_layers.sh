#!/usr/bin/env bash
# Checks every #include against the architecture: tools -> {fl, pipeline} -> data -> nn.
# Prints the violations, and in the end "N passed, M failed".
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0

# forbid RULE FILES PATTERN [EXCEPT]: no #include in these files matches the pattern. All but RULE
# are regular expressions.
forbid() {
  local hits
  hits=$(git ls-files --cached --others --exclude-standard '*.h' '*.cpp' | grep -E "$2" |
    grep -vE "${4-^$}" | xargs -r grep -nE "^ *#include [<\"]($3)" /dev/null)
  if [ -n "$hits" ]; then
    printf 'FAILED: %s\n%s\n' "$1" "$hits"
    failed=$((failed + 1))
  else
    passed=$((passed + 1))
  fi
}

code='^(nn|data|fl|pipeline|tools)/'
forbid "nn/base depends on nothing else" '^nn/base/' '(nn|data|fl|pipeline|tools)/([^b]|b[^a])'
forbid "nn depends on nn/base alone" '^nn/' '(data|fl|pipeline|tools)/'
forbid "the engine knows no files and no models" '^nn/' 'nn/(files|models)/' '^nn/(files|models)/'
forbid "the engine's headers show no kernels" '^nn/[a-z_0-9]+\.h$' 'nn/kernels/'
forbid "files know no models" '^nn/files/' 'nn/models/'
forbid "data depends on nn alone" '^data/' '(fl|pipeline|tools)/'
forbid "data/images knows no other room of data" '^data/images/' 'data/t'
forbid "nor does data/tables" '^data/tables/' 'data/(i|te|to)'
forbid "nor does data/tokenizers" '^data/tokenizers/' 'data/(i|ta|te)'
forbid "data/text knows tokenizers alone" '^data/text/' 'data/(i|ta)'
forbid "fl does not know pipeline or tools" '^fl/' '(pipeline|tools)/'
forbid "splits, privacy and secure sums know no other room of fl" \
  '^fl/(splits|privacy|secure_sum)/' 'fl/([^ps]|se[^c])'
forbid "algorithms know no attack, defence, compression or clock" '^fl/algorithms/' \
  'fl/(attacks|defences|compression|clocks)/'
forbid "pipeline does not know fl or tools" '^pipeline/' '(fl|tools)/'
forbid "pipeline knows no kind of model" '^pipeline/' 'nn/models/[a-z_0-9]*/'
forbid "reports know nothing of training" '^tools/report/' '(nn/[^b]|data|fl|pipeline|tools/[^r])'
forbid "only nn/blas knows BLAS" "$code" 'cblas' '^nn/blas\.'
forbid "only pipeline/mailbox knows ZeroMQ" "$code" 'zmq' '^pipeline/mailbox/'
forbid "schedules know errors and text alone" '^pipeline/schedules/' \
  '(nn/[^b]|data|fl|tools|pipeline/([^s]|s[^c]))'
forbid "only tools/program knows CLI11" "$code|^tests/" 'CLI/' '^tools/program/'
forbid "nothing below tools prints" "$code" 'iostream' '^tools/'
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
