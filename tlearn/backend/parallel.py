"""Training on several devices, of one process or of many: Keras on JAX, data parallel.

Every device holds the whole network and computes its rows of each batch. JAX adds up what they find
and sees one batch, so that losses, gradients and batch statistics are those of one device, but for
the order in which numbers are added.
"""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.backend.memory import is_out_of_memory
from tlearn.backend.processes import ALONE, Processes
from tlearn.backend.silence import silence_output
from tlearn.errors import HostError

if TYPE_CHECKING:
    import keras

_PATIENCE_MS = 30 * 24 * 3600 * 1000
"""How long a process waits for the first one, which may decode images for hours. It does not wait
in vain: JAX ends it where the first one is gone."""


class Team:
    """This process among those that train together.

    Args:
        processes: Which they are. If there are several, this waits until all have come.

    Raises:
        HostError: They cannot be connected, or this one has fewer devices than it shall use.
    """

    def __init__(self, processes: Processes = ALONE) -> None:
        self.processes = processes
        self._numbers = count()
        if processes.size > 1:
            _connect(processes)
        if processes.devices and processes.devices > 1:
            _ensure_seen(processes.devices)

    @property
    def leads(self) -> bool:
        """Return whether this is process 0."""
        return self.processes.leads

    def tell(self, message: str) -> None:
        """Tell the other processes something, if there are any."""
        if self.processes.size > 1 and _client():
            _client().key_value_set(f"tlearn/{next(self._numbers)}", message)

    def hear(self) -> str:
        """Wait for the next thing that process 0 tells."""
        key = f"tlearn/{next(self._numbers)}"
        message: str = _client().blocking_key_value_get(key, _PATIENCE_MS)
        return message

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """Have process 0 run the block before the others do."""
        if not self.leads:
            self.hear()
        yield
        if self.leads:
            self.tell("done")

    @contextmanager
    def training(self, model: keras.Model) -> Iterator[None]:
        """Put a model on all devices while the block runs; Keras compiles and trains it there.

        Raises:
            HostError: Another process has ended.
        """
        import keras

        devices = self._devices() if keras.backend.backend() == "jax" else []
        if len(devices) < 2:
            yield
            return
        distribution = keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False)
        with distribution.scope(), self._losses_explained():
            self._meet()
            values = _as_in_first(model.variables, distribution)
            for variable, value in zip(model.variables, values, strict=True):
                variable._layout = distribution.get_variable_layout(variable)
                variable.assign(value)
            yield
        for variable in model.variables:
            value = np.asarray(variable.value)
            variable._layout = None
            variable.assign(value)

    def _meet(self) -> None:
        """Wait until all are here: what JAX computes together waits for half a minute only."""
        if self.processes.size > 1:
            _client().wait_at_barrier(f"tlearn/{next(self._numbers)}", _PATIENCE_MS)

    @contextmanager
    def _losses_explained(self) -> Iterator[None]:
        """Say what has happened where JAX could not go on with the other processes.

        Whatever ends this process, the others are not waited for: they wait for it.
        """
        try:
            yield
        except BaseException as error:
            if self.processes.size == 1:
                raise
            _leave()
            if not isinstance(error, RuntimeError):  # which JAX's own are
                raise
            if is_out_of_memory(error):
                problem, hint = "there is not enough memory for a batch", "--batch-size 16"
                raise HostError(problem, f"take fewer images at a time: {hint}") from error
            raise HostError(
                f"another of the {self.processes.size} processes has ended or cannot be reached: "
                f"{str(error).splitlines()[0][:200]}",
                "start them all again, and training goes on: tlearn finetune --resume",
            ) from error

    def _devices(self) -> list[str]:
        """Return the devices of all processes, those of each side by side."""
        import jax

        wanted = self.processes.devices
        of_all = [jax.local_devices(process)[:wanted] for process in range(jax.process_count())]
        return [f"{device.platform}:{device.id}" for own in of_all for device in own]


def train_on_batch(model: keras.Model, batch: Sequence[np.ndarray]) -> dict[str, Any]:
    """Take one step on a batch, each device on its rows; return Keras's logs.

    Args:
        model: Compiled and `trace_once`d, in `Team.training` if there are several devices.
        batch: Inputs, targets and perhaps weights, all rows in every process.
    """
    import keras

    distribution = keras.distribution.distribution()
    if distribution is not None:
        model.train_function.n_rows = len(batch[0])
        batch = [_own_rows(array, distribution) for array in batch]
    logs: dict[str, Any] = model.train_on_batch(*batch, return_dict=True)
    return logs


def trace_on_devices(model: keras.Model, distribution: keras.distribution.Distribution) -> None:
    """Have Keras train and predict on all devices; see `train_on_batch`."""
    model.train_function = _TrainStep(model, distribution)
    model.predict_function = _predict_function(model, distribution)


