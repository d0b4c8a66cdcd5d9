#!/usr/bin/env bash
# Runs all tests: unit tests in float and in double, the layers of the include graph, and the
# programs as a user starts them. A failure stops nothing; the last line counts passes and failures.
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
float=build/float${BUILD_SUFFIX-} double=build/double${BUILD_SUFFIX-}

# Adds what a suite printed as its closing line: "12 passed, 0 failed" or doctest's.
count() {
  local name=$1 output=$2 status=$3 seconds=$4 p f
  read -r p f < <(tail -n 1 < <(sed -nE <<<"$output" \
    -e 's/.*test cases: *[0-9]+ \| *([0-9]+) passed \| *([0-9]+) failed.*/\1 \2/p' \
    -e 's/^([0-9]+) passed, ([0-9]+) failed.*/\1 \2/p'))
  if [ -z "${p-}" ]; then p=0 f=1; fi
  if [ "$status" != 0 ] && [ "$f" = 0 ]; then f=1; fi
  passed=$((passed + p)) failed=$((failed + f))
  printf '%-28s %4d passed, %d failed %5d s\n' "$name" "$p" "$f" "$seconds"
}

suite() {
  local name=$1 output status start=$SECONDS
  shift
  output=$("$@" 2>&1)
  status=$?
  if [ $status != 0 ]; then printf '%s\n' "$output"; fi
  count "$name" "$output" $status $((SECONDS - start))
}

# The threads of ZeroMQ and OpenBLAS hand memory to each other in ways that ThreadSanitizer does not
# know and takes for races: tests with a mailbox are left out, and OpenBLAS has one thread.
left_out=() pipelines=
case $float in *thread*)
  left_out=(-sfe='*mailbox*,*collectives*,*protocol*,*test_pipeline*') pipelines=pipeline_worker
  export OPENBLAS_NUM_THREADS=1 ;;
esac

export LSAN_OPTIONS=suppressions=$PWD/tests/leaks_of_others.txt

for name in mnist vocabulary gpt2 shakespeare heart; do
  data/fetch.sh $name || echo "no $name here: the tests that need it are left out"
done
make -s -j"$(nproc)" REAL=float unit &&
  suite "unit tests, float" "$float/tests/run" "${left_out[@]}" || failed=$((failed + 1))
# The programs' tests wait more than they compute: meanwhile the other build is made.
nice make -s -j"$(nproc)" REAL=double FOLDERS= unit &
building=$!
trap 'kill $building 2>/dev/null' EXIT
suite "layers" tools/check_layers.sh
for script in tests/*.sh; do
  [ "$script" = tests/run.sh ] || { [ "$pipelines" ] && grep -q $pipelines "$script"; } ||
    suite "$script" "$script"
done
wait $building &&
  suite "unit tests, double" "$double/tests/run" "${left_out[@]}" || failed=$((failed + 1))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
