#!/bin/bash
# Compute features in several processes: xargs_features.sh FOLDER STORE SHARDS PROCESSES
set -euo pipefail
export folder=$1 store=$2 count=$3
seq "$count" | xargs -P "$4" -I{} sh -c \
  'tlearn features "$folder" --store "$store" --shard "{}/$count" --backbone builtin --quiet'
