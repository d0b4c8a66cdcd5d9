#!/usr/bin/env bash
# Runs all tests: unit tests in float, those of the arithmetic also in double, the layers of the
# include graph, and the programs as a user starts them. A failure stops nothing; the last line
# counts passes and failures. ALSO=tests/launchers/run.sh runs that suite, too.
set -u
cd "$(dirname "$0")/.." || exit 1
float=build/float${BUILD_SUFFIX-} double=build/double${BUILD_SUFFIX-}
export counts; counts=$(mktemp)
trap 'rm -rf "$counts" "$memory"' EXIT
memory=

# Runs a suite, whose closing line is "12 passed, 0 failed" or doctest's. What it printed is shown
# if anything failed.
suite() {  # suite "COMMAND ARGUMENTS..."
  local command output status p f start=$SECONDS
  read -ra command <<<"$1"
  if [[ ${command[0]} = */tests/run ]]; then local -x TMPDIR=$memory; fi
  output=$("${command[@]}" 2>&1)
  status=$?
  read -r p f < <(tail -n 1 < <(sed -nE <<<"$output" \
    -e 's/.*test cases: *[0-9]+ \| *([0-9]+) passed \| *([0-9]+) failed.*/\1 \2/p' \
    -e 's/^([0-9]+) passed, ([0-9]+) failed.*/\1 \2/p'))
  if [ -z "${p-}" ]; then p=0 f=1; fi
  if [ "$status" != 0 ] && [ "$f" = 0 ]; then f=1; fi
  {
    flock 9
    if [ "$f" != 0 ]; then printf '%s\n' "$output"; fi
    printf '%-28s %4d passed, %d failed %5d s\n' "${command[0]}" "$p" "$f" $((SECONDS - start))
    echo "$p $f" >&9
  } 9>>"$counts"
}
export -f suite

# The threads of ZeroMQ and OpenBLAS hand memory to each other in ways that ThreadSanitizer does not
# know and takes for races: tests with a mailbox are left out, unless its network is simulated, and
# OpenBLAS has one thread. Units of nn without threads have nothing to race, and take long.
left_out='-' pipelines=
case $float in *thread*)
  left_out=$({
    grep -lE '/(toy_training|two_ranks)\.h"|Network network;' tests/*/*.cpp |
      xargs grep -LE 'simulated_network\.h|pipeline/trial\.h'
    grep -LiE 'thread|team' tests/nn/*.cpp
  } | sed 's/^/*/' | paste -sd,)
  left_out+=',*mailbox*,*client_pipeline*,*rank_executor*'
  pipelines=$(grep -lE 'pipeline_worker|pipeline\.sh|vertical\.sh|--ranks' tests/*.sh)
  export OPENBLAS_NUM_THREADS=1 ;;
esac

# Units run in several processes, and write their many small files where none waits for a disk.
units() {
  local run=$float/tests/run slow='*/pipeline/seeds.cpp,*/pipeline/predict.cpp'
  printf '%s\n' "$run -sf=$slow -sfe=$left_out" "$run -sf=*/pipeline/* -sfe=$slow,$left_out" \
    "$run -sfe=*/pipeline/*,*/tools/*,$left_out" "$run -sf=*/tools/* -sfe=$left_out"
}
room=$(df --output=avail -m /dev/shm 2>/dev/null | tail -n 1)
[ "${room:-0}" -gt 1000 ] && place=/dev/shm || place=${TMPDIR:-/tmp}
export memory; memory=$(mktemp -d "$place/tributary-tests-XXXXXX")
chmod 755 "$memory"  # what is private below it is so by the tests' doing

export LSAN_OPTIONS=suppressions=$PWD/tests/leaks_of_others.txt

for name in mnist vocabulary gpt2 shakespeare heart; do
  data/fetch.sh $name || echo "no $name here: the tests that need it are left out"
done
make -s -j"$(nproc)" REAL=float unit || echo 0 1 >>"$counts"

# The longest come first. Units in double come last, and are built while other suites run.
suites() {
  local longest others
  longest=$(printf 'tests/%s.sh\n' hw1 pipeline strangers client_pipelines run_folder notebooks \
    launcher ranks python)
  others=$(printf '%s\n' tests/*.sh | grep -vxF -e tests/run.sh -e "$longest")
  printf '%s\n' ${ALSO-} "$(units)" "$longest" tools/check_layers.sh "$others" |
    grep -vxF -e "$pipelines"
  if make -s -j"$(nproc)" REAL=double unit >&2; then echo "$double/tests/run -sfe=$left_out"
  else echo false
  fi
}

# A test waits about as much as it computes, so more of them run at once than there are cores.
suites | xargs -d '\n' -P $(($(nproc) + 2)) -I{} bash -c 'suite "$1"' suite {}
awk '{ p += $1; f += $2 } END { print p " passed, " f " failed"; exit f > 0 }' "$counts"
