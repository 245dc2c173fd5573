"""The feature extractor: the frozen network as a LiteRT file with one output per stage.

The output of a stage is the feature map that a head on it reads, averaged over space; that of the
last stage is the embedding. The probabilities of the source classes are one more output if the
weights have a classification layer. One pass over an image computes them all. The file is made once
per backbone, weights and image size, and stored in the cache.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tlearn.features.engine import KERAS, LITERT, EngineFactories, KerasEngine, LiteRTEngine
from tlearn.models.catalog import NO_CUT, SHIPPED, SHIPPED_FEATURES
from tlearn.storage.atomic import CACHE_HINT, write_atomic
from tlearn.storage.cache import NETWORKS
from tlearn.storage.digest import matches_digest, write_with_digest
from tlearn.storage.regular_file import read_regular

if TYPE_CHECKING:
    import keras

    from tlearn.models.backbone import Backbone
    from tlearn.models.stages import Stage

EMBEDDING = "embedding"
SOURCE = "source"
_VERSION = 4
_MOST_RECORD_BYTES = 1_000_000
_OUTPUT_PREFIX = "probe_"  # files with this name are shipped: they keep the old word


@dataclass(frozen=True)
class StageInfo:
    """A stage as plans and tables show it, known without loading the network.

    Attributes:
        name: "stage 3".
        end_cut: Index of the cut that ends the stage; `NO_CUT` in joined backbones.
        size: Side of its output, in pixels.
        width: Number of features that a head on it reads.
        parameters: Number of weights in the stage.
        params_after_cut: Number of weights between its end and the map that a head reads.
    """

    name: str
    end_cut: int
    size: int
    width: int
    parameters: int
    params_after_cut: int

    @property
    def joined(self) -> bool:
        """Return whether the backbone is several networks side by side."""
        return self.end_cut == NO_CUT


@dataclass(frozen=True)
class FeatureExtractor:
    """A LiteRT file of the frozen network.

    Attributes:
        path: The file.
        fingerprint: That of the backbone.
        image_size: Side of its input, in pixels.
        stages: Stages of the backbone from input to output.
        outputs: Name and width of each output, in order.
    """

    path: Path
    fingerprint: str
    image_size: int
    stages: tuple[StageInfo, ...]
    outputs: tuple[tuple[str, int], ...]

    @property
    def name(self) -> str:
        """Return the name under which its outputs are stored; equal for equal outputs."""
        return f"{self.fingerprint}-v{_VERSION}"

    @property
    def stage_outputs(self) -> list[str]:
        """Return the names of the outputs that are features of a stage, from input to output."""
        return [name for name, _ in self.outputs if name != SOURCE]

    def outputs_of(self, stages: Sequence[int]) -> list[str]:
        """Return the names of the outputs of some stages, numbered from 1."""
        return [self.stage_outputs[number - 1] for number in stages]

    @property
    def width(self) -> int:
        """Return the number of values per image in all outputs together."""
        return sum(width for _, width in self.outputs)

    def columns(self, name: str) -> slice | None:
        """Return the columns of output `name` in a row, or None when the network lacks it."""
        start = 0
        for output, width in self.outputs:
            if output == name:
                return slice(start, start + width)
            start += width
        return None


def open_extractor(cache: Path, fingerprint: str) -> FeatureExtractor | None:
    """Open the extractor that comes with tlearn or was made before; imports no TensorFlow.

    Args:
        cache: The cache folder.
        fingerprint: That of the backbone.

    Returns:
        The extractor, or None if there is none yet.
    """
    for path in (SHIPPED / SHIPPED_FEATURES, _path(cache, fingerprint)):
        with suppress(OSError, ValueError):
            record = json.loads(read_regular(path.with_suffix(".json"), _MOST_RECORD_BYTES))
            trusted = path.parent == SHIPPED or matches_digest(path)
            if record["fingerprint"] == fingerprint and trusted:
                stages = tuple(StageInfo(**stage) for stage in record["stages"])
                outputs = tuple((name, width) for name, width in record["outputs"])
                return FeatureExtractor(path, fingerprint, record["image_size"], stages, outputs)
    return None


def make_extractor(cache: Path, backbone: Backbone, weights: str = "none") -> FeatureExtractor:
    """Convert the frozen network with all its outputs, and store the file in the cache.

    Args:
        cache: The cache folder.
        backbone: The network.
        weights: How its weights are stored: one of `QUANTIZATIONS`.

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
    record = {
        "fingerprint": backbone.fingerprint,
        "image_size": image_size,
        "stages": [asdict(stage) for stage in stages],
        "outputs": list(widths.items()),
    }
    write_with_digest(path, convert(network, quantization=weights))
    write_atomic(path.with_suffix(".json"), json.dumps(record, indent=1), CACHE_HINT)
    return FeatureExtractor(path, backbone.fingerprint, image_size, stages, tuple(widths.items()))


