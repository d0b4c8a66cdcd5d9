#!/usr/bin/env bash
# 300 faults of one elastic run of nine processes, one each 5 s; another seed as an argument.
exec "$(dirname "$0")/../elastic.sh" 300 "${1:-9}" 5
