"""The attack: broken inputs, kills, full disks, commands side by side, and what comes of them.

    python -m benchmarks.attack [--cases N] [--only KIND] [--kills N] [--rounds N] [--disks N]
        [--seed S] --out DIR

`generators/` holds a module for each kind of broken input; `tests/attack` takes a few from each.
"""
