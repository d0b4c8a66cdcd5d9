#!/usr/bin/env bash
# 100,000 trainings on a simulated network, each decided by a seed. Another number of them, and the
# first seed, as arguments.
#   tests/soak/seeds.sh [COUNT [FIRST]]
cd "$(dirname "$0")/../.." || exit 1
make -s -j"$(nproc)" unit || exit 1
count=${1:-100000} first=${2:-0} step=250
log=$(mktemp)
trap 'rm "$log"' EXIT

# A seed's ranks are threads that take turns: kept on one core, they need a third less time.
on_core() {  # on_core NUMBER COMMAND...: on any core if there is none of that number
  if taskset -c "$1" true 2>/dev/null; then taskset -c "$@"; else "${@:2}"; fi
}

some_seeds() {  # some_seeds FIRST LAST
  SEEDS=$1-$2 on_core "$core" build/float/tests/run -tc='whatever a seed*' |
    grep -E 'ERROR|^replay| seeds, '
}
export -f on_core some_seeds
last=$((first + count - 1))
for ((i = first; i <= last; i += step)); do
  echo "$i $((i + step - 1 < last ? i + step - 1 : last))"
done | xargs -P "$(nproc)" -L 1 --process-slot-var=core bash -c 'some_seeds "$@"' some_seeds >"$log"
grep -v ' seeds, ' "$log"
sed -n 's/.*MESSAGE: //p' "$log" | awk '
  { seeds += $1; starts += $3; faults += $5; findings += $7 }
  END {
    print seeds " seeds, " starts " starts, " faults " faults, " findings " findings"
    print seeds - findings " passed, " '"$count"' - seeds + findings " failed"
    exit findings > 0 || seeds < '"$count"'
  }'
