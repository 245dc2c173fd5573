"""`tlearn check`: verify an exported file against its contract, without the run it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tlearn.artifacts.contract import Contract
from tlearn.artifacts.contract_file import contract_path
from tlearn.artifacts.files import artifact_digest, list_artifacts
from tlearn.artifacts.runtime import open_runtime
from tlearn.artifacts.verification import VerificationReport, check_artifact
from tlearn.commands.check_images import (
    answer_targets,
    classify,
    is_labeled,
    score_folder,
    score_targets_of,
)
from tlearn.confidence.answer_sets import Coverage
from tlearn.confidence.operating_point import SensitivityKept
from tlearn.confidence.strangers import KnownShare
from tlearn.data.manifest import SplitManifest, read_manifest
from tlearn.errors import ExportError, quoted
from tlearn.evaluation.predictions import Prediction
from tlearn.evaluation.scores import Scores
from tlearn.evaluation.target_predictions import TargetPrediction
from tlearn.evaluation.target_scores import TargetScores
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.directory import RunDirectory


@dataclass(frozen=True)
class CheckResult:
    """An artifact checked against its contract, and what it says of images.

    Attributes:
        verification: The result of each check.
        scores: On labeled images; None without them, or where the file is not usable.
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
    scores: Scores | TargetScores | None = None
    predictions: tuple[Prediction, ...] | None = None
    coverage: tuple[Coverage, ...] = ()
    known: KnownShare | None = None
    sensitivity: SensitivityKept | None = None
    refused: Mapping[str, int] = field(default_factory=dict)
    targets: tuple[TargetPrediction, ...] = ()

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
            classified. Of a number, the subfolders are named by numbers; of good images, one of
            them is called good.
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
    manifest, labeled = _manifest_of(artifact, contract), is_labeled(images, contract)
    if contract.task and labeled:
        of_targets = score_targets_of(runtime, contract, images, manifest, progress)
        return CheckResult(verification, of_targets)
    if contract.task:
        answers = answer_targets(runtime, contract, images, progress)
        return CheckResult(verification, targets=answers)
    if labeled:
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
