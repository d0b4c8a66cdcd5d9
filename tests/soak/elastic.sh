#!/usr/bin/env bash
# 300 faults of one elastic run of nine processes, one every 5 s. The argument is another seed.
exec "$(dirname "$0")/../elastic.sh" 300 "${1:-9}" 5
