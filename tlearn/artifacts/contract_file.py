"""Contracts as files: written beside and inside an artifact, read, upgraded and checked.

A contract is beside its artifact: model.contract.json for model.tflite, saved_model.contract.json
for saved_model/, and NAME.contract.json for any other NAME. A LiteRT file also holds it inside, as
contract.json, without what no file can contain of itself: its own hash and its answers.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tlearn.artifacts.contract import VERSION, Contract
from tlearn.artifacts.contract_rules import contradiction, shortened
from tlearn.artifacts.limits import MOST_TEXT_BYTES, read_appended, read_limited, strict_json
from tlearn.errors import ExportError, quoted
from tlearn.storage.atomic import write_atomic
from tlearn.storage.text import first_problem

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

_OPTIONAL = {"gray_range", "known", "refuse", "confidence", "operating_point", "prior", "map"}
_OPTIONAL |= {"model_known", "artifact_known", "artifact_map"}
_OPTIONAL |= {"task", "scale", "embedding", "runtime", "layout"}
"""Keys that are missing where there is nothing to say."""

_EXPORT_AGAIN = "export it again: tlearn export RUN"


def contract_path(artifact: Path) -> Path:
    """Return where the contract of an artifact is."""
    name = artifact.stem if artifact.suffix == ".tflite" else artifact.name
    return artifact.with_name(name + CONTRACT_ENDING)


def to_bytes(contract: Contract) -> bytes:
    """Write a contract as JSON; the same contract gives the same bytes."""
    text = json.dumps(_document(contract), indent=2, allow_nan=False)
    # The numbers of a vector on one line: a thousand classes would be a thousand lines.
    text = re.sub(r"\[\n([^\[\]{}\"]*)\]", lambda of: f"[{' '.join(of[1].split())}]", text)
    return text.encode() + b"\n"


def _document(contract: Contract) -> dict[str, Any]:
    """Return a contract as JSON has it: keys that many have no value for are left out."""
    document = asdict(contract)
    for key in ("thresholds", "number", "false_alarms", "ordered"):
        if document["confidence"] and not document["confidence"][key]:
            del document["confidence"][key]
    for record in (document, document["preprocessing"], *document["golden"]):
        for key in _OPTIONAL & record.keys():
            if record[key] is None:
                del record[key]
    return document


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
        HostError: It cannot be read.
    """
    beside = contract_path(artifact)
    if beside.is_file():
        source = quoted(beside)
        contract = from_bytes(read_limited(beside, MOST_TEXT_BYTES), source)
        if missing := _missing_beside(contract):
            raise ExportError(f"{source} is damaged: {missing}: missing", _EXPORT_AGAIN)
        return contract, True
    contract_inside = read_embedded(artifact)
    if contract_inside is not None:
        return contract_inside, False
    raise ExportError(
        f"{quoted(artifact)} has no contract: {beside.name!r} is not beside it", _EXPORT_AGAIN
    )


def read_embedded(artifact: Path) -> Contract | None:
    """Read the contract inside a LiteRT file; None if there is none.

    Raises:
        ExportError: It is damaged or of an unknown version.
    """
    content = read_appended(artifact, EMBEDDED_CONTRACT)
    if content is None:
        return None
    return from_bytes(content, f"{EMBEDDED_CONTRACT} in {quoted(artifact)}")


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
        document = _upgraded(strict_json(content), source)
        contract = TypeAdapter(Contract).validate_python(document)
    except ValidationError as error:
        raise ExportError(f"{source} is damaged: {first_problem(error)}", _EXPORT_AGAIN) from error
    except RecursionError:
        raise ExportError(f"{source} is damaged: it is nested too deeply", _EXPORT_AGAIN) from None
    except ValueError as error:
        raise ExportError(f"{source} is not valid JSON: {error}", _EXPORT_AGAIN) from error
    if problem := contradiction(contract) or _misread(document, _document(contract)):
        raise ExportError(f"{source} is damaged: {problem}", _EXPORT_AGAIN)
    return contract


def _missing_beside(contract: Contract) -> str:
    """Return the key that only the contract inside an artifact may lack; "" if none is missing."""
    keys: dict[str, Any] = {"file": contract.file, "sha256": contract.sha256}
    for number, golden in enumerate(contract.golden):
        keys[f"golden.{number}.artifact_probabilities"] = golden.artifact_probabilities
        if contract.known:
            keys[f"golden.{number}.artifact_known"] = golden.artifact_known
        if contract.map:
            keys[f"golden.{number}.artifact_map"] = golden.artifact_map
    return next((key for key, value in keys.items() if value is None), "")


def _misread(document: Any, record: Any, key: str = "") -> str:
    """Say which value is missing, or was read as one of another type; "" if none is."""
    if document is ...:
        return f"{key}: missing"
    if isinstance(record, dict):
        pairs = [(document.get(name, ...), value, name) for name, value in record.items()]
    elif isinstance(record, (list, tuple)):
        pairs = [(*pair, number) for number, pair in enumerate(zip(document, record, strict=True))]
    else:
        # 0 for 0.0 is how some programs write a number; "0", true and 1.0 for 1 are something else.
        same = {type(record), int} if isinstance(record, float) else {type(record)}
        return "" if type(document) in same else f"{key}: of another type"
    problems = (_misread(read, kept, f"{key}.{name}".strip(".")) for read, kept, name in pairs)
    return next(filter(None, problems), "")


def _upgraded(document: Any, source: str) -> Any:
    """Return a document of a known version under today's keys; it keeps its version."""
    version = document.get("version") if isinstance(document, dict) else None
    if type(version) is int and version in (2, VERSION):  # True is 1, and 2.0 is 2
        return document
    if type(version) is int and version == 1:
        return _renamed_keys(document)
    what = "no contract" if version is None else f"a contract of version {shortened(version)}"
    raise ExportError(
        f"{source} is {what}; this tlearn reads versions 1 to {VERSION}",
        "use the tlearn that wrote it, or " + _EXPORT_AGAIN,
    )


def _renamed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {_VERSION_1_KEYS.get(key, key): _renamed_keys(item) for key, item in value.items()}
    return [_renamed_keys(item) for item in value] if isinstance(value, list) else value
