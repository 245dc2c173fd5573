"""What is asked of an export, and what it needs, prepared once: the model, and its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.artifacts.contract import LAYOUTS, Preprocessing
from tlearn.confidence.answers import Answer, Answers
from tlearn.confidence.confidence import UNKNOWN, Confidence
from tlearn.confidence.novelty import REFUSED
from tlearn.data.targets import CLASSES
from tlearn.evaluation.choice import NO_CHOICE, Choice
from tlearn.runs.run_images import SplitImages

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class ExportOptions:
    """What exported files shall give, and how they are checked.

    Attributes:
        max_drop: Largest drop of accuracy allowed, as a fraction.
        choice: An operating point to choose on the answers of each file; without one, that which is
            kept in the run is chosen again.
        refuse: Share of images of one's own that may be called "none of these"; None for 0.05.
        prior: Class to its share in use; those not named divide the rest as in training.
        maps: Whether files say where in the image their answer comes from, as a third output.
        embedding: Whether files give what the head reads, as one more output.
    """

    max_drop: float = 0.01
    choice: Choice = NO_CHOICE
    refuse: float | None = None
    prior: Mapping[str, float] = field(default_factory=dict)
    maps: bool = False
    embedding: bool = False


@dataclass(frozen=True, eq=False)
class GoldenImage:
    """A held-out image that an app can test its input with.

    Attributes:
        content: The file as it was found.
        suffix: Of its name, by content.
        label: What it shows.
        pixels: uint8 (H, W, 3), as the decoder gives them.
        answer: By the trained model.
    """

    content: bytes
    suffix: str
    label: str
    pixels: np.ndarray
    answer: Answer


@dataclass(frozen=True, eq=False)
class ExportInputs:
    """The model and all that its artifacts are made of and compared with.

    Attributes:
        model: The classifier.
        class_names: In the order of its output.
        check: The images that every artifact is checked on.
        expected: What the model says of them.
        calibration: uint8 (n, H, W, 3), images of the train split that set the ranges of int8;
            None where no format needs them.
        golden: Images that go beside the artifacts.
        preprocessing: How an image becomes the input.
        metadata: What a file says of itself.
        provenance: SHA-256 of the files that it was made from.
        int8_note: What is known against int8 for this network; empty where nothing is.
        confidence: What is known of the model's answers.
        max_drop: Largest drop of accuracy allowed, as a fraction.
        refuse: Share of images of one's own that may be called "none of these".
        choice: What is chosen on the answers of each artifact.
        prior: (classes,) shares that the model's probabilities were set for; None where they are
            those of training.
        task: What the model answers.
        scale: Of a number, the standard deviation of the training numbers; None of others.
        embedding: Whether files get the output `embedding`, what the head reads.
        layout: Order of the axes of the ONNX file's input, one of `contract.LAYOUTS`.
        for_runtime: Version of TensorFlow Lite that must run LiteRT files; "" for any.
    """

    model: keras.Model
    class_names: Sequence[str]
    check: SplitImages
    expected: Answers
    preprocessing: Preprocessing
    metadata: Mapping[str, Any]
    calibration: np.ndarray | None = None
    golden: Sequence[GoldenImage] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    int8_note: str = ""
    confidence: Confidence = UNKNOWN
    max_drop: float = ExportOptions.max_drop
    refuse: float = REFUSED
    choice: Choice = NO_CHOICE
    prior: Sequence[float] | None = None
    task: str = CLASSES
    scale: float | None = None
    embedding: bool = False
    layout: str = LAYOUTS[0]
    for_runtime: str = ""

    def written(self) -> keras.Model:
        """Return the model as files hold it: with a map of its answer, where maps are expected."""
        model = self.model
        if self.expected.maps is not None and self.task == CLASSES:
            from tlearn.models.class_map import with_map

            model = with_map(model)
        if self.embedding:
            from tlearn.models.classifier import with_embedding

            model = with_embedding(model)
        return model

    @property
    def named_prior(self) -> dict[str, float] | None:
        """Return the shares of `prior` by class."""
        if self.prior is None:
            return None
        return dict(zip(self.class_names, self.prior, strict=True))