def extractor_engines(
    extractor: FeatureExtractor, backbone: Callable[[], Backbone], outputs: Sequence[str] = ()
) -> EngineFactories:
    """Return factories of engines that compute outputs of the extractor.

    Args:
        extractor: The file and its outputs.
        backbone: Loads the network; called only where an accelerator may be faster.
        outputs: Names of outputs, in the order in which they are wanted; all by default.
    """
    names = identifiers(extractor, outputs)
    return {
        LITERT: lambda: litert_engine(extractor, outputs),
        KERAS: lambda: KerasEngine(_network(backbone()), names),
    }


def litert_engine(
    extractor: FeatureExtractor, outputs: Sequence[str] = (), threads: int | None = None
) -> LiteRTEngine:
    """Open outputs of the extractor on the CPU; see `extractor_engines` and `LiteRTEngine`."""
    return LiteRTEngine(extractor.path, identifiers(extractor, outputs), threads)


def stage_infos(stages: Sequence[Stage]) -> tuple[StageInfo, ...]:
    """Return the stages of a backbone as they are stored beside its extractor."""
    return tuple(
        StageInfo(s.name, s.end_cut, s.size, s.width, s.parameters, s.params_after_cut)
        for s in stages
    )


def prefix_engines(
    cache: Path, fingerprint: str, cut: int, prefix: Callable[[], keras.Model]
) -> EngineFactories:
    """Return factories of engines that compute everything before a cut.

    Args:
        cache: The cache folder; the LiteRT file is made there if it is not there yet.
        fingerprint: That of the backbone.
        cut: Index of the cut.
        prefix: Builds the network before the cut.
    """

    def litert() -> LiteRTEngine:
        path = _path(cache, f"{fingerprint}-cut{cut}")
        if not matches_digest(path):
            from tlearn.backend.litert import convert

            write_with_digest(path, convert(prefix()))
        return LiteRTEngine(path)

    return {LITERT: litert, KERAS: lambda: KerasEngine(prefix())}


def _network(backbone: Backbone) -> keras.Model:
    """Build the frozen network with one output for each of `_output_names`."""
    import keras

    from tlearn.models.backbone import stage_maps

    pooled = [
        keras.layers.GlobalAveragePooling2D(name=_identifier(name))(feature_map)
        for name, feature_map in zip(_output_names(backbone), stage_maps(backbone), strict=False)
    ]
    if backbone.classifier is not None:
        source = keras.layers.Identity(name=_identifier(SOURCE))
        pooled.append(source(backbone.classifier.outputs[0]))
    names = [_identifier(name) for name in _output_names(backbone)]
    return keras.Model(backbone.trunk.input, dict(zip(names, pooled, strict=True)))


def _output_names(backbone: Backbone) -> list[str]:
    stages = [stage.name for stage in backbone.stages[:-1]]
    return [*stages, EMBEDDING, *([SOURCE] if backbone.classifier is not None else [])]


def identifiers(extractor: FeatureExtractor, outputs: Sequence[str]) -> list[str]:
    """Return what outputs are called in the file; all of them where none is named."""
    return [_identifier(name) for name in outputs or [name for name, _ in extractor.outputs]]


def _identifier(name: str) -> str:
    # A person's own network may have an `embedding` of its own.
    return _OUTPUT_PREFIX + name.replace(" ", "_")


def _path(cache: Path, fingerprint: str) -> Path:
    return cache / NETWORKS / f"{fingerprint}-v{_VERSION}.tflite"
