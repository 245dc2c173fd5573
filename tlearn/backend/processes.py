"""Which processes train one model together: read once from the environment they were started in.

Launchers set RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, as torchrun does; srun sets others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from tlearn.errors import HostError, RecipeError

_PORT = 29500
_SLURM_PORTS = 61_440, 4_096
"""First port and number of ports, of which a Slurm job takes one by its number."""


@dataclass(frozen=True)
class Processes:
    """The processes that train one model together, and the devices that each of them uses.

    Attributes:
        rank: Number of this process. Process 0 does everything; the others only train with it.
        size: How many there are.
        address: Where process 0 is reached, HOST:PORT; empty for a process alone.
        devices: How many devices each uses; None for all that it sees.
    """

    rank: int = 0
    size: int = 1
    address: str = ""
    devices: int | None = None

    @property
    def leads(self) -> bool:
        """Return whether this process writes the run and talks to the person."""
        return self.rank == 0

    @classmethod
    def of(cls, environment: Mapping[str, str], devices: int | None = None) -> Processes:
        """Read the environment.

        Args:
            environment: The variables above; without them a process is alone.
            devices: What `--devices` says.

        Raises:
            HostError: The variables contradict each other.
            RecipeError: There cannot be so few devices.
        """
        if devices is not None and devices < 1:
            raise RecipeError(f"training takes one device or more, not {devices}", "--devices 1")
        names = ("RANK", "WORLD_SIZE")
        if not all(name in environment for name in names):
            names = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS")  # the second is there under srun alone
        rank = _number(environment, names[0]) or 0
        size = _number(environment, names[1]) or 1
        if size <= 1:
            return cls(devices=devices)
        if rank >= size:
            raise HostError(
                f"{names[0]} is {rank} and {names[1]} is {size}: processes are numbered from 0",
                f"as in: export {names[0]}=0",
            )
        nodes = re.match(r"([^,\[]+)(?:\[(\d+))?", environment.get("SLURM_STEP_NODELIST", ""))
        first = f"{nodes[1]}{nodes[2] or ''}" if nodes else None
        host = environment.get("MASTER_ADDR", first)
        if host is None:
            raise HostError(
                f"{size} processes train together, and nothing says where process 0 is",
                "name its host, the same for all: export MASTER_ADDR=HOST",
            )
        start, count = _SLURM_PORTS
        job = _number(environment, "SLURM_JOB_ID")
        usual = _PORT if job is None else start + job % count
        port = _number(environment, "MASTER_PORT") or usual
        return cls(rank, size, f"{host}:{port}", devices)

    def ensure_usable(self) -> None:
        """Refuse several devices where Keras trains on TensorFlow, which uses one.

        Raises:
            HostError: It does, or JAX is not installed.
        """
        if (self.size == 1 and (self.devices or 1) == 1) or trains_on_jax():
            return
        several = f"{self.size} processes" if self.size > 1 else f"{self.devices} devices"
        installed = "" if find_spec("jax") else ", after: pip install 'tlearn[jax]'"
        raise HostError(
            f"training on {several} needs Keras on JAX, and it would run on TensorFlow",
            f"set KERAS_BACKEND{installed}, as in: KERAS_BACKEND=jax tlearn finetune FOLDER",
        )


ALONE = Processes()


def trains_on_jax() -> bool:
    """Return whether Keras runs on JAX, or will once it is imported; imports neither."""
    return os.environ.get("KERAS_BACKEND") == "jax" and find_spec("jax") is not None


def _number(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise HostError(f"{name} is {text!r}, not a number", f"as in: export {name}=1")
    return int(text)
