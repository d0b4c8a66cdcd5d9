#!/usr/bin/env bash
# Throws mutated files at every reader, built by clang with the address and undefined sanitizers:
#   tests/fuzz/run.sh [LIBFUZZER-OPTION...] [TARGET...]     such as -runs=10000000 idx; 5 s each
# Starts from tests/fuzz/seeds and the inputs that earlier runs kept. Findings stay in
# build/fuzz/findings; to repeat one, pass its file to the target.
set -u
cd "$(dirname "$0")/../.." || exit 1
options=() targets=() passed=0 failed=0
for argument in "$@"; do
  case $argument in -*) options+=("$argument") ;; *) targets+=("$argument") ;; esac
done
[ ${#options[@]} -gt 0 ] || options=(-max_total_time=5)
[ ${#targets[@]} -gt 0 ] || targets=($(basename -s .cpp tests/fuzz/*.cpp))

# The newest clang; versions before 16 cannot compile all of libstdc++'s ranges.
clang=$(compgen -c clang++ | grep -E '^clang\+\+(-[0-9]+)?$' | sort -V | tail -n 1)
if ! [ "$("${clang:-false}" -dumpversion | cut -d. -f1)" -ge 16 ] 2>/dev/null; then
  echo "error: fuzzing needs clang 16 or later: apt install clang-16" >&2
  exit 2
fi
sanitizers=fuzzer-no-link,address,undefined
make -s -j"$(nproc)" CXX="$(command -v ccache) $clang -w" REAL=float SANITIZE=$sanitizers FOLDERS= \
  fuzzers || exit 1

# Inputs are small, so AddressSanitizer may keep little freed memory and short stack traces.
export ASAN_OPTIONS=malloc_context_size=3:quarantine_size_mb=16${ASAN_OPTIONS:+:$ASAN_OPTIONS}

for target in "${targets[@]}"; do
  corpus=build/fuzz/$target dictionary=tests/fuzz/$target.dict start=$SECONDS
  mkdir -p "$corpus" build/fuzz/findings
  log=build/fuzz/$target.log
  if "build/float-$sanitizers/fuzz/$target" -max_len=512 -timeout=300 -rss_limit_mb=1024 \
    -malloc_limit_mb=64 -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$target-" \
    -dict="$dictionary" "${options[@]}" "$corpus" "tests/fuzz/seeds/$target" \
    >"$log" 2>&1; then
    passed=$((passed + 1)) verdict="no finding"
  else
    failed=$((failed + 1)) \
      verdict=$(grep -m 1 -E '^(not so|==.*ERROR|.*runtime error|SUMMARY)' "$log")
  fi
  runs=$(sed -nE 's/stat::number_of_executed_units: *//p' "$log")
  printf '%-14s %10s runs in %4d s  %s\n' "$target" "${runs:-?}" $((SECONDS - start)) "$verdict"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
