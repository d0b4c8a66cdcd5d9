#!/usr/bin/env bash
# Runs a rank, and starts it again when it fails. Each machine of a run without a cluster's launcher
# keeps its ranks like this; after a cut of the network all meet again, and continue from the newest
# checkpoint.
#
#   tools/launch/keep.sh bin/pipeline_worker --stages 3 --rank 0 --meet /shared/meet --resume
#
# Ends when the rank is done (0), was refused (2) or was told to stop, or has failed 100 times.
# Ctrl-C and SIGTERM let it finish its step.
set -um
rank= told=
trap 'told=yes; kill $rank 2>/dev/null' INT TERM HUP

for ((failures = 0; failures < 100; ++failures)); do
  "$@" &
  rank=$!
  wait $rank
  status=$?
  while kill -0 $rank; do
    wait $rank
    status=$?
  done 2>/dev/null
  case $status in 0 | 2 | 130 | 143) break ;; esac
  echo "the rank ended with $status; starting it again" >&2
  sleep 1
  [ ! "$told" ] || break
done
exit $status
