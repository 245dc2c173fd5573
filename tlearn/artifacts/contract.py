"""The contract of an artifact: how an image becomes its input, what comes out, golden answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from tlearn.confidence.confidence import Confidence
from tlearn.confidence.operating_point import OperatingPoint

VERSION = 3
"""The version of the files that are written; older ones are read into the same records."""

GOLDEN_FOLDER = "golden"
"""The folder beside an artifact with its golden images."""

TOLERANCES = {"none": 1e-3, "float16": 1e-2, "dynamic": 5e-2, "int8": 5e-2, "int8_float": 5e-2}
"""How far a probability may be from that at the export, by quantization."""

PROCESSORS = {
    "none": "CPUs and GPUs",
    "float16": "GPUs and CPUs",
    "dynamic": "CPUs",
    "int8": "NPUs and CPUs",
    "int8_float": "NPUs and CPUs",
}
"""What computes a LiteRT file, by quantization; an NPU leaves float files to the CPU."""

FORMATS = {".tflite": "tflite", ".onnx": "onnx", ".xml": "openvino", "": "saved_model"}
"""What an artifact's format is called, by the suffix of its name."""

RESIZE_IN_WORDS = {
    "squash": "both sides to image_size, whatever the shape of the image",
    "crop": "the short side to image_size, then the square in the middle",
    "pad": "the long side to image_size, then centered on gray (127, 127, 127)",
}
EARLIER_DECODING = "upright as EXIF says, transparency on white, first frame, antialiased bilinear"
"""In files of a time when a JPEG was reduced further; golden images tell what that changes."""

_DECODING = f"{EARLIER_DECODING}; a JPEG may be reduced to no less than twice the size before"
_NORMALIZATION = "none: pixels go in unchanged, the network scales them itself"


LAYOUTS = ("NHWC", "NCHW")
"""Orders of the axes of the input: N for the batch, H and W for the sides, C for the color."""


@dataclass(frozen=True)
class Tensor:
    """The input or the output of a network.

    Attributes:
        name: Its name in the signature.
        shape: Sizes; None for one that the caller chooses.
        dtype: NumPy's name of the type.
        scale: Of quantized values, where value = scale * (integer - zero_point); None for floats.
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
    """How an image becomes the input: (value - mean) / std of values within `range`.

    Attributes:
        image_size: Side of the square, in pixels.
        resize: One of `decode.RESIZE_RULES`.
        resize_in_words: The same rule in words.
        decoding: How a file becomes pixels, in words.
        color_order: Order of the channels.
        range: Smallest and largest value of the input.
        mean: Subtracted from values.
        std: What values are divided by, after that.
        normalization: The same in words.
        gray_range: Values that become 0 and 255 in images of more than 8 bits; missing where
            there were none.
        layout: Order of the axes of the input, one of `LAYOUTS`; missing in older contracts, which
            have the first.
    """

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
    gray_range: tuple[float, float] | None = None
    layout: str | None = None

    @classmethod
    def of(
        cls, image_size: int, resize: str, gray_range: tuple[float, float] | None = None
    ) -> Preprocessing:
        """Describe what `decode.decode` does with a resize rule and a range of gray values."""
        return cls(image_size, resize, RESIZE_IN_WORDS[resize], gray_range=gray_range)


@dataclass(frozen=True)
class Golden:
    """A held-out image with the answers that the model and the artifact gave.

    Attributes:
        file: Name of the original file in golden/ beside the artifact.
        sha256: Digest of that file.
        label: Its class.
        pixels_file: Name in golden/ of the network's input, saved without loss.
        pixels_sha256: Digest of those pixels: the bytes of uint8 (height, width, 3), row by row.
        pixels_shape: (height, width, 3).
        model_probabilities: Probabilities of the trained model.
        artifact_probabilities: Probabilities of the artifact; None in the contract inside it.
        model_known: `known` of the trained model; missing where it has no such output.
        artifact_known: `known` of the artifact; missing likewise, and in the contract inside it.
        artifact_map: `map` of the artifact, row by row; missing likewise.
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
    model_known: float | None = None
    artifact_known: float | None = None
    artifact_map: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Contract:
    """What an artifact takes and gives, and answers to verify it by.

    Attributes:
        version: Version of the file that it was read from, or is to be written to.
        tlearn: Version of tlearn that wrote it.
        file: Name of the artifact; None in the contract inside it.
        sha256: Digest of the artifact, see `files.artifact_digest`; None in the contract inside it.
        format: "tflite", "saved_model", ...
        quantization: One of `quantization.MODES`.
        signature: Name under which input and output are found, if the format has signatures.
        input: The image.
        preprocessing: How an image becomes the input.
        output: One probability for each label, or a number.
        labels: Class names, labels or the name of the number, in the order of the output.
        provenance: SHA-256 of the run's model, plan and split.
        tolerance: How far a probability may be from `Golden.artifact_probabilities`.
        golden: Images to verify the artifact with.
        known: The output that says how like the training images an image is; missing where there
            is none.
        refuse: Answers whose `known` is less are refused: "none of these"; missing likewise.
        confidence: What is known of the artifact's own answers; missing in older contracts.
        operating_point: From which probability on one of two labels is answered, with its rates on
            the validation images that this was chosen on; missing where the more probable one is.
        prior: Class to the share that probabilities were set for; missing where classes are as
            frequent as in training.
        embedding: The output (batch, d) that the head reads; missing where there is none.
        task: What the output is, see `targets`; missing of classes.
        scale: Of a number, the standard deviation of the training numbers: the unit of `tolerance`;
            missing of others.
        runtime: Least version of TensorFlow Lite that runs a LiteRT file; missing of others, and in
            older contracts.
        map: The output (batch, height, width) that says where in the image the answer comes from:
            above 0 what speaks for the most probable class, below 0 what speaks against it; missing
            where there is none.
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
    known: Tensor | None = None
    refuse: float | None = None
    confidence: Confidence | None = None
    operating_point: OperatingPoint | None = None
    prior: dict[str, float] | None = None
    map: Tensor | None = None
    embedding: Tensor | None = None
    task: str | None = None
    scale: float | None = None
    runtime: str | None = None

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Return from which output on each of several labels, or "bad", is answered."""
        return self.confidence.thresholds_of(len(self.labels)) if self.confidence else ()

    @property
    def ordered(self) -> bool:
        """Return whether the classes are steps of a scale."""
        return bool(self.confidence and self.confidence.ordered)

    @property
    def shares(self) -> tuple[float, ...] | None:
        """Return the shares of `prior` in the order of the labels."""
        return tuple(self.prior[label] for label in self.labels) if self.prior else None

    def embedded(self) -> Contract:
        """Return the contract to put inside the artifact, without its own hash and answers."""
        golden = tuple(
            replace(image, artifact_probabilities=None, artifact_known=None, artifact_map=None)
            for image in self.golden
        )
        return replace(self, file=None, sha256=None, golden=golden)


def tolerance_of(quantization: str) -> float:
    """Return how far a probability may move from one machine to another.

    Kernels of other processors round differently, and a step of int8 is 1/256.
    """
    return TOLERANCES[quantization]
