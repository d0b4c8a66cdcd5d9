#!/usr/bin/env bash
# Tests that take too long for make test: every reader fuzzed for a minute, and the other scripts of
# this folder. Each ends with "N passed, M failed"; so does this one.
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0
piece() {
  echo "$*"
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

piece tests/fuzz/run.sh -max_total_time=60
for script in tests/soak/*.sh; do
  if [ "$script" != tests/soak/run.sh ]; then piece "$script"; fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
