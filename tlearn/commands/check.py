"""`tlearn check`: verify an exported file against its contract, without the run it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from tlearn.artifacts.contract import Contract
from tlearn.artifacts.contract_file import contract_path
from tlearn.artifacts.files import artifact_digest, list_artifacts
from tlearn.artifacts.runtime import Runtime, open_runtime
from tlearn.artifacts.verification import VerificationReport, check_artifact
from tlearn.confidence.answer_sets import Coverage
from tlearn.confidence.answers import Answer, Answers
from tlearn.confidence.confidence import UNKNOWN
from tlearn.confidence.operating_point import SensitivityKept
from tlearn.confidence.promises import PromisesKept, hold_promises
from tlearn.confidence.strangers import KnownShare, measure_known
from tlearn.data.image_folder import list_images
from tlearn.data.labeled import labeled_folder
from tlearn.data.local_source import is_table, local_source
from tlearn.data.manifest import SplitManifest, read_manifest
from tlearn.data.notes import composed
from tlearn.data.parts import split_of
from tlearn.data.pixel_store import PixelStore, store_pixels
from tlearn.errors import DataError, ExportError, quoted
from tlearn.evaluation.positive_class import PositiveClass
from tlearn.evaluation.predictions import Prediction
from tlearn.evaluation.scores import Scores, score_apart
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.directory import RunDirectory
from tlearn.storage.cache import open_cache


@dataclass(frozen=True)
class CheckResult:
    """An artifact checked against its contract, and what it says of images.

    Attributes:
        verification: The result of each check.
        scores: On a folder with classes; None without one, or where the file is not usable.
        predictions: For loose images; None likewise.
        coverage: How its promises about sets of answers were kept, on images that it was not
            trained on; none without labels.
        known: How like the training images these images are; None where the file does not say.
        sensitivity: How the promise of its operating point was kept on images that it was not
            trained on; None where nothing is promised, and without labels.
        refused: Class to its images that were not trained on and are refused, however probable it
            is; empty where the file does not say, and without labels.
    """

    verification: VerificationReport
    scores: Scores | None = None
    predictions: tuple[Prediction, ...] | None = None
    coverage: tuple[Coverage, ...] = ()
    known: KnownShare | None = None
    sensitivity: SensitivityKept | None = None
    refused: Mapping[str, int] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Return whether no check failed, and no promise was broken."""
        promises = [*self.coverage, *([self.sensitivity] if self.sensitivity else ())]
        return self.verification.passed and all(kept.holds for kept in promises)


def check(
    artifact: Path | None = None,
    images: Path | None = None,
    *,
    progress: ProgressCallback = no_progress,
) -> CheckResult:
    """Verify an exported file against its contract, on any machine that has its runtime.

    Args:
        artifact: The file, or the directory of a SavedModel; None takes the one that was exported
            last from the newest run under runs/.
        images: Images to classify besides: a folder with subfolders that bear the artifact's
            labels, or a CSV of path and label, is scored; any other folder, or an image, is
            classified.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: There is no such artifact, no contract, or no image.
    """
    artifact = artifact or _latest_artifact(RunDirectory.open(None))
    progress("verify the file", 0, 0)
    verification = check_artifact(artifact)
    if images is None or not verification.usable:
        return CheckResult(verification)
    contract, runtime = verification.contract, open_runtime(artifact)
    if contract.task:
        raise DataError(
            f"{quoted(artifact)} answers several labels or a number, and is checked here without "
            "images",
            "score the run instead: tlearn evaluate RUN FOLDER",
        )
    if _has_classes(images, contract.labels):
        manifest = _manifest_of(artifact, contract)
        scores, kept = score_folder(runtime, contract, images, manifest, progress)
        promises = kept.coverage, kept.known, kept.sensitivity, kept.refused
        return CheckResult(verification, scores, None, *promises)
    predictions, known = classify(runtime, contract, images, progress)
    return CheckResult(verification, predictions=predictions, known=known)


def _latest_artifact(run: RunDirectory) -> Path:
    artifacts = list_artifacts(run.export_dir)
    if not artifacts:
        raise ExportError(
            f"nothing was exported from the latest run, {quoted(run.path)}",
            "export a file, or name one: tlearn export --tflite",
        )
    return max(artifacts, key=lambda artifact: contract_path(artifact).stat().st_mtime)


