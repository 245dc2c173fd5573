"""Run a frozen network over images: LiteRT on a CPU, Keras on an accelerator."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tlearn.backend.device import accelerator_visible, on_accelerator, usable_cores
from tlearn.backend.silence import silence_output
from tlearn.errors import HostError

if TYPE_CHECKING:
    import keras

AUTO, LITERT, KERAS = "auto", "litert", "keras"
ENGINE_VARIABLE = "TLEARN_ENGINE"
_SAMPLE = 16


class Engine(Protocol):
    """A frozen network that is ready to run."""

    def run(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the outputs for each batch of images, flattened and side by side.

        The next batch is fetched while the last one is computed.

        Args:
            batches: (n, H, W, 3) each, 0-255 RGB.

        Yields:
            (n, width) float32.
        """


EngineFactories = Mapping[str, Callable[[], Engine]]
"""Name of an engine to a function that opens one network in it."""


class LiteRTEngine:
    """A LiteRT file on the CPU, with one interpreter per core.

    One image at a time on one thread each is the fastest way through XNNPACK here: no
    synchronization inside an operator, and activations that stay in the core's cache.

    Args:
        path: The file; its input `image` is float32 (1, H, W, 3), 0 to 255.
        outputs: Names of the outputs to return, in this order; all by default.
        threads: Number of interpreters; one per core by default.

    Attributes:
        widths: Name of each output returned to its number of values for an image.
    """

    def __init__(self, path: Path, outputs: Sequence[str] = (), threads: int | None = None) -> None:
        self._threads = threads or usable_cores()
        self._idle = [_runner(path) for _ in range(self._threads)]
        details = self._idle[0].get_output_details()
        self._outputs = tuple(outputs) or tuple(details)
        self.widths = {name: int(np.prod(details[name]["shape"])) for name in self._outputs}

    def run(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the outputs for each batch of images; see `Engine`."""
        with ThreadPoolExecutor(self._threads) as pool:
            ahead: deque[Iterator[np.ndarray]] = deque()
            for batch in batches:
                ahead.append(pool.map(self._run_image, batch))
                if len(ahead) > 1:
                    yield np.stack(list(ahead.popleft()))
            for rows in ahead:
                yield np.stack(list(rows))

    def _run_image(self, image: np.ndarray) -> np.ndarray:
        runner = self._idle.pop()
        try:
            outputs = runner(image=np.asarray(image, np.float32)[np.newaxis])
            return np.concatenate([outputs[name].ravel() for name in self._outputs])
        finally:
            self._idle.append(runner)


class KerasEngine:
    """The network in Keras, batch by batch, compiled where that is faster.

    Args:
        network: From (n, H, W, 3) to one output, or to outputs by name.
        outputs: Names of the outputs to return, in this order; none if there is only one output.
    """

    def __init__(self, network: keras.Model, outputs: Sequence[str] = ()) -> None:
        network.compile(jit_compile=on_accelerator())
        self._network = network
        self._outputs = tuple(outputs)

    def run(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the outputs for each batch of images; see `Engine`."""
        with ThreadPoolExecutor(1) as fetcher:
            source = iter(batches)
            upcoming = fetcher.submit(next, source, None)
            while (batch := upcoming.result()) is not None:
                upcoming = fetcher.submit(next, source, None)
                outputs = self._network.predict_on_batch(np.asarray(batch, np.float32))
                arrays = [outputs[name] for name in self._outputs] or [outputs]
                rows = [np.asarray(array, np.float32).reshape(len(batch), -1) for array in arrays]
                yield np.concatenate(rows, axis=1)


@dataclass
class EngineChoice:
    """The choice of an engine for each network: the faster one where there are two.

    Attributes:
        used: Network to the name of the engine that ran it.
        rates: Network to images per second of each engine, where they were measured.
        requested: The value of TLEARN_ENGINE, else "auto".

    Raises:
        HostError: TLEARN_ENGINE names no engine.
    """

    used: dict[str, str] = field(default_factory=dict)
    rates: dict[str, dict[str, float]] = field(default_factory=dict)
    requested: str = field(default_factory=lambda: os.environ.get(ENGINE_VARIABLE, AUTO))

    def __post_init__(self) -> None:
        if self.requested not in (AUTO, LITERT, KERAS):
            raise HostError(
                f"{ENGINE_VARIABLE} is {self.requested!r}, which is no engine",
                f"unset it, or set it to {AUTO}, {LITERT} or {KERAS}: {ENGINE_VARIABLE}={AUTO}",
            )

    def open(self, network: str, factories: EngineFactories, sample: np.ndarray) -> Engine:
        """Open a network in the engine that was requested, or in the faster one.

        Args:
            network: Its name in `used` and `rates`.
            factories: From `extractor_engines` or `prefix_engines`.
            sample: Images (n, H, W, 3) to measure on.
        """
        name = self.requested
        if name == AUTO:
            name = self._faster(network, factories, sample) if accelerator_visible() else LITERT
        self.used[network] = name
        return factories[name]()

    def in_words(self) -> str:
        """Return which engine ran, and why; empty if all features were stored already."""
        if not self.used:
            return ""
        names = " and ".join(sorted(set(self.used.values())))
        if not self.rates:
            return f"{names} on {usable_cores()} cores"
        measured = max(self.rates.values(), key=lambda rates: max(rates.values()))
        rates = ", ".join(f"{name} {rate:,.0f}" for name, rate in measured.items())
        return f"{names}; images per second: {rates}"

    def _faster(self, network: str, factories: EngineFactories, sample: np.ndarray) -> str:
        rates = {name: 1 / seconds_per_image(make(), sample) for name, make in factories.items()}
        self.rates[network] = {name: round(rate, 1) for name, rate in rates.items()}
        return max(rates, key=lambda name: rates[name])


def seconds_per_image(engine: Engine, images: np.ndarray) -> float:
    """Measure how long a warm network takes for one image.

    Args:
        engine: The network.
        images: (n, H, W, 3); a few are enough.
    """
    images = images[:_SAMPLE]
    list(engine.run([images]))
    started = time.perf_counter()
    list(engine.run([images]))
    return (time.perf_counter() - started) / len(images)


def _runner(path: Path) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    with silence_output():
        interpreter = Interpreter(model_path=str(path), num_threads=1)
        interpreter.allocate_tensors()  # here, or the first image has it write about XNNPACK
        return interpreter.get_signature_runner()
