"""Does an artefact keep its contract on this machine? Asks its runtime and our decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import PIL

from tlearn.artifacts.contract import (
    GOLDEN_FOLDER,
    Contract,
    Tensor,
    artifact_digest,
    read_contract,
)
from tlearn.artifacts.files import ensure_artifact
from tlearn.artifacts.golden import LoadedGolden, distance, load_golden
from tlearn.artifacts.interface import Interface, read_interface
from tlearn.artifacts.runtime import Runtime, open_runtime, reason_of
from tlearn.errors import ExportError

_EXACT = {"none", "float16"}
"""Quantizations whose files answer as the model does, within their tolerance."""


_ANSWERS = {"golden pictures", "decoder", "answers"}
"""Promises about answers; the others are about the file itself."""


class Verdict(StrEnum):
    """What became of one promise."""

    KEPT = "kept"
    BROKEN = "broken"
    WARNING = "warning"
    UNCHECKED = "not checked"


@dataclass(frozen=True)
class ContractCheck:
    """One promise, what became of it, and what was seen."""

    name: str
    verdict: Verdict
    detail: str


@dataclass(frozen=True)
class VerificationReport:
    """An artefact held to its contract.

    Attributes:
        artifact: The file or directory.
        contract: What it promises.
        beside: Whether the contract lay beside it; otherwise it was found inside.
        checks: One for each promise.
    """

    artifact: Path
    contract: Contract
    beside: bool
    checks: tuple[ContractCheck, ...]

    @property
    def usable(self) -> bool:
        """Whether it can be asked about pictures: it is the file, and its ends are as promised."""
        return _broken(self.checks) <= _ANSWERS

    @property
    def passed(self) -> bool:
        """Whether no promise is broken."""
        return not _broken(self.checks)


def check_artifact(path: Path) -> VerificationReport:
    """Hold an artefact to its contract.

    Args:
        path: The file, or the directory of a SavedModel.

    Raises:
        ExportError: There is no such artefact, or no contract that can be read.
    """
    path = path.absolute()
    ensure_artifact(path)
    contract, beside = read_contract(path)
    checks = [_file(path, contract)]
    if checks[0].verdict is Verdict.BROKEN:
        # Runtimes do not survive every damage, and take the process along.
        checks.append(ContractCheck("the rest", Verdict.UNCHECKED, "a changed file is not run"))
        return VerificationReport(path, contract, beside, tuple(checks))
    try:
        ends = read_interface(path)
        runtime = open_runtime(path)
    except ExportError as error:
        checks.append(ContractCheck("runs here", Verdict.BROKEN, error.message))
        return VerificationReport(path, contract, beside, tuple(checks))
    checks += _interface(contract, ends)
    images = [
        load_golden(path.parent / GOLDEN_FOLDER, one, contract.preprocessing)
        for one in contract.golden
    ]
    checks.append(_golden(images, beside))
    if "input" in _broken(checks):
        images = []  # what it takes is not what the contract says, so it cannot be asked
    try:
        checks += [_decoder(runtime, images), _answers(runtime, images, contract)]
    except (RuntimeError, ValueError) as error:
        checks.append(ContractCheck("runs here", Verdict.BROKEN, reason_of(error)))
    return VerificationReport(path, contract, beside, tuple(checks))


def _broken(checks: Sequence[ContractCheck]) -> set[str]:
    return {check.name for check in checks if check.verdict is Verdict.BROKEN}


def _file(path: Path, contract: Contract) -> ContractCheck:
    if contract.sha256 is None:
        what = "its contract is inside: nothing here says what its bytes should be"
        return ContractCheck("file", Verdict.UNCHECKED, what)
    found = artifact_digest(path)
    if found != contract.sha256:
        what = f"SHA-256 is {found[:12]}..., promised {contract.sha256[:12]}...: it was changed"
        return ContractCheck("file", Verdict.BROKEN, what)
    return ContractCheck("file", Verdict.KEPT, f"SHA-256 {found[:12]}..., as promised")


def _interface(contract: Contract, found: Interface) -> list[ContractCheck]:
    signature = f" of {found.signature}" if found.signature else ""
    if found.signature != contract.signature:
        signature += f", promised {contract.signature}"
    return [
        _labels(contract, found.labels),
        _end("input", found.input, contract.input, signature),
        _end("output", found.output, contract.output, signature),
    ]


def _labels(contract: Contract, found: Sequence[str]) -> ContractCheck:
    promised, classes = contract.labels, contract.output.shape[-1]
    if len(promised) != classes:
        what = f"the contract has {len(promised)} labels for {classes} outputs"
        return ContractCheck("labels", Verdict.BROKEN, what)
    for golden in contract.golden:  # all of them were answered rightly
        answer = promised[int(np.argmax(golden.model_probabilities))]
        if answer != golden.label:
            what = f"a picture of {golden.label!r} was answered rightly and is now {answer!r}"
            return ContractCheck("labels", Verdict.BROKEN, what)
    if tuple(found) == promised:
        return ContractCheck(
            "labels", Verdict.KEPT, f"{len(found)} inside the file, the same in order"
        )
    pairs = zip(found, promised, strict=False)
    place = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(found), len(promised)))
    of_file, of_contract = (
        repr(names[place]) if place < len(names) else "nothing" for names in (found, promised)
    )
    what = f"output {place} is {of_file} inside the file, {of_contract} in the contract"
    return ContractCheck("labels", Verdict.BROKEN, what)


def _end(name: str, found: Tensor, promised: Tensor, signature: str) -> ContractCheck:
    if found == promised and "promised" not in signature:
        return ContractCheck(name, Verdict.KEPT, _in_words(found) + signature)
    what = f"{_in_words(found)}{signature}, promised {_in_words(promised)}"
    return ContractCheck(name, Verdict.BROKEN, what)


def _in_words(end: Tensor) -> str:
    sizes = " x ".join("any" if size is None else str(size) for size in end.shape)
    scaled = f", {end.scale:g} * (value - {end.zero_point})" if end.scale else ""
    return f"{end.name} {end.dtype} {sizes}{scaled}"


def _golden(images: Sequence[LoadedGolden], beside: bool) -> ContractCheck:
    name, lost = "golden pictures", [image.problem for image in images if image.problem]
    if not images:
        return ContractCheck(
            name, Verdict.UNCHECKED, "the contract has none: the run kept no samples"
        )
    if not lost:
        return ContractCheck(name, Verdict.KEPT, f"{len(images)} beside the file, none changed")
    absent = all(image.promised is image.decoded is None for image in images)
    if absent and not beside:
        return ContractCheck(
            name, Verdict.UNCHECKED, f"there is no {GOLDEN_FOLDER}/ beside the file"
        )
    return ContractCheck(name, Verdict.BROKEN, "; ".join(lost))


def _decoder(runtime: Runtime, images: Sequence[LoadedGolden]) -> ContractCheck:
    name = "decoder"
    intact = [one for one in images if one.decoded is not None]
    other = [one for one in intact if not one.same_pixels]
    if not intact:
        return ContractCheck(name, Verdict.UNCHECKED, "no golden picture to decode")
    if not other:
        what = f"Pillow {PIL.__version__} gives the same pixels as at the export"
        return ContractCheck(name, Verdict.KEPT, what)
    turned = [one for one in other if not one.same_answer(runtime(np.asarray(one.decoded)))]
    what = f"Pillow {PIL.__version__} gives other pixels for {len(other)} of {len(intact)}"
    what += f"{distance(other)}; "
    if turned:
        return ContractCheck(name, Verdict.BROKEN, what + f"{len(turned)} answers are others")
    return ContractCheck(name, Verdict.WARNING, what + "the answers are the same")


def _answers(runtime: Runtime, images: Sequence[LoadedGolden], contract: Contract) -> ContractCheck:
    asked = [one for one in images if one.promised is not None]
    if not asked:
        return ContractCheck("answers", Verdict.UNCHECKED, "no golden picture to ask about")
    found = [runtime(np.asarray(one.promised)) for one in asked]
    if any(answer.shape != one.expected.shape for answer, one in zip(found, asked, strict=True)):
        return ContractCheck("answers", Verdict.BROKEN, f"{len(found[0])} values a picture")
    pairs = list(zip(found, asked, strict=True))
    same = sum(one.same_answer(answer) for answer, one in pairs)
    moved = float(np.max([np.abs(answer - one.expected).max() for answer, one in pairs]))
    what = f"{same} of {len(asked)} the same; probabilities moved by {moved:.2g} at most"
    if contract.sha256 is None and contract.quantization not in _EXACT:
        what = f"held against the model, which {contract.quantization} only comes near: {what}"
        return ContractCheck("answers", Verdict.WARNING, what)
    # Not a number is above no limit: asked the other way round it would pass.
    kept = same == len(asked) and moved <= contract.tolerance
    verdict = Verdict.KEPT if kept else Verdict.BROKEN
    return ContractCheck("answers", verdict, f"{what}, {contract.tolerance:g} is allowed")
