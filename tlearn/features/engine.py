"""Run the frozen part of a network: a LiteRT file on the CPU, no TensorFlow needed.

A *probe* is the frozen network with one output a stage (the stage's feature map, averaged over
space), the last of which is the embedding, and the source classes where the weights have a
classification layer. One pass of a picture fills them all. Its file is made once per backbone,
weights and image size, and kept in the cache.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.atomic_write import CACHE_REMEDY, write_atomic
from tlearn.models.quiet import quiet

if TYPE_CHECKING:
    import keras

    from tlearn.models.backbone import Backbone
    from tlearn.models.stages import Stage

EMBEDDING = "embedding"
SOURCE = "source"
_PROBE_VERSION = 2


@dataclass(frozen=True)
class StageFacts:
    """What a plan and a person need to know of a stage, without the network.

    Attributes:
        name: "stage 3".
        cut: Index of the cut that ends the stage.
        size: Side of its output, in pixels.
        channels: Channels of its output, and the width of its pooled features.
        parameters: Weights in the stage.
    """

    name: str
    cut: int
    size: int
    channels: int
    parameters: int


@dataclass(frozen=True)
class Probe:
    """A LiteRT file of the frozen network and the names and widths of its outputs, in order."""

    path: Path
    fingerprint: str
    image_size: int
    stages: tuple[StageFacts, ...]
    outputs: tuple[tuple[str, int], ...]

    @property
    def width(self) -> int:
        """Numbers per picture, all outputs end to end."""
        return sum(width for _, width in self.outputs)

    def columns(self, name: str) -> slice | None:
        """Where output `name` stands in a row, or None when the network lacks it."""
        start = 0
        for output, width in self.outputs:
            if output == name:
                return slice(start, start + width)
            start += width
        return None


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
        """Outputs flattened and laid end to end, float32 (n, width), for each batch (n, H, W, 3).

        The next batch is fetched while the last one is computed.
        """
        with ThreadPoolExecutor(self._threads) as pool:
            ahead: deque[Iterator[np.ndarray]] = deque()
            for batch in batches:
                ahead.append(pool.map(self._one, batch))
                if len(ahead) > 1:
                    yield np.stack(list(ahead.popleft()))
            for rows in ahead:
                yield np.stack(list(rows))

    def _one(self, picture: np.ndarray) -> np.ndarray:
        runner = self._idle.pop()
        try:
            answer = runner(image=np.asarray(picture, np.float32)[np.newaxis])
            return np.concatenate([answer[name].ravel() for name in self._outputs])
        finally:
            self._idle.append(runner)


def _runner(path: Path) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    with quiet():
        interpreter = Interpreter(model_path=str(path), num_threads=1)
        return interpreter.get_signature_runner()


def open_probe(cache: Path, fingerprint: str) -> Probe | None:
    """The probe made before for this fingerprint, or None; imports no TensorFlow."""
    path = _probe_path(cache, fingerprint)
    try:
        facts = json.loads(path.with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not path.exists():
        return None
    stages = tuple(StageFacts(**stage) for stage in facts["stages"])
    outputs = tuple((name, width) for name, width in facts["outputs"])
    return Probe(path, fingerprint, facts["image_size"], stages, outputs)


def make_probe(cache: Path, backbone: Backbone) -> Probe:
    """Convert the frozen network with all its outputs, and keep the file.

    Raises:
        BackboneError: LiteRT lacks an operator of this network.
        SystemFault: The cache cannot be written.
    """
    import keras

    from tlearn.models.litert import convert
    from tlearn.models.stages import find_cuts

    cuts = find_cuts(backbone.trunk)
    names = [*(stage.name for stage in backbone.stages[:-1]), EMBEDDING]
    outputs = {
        name: keras.layers.GlobalAveragePooling2D(name=_identifier(name))(cuts[stage.cut])
        for name, stage in zip(names, backbone.stages, strict=True)
    }
    if backbone.source is not None:
        outputs[SOURCE] = keras.layers.Identity(name=_identifier(SOURCE))(
            backbone.source.outputs[0]
        )
    widths = {name: int(tensor.shape[-1]) for name, tensor in outputs.items()}
    network = keras.Model(backbone.trunk.input, {_identifier(n): t for n, t in outputs.items()})
    path = _probe_path(cache, backbone.fingerprint)
    stages = stage_facts(backbone.stages)
    image_size = int(backbone.trunk.input.shape[1])
    facts = {
        "image_size": image_size,
        "stages": [asdict(stage) for stage in stages],
        "outputs": list(widths.items()),
    }
    write_atomic(path, convert(network), CACHE_REMEDY)
    write_atomic(path.with_suffix(".json"), json.dumps(facts, indent=1), CACHE_REMEDY)
    return Probe(path, backbone.fingerprint, image_size, stages, tuple(widths.items()))


def probe_engine(probe: Probe) -> LiteRTEngine:
    """An engine that fills whole rows of the probe."""
    return LiteRTEngine(probe.path, [_identifier(name) for name, _ in probe.outputs])


def stage_facts(stages: Sequence[Stage]) -> tuple[StageFacts, ...]:
    """What to remember of a backbone's stages."""
    return tuple(StageFacts(s.name, s.cut, s.size, s.channels, s.parameters) for s in stages)


def boundary_file(
    cache: Path, fingerprint: str, cut: int, prefix: Callable[[], keras.Model]
) -> Path:
    """The LiteRT file of everything before a cut, made when it is not there yet."""
    path = cache / "probes" / f"{fingerprint}-cut{cut}-v{_PROBE_VERSION}.tflite"
    if not path.exists():
        from tlearn.models.litert import convert

        write_atomic(path, convert(prefix()), CACHE_REMEDY)
    return path


def _identifier(name: str) -> str:
    # A person's own network may have an `embedding` of its own.
    return f"probe_{name.replace(' ', '_')}"


def _probe_path(cache: Path, fingerprint: str) -> Path:
    return cache / "probes" / f"{fingerprint}-v{_PROBE_VERSION}.tflite"
