#!/usr/bin/env bash
# Runs a rank, and starts it again when it fails. Each machine of a run without a cluster's launcher
# keeps its ranks like this; after a cut of the network all meet again, and continue from the newest
# checkpoint. With --elastic Slurm, mpirun and torchrun run their ranks in it, too: the launcher does
# not notice a loss, and the other ranks go on meanwhile.
#
#   tools/launch/keep.sh bin/pipeline_worker --stages 3 --rank 0 --meet /shared/meet --resume
#   mpirun -n 6 tools/launch/keep.sh bin/pipeline_worker --stages 3 --elastic
#
# Ends when the rank is done (0), was refused (2), was told to stop, cannot be run (126, 127), or has
# failed 100 times. Ctrl-C and SIGTERM let it finish its step.
#
# A rank that is started again finds the time of its first start in TRIBUTARY_FIRST_START, in
# milliseconds since 1970: if the run has saved its model since then, it has ended and is not begun
# again.
set -u
rank= status=0 told=0 start=$(date +%s%3N)
trap 'told=1; kill $rank 2>/dev/null' INT TERM HUP
[ $# -gt 0 ] ||
  { printf 'error: nothing to run\nhint: tools/launch/keep.sh PROGRAM ...\n' >&2; exit 2; }

for ((failures = 0; failures < 100 && !told; ++failures)); do
  ((failures == 0)) || {
    echo "the rank ended with $status; starting it again" >&2
    export TRIBUTARY_FIRST_START=$start
  }
  "$@" &
  rank=$!
  ((!told)) || kill $rank  # told so before the rank's number was known
  while
    wait $rank
    status=$?
    kill -0 $rank 2>/dev/null
  do :; done
  case $status in 0 | 2 | 126 | 127 | 130 | 143) break ;; esac
  sleep 1
done
exit $status