class _TrainStep:
    """What Keras calls with the state of training and an iterator of one batch.

    Devices take equally many rows, so a batch is filled up before it is divided; the rows that
    were added are cut off again in the traced step, before anything is computed of them.

    Attributes:
        n_rows: How many rows of the batch are none of those.
    """

    def __init__(self, model: keras.Model, distribution: keras.distribution.Distribution) -> None:
        import jax

        self.n_rows = 0

        def step(state: Any, batch: Any, n_rows: int) -> Any:
            return model.train_step(state, jax.tree.map(lambda array: array[:n_rows], batch))

        same_everywhere = _layout(distribution, sharded=False)
        how = {"donate_argnums": 0, "static_argnums": 2, "out_shardings": (None, same_everywhere)}
        self._step = jax.jit(step, **how)

    def __call__(self, state: Any, batches: Iterator[Any]) -> Any:
        return self._step(state, next(batches), self.n_rows)


def _predict_function(model: keras.Model, distribution: keras.distribution.Distribution) -> Any:
    import jax

    same_everywhere = _layout(distribution, sharded=False)

    @partial(jax.jit, static_argnums=2, out_shardings=same_everywhere)
    def step(state: Any, inputs: Any, n_rows: int) -> Any:
        outputs, others = model.predict_step(state, (inputs[:n_rows],))
        return outputs, (state[0], others)

    def predict(state: Any, batches: Iterator[Any]) -> Any:
        (inputs,) = next(batches)
        own = _own_rows(inputs, distribution)
        rows = jax.make_array_from_process_local_data(_layout(distribution, sharded=True), own)
        return step(state, rows, len(inputs))

    return predict


def _layout(distribution: keras.distribution.Distribution, *, sharded: bool) -> Any:
    import jax

    axes = (distribution.batch_dim_name,) if sharded else ()
    mesh = distribution.device_mesh.backend_mesh
    return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes))


def _own_rows(array: np.ndarray, distribution: keras.distribution.Distribution) -> np.ndarray:
    """Return this process's rows of a batch, which is filled up so that all have equally many."""
    import jax

    added = -len(array) % distribution.device_mesh.devices.size
    filled = np.concatenate([array, np.zeros((added, *array.shape[1:]), array.dtype)])
    n_own = len(filled) // jax.process_count()
    return filled[jax.process_index() * n_own :][:n_own]


def _as_in_first(
    variables: Sequence[keras.Variable], distribution: keras.distribution.Distribution
) -> Any:
    """Return the values that variables have in process 0, on all devices."""
    import jax

    n_own = distribution.device_mesh.devices.size // jax.process_count()
    by_device = _layout(distribution, sharded=True)

    def of_each_device(variable: keras.Variable) -> Any:
        value = np.array(variable)
        own = np.broadcast_to(value, (n_own, *value.shape))
        return jax.make_array_from_process_local_data(by_device, own)

    @partial(jax.jit, out_shardings=_layout(distribution, sharded=False))
    def of_first_device(values: Any) -> Any:
        return [value[0] for value in values]

    with silence_output():  # Gloo says on stdout whom it has met, here and in `device_put`
        jax.device_put(0, _layout(distribution, sharded=False))
        return jax.block_until_ready(of_first_device([*map(of_each_device, variables)]))


def _connect(processes: Processes) -> None:
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    who = processes.address, processes.size, processes.rank
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        # To detect a cluster would be to give each process one GPU.
        jax.distributed.initialize(*who, cluster_detection_method="deactivate")
        signal.signal(signal.SIGTERM, on_sigterm)  # JAX's own handler would let nothing end
        jax.devices()  # each process tells its own here: the first that asks waits for the others
    except RuntimeError as error:
        raise HostError(
            f"not all of {processes.size} processes met at {processes.address}: "
            f"{str(error).splitlines()[0]}",
            "look whether all were started and reach that host: export MASTER_ADDR=HOST",
        ) from error


def _ensure_seen(devices: int) -> None:
    import jax

    if devices > (seen := jax.local_device_count()):
        raise HostError(
            f"--devices {devices}: JAX sees {seen} here ({jax.default_backend()})",
            f"take what there is: --devices {seen}",
        )


def _leave() -> None:
    """Have this process end without waiting for one that is gone."""
    from jax._src.distributed import global_state

    for line in (global_state.client, global_state.service):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(line))  # it would wait when it is deleted, too
    global_state.client = global_state.service = None


def several_processes() -> bool:
    """Return whether a model is being trained by several processes."""
    import keras

    distribution = keras.distribution.distribution()
    return distribution is not None and distribution.num_processes > 1


def _client() -> Any:
    """Return JAX's own line between the processes, which has no public name."""
    from jax._src.distributed import global_state

    return global_state.client
