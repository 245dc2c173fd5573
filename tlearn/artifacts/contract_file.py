"""Contracts as files: written beside and inside an artifact, read, upgraded and checked.

A contract is beside its artifact: model.contract.json for model.tflite, saved_model.contract.json
for saved_model/, and NAME.contract.json for any other NAME. A LiteRT file also holds it inside, as
contract.json, without what no file can contain of itself: its own hash and its answers.
"""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tlearn.artifacts.contract import RESIZE_IN_WORDS, VERSION, Contract
from tlearn.errors import ExportError, quoted
from tlearn.storage.atomic import write_atomic

EMBEDDED_CONTRACT = "contract.json"
CONTRACT_ENDING = ".contract.json"

_VERSION_1_KEYS = {
    "preparation": "preprocessing",
    "colour_order": "color_order",
    "normalisation": "normalization",
    "made_from": "provenance",
    "by_model": "model_probabilities",
    "by_artefact": "artifact_probabilities",
}
"""Keys of version 1 that have other names today."""

_EXPORT_AGAIN = "export it again: tlearn export RUN"


def contract_path(artifact: Path) -> Path:
    """Return where the contract of an artifact is."""
    name = artifact.stem if artifact.suffix == ".tflite" else artifact.name
    return artifact.with_name(name + CONTRACT_ENDING)


def to_bytes(contract: Contract) -> bytes:
    """Write a contract as JSON; the same contract gives the same bytes."""
    text = json.dumps(asdict(contract), indent=2, allow_nan=False)
    # The numbers of a vector on one line: a thousand classes would be a thousand lines.
    text = re.sub(r"\[\n([^\[\]{}\"]*)\]", lambda of: f"[{' '.join(of[1].split())}]", text)
    return text.encode() + b"\n"


def write_contract(contract: Contract, artifact: Path) -> None:
    """Write a contract beside its artifact.

    Raises:
        HostError: The file cannot be written.
    """
    write_atomic(contract_path(artifact), to_bytes(contract))


def read_contract(artifact: Path) -> tuple[Contract, bool]:
    """Read the contract of an artifact, from beside it if it is there, else from inside.

    Returns:
        The contract, and whether it was beside the artifact.

    Raises:
        ExportError: There is no contract, or it is damaged or of an unknown version.
    """
    beside = contract_path(artifact)
    if beside.is_file():
        return from_bytes(beside.read_bytes(), quoted(beside)), True
    content = _embedded_content(artifact)
    if content is not None:
        return from_bytes(content, f"{EMBEDDED_CONTRACT} in {quoted(artifact)}"), False
    raise ExportError(
        f"{quoted(artifact)} has no contract: {beside.name!r} is not beside it", _EXPORT_AGAIN
    )


def from_bytes(content: bytes, source: str) -> Contract:
    """Read a contract of any version.

    Args:
        content: What `to_bytes` wrote.
        source: Where it was found, for error messages.

    Raises:
        ExportError: It is damaged, or of an unknown version.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        document = _upgraded(json.loads(content), source)
    except ValueError as error:
        raise ExportError(f"{source} is not valid JSON: {error}", _EXPORT_AGAIN) from error
    try:
        contract = TypeAdapter(Contract).validate_python(document)
    except ValidationError as error:
        detail = error.errors()[0]
        key = ".".join(map(str, detail["loc"]))
        raise ExportError(f"{source} is damaged: {key}: {detail['msg']}", _EXPORT_AGAIN) from error
    if contradiction := _contradiction(contract):
        raise ExportError(f"{source} is damaged: {contradiction}", _EXPORT_AGAIN)
    return contract


def _embedded_content(artifact: Path) -> bytes | None:
    if not artifact.is_file() or not zipfile.is_zipfile(artifact):
        return None
    try:
        with zipfile.ZipFile(artifact) as archive:
            if EMBEDDED_CONTRACT not in archive.namelist():
                return None
            return archive.read(EMBEDDED_CONTRACT)
    except (OSError, zipfile.BadZipFile) as error:
        raise ExportError(f"{quoted(artifact)} is damaged: {error}", _EXPORT_AGAIN) from error


def _upgraded(document: Any, source: str) -> Any:
    """Return a document of a known version under today's keys; it keeps its version."""
    version = document.get("version") if isinstance(document, dict) else None
    if version == VERSION:
        return document
    if version == 1:
        return _renamed_keys(document)
    what = "no contract" if version is None else f"a contract of version {version!r}"
    raise ExportError(
        f"{source} is {what}; this tlearn reads versions 1 and {VERSION}",
        "use the tlearn that wrote it, or " + _EXPORT_AGAIN,
    )


def _renamed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {_VERSION_1_KEYS.get(key, key): _renamed_keys(item) for key, item in value.items()}
    return [_renamed_keys(item) for item in value] if isinstance(value, list) else value


def _contradiction(contract: Contract) -> str:
    """Say which values of a contract exclude each other; "" if none do."""
    preprocessing, shape = contract.preprocessing, contract.input.shape
    image_size, resize = preprocessing.image_size, preprocessing.resize
    outputs = contract.output.shape
    if resize not in RESIZE_IN_WORDS:
        return f"preprocessing.resize: {resize!r} is none of {', '.join(RESIZE_IN_WORDS)}"
    if shape[1:] != (image_size, image_size, 3):
        return f"preprocessing.image_size: {image_size}, but the input is {shape}"
    if len(outputs) != 2:
        return f"output.shape: {outputs}, expected (batch, classes)"
    for number, golden in enumerate(contract.golden):
        answers = (
            golden.model_probabilities,
            golden.artifact_probabilities or golden.model_probabilities,
        )
        if any(len(answer) != outputs[1] for answer in answers):
            return f"golden.{number}: not as many probabilities as the output has"
    return ""
