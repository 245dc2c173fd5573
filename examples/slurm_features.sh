#!/bin/bash
# Compute features on a SLURM cluster: sbatch --array=1-1000 slurm_features.sh FOLDER STORE SHARDS
#SBATCH --cpus-per-task=8 --mem=8G --time=01:00:00 --requeue
set -euo pipefail
tlearn features "$1" --store "$2" --shard "$SLURM_ARRAY_TASK_ID/$3" --backbone builtin --quiet
