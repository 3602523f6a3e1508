#!/bin/bash
# A job array without Ray: each task does its share of the parts, the last one to end finishes the
# step. The work folder lies on a file system that all nodes see.
#
#   array=$(sbatch --parsable --array=1-8 examples/slurm/shards.sh ingest vsr ./vsr ./coco -o work)
#   sbatch --array=1-8 --dependency=afterok:$array examples/slurm/shards.sh measure work
#   sbatch --dependency=afterok:... --wrap 'cauldron dedup work'      # one job, all its cores
#
#SBATCH --cpus-per-task=16
#SBATCH --requeue
set -euo pipefail
exec cauldron "$@" --workers "$SLURM_CPUS_PER_TASK" \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
