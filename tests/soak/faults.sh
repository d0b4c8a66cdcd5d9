#!/usr/bin/env bash
# 500 ranks killed, frozen and disconnected at random moments of one run; another seed as an
# argument.
exec "$(dirname "$0")/../faults.sh" 500 "${1:-1}"
