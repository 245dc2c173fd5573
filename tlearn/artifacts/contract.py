"""What an exported file promises: how a picture gets in, what comes out, answers to hold it to.

A contract lies beside its artefact: model.contract.json for model.tflite, saved_model.contract.json
for saved_model/, and NAME.contract.json for any other NAME. A LiteRT file holds its contract inside
too, as contract.json, without what no file can say of itself: its own hash and its answers.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from tlearn.errors import ExportError
from tlearn.storage.atomic import write_atomic
from tlearn.storage.digest import digest_of_bytes, digest_of_file

VERSION = 2
_FIRST_KEYS = {
    "preparation": "preprocessing",
    "colour_order": "color_order",
    "normalisation": "normalization",
    "made_from": "provenance",
    "by_model": "model_probabilities",
    "by_artefact": "artifact_probabilities",
}
"""Keys of version 1 to those of today."""
EMBEDDED_CONTRACT = "contract.json"
CONTRACT_ENDING = ".contract.json"
GOLDEN_FOLDER = "golden"

_TOLERANCES = {"none": 1e-3, "float16": 1e-2}
_COARSE = 5e-2

RESIZE_IN_WORDS = {
    "squash": "both sides to image_size, whatever the shape of the picture",
    "crop": "the short side to image_size, then the square in the middle",
    "pad": "the long side to image_size, then centred on gray (127, 127, 127)",
}
_DECODING = "upright as EXIF says, transparency on white, first frame, antialiased bilinear"
_NORMALIZATION = "none: pixels go in as they are, the network scales them itself"
_AGAIN = "export it again: tlearn export RUN"


@dataclass(frozen=True)
class Tensor:
    """One end of a network.

    Attributes:
        name: In the signature.
        shape: None is a size that the caller chooses.
        dtype: As NumPy calls it.
        scale: Of integers: value = scale * (integer - zero_point); None where there is none.
        zero_point: See `scale`.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes the input: (value - mean) / std of values within `range`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    image_size: int
    resize: str
    resize_in_words: str
    decoding: str = _DECODING
    color_order: str = "RGB"
    range: tuple[int, int] = (0, 255)
    mean: float = 0.0
    std: float = 1.0
    normalization: str = _NORMALIZATION

    @classmethod
    def of(cls, image_size: int, resize: str) -> Preprocessing:
        """The preparation that tlearn's decoder does by a resize rule."""
        return cls(image_size, resize, RESIZE_IN_WORDS[resize])


@dataclass(frozen=True)
class Golden:
    """A held-out picture with the answers that it has to get.

    Attributes:
        file: Name in golden/ beside the artefact, as it was found.
        sha256: Of the file.
        label: What it shows.
        pixels_file: Name in golden/ of what the network is given, without loss.
        pixels_sha256: Of those pixels: bytes of uint8 (height, width, 3), row by row.
        pixels_shape: (height, width, 3).
        model_probabilities: Probabilities by the trained model.
        artifact_probabilities: Probabilities by the artefact; None inside the artefact itself.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    file: str
    sha256: str
    label: str
    pixels_file: str
    pixels_sha256: str
    pixels_shape: tuple[int, int, int]
    model_probabilities: tuple[float, ...]
    artifact_probabilities: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Contract:
    """What an artefact promises.

    Attributes:
        version: Of this record.
        tlearn: Version that wrote it.
        file: Name of the artefact; None inside the artefact.
        sha256: See `artifact_digest`; None inside the artefact.
        format: "tflite", "saved_model", ...
        quantization: One of `quantization.MODES`.
        signature: Under which input and output are found, where the format has signatures.
        input: The picture.
        preprocessing: How a picture becomes the input.
        output: One probability for each label.
        labels: Classes, in the order of the output.
        provenance: SHA-256 of the run's model, plan and split.
        tolerance: How far a probability may lie from `Golden.artifact_probabilities`.
        golden: Pictures to hold it to.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    version: int
    tlearn: str
    file: str | None
    sha256: str | None
    format: str
    quantization: str
    signature: str
    input: Tensor
    preprocessing: Preprocessing
    output: Tensor
    labels: tuple[str, ...]
    provenance: dict[str, str]
    tolerance: float
    golden: tuple[Golden, ...]

    def inside(self) -> Contract:
        """The same without what the artefact cannot say of itself."""
        golden = tuple(replace(one, artifact_probabilities=None) for one in self.golden)
        return replace(self, file=None, sha256=None, golden=golden)


def tolerance_of(quantization: str) -> float:
    """How far a probability may move from one machine to the next.

    Kernels of other processors round other sums, and a step of int8 is 1/256.
    """
    return _TOLERANCES.get(quantization, _COARSE)


def contract_path(artifact: Path) -> Path:
    """Where the contract of an artefact lies."""
    name = artifact.stem if artifact.suffix == ".tflite" else artifact.name
    return artifact.with_name(name + CONTRACT_ENDING)


