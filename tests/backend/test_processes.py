"""Which processes train together is read from the environment; what cannot be is refused."""

from __future__ import annotations

import pytest

from tlearn.backend.processes import ALONE, Processes
from tlearn.errors import HostError, RecipeError

TORCHRUN = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "1234"}
SRUN = {"SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "4", "SLURM_JOB_ID": "4099"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ALONE),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, ALONE),  # sbatch, without srun
        ({"RANK": "0", "WORLD_SIZE": "1"}, ALONE),
        (TORCHRUN, Processes(1, 2, "10.0.0.1:1234")),
        ({**SRUN, "SLURM_STEP_NODELIST": "node[07-10,12]"}, Processes(3, 4, "node07:61443")),
        ({**SRUN, "SLURM_STEP_NODELIST": "a1,b2"}, Processes(3, 4, "a1:61443")),
        ({**SRUN, "MASTER_ADDR": "login", "MASTER_PORT": "9"}, Processes(3, 4, "login:9")),
        ({**SRUN, **TORCHRUN}, Processes(1, 2, "10.0.0.1:1234")),
    ],
)
def test_launchers_say_which_process_this_is(
    environment: dict[str, str], expected: Processes
) -> None:
    assert Processes.of(environment) == expected


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"RANK": "2", "WORLD_SIZE": "2", "MASTER_ADDR": "a"}, "RANK is 2 and WORLD_SIZE is 2"),
        ({"RANK": "x", "WORLD_SIZE": "2", "MASTER_ADDR": "a"}, "RANK is 'x', not a number"),
        ({"RANK": "0", "WORLD_SIZE": "2"}, "nothing says where process 0 is"),
    ],
)
def test_contradictions_are_refused(environment: dict[str, str], problem: str) -> None:
    with pytest.raises(HostError, match=problem):
        Processes.of(environment)


def test_training_takes_a_device() -> None:
    with pytest.raises(RecipeError, match="one device or more, not 0"):
        Processes.of({}, devices=0)


def test_tensorflow_trains_on_one_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    Processes(devices=1).ensure_usable()
    with pytest.raises(HostError, match="training on 2 devices needs Keras on JAX") as error:
        Processes(devices=2).ensure_usable()
    assert error.value.hint.endswith("KERAS_BACKEND=jax tlearn finetune FOLDER")
    with pytest.raises(HostError, match="training on 4 processes needs"):
        Processes(0, 4, "a:1").ensure_usable()