def _manifest_of(artifact: Path, contract: Contract) -> SplitManifest | None:
    """Return the split of the run that an artifact still lies in; None where it was moved."""
    path = RunDirectory(artifact.absolute().parent.parent).split_path
    if not path.is_file() or artifact_digest(path) != contract.provenance.get("split"):
        return None
    return read_manifest(path)


def classify(
    runtime: Runtime, contract: Contract, source: Path, progress: ProgressCallback
) -> tuple[tuple[Prediction, ...], KnownShare | None]:
    """Classify loose images, and say how like the training images they are.

    Args:
        runtime: The artifact.
        contract: How images are prepared.
        source: An image, or a folder to search.
        progress: Called with (step, done, total).

    Raises:
        DataError: There is no image.
    """
    paths = list_images([source])
    answers = [*_answers(runtime, _read(contract, paths, progress), progress)]
    confidence, refuse = contract.confidence or UNKNOWN, contract.refuse or 0.0
    labels, point = contract.labels, contract.operating_point
    predictions = tuple(
        Prediction.unreadable(str(path), answer)
        if isinstance(answer, str)
        else Prediction.of(str(path), answer, labels, confidence, refuse, point)
        for path, answer in zip(paths, answers, strict=True)
    )
    known = [image.known for image in predictions if image.known is not None]
    if not (known and confidence.known):
        return predictions, None
    return predictions, measure_known(np.array(known, np.float32), refuse, confidence.known)


def score_folder(
    runtime: Runtime,
    contract: Contract,
    source: Path,
    manifest: SplitManifest | None,
    progress: ProgressCallback,
) -> tuple[Scores, PromisesKept]:
    """Score an artifact on a folder of classes, and hold its promises against it.

    Args:
        runtime: The artifact.
        contract: How images are prepared.
        source: A folder with subfolders that bear the artifact's labels, or a CSV.
        manifest: What its model was trained on; None where that is not known here.
        progress: Called with (step, done, total).

    Raises:
        DataError: There is no image, or a class that the artifact does not know.
    """
    images = labeled_folder(source, contract.labels).images
    store = _read(contract, [image.path for image in images], progress)
    readable = [
        (answer, image.label, info.sha256)
        for answer, image, info in zip(
            _answers(runtime, store, progress), images, store.infos, strict=True
        )
        if not isinstance(answer, str)
    ]
    if not readable:
        raise DataError(f"no image in {quoted(source)} can be read", "name another folder")
    given, labels, digests = zip(*readable, strict=True)
    answers, truth = Answers.of(given), np.asarray(labels)
    trained_on = manifest.trained_on(digests) if manifest else None
    name = source.resolve().name  # "." has none
    refuse, classes, point = contract.refuse or 0.0, contract.labels, contract.operating_point
    scores = score_apart(
        answers.probabilities,
        truth,
        classes,
        name,
        trained_on,
        positive=PositiveClass(point.positive, "given") if point else None,
        point=point,
        ordered=bool(contract.confidence and contract.confidence.ordered),
    )
    return scores, hold_promises(
        contract.confidence, answers, truth, trained_on, refuse, contract.shares, point, classes
    )


def _has_classes(source: Path, labels: Sequence[str]) -> bool:
    source, _ = local_source(source, open_cache)
    if not source.is_dir():
        return is_table(source)
    folders = {composed(child.name) for child in source.iterdir() if child.is_dir()}
    return bool(folders & {*map(composed, labels)}) or any(map(split_of, folders))


def _read(contract: Contract, paths: Sequence[Path], progress: ProgressCallback) -> PixelStore:
    images, step = contract.preprocessing, partial(progress, "read images")
    return store_pixels(
        paths, images.image_size, images.resize, open_cache(), step, images.gray_range
    )


def _answers(
    runtime: Runtime, store: PixelStore, progress: ProgressCallback
) -> Iterator[Answer | str]:
    """Yield the answer for each image, or why it cannot be read."""
    for done, info in enumerate(store.infos, start=1):
        yield info.problem or runtime(store.read([info.sha256])[0])
        progress("classify", done, len(store.infos))
