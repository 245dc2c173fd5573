"""Verify an artifact against its contract, with the runtime and the decoder of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import PIL

from tlearn.artifacts.cold_start import cold_start
from tlearn.artifacts.contract import FORMATS, GOLDEN_FOLDER, Contract, Tensor
from tlearn.artifacts.contract_file import read_contract, read_embedded
from tlearn.artifacts.contract_rules import shortened
from tlearn.artifacts.files import artifact_digest, ensure_artifact
from tlearn.artifacts.golden import LoadedGolden, load_golden, map_difference, pixel_difference
from tlearn.artifacts.interface import Interface, read_interface
from tlearn.artifacts.runtime import Runtime, open_runtime, reason_of
from tlearn.data.order import answered
from tlearn.errors import ExportError

_EXACT = {"none", "float16"}
"""Quantizations whose files answer as the model does, within their tolerance."""

_OTHER_OUTPUTS = ("known", "map", "embedding")

# Names of checks are in the JSON of `tlearn check`: programs read them.
_GOLDEN, _RUNS, _REST = "golden images", "runs here", "the rest"
_ABOUT_ANSWERS = {_GOLDEN, "decoder", "answers"}
"""Checks of answers; the others are of the file itself."""


class Verdict(StrEnum):
    """The outcome of a check."""

    KEPT = "kept"
    BROKEN = "broken"
    WARNING = "warning"
    UNCHECKED = "not checked"


@dataclass(frozen=True)
class ContractCheck:
    """One check of an artifact against its contract.

    Attributes:
        name: What was checked.
        verdict: Its outcome.
        detail: What was found, for a person.
    """

    name: str
    verdict: Verdict
    detail: str


@dataclass(frozen=True)
class VerificationReport:
    """The outcome of verifying an artifact.

    Attributes:
        artifact: The file or directory.
        contract: What it was checked against.
        beside: Whether the contract was beside the artifact; otherwise it was inside.
        checks: All checks, in the order in which they were made.
    """

    artifact: Path
    contract: Contract
    beside: bool
    checks: tuple[ContractCheck, ...]

    @property
    def usable(self) -> bool:
        """Return whether the file is unmodified and its input and output match the contract.

        Only then are its answers worth having.
        """
        return _broken(self.checks) <= _ABOUT_ANSWERS

    @property
    def passed(self) -> bool:
        """Return whether no check failed."""
        return not _broken(self.checks)

    def named(self, *verdicts: str) -> list[str]:
        """Return the names of the checks with one of some verdicts."""
        return [check.name for check in self.checks if check.verdict in verdicts]


def check_artifact(path: Path) -> VerificationReport:
    """Verify an artifact against its contract.

    Args:
        path: The file, or the directory of a SavedModel.

    Raises:
        ExportError: There is no such artifact, or no contract that can be read.
    """
    path = path.absolute()
    ensure_artifact(path)
    contract, beside = read_contract(path)
    checks = [_check_file(path, contract)]
    if checks[0].verdict is Verdict.BROKEN:
        # A corrupt file can crash the runtime, and this process with it.
        checks.append(ContractCheck(_REST, Verdict.UNCHECKED, "a changed file is not run"))
    else:
        checks += _check_behavior(path, contract, beside)
    return VerificationReport(path, contract, beside, tuple(checks))


def _check_behavior(path: Path, contract: Contract, beside: bool) -> list[ContractCheck]:
    """Open an unmodified file and check its interface and its answers."""
    try:
        if not beside:
            # No hash says that the file is as it was written: should it crash the runtime, then in
            # another process.
            cold_start(path)
        interface = read_interface(path)
        runtime = open_runtime(path)
    except ExportError as error:
        return [ContractCheck(_RUNS, Verdict.BROKEN, error.message)]
    checks = _check_interface(contract, interface)
    images: list[LoadedGolden] = []
    if "input" in _broken(checks):  # prepared as the contract says, they do not fit the file
        detail = "the contract prepares images for another input"
        checks.append(ContractCheck(_GOLDEN, Verdict.UNCHECKED, detail))
    else:
        folder = path.parent / GOLDEN_FOLDER
        images = [load_golden(folder, golden, contract) for golden in contract.golden]
        checks.append(_check_golden(images, beside))
    try:
        checks += [_check_decoder(runtime, images), _check_answers(runtime, images, contract)]
    except (RuntimeError, ValueError) as error:
        checks.append(ContractCheck(_RUNS, Verdict.BROKEN, reason_of(error)))
    return checks


def _broken(checks: Sequence[ContractCheck]) -> set[str]:
    return {check.name for check in checks if check.verdict is Verdict.BROKEN}


def _check_file(path: Path, contract: Contract) -> ContractCheck:
    if contract.sha256 is None:
        detail = "the contract is inside the file, so there is no hash to compare with"
        return ContractCheck("file", Verdict.UNCHECKED, detail)
    digest = artifact_digest(path)
    detail = f"SHA-256 {digest[:12]}..."
    if contract.format != (actual := FORMATS.get(path.suffix, "saved_model")):
        detail = f"the contract is for {contract.format}, the file is {actual}"
        return ContractCheck("file", Verdict.BROKEN, detail)
    if digest != contract.sha256:
        detail += f", the contract says {contract.sha256[:12]}...: the file was changed"
        return ContractCheck("file", Verdict.BROKEN, detail)
    inside = read_embedded(path)
    if inside and (key := _differing_key(contract.embedded(), inside)):
        detail += f", as in the contract, but the contract inside the file has another {key}"
        return ContractCheck("file", Verdict.BROKEN, detail)
    if contract.file != path.name:  # both were renamed, or the contract was edited
        detail += f", as in the contract, which names it {shortened(contract.file)}"
        return ContractCheck("file", Verdict.WARNING, detail)
    return ContractCheck("file", Verdict.KEPT, f"{detail}, as in the contract")


def _differing_key(contract: Contract, inside: Contract) -> str:
    """Return what two contracts of one file disagree on; "" if they do not.

    The labels, and what is compared with the file itself, have checks of their own.
    """
    keys = vars(contract).keys() - {"labels", "signature", "input", "output", *_OTHER_OUTPUTS}
    return next((key for key in sorted(keys) if vars(contract)[key] != vars(inside)[key]), "")


def _check_interface(contract: Contract, interface: Interface) -> list[ContractCheck]:
    return [
        _check_labels(contract, interface.labels),
        _check_tensor("input", contract, interface),
        _check_tensor("output", contract, interface),
        *(
            _check_tensor(name, contract, interface)
            for name in _OTHER_OUTPUTS
            if getattr(contract, name) or getattr(interface, name)
        ),
    ]


def _check_labels(contract: Contract, labels: Sequence[str]) -> ContractCheck:
    expected = contract.labels
    for golden in contract.golden if contract.task is None else ():  # right on all of them
        probabilities = np.array(golden.model_probabilities)[np.newaxis]
        answer = expected[answered(probabilities, contract.ordered)[0]]
        if answer != golden.label:
            detail = f"the model's answer for an image of {golden.label!r} is now {answer!r}"
            return ContractCheck("labels", Verdict.BROKEN, detail)
    if tuple(labels) == expected:
        detail = f"{len(labels)} inside the file, the same in the same order"
        return ContractCheck("labels", Verdict.KEPT, detail)
    pairs = zip(labels, expected, strict=False)
    shorter = min(len(labels), len(expected))
    output = next((n for n, (label, other) in enumerate(pairs) if label != other), shorter)
    in_file, in_contract = (
        repr(names[output]) if output < len(names) else "missing" for names in (labels, expected)
    )
    detail = f"output {output} is {in_file} inside the file, {in_contract} in the contract"
    return ContractCheck("labels", Verdict.BROKEN, detail)


def _check_tensor(name: str, contract: Contract, interface: Interface) -> ContractCheck:
    """Check the input or the output, and the signature under which it is found."""
    actual, expected = getattr(interface, name), getattr(contract, name)
    detail = _describe(actual, interface.signature)
    if name == "input":
        for key, value in interface.images.items():
            if value != (said := getattr(contract.preprocessing, key)):
                detail += f"; the file says {key} {value}, the contract {said}"
                return ContractCheck(name, Verdict.BROKEN, detail)
    if (actual, interface.signature) == (expected, contract.signature):
        return ContractCheck(name, Verdict.KEPT, detail)
    detail += f"; the contract says {_describe(expected, contract.signature)}"
    return ContractCheck(name, Verdict.BROKEN, detail)


def _describe(tensor: Tensor | None, signature: str) -> str:
    if tensor is None:
        return "there is none"
    sizes = " x ".join("any" if size is None else str(size) for size in tensor.shape)
    scaled = f", {tensor.scale:g} * (value - {tensor.zero_point})" if tensor.scale else ""
    of = f" of {signature}" if signature else ""
    return f"{tensor.name} {tensor.dtype} {sizes}{scaled}{of}"


def _check_golden(images: Sequence[LoadedGolden], beside: bool) -> ContractCheck:
    problems = [image.problem for image in images if image.problem]
    if not images:
        detail = "the contract has no golden images: the run kept no samples"
        return ContractCheck(_GOLDEN, Verdict.UNCHECKED, detail)
    if not problems:
        detail = f"{len(images)} golden images beside the file, none changed"
        return ContractCheck(_GOLDEN, Verdict.KEPT, detail)
    lost = all(image.stored_pixels is image.decoded_pixels is None for image in images)
    if lost and not beside:
        detail = f"there is no folder {GOLDEN_FOLDER}/ beside the file"
        return ContractCheck(_GOLDEN, Verdict.UNCHECKED, detail)
    return ContractCheck(_GOLDEN, Verdict.BROKEN, "; ".join(problems))


def _check_decoder(runtime: Runtime, images: Sequence[LoadedGolden]) -> ContractCheck:
    decoded = [image for image in images if image.decoded_pixels is not None]
    differing = [image for image in decoded if not image.same_pixels]
    if not decoded:
        return ContractCheck("decoder", Verdict.UNCHECKED, "there is no golden image to decode")
    if not differing:
        detail = f"Pillow {PIL.__version__} gives the same pixels as at the export"
        return ContractCheck("decoder", Verdict.KEPT, detail)
    changed = [
        image
        for image in differing
        if not image.same_answer(runtime(np.asarray(image.decoded_pixels)))
    ]
    count = f"{len(differing)} of {len(decoded)} images"
    gap = ", ".join(filter(None, [count, pixel_difference(differing)]))
    detail = f"Pillow {PIL.__version__} gives other pixels for {gap}; "
    if changed:
        detail += f"{len(changed)} answers change"
        return ContractCheck("decoder", Verdict.BROKEN, detail)
    return ContractCheck("decoder", Verdict.WARNING, detail + "no answer changes")


def _check_answers(
    runtime: Runtime, images: Sequence[LoadedGolden], contract: Contract
) -> ContractCheck:
    usable = [image for image in images if image.stored_pixels is not None]
    if not usable:
        return ContractCheck("answers", Verdict.UNCHECKED, "there is no golden image to answer")
    answers = [(image, runtime(np.asarray(image.stored_pixels))) for image in usable]
    width = len(contract.labels)
    if any(answer.probabilities.shape != (width,) for _, answer in answers):
        detail = f"{len(answers[0][1].probabilities)} values for an image, {width} labels"
        return ContractCheck("answers", Verdict.BROKEN, detail)
    n_same = sum(image.same_answer(answer) for image, answer in answers)
    gaps = [image.difference(answer) for image, answer in answers]
    largest = float(np.max([*gaps, map_difference(answers)]))
    detail = f"{n_same} of {len(usable)} the same, their numbers moved by at most {largest:.2g}"
    if contract.sha256 is None and contract.quantization not in _EXACT:
        # The contract inside holds the model's answers only.
        mode = contract.quantization.replace("_", "-")
        detail += f"; compared with the model, which {mode} approximates"
        return ContractCheck("answers", Verdict.WARNING, detail)
    # NaN exceeds no limit: written as largest > tolerance it would pass.
    within_tolerance = n_same == len(usable) and largest <= contract.tolerance
    verdict = Verdict.KEPT if within_tolerance else Verdict.BROKEN
    return ContractCheck("answers", verdict, f"{detail} ({contract.tolerance:g} allowed)")
