# Shared by the tests of programs, which source it in the project's folder with `program` set.
set -u
program=$PWD/${BIN:-bin}/$program
data_raw=$(realpath -m "${DATA_RAW:-data/raw}")  # where the programs look, too
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
# ThreadSanitizer takes five to fifteen times as much time and memory: limits on either are raised.
case ${BUILD_SUFFIX-} in *thread*) slack=15 ;; *) slack=1 ;; esac

check() {  # check SENTENCE COMMAND...
  if "${@:2}" >"$work/log" 2>&1; then passed=$((passed + 1)); else
    failed=$((failed + 1)); echo "FAILED: $1"; sed 's/^/  /' "$work/log" | tail -n 20
  fi
}

# The command prints one line of error that matches the pattern, one hint, and exits with code 2.
refused() {  # refused PATTERN COMMAND...
  "${@:2}" >"$work/stdout" 2>"$work/err"
  local status=$?
  cat "$work/stdout" "$work/err"
  [ $status = 2 ] && [ ! -s "$work/stdout" ] && [ "$(wc -l <"$work/err")" = 2 ] &&
    grep -qE "^error: .*$1" "$work/err" && grep -q '^hint: ' "$work/err"
}
refuses() { refused "$1" "$program" "${@:2}"; }  # refuses PATTERN ARGUMENTS...

# Every pattern is in the program's output.
prints() {  # prints ARGUMENTS... -- PATTERN...
  local arguments=()
  while [ "$1" != -- ]; do arguments+=("$1"); shift; done
  shift
  "$program" "${arguments[@]}" >"$work/stdout" || return 1
  cat "$work/stdout"
  for pattern; do
    grep -qE -- "$pattern" "$work/stdout" || { echo "no $pattern"; return 1; }
  done
}

# For tests that train: a text in $work/stories.txt.
write_stories() {
  local i
  for i in {1..400}; do
    echo "Tom had $i red balls. He gave $((i / 2)) to Mia. Mia was glad and gave $((i / 4)) back."
  done >"$work/stories.txt"
}
# For tests of the launcher: its programs, and a temporary folder of its own.
prepare_launcher() {
  export BIN=$PWD/${BIN:-bin}
  mkdir "$work/tmp"
  export TMPDIR=$work/tmp
}
losses() { cut -d, -f1,2 "$work/$1/loss.csv"; }  # losses NAME: of the run in $work/NAME
same_losses() { diff <(losses "$1") <(losses "$2"); }
same_tensors() {  # same_tensors FOLDER OTHER: every safetensors file of FOLDER is in OTHER, too
  local file
  for file in "$1"/*.safetensors; do cmp "$file" "$2/${file##*/}" || return; done
}
wait_for_step() {  # wait_for_step NAME STEP
  local _
  for _ in {1..600}; do
    [ "$(wc -l 2>/dev/null <"$work/$1/loss.csv")" -gt "$2" ] 2>/dev/null && return
    sleep 0.05
  done
  return 1
}

finish() {  # prints the counts; fails if any check did
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}
