#!/bin/bash
# A Ray cluster inside a Slurm allocation, and one command on it. Unlike a job array it shares out
# every stage of every step, the search for duplicates too, and needs one submission only.
#
#   sbatch --nodes=8 examples/slurm/ray.sh run recipe.yaml -o /shared/work
#
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --requeue
set -euo pipefail
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
port=$((20000 + SLURM_JOB_ID % 20000))
common="--num-cpus=$SLURM_CPUS_PER_TASK --object-store-memory=200000000 --block"
srun --nodes=1 --ntasks=1 -w "$head" \
    ray start --head --node-ip-address="$head" --port="$port" $common &
sleep 20
if [ "$SLURM_JOB_NUM_NODES" -gt 1 ]; then
    srun --nodes=$((SLURM_JOB_NUM_NODES - 1)) --ntasks=$((SLURM_JOB_NUM_NODES - 1)) \
        --exclude="$head" ray start --address="$head:$port" $common &
fi
sleep 10
srun --overlap --nodes=1 --ntasks=1 -w "$head" cauldron "$@" --engine ray --address "$head:$port"
