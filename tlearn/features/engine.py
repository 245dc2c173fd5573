"""Run a frozen network over pictures: LiteRT on a CPU, Keras on an accelerator."""

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

from tlearn.backend.device import accelerator_visible, on_accelerator
from tlearn.backend.silence import silence_output
from tlearn.errors import HostError

if TYPE_CHECKING:
    import keras

AUTO, LITERT, KERAS = "auto", "litert", "keras"
VARIABLE = "TLEARN_ENGINE"
_SAMPLE = 16


class Engine(Protocol):
    """A frozen network that is ready to run."""

    def run(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Outputs flattened and laid end to end, float32 (n, width), for each batch (n, H, W, 3).

        The next batch is fetched while the last one is computed.
        """


EngineFactories = Mapping[str, Callable[[], Engine]]
"""Opens the same network in each engine."""


class LiteRTEngine:
    """A LiteRT file on the CPU, one interpreter a core.

    One picture at a time on one thread each is the fastest way through XNNPACK here: no
    synchronisation inside an operator, and activations that stay in the core's cache.

    Args:
        path: The file; its input `image` is float32 (1, H, W, 3), 0 to 255.
        outputs: Names of the outputs to return, in this order; all by default.
        threads: Interpreters side by side; all cores by default.
    """

    def __init__(self, path: Path, outputs: Sequence[str] = (), threads: int | None = None) -> None:
        self._threads = threads or os.cpu_count() or 1
        self._idle = [_runner(path) for _ in range(self._threads)]
        self._outputs = tuple(outputs) or tuple(self._idle[0].get_output_details())

    def run(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """See `Engine`."""
        with ThreadPoolExecutor(self._threads) as pool:
            ahead: deque[Iterator[np.ndarray]] = deque()
            for batch in batches:
                ahead.append(pool.map(self._one, batch))
                if len(ahead) > 1:
                    yield np.stack(list(ahead.popleft()))
            for rows in ahead:
                yield np.stack(list(rows))

    def _one(self, image: np.ndarray) -> np.ndarray:
        runner = self._idle.pop()
        try:
            answer = runner(image=np.asarray(image, np.float32)[np.newaxis])
            return np.concatenate([answer[name].ravel() for name in self._outputs])
        finally:
            self._idle.append(runner)


class KerasEngine:
    """The network in Keras, batch by batch, compiled where that is faster.

    Args:
        network: From (n, H, W, 3) to one output, or to outputs by name.
        outputs: Names of the outputs to return, in this order; none where there is but one.
    """

    def __init__(self, network: keras.Model, outputs: Sequence[str] = ()) -> None:
        network.compile(jit_compile=on_accelerator())
        self._network = network
        self._outputs = tuple(outputs)

    def run(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """See `Engine`."""
        with ThreadPoolExecutor(1) as fetcher:
            source = iter(batches)
            coming = fetcher.submit(next, source, None)
            while (batch := coming.result()) is not None:
                coming = fetcher.submit(next, source, None)
                answer = self._network.predict_on_batch(np.asarray(batch, np.float32))
                found = [answer[name] for name in self._outputs] or [answer]
                rows = [np.asarray(array, np.float32).reshape(len(batch), -1) for array in found]
                yield np.concatenate(rows, axis=1)


@dataclass
class EngineChoice:
    """Takes the faster engine, by a short measurement where there are two to choose from.

    Attributes:
        used: Network to the engine that ran it.
        rates: Network to pictures a second of each engine, where they were measured.
        asked: What TLEARN_ENGINE says, else "auto".

    Raises:
        HostError: TLEARN_ENGINE names no engine.
    """

    used: dict[str, str] = field(default_factory=dict)
    rates: dict[str, dict[str, float]] = field(default_factory=dict)
    asked: str = field(default_factory=lambda: os.environ.get(VARIABLE, AUTO))

    def __post_init__(self) -> None:
        if self.asked not in (AUTO, LITERT, KERAS):
            raise HostError(
                f"{VARIABLE} is {self.asked!r}",
                f"set it to {AUTO}, {LITERT} or {KERAS}, or unset it",
            )

    def open(self, network: str, makers: EngineFactories, sample: np.ndarray) -> Engine:
        """The engine for a network.

        Args:
            network: What to call it in the records.
            makers: From `extractor_engines` or `prefix_engines`.
            sample: Pictures (n, H, W, 3) to measure on.
        """
        asked = self.asked
        if asked == AUTO:
            asked = self._faster(network, makers, sample) if accelerator_visible() else LITERT
        self.used[network] = asked
        return makers[asked]()

    def in_words(self) -> str:
        """Which engine ran, and why; empty where everything was stored."""
        if not self.used:
            return ""
        names = " and ".join(sorted(set(self.used.values())))
        if not self.rates:
            return f"{names} on {os.cpu_count()} cores"
        measured = max(self.rates.values(), key=lambda rates: max(rates.values()))
        rates = ", ".join(f"{name} {rate:,.0f}" for name, rate in measured.items())
        return f"{names}; pictures a second: {rates}"

    def _faster(self, network: str, makers: EngineFactories, sample: np.ndarray) -> str:
        rates = {name: 1 / seconds_per_image(make(), sample) for name, make in makers.items()}
        self.rates[network] = {name: round(rate, 1) for name, rate in rates.items()}
        return max(rates, key=lambda name: rates[name])


def seconds_per_image(engine: Engine, images: np.ndarray) -> float:
    """Time of one pass of a network, warm, over pictures (n, H, W, 3); a few are enough."""
    images = images[:_SAMPLE]
    list(engine.run([images]))
    started = time.perf_counter()
    list(engine.run([images]))
    return (time.perf_counter() - started) / len(images)


def _runner(path: Path) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    with silence_output():
        interpreter = Interpreter(model_path=str(path), num_threads=1)
        return interpreter.get_signature_runner()
