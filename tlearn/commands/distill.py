"""From a teacher and a pile of pictures to a student on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.backend.silence import import_keras
from tlearn.commands.shrink import Shrunk
from tlearn.data.archives import unpacked
from tlearn.data.augmentation import augmentation
from tlearn.data.image_folder import list_images
from tlearn.data.pixel_store import PixelStore, store_pixels
from tlearn.errors import BackboneError, DataError
from tlearn.features.engine import EngineChoice
from tlearn.features.extractor import (
    EMBEDDING,
    SOURCE,
    FeatureExtractor,
    extractor_engines,
    make_extractor,
    open_extractor,
)
from tlearn.features.store import FeatureStore, Views
from tlearn.models.catalog import BackboneSpec, find_backbone
from tlearn.models.resolve import ResolvedBackbone, resolve_backbone
from tlearn.progress import ProgressCallback, Timer
from tlearn.runs.directory import RunDirectory
from tlearn.storage.atomic import write_atomic
from tlearn.storage.cache import cache_folder, limit_bytes, trim_cache
from tlearn.storage.text import write_json

HELD_OUT_SHARE, MOST_HELD_OUT = 0.02, 1_000
FEWEST_IMAGES = 100
WEIGHTS, CARD, CHECKPOINT = "student.weights.h5", "distill.json", "checkpoint.npz"


@dataclass(frozen=True)
class DistillConfig:
    """What was asked.

    Attributes:
        teacher: The backbone that teaches.
        student: Name of the backbone that learns.
        image_size: Side of the student's input, in pixels.
        resize: How a picture becomes square, for both.
        views: Views of each picture, the clean one counted.
        augmentation: How the others are drawn.
        horizontal_flip: Whether they may be flipped.
        seconds: Time to train, over all sittings.
        seed: Of everything random.
    """

    teacher: ResolvedBackbone
    student: BackboneSpec
    image_size: int
    resize: str
    views: int
    augmentation: str
    horizontal_flip: bool
    seconds: float
    seed: int


@dataclass(frozen=True)
class DistillResult:
    """What came of it.

    Attributes:
        weights: File of the student's weights.
        embedding_correlation: Mean correlation of the student's answer with the teacher's embedding, on pictures
            held out.
        agreement: Share of held-out pictures on which both name the same class, or None.
        images: Pictures taught on.
        seconds: Where the time went.
        shrunk: The small run, where a run was the teacher.
    """

    weights: Path
    embedding_correlation: float
    agreement: float | None
    n_images: int
    seconds: dict[str, float]
    shrunk: Shrunk | None = None


def distill(
    asked: DistillConfig, sources: Sequence[Path], out: Path, progress: ProgressCallback
) -> DistillResult:
    """Teach, and write the student's weights and how they were made.

    Raises:
        TlearnError: Teacher, student or pictures cannot be used.
    """
    _views(asked)  # a wrong name is met at the door
    timer, cache = Timer(), cache_folder()
    paths = list_images(unpacked(sources, cache))
    extractor = _probe(asked.teacher, cache, progress, timer)
    with timer.time("decode"):
        read = partial(store_pixels, paths, resize=asked.resize, cache=cache)
        seen = read(extractor.image_size, progress=partial(progress, "read pictures"))
        small = read(asked.image_size, progress=partial(progress, "read them small"))
    digests = _usable(seen, small)
    answers = _ask(asked, extractor, seen, digests, cache, progress, timer)
    taught = _teach(asked, extractor, small, digests, answers, out, progress, timer)
    trim_cache(cache, limit_bytes())
    return taught


def _probe(
    teacher: ResolvedBackbone, cache: Path, progress: ProgressCallback, timer: Timer
) -> FeatureExtractor:
    known = open_extractor(cache, teacher.fingerprint)
    if known:
        return known
    progress("prepare the teacher (once)", 0, 0)
    with timer.time("convert"):
        import_keras()
        return make_extractor(cache, teacher.load())


def _usable(*stores: PixelStore) -> list[str]:
    """Pictures that can be read, each once, in an order that has nothing to do with their names."""
    bad = {fact.sha256 for store in stores for fact in store.facts if fact.problem}
    digests = sorted({fact.sha256 for fact in stores[0].facts} - bad)
    if len(digests) < FEWEST_IMAGES:
        raise DataError(
            f"{len(digests)} readable pictures: too few to learn a network from",
            f"name folders or tar archives with {FEWEST_IMAGES} or more, thousands rather",
        )
    return digests


def _ask(
    asked: DistillConfig,
    extractor: FeatureExtractor,
    pixels: PixelStore,
    digests: Sequence[str],
    cache: Path,
    progress: ProgressCallback,
    timer: Timer,
) -> FeatureStore:
    """The teacher's embedding and class probabilities of every view."""
    kept = [name for name in (EMBEDDING, SOURCE) if extractor.columns(name)]
    width = sum(size for name, size in extractor.outputs if name in kept)
    store = FeatureStore(cache, f"{extractor.name}-answers", asked.resize, (width,), "float16")
    makers = extractor_engines(extractor, asked.teacher.load, kept)
    opener = partial(EngineChoice().open, "teacher", makers)
    with timer.time("teacher"):
        step_progress = partial(progress, "ask the teacher")
        store.fill(pixels, digests, opener, _views(asked), step_progress)
    return store


