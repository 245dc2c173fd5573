"""A teacher and images in; the weights of a student out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.backend.silence import import_keras
from tlearn.commands.shrink import ShrinkResult
from tlearn.data.archives import unpack_archives
from tlearn.data.augmentation import augmentation as find_augmentation
from tlearn.data.image_folder import list_images
from tlearn.data.pixel_store import PixelStore, store_folder, store_pixels
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
from tlearn.models.catalog import BackboneSpec
from tlearn.models.resolve import ResolvedBackbone
from tlearn.progress import ProgressCallback, Timer
from tlearn.storage.atomic import ensure_writable, write_atomic
from tlearn.storage.cache import NETWORKS, end_use, open_cache
from tlearn.storage.lease import Lease
from tlearn.storage.text import write_json

HELD_OUT_SHARE, MOST_HELD_OUT = 0.02, 1_000
FEWEST_IMAGES = 100
WEIGHTS, CARD, CHECKPOINT = "student.weights.h5", "distill.json", "checkpoint.npz"


@dataclass(frozen=True)
class DistillConfig:
    """Settings of a distillation.

    Attributes:
        teacher: The backbone that teaches.
        student: The backbone that learns.
        image_size: Side of the student's input, in pixels.
        resize: How an image becomes square, for both.
        views: Views of each image, the clean one counted.
        augmentation: How the others are drawn.
        horizontal_flip: Whether they may be flipped.
        seconds: Time to train, over all sessions.
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

    def image_views(self) -> Views:
        """Return the views of each image.

        Raises:
            RecipeError: There is no such augmentation.
        """
        policy = find_augmentation(self.augmentation, self.horizontal_flip)
        return Views(self.views, policy, self.seed)


@dataclass(frozen=True)
class DistillResult:
    """Result of a distillation.

    Attributes:
        weights: File of the student's weights.
        embedding_correlation: Mean correlation of the student's output with the teacher's
            embedding, on held-out images.
        agreement: Share of held-out images on which both name the same class, or None.
        n_images: Images taught on.
        seconds: Where the time went.
        shrunk: The small run, where a run was the teacher.
    """

    weights: Path
    embedding_correlation: float
    agreement: float | None
    n_images: int
    seconds: dict[str, float]
    shrunk: ShrinkResult | None = None


@dataclass(frozen=True)
class Job:
    """One distillation: its settings, output folder, progress, cache and timer."""

    config: DistillConfig
    out: Path
    progress: ProgressCallback
    cache: Path = field(default_factory=open_cache)
    timer: Timer = field(default_factory=Timer)


def distill_weights(job: Job, sources: Sequence[Path]) -> DistillResult:
    """Read the images, run the teacher on them once, and train the student.

    Args:
        job: What was asked.
        sources: Folders, files, zip and tar archives.

    Raises:
        TlearnError: Teacher, student or images cannot be used.
    """
    config, cache, progress = job.config, job.cache, job.progress
    config.image_views()  # a wrong name raises before an image is read
    ensure_writable(job.out)
    Lease(cache / NETWORKS)
    paths = list_images(unpack_archives(sources, cache))
    _ensure_enough(len(paths), "images")
    extractor = _teacher_extractor(job)
    with job.timer.time("decode"):
        step = partial(progress, "read images")
        large = store_folder(paths, extractor.image_size, config.resize, cache, step)
        step, values = partial(progress, "read them small"), large.gray_range
        small = store_pixels(paths, config.image_size, config.resize, cache, step, values)
    digests = _usable(large, small)
    teacher_outputs = _run_teacher(job, extractor, large, digests)
    result = _teach(job, extractor, small, digests, teacher_outputs)
    if trimmed := end_use(cache):
        progress(trimmed, 1, 1)
    return result


def _teacher_extractor(job: Job) -> FeatureExtractor:
    teacher = job.config.teacher
    stored = open_extractor(job.cache, teacher.fingerprint)
    if stored:
        return stored
    job.progress("prepare the teacher (once)", 0, 0)
    with job.timer.time("convert"):
        import_keras()
        return make_extractor(job.cache, teacher.load())


def _usable(*stores: PixelStore) -> list[str]:
    """Return digests of the images that can be read, each once, in an order free of their names."""
    bad = {info.sha256 for store in stores for info in store.infos if info.problem}
    digests = sorted({info.sha256 for info in stores[0].infos} - bad)
    _ensure_enough(len(digests), "different readable images")
    return digests


def _ensure_enough(n: int, images: str) -> None:
    if n < FEWEST_IMAGES:
        raise DataError(
            f"{n} {images} are too few to learn a network from",
            f"name folders or archives with {FEWEST_IMAGES} or more, better thousands",
        )


