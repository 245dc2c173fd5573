"""Compute features on a Ray cluster: python examples/ray_features.py FOLDER STORE SHARDS."""

import os
import sys
from pathlib import Path

import ray

from tlearn import api

folder, store, count = Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute(), int(sys.argv[3])
ray.init()
compute = ray.remote(num_cpus=os.cpu_count())(api.features)  # it uses all cores of its machine
flags = {"backbone": "builtin"}
tasks = [compute.remote(folder, (n, count), store=store, flags=flags) for n in range(1, count + 1)]
while tasks:
    (done,), tasks = ray.wait(tasks)
    result = ray.get(done)
    print(result.path, result.n_images, "images", *result.problems)