def _views(asked: DistillConfig) -> Views:
    return Views(asked.views, augmentation(asked.augmentation, asked.horizontal_flip), asked.seed)


def _teach(
    asked: DistillConfig,
    extractor: FeatureExtractor,
    small: PixelStore,
    digests: Sequence[str],
    answers: FeatureStore,
    out: Path,
    progress: ProgressCallback,
    timer: Timer,
) -> DistillResult:
    progress("load TensorFlow", 0, 0)
    with timer.time("load"):
        import_keras()
    from tlearn.training.distillation import (
        LEARNING_RATE,
        PRUNED_LEARNING_RATE,
        build_student,
        train_student,
    )
    from tlearn.training.teacher_dataset import TeacherDataset

    width = dict(extractor.outputs)[EMBEDDING]
    n_out = min(MOST_HELD_OUT, int(len(digests) * HELD_OUT_SHARE))
    held_out, learned = digests[:n_out], digests[n_out:]
    teacher_dataset = TeacherDataset(learned, small, _views(asked), answers, width)
    student = build_student(
        asked.student, asked.image_size, teacher_dataset.classes, width, asked.seed
    )
    rate = LEARNING_RATE
    if not (out / CHECKPOINT).exists():
        progress("inherit from the teacher", 0, 0)
        with timer.time("inherit"):
            if _inherit(asked, student, teacher_dataset):
                rate = PRUNED_LEARNING_RATE
    with timer.time("train"):
        train_student(
            student,
            teacher_dataset,
            asked.seconds,
            out / CHECKPOINT,
            learning_rate=rate,
            seed=asked.seed,
            progress=partial(progress, "teach"),
        )
    with timer.time("check"):
        embedding_correlation, agreement = _compare(
            student.training_model, teacher_dataset, held_out
        )
        path = out / WEIGHTS
        write_atomic(path, lambda file: student.network.save_weights(file))
    seconds = timer.seconds | {"total": timer.total()}
    taught = DistillResult(path, embedding_correlation, agreement, len(learned), seconds)
    write_json(out / CARD, _card(asked, taught))
    return taught


def _inherit(asked: DistillConfig, student: Any, teacher_dataset: Any) -> bool:
    """Begin with the teacher's channels where the student is a narrower relative."""
    import keras

    from tlearn.models.stages import last_feature_map
    from tlearn.training.channel_pruning import PIXELS, prune_into
    from tlearn.training.distillation import fit_projection

    try:
        teacher = replace(asked.teacher, image_size=asked.image_size).load()
    except BackboneError:  # an own network of one size
        return False
    enough = [(digest, 0) for digest in teacher_dataset.digests[: PIXELS // asked.image_size**2]]
    images, network = teacher_dataset.inputs(enough), student.network
    trunk = keras.Model(network.inputs[0], last_feature_map(network))
    whole = teacher.source is not None and prune_into(network, teacher.source, images)
    if not whole and not prune_into(trunk, teacher.trunk, images):
        return False
    fit_projection(student, teacher_dataset)
    return True


def _compare(
    training_model: Any, teacher_dataset: Any, held_out: Sequence[str]
) -> tuple[float, float | None]:
    """Correlation with the teacher's standardised embedding, and agreement on classes."""
    from tlearn.training.teacher_dataset import Standardizer

    scale = Standardizer.of(teacher_dataset)
    correlations, agreed = [], []
    for start in range(0, len(held_out), 64):
        wanted = [(digest, 0) for digest in held_out[start : start + 64]]
        embeddings, probabilities = teacher_dataset.outputs(wanted)
        answer = training_model.predict_on_batch(teacher_dataset.inputs(wanted))
        meant, given = scale.apply(embeddings), answer["embedding"]
        norms = np.linalg.norm(meant, axis=1) * np.linalg.norm(given, axis=1)
        correlations.append((meant * given).sum(1) / norms)
        if teacher_dataset.classes:
            agreed.append(answer["source"].argmax(1) == probabilities.argmax(1))
    agreement = float(np.concatenate(agreed).mean()) if agreed else None
    return float(np.concatenate(correlations).mean()), agreement


def _card(asked: DistillConfig, taught: DistillResult) -> dict[str, Any]:
    facts = asdict(asked)
    facts |= {"teacher": asked.teacher.name, "student": asked.student.name}
    return facts | {
        "teacher_fingerprint": asked.teacher.fingerprint,
        "teacher_image_size": asked.teacher.image_size,
        "pictures": taught.n_images,
        "match": taught.embedding_correlation,
        "agreement": taught.agreement,
        "timings": taught.seconds,
    }


def choose_teacher(name: str, weights: Path | None, image_size: int | None) -> ResolvedBackbone:
    """A backbone by name, a .keras file, or the model of a run."""
    if Path(name).is_dir():
        name = str(RunDirectory.open(Path(name)).model_path)
    return resolve_backbone(name, weights, image_size)


def choose_student(name: str, image_size: int | None) -> tuple[BackboneSpec, int]:
    """The student's spec and size.

    Raises:
        BackboneError: There is no such backbone, or it does not take pictures so small.
    """
    spec = find_backbone(name)
    size = image_size or spec.image_size
    if size < spec.min_image_size:
        raise BackboneError(
            f"{spec.name} needs pictures of at least {spec.min_image_size} pixels; received {size}",
            f"set --image-size to {spec.min_image_size} or more",
        )
    return spec, size