def to_bytes(contract: Contract) -> bytes:
    """JSON; the same contract gives the same bytes."""
    text = json.dumps(asdict(contract), indent=2, allow_nan=False)
    # Numbers of one vector on one line: a thousand classes are a thousand lines otherwise.
    text = re.sub(r"\[\n([^\[\]{}\"]*)\]", lambda of: f"[{' '.join(of[1].split())}]", text)
    return text.encode() + b"\n"


def write_contract(contract: Contract, artifact: Path) -> None:
    """Write the contract beside its artefact.

    Raises:
        HostError: The place cannot be written.
    """
    write_atomic(contract_path(artifact), to_bytes(contract))


def read_contract(artifact: Path) -> tuple[Contract, bool]:
    """The contract of an artefact, and whether it lay beside it and not inside.

    Raises:
        ExportError: There is none, or it is damaged, or of another version.
    """
    beside = contract_path(artifact)
    if beside.is_file():
        return from_bytes(beside.read_bytes(), str(beside)), True
    if artifact.is_file() and zipfile.is_zipfile(artifact):
        try:
            with zipfile.ZipFile(artifact) as archive:
                content = (
                    archive.read(EMBEDDED_CONTRACT)
                    if EMBEDDED_CONTRACT in archive.namelist()
                    else None
                )
        except (OSError, zipfile.BadZipFile) as error:
            raise ExportError(f"{artifact} is damaged: {error}", _AGAIN) from error
        if content is not None:
            return from_bytes(content, f"{EMBEDDED_CONTRACT} in {artifact}"), False
    raise ExportError(f"{artifact} has no contract: {beside.name} is not beside it", _AGAIN)


def from_bytes(content: bytes, name: str) -> Contract:
    """Read a contract.

    Args:
        content: What `to_bytes` gave.
        name: Where it was found, for a message.

    Raises:
        ExportError: It is damaged, or of another version.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        document = json.loads(content)
    except ValueError as error:
        raise ExportError(f"{name} is not valid JSON: {error}", _AGAIN) from error
    version = document.get("version") if isinstance(document, dict) else None
    if version == 1:
        document = _upgrade(document) | {"version": VERSION}
    elif version != VERSION:
        found = f"a contract of version {version!r}" if version is not None else "no contract"
        raise ExportError(
            f"{name} is {found}; this tlearn reads 1 and {VERSION}",
            "use the tlearn that wrote it, or export it again",
        )
    try:
        contract = TypeAdapter(Contract).validate_python(document)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        raise ExportError(f"{name} is damaged: {key}: {problem['msg']}", _AGAIN) from error
    if found := _contradiction(contract):
        raise ExportError(f"{name} is damaged: {found}", _AGAIN)
    return contract


def _upgrade(value: Any) -> Any:
    """Return a document of version 1 with the keys of today."""
    if isinstance(value, dict):
        return {_FIRST_KEYS.get(key, key): _upgrade(item) for key, item in value.items()}
    return [_upgrade(item) for item in value] if isinstance(value, list) else value


def _contradiction(contract: Contract) -> str:
    """What no two parts of a contract can both mean; nothing where they agree."""
    how, shape, gives = contract.preprocessing, contract.input.shape, contract.output.shape
    if how.resize not in RESIZE_IN_WORDS:
        return f"preprocessing.resize: {how.resize!r} is none of {', '.join(RESIZE_IN_WORDS)}"
    if shape[1:] != (how.image_size, how.image_size, 3):
        return f"preprocessing.image_size: {how.image_size}, where the input is {shape}"
    if len(gives) != 2:
        return f"output.shape: {gives}, where (batch, classes) is expected"
    for number, golden in enumerate(contract.golden):
        answers = (
            golden.model_probabilities,
            golden.artifact_probabilities or golden.model_probabilities,
        )
        if any(len(answer) != gives[1] for answer in answers):
            return f"golden.{number}: not as many probabilities as the output has"
    return ""


def artifact_digest(artifact: Path) -> str:
    """SHA-256 of a file; of a directory, or of .xml with its .bin, of the list of its files.

    The list has a line for each file in the order of their names: SHA-256, two spaces, name
    relative to the directory; `find . -type f | sort | xargs sha256sum` without "./".
    """
    files = _files_of(artifact)
    if files == [artifact]:
        return digest_of_file(artifact)
    root = artifact if artifact.is_dir() else artifact.parent
    lines = (f"{digest_of_file(file)}  {file.relative_to(root).as_posix()}\n" for file in files)
    return digest_of_bytes("".join(lines).encode("utf-8", "surrogateescape"))


def _files_of(artifact: Path) -> Sequence[Path]:
    if artifact.is_dir():
        return sorted(file for file in artifact.rglob("*") if file.is_file())
    weights = artifact.with_suffix(".bin")
    return [artifact, weights] if artifact.suffix == ".xml" and weights.exists() else [artifact]
