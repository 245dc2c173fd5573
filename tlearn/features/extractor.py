"""What is read of a frozen network in one pass, and the LiteRT files that do it.

A *probe* is the frozen network with one output a stage (the feature map that a head reads,
averaged over space), the last of which is the embedding, and the source classes where the weights
have a classification layer. One pass of a picture fills them all. Its file is made once per
backbone, weights and image size, and kept in the cache.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tlearn.features.engine import KERAS, LITERT, EngineFactories, KerasEngine, LiteRTEngine
from tlearn.models.catalog import SHIPPED, SHIPPED_FEATURES
from tlearn.storage.atomic import CACHE_HINT, write_atomic

if TYPE_CHECKING:
    import keras

    from tlearn.models.backbone import Backbone
    from tlearn.models.stages import Stage

EMBEDDING = "embedding"
SOURCE = "source"
_VERSION = 4
_FOLDER = "probes"


@dataclass(frozen=True)
class StageInfo:
    """What a plan and a person need to know of a stage, without the network.

    Attributes:
        name: "stage 3".
        end_cut: Index of the cut that ends the stage.
        size: Side of its output, in pixels.
        width: Channels that a head on it reads, averaged over space.
        parameters: Weights in the stage.
        params_after_cut: Weights between its end and what a head reads.
    """

    name: str
    end_cut: int
    size: int
    width: int
    parameters: int
    params_after_cut: int


@dataclass(frozen=True)
class FeatureExtractor:
    """A LiteRT file of the frozen network and the names and widths of its outputs, in order."""

    path: Path
    fingerprint: str
    image_size: int
    stages: tuple[StageInfo, ...]
    outputs: tuple[tuple[str, int], ...]

    @property
    def name(self) -> str:
        """Equal for equal outputs: what is stored of them is filed under it."""
        return f"{self.fingerprint}-v{_VERSION}"

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


def open_extractor(cache: Path, fingerprint: str) -> FeatureExtractor | None:
    """The probe that came with tlearn or was made before, or None; imports no TensorFlow."""
    for path in (SHIPPED / SHIPPED_FEATURES, _path(cache, fingerprint)):
        with suppress(OSError, ValueError):
            facts = json.loads(path.with_suffix(".json").read_text("utf-8"))
            if facts["fingerprint"] == fingerprint and path.exists():
                stages = tuple(StageInfo(**stage) for stage in facts["stages"])
                outputs = tuple((name, width) for name, width in facts["outputs"])
                return FeatureExtractor(path, fingerprint, facts["image_size"], stages, outputs)
    return None


def make_extractor(cache: Path, backbone: Backbone, weights: str = "none") -> FeatureExtractor:
    """Convert the frozen network with all its outputs, and keep the file.

    Args:
        cache: The file goes into its folder `probes`.
        backbone: The network.
        weights: How they are stored: one of `QUANTIZATIONS`.

    Raises:
        BackboneError: LiteRT lacks an operator of this network.
        HostError: The cache cannot be written.
    """
    from tlearn.backend.litert import convert

    network = _network(backbone)
    widths = {
        name: int(network.output[_identifier(name)].shape[-1]) for name in _output_names(backbone)
    }
    path = _path(cache, backbone.fingerprint)
    stages = stage_infos(backbone.stages)
    image_size = int(backbone.trunk.input.shape[1])
    facts = {
        "fingerprint": backbone.fingerprint,
        "image_size": image_size,
        "stages": [asdict(stage) for stage in stages],
        "outputs": list(widths.items()),
    }
    write_atomic(path, convert(network, quantization=weights), CACHE_HINT)
    write_atomic(path.with_suffix(".json"), json.dumps(facts, indent=1), CACHE_HINT)
    return FeatureExtractor(path, backbone.fingerprint, image_size, stages, tuple(widths.items()))


def extractor_engines(
    extractor: FeatureExtractor, backbone: Callable[[], Backbone], outputs: Sequence[str] = ()
) -> EngineFactories:
    """Engines that fill rows of the probe.

    Args:
        extractor: The file and its outputs.
        backbone: Loads the network; called only where an accelerator may be faster.
        outputs: Outputs wanted, in this order; all by default.
    """
    names = [_identifier(name) for name in outputs or [name for name, _ in extractor.outputs]]
    return {
        LITERT: lambda: LiteRTEngine(extractor.path, names),
        KERAS: lambda: KerasEngine(_network(backbone()), names),
    }


def stage_infos(stages: Sequence[Stage]) -> tuple[StageInfo, ...]:
    """What to remember of a backbone's stages."""
    return tuple(
        StageInfo(s.name, s.end_cut, s.size, s.width, s.parameters, s.params_after_cut)
        for s in stages
    )


def prefix_engines(
    cache: Path, fingerprint: str, cut: int, prefix: Callable[[], keras.Model]
) -> EngineFactories:
    """Engines for everything before a cut; the LiteRT file is made when it is not there yet."""

    def litert() -> LiteRTEngine:
        path = _path(cache, f"{fingerprint}-cut{cut}")
        if not path.exists():
            from tlearn.backend.litert import convert

            write_atomic(path, convert(prefix()), CACHE_HINT)
        return LiteRTEngine(path)

    return {LITERT: litert, KERAS: lambda: KerasEngine(prefix())}


def _network(backbone: Backbone) -> keras.Model:
    """The frozen network with one output for each of `_output_names`."""
    import keras

    from tlearn.models.stages import find_cuts

    cuts = find_cuts(backbone.trunk)
    pooled = [
        keras.layers.GlobalAveragePooling2D(name=_identifier(name))(cuts[stage.head_cut])
        for name, stage in zip(_output_names(backbone), backbone.stages, strict=False)
    ]
    if backbone.source is not None:
        source = keras.layers.Identity(name=_identifier(SOURCE))
        pooled.append(source(backbone.source.outputs[0]))
    names = [_identifier(name) for name in _output_names(backbone)]
    return keras.Model(backbone.trunk.input, dict(zip(names, pooled, strict=True)))


def _output_names(backbone: Backbone) -> list[str]:
    stages = [stage.name for stage in backbone.stages[:-1]]
    return [*stages, EMBEDDING, *([SOURCE] if backbone.source is not None else [])]


def _identifier(name: str) -> str:
    # A person's own network may have an `embedding` of its own.
    return f"probe_{name.replace(' ', '_')}"


def _path(cache: Path, fingerprint: str) -> Path:
    return cache / _FOLDER / f"{fingerprint}-v{_VERSION}.tflite"
