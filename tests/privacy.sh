#!/usr/bin/env bash
# The results of a private text, model or checkpoint are for its owner alone, including every log
# and cache.
cd "$(dirname "$0")/.." || exit 1
program=pipeline_worker
. tests/checks.bash
export BIN=$PWD/${BIN:-bin} DATA_RAW=$work/data
chmod 755 "$work"
for i in {1..200}; do
  echo "Tom had $i red balls and gave $((i / 2)) to Mia."
done >"$work/stories.txt"
mkdir "$work/closed"
cp "$work/stories.txt" "$work/private.txt" && chmod 600 "$work/private.txt"
cp "$work/stories.txt" "$work/closed/" && chmod 700 "$work/closed"
ln -s "$work/closed/stories.txt" "$work/link.txt"

train() {  # train UMASK NAME OPTIONS...: by the launcher, into $work/NAME; with a new data folder
  rm -rf "$DATA_RAW"
  (umask "$1" && tools/pipeline.sh 2 --d 16 --heads 2 --depth 2 --tokens 24 --steps 4 \
    --trace --threads 1 --out "$work/$2" --checkpoint "$work/$2/steps" \
    --checkpoint-every 2 "${@:3}")
}
# The run's files that the group or others may read, except locks.
open_files() {
  find "$work/$1" "$DATA_RAW"/{tokens,vocabulary} -type f ! -name .lock -perm /077 2>/dev/null
}
is_closed() { train "$@" && ! open_files "$2" | grep .; }
is_open() {
  train "$@" && [ "$(stat -c %a "$work/$2/loss.csv")" = "$((666 - 10#$1))" ] &&
    [ "$(stat -c %a "$DATA_RAW"/tokens/*.tokens)" = "$((666 - 10#$1))" ]
}

if (cd "$work" && find . -maxdepth 0 -perm -011 | grep -q .) && [ -z "${TMPDIR-}" ]; then
  for umask in 000 022; do
    check "a public text's results follow the umask $umask" \
      is_open $umask public-$umask --text "$work/stories.txt"
    for text in private.txt closed/stories.txt link.txt; do
      check "with $text and umask $umask, nothing is for others" \
        is_closed $umask "${text%%[./]*}-$umask" --text "$work/$text"
    done
  done
  chmod -R go-rwx "$work/public-022/steps" "$work/public-022/checkpoint"
  check "with a private model to start from, nothing is for others" \
    is_closed 022 initialized --text "$work/stories.txt" --init "$work/public-022/checkpoint"
  check "with a private checkpoint to resume from, nothing new is for others" bash -c "
    '$program' --check --resume --checkpoint '$work/public-022/steps' --text '$work/stories.txt' |
      grep -qx 'umask 77'"
  check "a public text leaves the umask as it is" bash -c "
    umask 027; '$program' --check --text '$work/stories.txt' | grep -qx 'umask 27'"
else
  echo "left out: not everyone may read files below \$TMPDIR"
fi
finish
