#!/bin/bash
# A job array without Ray: each task does its share of the parts, the last one to end finishes the
# step. Of `dedup` the tasks share the first stage, and the last one does the others with all its
# cores; `ray.sh` beside this shares out all of them. The work folder is seen by all nodes.
#
#   array=$(sbatch --parsable --array=1-8 examples/slurm/shards.sh ingest vsr ./vsr ./coco -o work)
#   sbatch --array=1-8 --dependency=afterok:$array examples/slurm/shards.sh measure work
#   sbatch --array=1-8 --dependency=afterok:... examples/slurm/shards.sh dedup work
#
#SBATCH --cpus-per-task=16
#SBATCH --requeue
set -euo pipefail
exec cauldron "$@" --workers "$SLURM_CPUS_PER_TASK" \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
