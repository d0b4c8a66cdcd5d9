#!/usr/bin/env bash
#SBATCH --job-name=tributary
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=2
#SBATCH --output=tributary-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue

# Trains in a job of Slurm: 3 machines with 2 ranks each. All machines see this folder. A job that
# was requeued continues from its newest checkpoint.
#
#   sbatch tools/launch/slurm.sh --stages 3
#   sbatch --nodes 8 tools/launch/slurm.sh --stages 4 --steps 300
#
# With --elastic a rank that dies is started again, and its pipeline comes back; the other ranks go
# on meanwhile, and with --no-kill also when a machine is lost.
#
#   sbatch --no-kill tools/launch/slurm.sh --stages 3 --elastic
rank=(--kill-on-bad-exit=1 bin/pipeline_worker)
case " $* " in
  *' --elastic '*)
    rank=(--kill-on-bad-exit=0 --no-kill --wait=0 tools/launch/keep.sh bin/pipeline_worker) ;;
esac
exec srun "${rank[@]}" --threads "${SLURM_CPUS_PER_TASK:-1}" --out "out/slurm-$SLURM_JOB_ID" \
  --resume "$@"
