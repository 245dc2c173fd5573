"""A run's network, opened to answer: outputs by name, without TensorFlow wherever that can be.

A solved head on an untouched backbone is the stored feature extractor and two arrays. Any other
model is converted to LiteRT once, which takes TensorFlow, and kept in the cache under the digest of
`model.keras`. On an accelerator Keras answers, where there are many images.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tlearn.backend.device import accelerator_visible
from tlearn.confidence.answers import ANOMALY, KNOWN, PROBABILITIES, VALUE, Answers
from tlearn.data.pixel_store import PixelArray
from tlearn.data.targets import NUMBER, ONE_CLASS
from tlearn.errors import BackboneError
from tlearn.evaluation.predictions import batches
from tlearn.features.engine import (
    AUTO,
    KERAS,
    Engine,
    EngineChoice,
    KerasEngine,
    LiteRTEngine,
)
from tlearn.features.extractor import EMBEDDING, litert_engine, open_extractor
from tlearn.models.head_template import HEAD
from tlearn.models.known_weights import known_stages
from tlearn.progress import StepProgress
from tlearn.runs.solved_head import SolvedHead, read_head
from tlearn.runs.trained_run import TrainedRun
from tlearn.storage.cache import MODELS, cache_folder, open_cache
from tlearn.storage.digest import digest_of_file, matches_digest, write_with_digest
from tlearn.storage.lease import Lease

if TYPE_CHECKING:
    import keras

    from tlearn.recipe.plan import Plan

_VERSION = 2
_CHECKED, _TOLERANCE = 2, 1e-3
"""Images of noise on which a conversion is checked, and the most that an output may differ by."""

_MANY = 256
"""Images for which an accelerator is worth the seconds that TensorFlow takes to load."""


@dataclass(frozen=True)
class Network:
    """A network that gives its outputs by name.

    Attributes:
        engine: Gives outputs side by side.
        widths: Name of each of these outputs to its number of values for an image, in order.
        head: Gives the probabilities, where the engine gives no more than features of stages.
    """

    engine: Engine
    widths: Mapping[str, int]
    head: SolvedHead | None = None

    @property
    def blocks(self) -> tuple[int, ...]:
        """Return the widths of the stages that a solved head reads; nothing of any other."""
        return tuple(self.widths[name] for name in self.head.reads) if self.head else ()

    def run(
        self, pixels: PixelArray, names: Sequence[str], progress: StepProgress | None = None
    ) -> dict[str, np.ndarray]:
        """Run the network over images.

        Args:
            pixels: uint8 (n, H, W, 3) with n > 0; may be read from disk where indexed.
            names: Outputs that are wanted; those that the network lacks are left out.
            progress: Called with (done, total).

        Returns:
            Name to (n, width) float32.
        """
        kept: dict[str, list[np.ndarray]] = {}
        done = 0
        for rows in self.engine.run(batches(pixels)):
            outputs = self._by_name(rows)
            for name in outputs.keys() & {*names}:
                kept.setdefault(name, []).append(np.asarray(outputs[name], np.float32))
            done += len(rows)
            if progress:
                progress(done, len(pixels))
        return {name: np.concatenate(rows) for name, rows in kept.items()}

    def _by_name(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        ends = np.cumsum([*self.widths.values()])[:-1]
        outputs = dict(zip(self.widths, np.split(rows, ends, axis=1), strict=True))
        return self.head.outputs(outputs) if self.head else outputs


def answer(run: TrainedRun, pixels: PixelArray, network: Network | None = None) -> Answers:
    """Return what a run's model says of images.

    Args:
        run: The run.
        pixels: uint8 (n, H, W, 3) with n > 0, as the run reads them.
        network: Its network, where it is open.

    Raises:
        RunError: The model cannot be loaded.
    """
    network = network or open_network(run, len(pixels))
    named = output_of(run.plan.task)
    outputs = network.run(pixels, (named, KNOWN), partial(run.progress, "predict"))
    known = outputs.get(KNOWN)
    return Answers(outputs[named], None if known is None else known[:, 0])


def output_of(task: str) -> str:
    """Return the name of the output that holds the answer."""
    return {NUMBER: VALUE, ONE_CLASS: ANOMALY}.get(task, PROBABILITIES)


def embed(run: TrainedRun, pixels: PixelArray) -> np.ndarray:
    """Return what the head of a run's model reads of images: (n, features) float32.

    Args:
        run: The run.
        pixels: uint8 (n, H, W, 3) with n > 0, as the run reads them.

    Raises:
        RunError: The model cannot be loaded.
    """
    network = open_network(run, len(pixels))
    return network.run(pixels, (EMBEDDING,), partial(run.progress, "embed"))[EMBEDDING]


def open_network(run: TrainedRun, n_images: int) -> Network:
    """Open a run's network in the way that answers soonest.

    Args:
        run: The run.
        n_images: Number of images that it will answer for.

    Raises:
        RunError: The model cannot be loaded.
    """
    requested = EngineChoice().requested
    worth_it = requested == AUTO and n_images >= _MANY and accelerator_visible()
    if requested == KERAS or worth_it:
        return _in_keras(run.load_model())
    threads = min(n_images, os.cpu_count() or 1)
    return _solved(run, threads) or _converted(run, threads)


def keep_converted(cache: Path, path: Path, plan: Plan, model: keras.Model) -> None:
    """Convert a trained model for the answers to come, while TensorFlow is loaded anyway.

    Args:
        cache: The cache folder; nothing is done for one that does not outlive the command.
        path: The file that the model was saved in.
        plan: What was trained.
        model: The model.

    Raises:
        HostError: The cache cannot be written.
    """
    if cache == cache_folder():
        _convert(_path(cache, path, plan), model)


def _solved(run: TrainedRun, threads: int) -> Network | None:
    """Open the extractor and the head of a run; None where the model is more than that.

    The digests of a run vouch for it: by them, the model is the one that the plan led to.
    """
    plan = run.plan
    untouched = plan.policy == "linear_head" and not plan.training.epochs
    if plan.task in (NUMBER, ONE_CLASS) or not (untouched and run.directory.digests_path.exists()):
        return None
    extractor = open_extractor(open_cache(), plan.backbone.whole)
    if extractor is None:
        return None
    stages, others = plan.head.stages, known_stages(plan.head.stages)
    names = extractor.outputs_of(sorted({*stages, *others}))
    widths = {name: width for name, width in extractor.outputs if name in names}
    head = read_head(run, extractor.outputs_of(stages), extractor.outputs_of(others), widths)
    return Network(litert_engine(extractor, names, threads), widths, head) if head else None


def _converted(run: TrainedRun, threads: int) -> Network:
    """Open the model as LiteRT, converted now if it was not before."""
    path = _path(open_cache(), run.directory.model_path, run.plan)
    Lease(path.parent)
    if not matches_digest(path):
        model = run.load_model()
        run.progress("convert the model (once)", 0, 0)
        if not _convert(path, model):
            return _in_keras(model)
    if not path.stat().st_size:
        return _in_keras(run.load_model())
    engine = LiteRTEngine(path, threads=threads)
    return Network(engine, engine.widths)


def _convert(path: Path, model: keras.Model) -> bool:
    """Convert a model and store it; return whether LiteRT answers as Keras does.

    Where it does not, or lacks an operator, an empty file is stored: it need not be tried again.
    """
    from tlearn.backend.litert import convert

    network = _with_embedding(model)
    try:
        write_with_digest(path, convert(network))
    except BackboneError:
        write_with_digest(path, b"")
        return False
    images = np.random.default_rng(0).integers(0, 256, (_CHECKED, *model.inputs[0].shape[1:]))
    engine = LiteRTEngine(path, threads=1)
    answers = Network(engine, engine.widths).run(images, [*engine.widths])
    for name, expected in network(np.asarray(images, np.float32), training=False).items():
        most = _TOLERANCE * max(1.0, float(np.abs(expected).max()))
        if not np.abs(answers[name] - np.reshape(expected, (_CHECKED, -1))).max() <= most:
            write_with_digest(path, b"")
            return False
    return True


def _in_keras(model: keras.Model) -> Network:
    network = _with_embedding(model)
    widths = {name: math.prod(tensor.shape[1:]) for name, tensor in network.output.items()}
    return Network(KerasEngine(network, [*widths]), widths)


def _with_embedding(model: keras.Model) -> keras.Model:
    """Return a model whose outputs have names, and with what its head reads as one more."""
    import keras

    outputs = dict(zip(model.output_names, model.outputs, strict=True))
    with suppress(ValueError):  # there is no such layer in a model that is not ours
        outputs[EMBEDDING] = model.get_layer(HEAD).input
    if ANOMALY in outputs:
        from tlearn.models.one_class import normality_features

        *whole, _ = normality_features(model).outputs
        joined = keras.layers.Concatenate()(whole) if len(whole) > 1 else whole[0]
        outputs[EMBEDDING] = keras.layers.Identity(name=EMBEDDING)(joined)
    return keras.Model(model.inputs[0], outputs)


def _path(cache: Path, model: Path, plan: Plan) -> Path:
    """Return where the converted model is kept.

    A run of an earlier version may hold a model and a plan that do not fit: `load_model` compares
    them, and so its file goes by both.
    """
    shape = f"{plan.images.image_size}-{len(plan.split.classes)}"
    return cache / MODELS / f"{digest_of_file(model)[:32]}-{shape}-v{_VERSION}" / "model.tflite"