def _run_teacher(
    job: Job, extractor: FeatureExtractor, pixels: PixelStore, digests: Sequence[str]
) -> FeatureStore:
    """Store the teacher's embedding and class probabilities of every view."""
    config = job.config
    names = [name for name in (EMBEDDING, SOURCE) if extractor.columns(name)]
    width = sum(size for name, size in extractor.outputs if name in names)
    name = f"{extractor.name}-answers"
    store = FeatureStore(job.cache, name, pixels.rule, (width,), "float16")
    engines = extractor_engines(extractor, config.teacher.load, names)
    factory = partial(EngineChoice().open, "teacher", engines)
    with job.timer.time("teacher"):
        step = partial(job.progress, "run the teacher")
        store.fill(pixels, digests, factory, config.image_views(), step)
    return store


def _teach(
    job: Job,
    extractor: FeatureExtractor,
    pixels: PixelStore,
    digests: Sequence[str],
    teacher_outputs: FeatureStore,
) -> DistillResult:
    config, out, timer = job.config, job.out, job.timer
    job.progress("load TensorFlow", 0, 0)
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
    n_held_out = min(MOST_HELD_OUT, int(len(digests) * HELD_OUT_SHARE))
    held_out, learned = digests[:n_held_out], digests[n_held_out:]
    dataset = TeacherDataset(learned, pixels, config.image_views(), teacher_outputs, width)
    student = build_student(config.student, config.image_size, dataset.classes, width, config.seed)
    checkpoint, rate = out / CHECKPOINT, LEARNING_RATE
    if not checkpoint.exists():
        job.progress("start from the teacher's channels", 0, 0)
        with timer.time("prune"):
            rate = (
                PRUNED_LEARNING_RATE if _prune_teacher(config, student, dataset) else LEARNING_RATE
            )
    with timer.time("train"):
        step = partial(job.progress, "teach")
        train_student(
            student,
            dataset,
            config.seconds,
            checkpoint,
            learning_rate=rate,
            seed=config.seed,
            progress=step,
        )
    with timer.time("check"):
        correlation, agreement = _compare_with_teacher(student.training_model, dataset, held_out)
        path = out / WEIGHTS
        write_atomic(path, lambda file: student.network.save_weights(file))
    seconds = timer.seconds | {"total": timer.total()}
    result = DistillResult(path, correlation, agreement, len(learned), seconds)
    write_json(out / CARD, _card(config, result))
    return result


def _prune_teacher(config: DistillConfig, student: Any, dataset: Any) -> bool:
    """Start from the teacher's best channels where the student is a narrower copy of it."""
    import keras

    from tlearn.models.cuts import last_feature_map
    from tlearn.training.channel_pruning import PIXELS, prune_into
    from tlearn.training.distillation import fit_projection

    try:
        teacher = replace(config.teacher, image_size=config.image_size).load()
    except BackboneError:  # a person's own network that takes one size only
        return False
    if teacher.joined:
        return False
    sample = [(digest, 0) for digest in dataset.digests[: PIXELS // config.image_size**2]]
    images, network = dataset.inputs(sample), student.network
    trunk = keras.Model(network.inputs[0], last_feature_map(network))
    whole = teacher.classifier is not None and prune_into(network, teacher.classifier, images)
    if not whole and not prune_into(trunk, teacher.trunk, images):
        return False
    fit_projection(student, dataset)
    return True


def _compare_with_teacher(
    model: Any, dataset: Any, held_out: Sequence[str]
) -> tuple[float, float | None]:
    """Return the correlation with the teacher's standardized embedding, and class agreement."""
    from tlearn.training.teacher_dataset import Standardizer

    scale = Standardizer.of(dataset)
    correlations, agreed = [], []
    for start in range(0, len(held_out), 64):
        views = [(digest, 0) for digest in held_out[start : start + 64]]
        embeddings, probabilities = dataset.outputs(views)
        outputs = model.predict_on_batch(dataset.inputs(views))
        expected, actual = scale.apply(embeddings), outputs["embedding"]
        norms = np.linalg.norm(expected, axis=1) * np.linalg.norm(actual, axis=1)
        correlations.append((expected * actual).sum(1) / norms)
        if dataset.classes:
            agreed.append(outputs["source"].argmax(1) == probabilities.argmax(1))
    agreement = float(np.concatenate(agreed).mean()) if agreed else None
    return float(np.concatenate(correlations).mean()), agreement


def _card(config: DistillConfig, result: DistillResult) -> dict[str, Any]:
    settings = asdict(config) | {"teacher": config.teacher.name, "student": config.student.name}
    return settings | {
        "teacher_fingerprint": config.teacher.fingerprint,
        "teacher_image_size": config.teacher.image_size,
        "n_images": result.n_images,
        "embedding_correlation": result.embedding_correlation,
        "agreement": result.agreement,
        "timings": result.seconds,
    }
