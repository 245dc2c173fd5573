"""The catalog of backbones: what is known of each before it is loaded."""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

from tlearn.errors import BackboneError

RECOMMENDED = "mobilenet_v2"
BUILTIN = "builtin"
"""The backbone whose weights come with tlearn."""

SHIPPED = Path(__file__).with_name("builtin")
"""Its files: weights, the LiteRT file that computes its features, and how they were made."""

SHIPPED_FEATURES = "builtin.features.tflite"

DEFAULT_IMAGE_SIZE = 224
"""Input side, in pixels, for a person's own network that takes images of any size."""

HUB = "hub:"
"""Start of the name of a preset of KerasHub, or of the folder of one."""

JOINT = "+"
"""Between the names of backbones that stand side by side as one."""

NO_CUT = -1
"""In place of the number of a cut that ends a stage where networks stand side by side."""

N_MULTI_STAGE = 3
"""Number of last stages that a multi-stage head reads. Over 80 samples of ten folders (10 and 25
images per class, two backbones), three stages gained 1.9 points over the last stage alone, all five
2.0, the last two 1.7; three had the smallest loss in the worst case. Adding stages as long as
cross-validation improves gained less than one point, because it overfits the selection."""

INSTALL_HUB = "install KerasHub: pip install keras-hub"


@dataclass(frozen=True)
class BackboneSpec:
    """One row of the catalog.

    Attributes:
        name: What a person writes: "mobilenet_v2_035".
        family: Backbones of one paper: "mobilenet_v2".
        builder: Attribute of keras.applications, or a network of tlearn's own: EfficientNet-Lite,
            or a classic one of `classics.BUILDERS`.
        arguments: Keyword arguments of the builder, besides the input.
        image_size: Side of the images it was trained on, in pixels.
        min_image_size: Smallest side it can take, in pixels.
        scaling: How it expects 0-255 RGB to be scaled: "inside" (not at all, the network does it),
            "symmetric" (-1 to 1), "caffe" (BGR minus the mean), "torch" (mean 0 and standard
            deviation 1 for each channel).
        embedding_size: Channels of the last feature map.
        parameters: Weights of the trunk, without the classification layer.
        top1: Published ImageNet accuracy in percent, or None.
        license: License of the weights; empty if there are none.
        paper: URL of the paper.
        weights_url: ImageNet weights with the classification layer, as keras.applications
            downloads them; empty if they are not downloaded.
        weights_md5: Digest of that file, or of the one in `package`: MD5, or SHA-256 if it has 64
            digits; None if Keras has no digest for it.
        int8_note: Known problems of the network in int8; empty if there are none.
        package: Python package that holds the weights, as pip takes it; empty if none does.
    """

    name: str
    family: str
    builder: str
    arguments: Mapping[str, Any] = field(hash=False)
    image_size: int
    min_image_size: int
    scaling: str
    embedding_size: int
    parameters: int
    top1: float | None
    license: str
    paper: str
    weights_url: str
    weights_md5: str | None
    int8_note: str
    package: str = ""

    @property
    def pretrained(self) -> bool:
        """Return whether weights of it can be had; a classic network is trained from scratch."""
        return self.name == BUILTIN or bool(self.weights_url or self.package)


class _Family(NamedTuple):
    """What the backbones of one paper share; see `BackboneSpec` for the fields."""

    scaling: str
    min_image_size: int
    license: str
    paper: str  # arXiv number, or an address
    folder: str = ""
    int8_note: str = ""


_BUCKET = "https://storage.googleapis.com/tensorflow/keras-applications/"
_APACHE = "Apache-2.0"
_LRN = "local response normalization stays float: measure int8"
_SWISH = "swish and squeeze-excite: "
_FAMILIES = {
    "mobilenet_v2": _Family("symmetric", 32, _APACHE, "1801.04381", "mobilenet_v2/"),
    BUILTIN: _Family("symmetric", 32, _APACHE, "1801.04381"),
    "mobilenet_v3": _Family(
        "inside", 32, _APACHE, "1905.02244", "mobilenet_v3/", f"hard-{_SWISH}int8 may lose much"
    ),
    "mobilenet": _Family("symmetric", 32, _APACHE, "1704.04861", "mobilenet/"),
    "efficientnet": _Family(
        "inside",
        32,
        _APACHE,
        "1905.11946",
        "",
        f"{_SWISH}int8 loses much, less with a refitted head",
    ),
    "efficientnet_lite": _Family("inside", 32, _APACHE, "1905.11946"),
    "efficientnet_v2": _Family(
        "inside", 32, _APACHE, "2104.00298", "efficientnet_v2/", f"{_SWISH}measure int8"
    ),
    "resnet": _Family("caffe", 32, "MIT", "1512.03385", "resnet/"),
    "resnet_v2": _Family("symmetric", 32, "BSD", "1603.05027", "resnet/"),
    "densenet": _Family("torch", 32, "BSD-3-Clause", "1608.06993", "densenet/"),
    "inception_v3": _Family("symmetric", 75, "MIT", "1512.00567", "inception_v3/"),
    "inception_resnet_v2": _Family("symmetric", 75, _APACHE, "1602.07261", "inception_resnet_v2/"),
    "xception": _Family("symmetric", 71, "MIT", "1610.02357", "xception/"),
    "vgg": _Family("caffe", 32, "CC-BY-4.0", "1409.1556"),
    "nasnet": _Family("symmetric", 32, _APACHE, "1707.07012", "nasnet/"),
    "convnext": _Family(
        "inside", 32, "MIT", "2201.03545", "convnext/", "GELU and layer norm: measure int8"
    ),
    "lenet": _Family("symmetric", 32, "", "https://doi.org/10.1109/5.726791"),
    "alexnet": _Family("symmetric", 227, "", "https://papers.nips.cc/paper/4824", "", _LRN),
    "nin": _Family("symmetric", 32, "", "1312.4400"),
    "googlenet": _Family("symmetric", 32, "", "1409.4842", "", _LRN),
    "fitnet": _Family("symmetric", 32, "", "1412.6550"),
    "all_cnn": _Family("symmetric", 32, "", "1412.6806"),
    "highway": _Family("symmetric", 32, "", "1507.06228"),
    "wide_resnet": _Family("symmetric", 32, "", "1605.07146"),
    "fractalnet": _Family("symmetric", 32, "", "1605.07648"),
    "pyramidnet": _Family("symmetric", 32, "", "1610.02915"),
    "shufflenet_v2": _Family("symmetric", 32, "", "1807.11164"),
}


def _read_catalog() -> Iterator[BackboneSpec]:
    """Read backbones.csv: sizes of the trunks as built, names and digests of Keras's files."""
    table = Path(__file__).with_name("backbones.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(table.splitlines(), restval=""):
        family = _FAMILIES[row["family"]]
        arguments = dict(pair.split("=") for pair in row["arguments"].split(";") if pair)
        yield BackboneSpec(
            name=row["name"],
            family=row["family"],
            builder=row["builder"],
            arguments={key: json.loads(value) for key, value in arguments.items()},
            image_size=int(row["image_size"]),
            min_image_size=family.min_image_size,
            scaling=family.scaling,
            embedding_size=int(row["embedding_size"]),
            parameters=int(row["parameters"]),
            top1=float(row["top1"]) if row["top1"] else None,
            license=family.license,
            paper=urljoin("https://arxiv.org/abs/", family.paper),
            weights_url=row["file"] and urljoin(_BUCKET + family.folder, row["file"]),
            weights_md5=row["digest"] or None,
            # The minimalistic variants of MobileNetV3 have neither swish nor squeeze-excite.
            int8_note="" if "minimalistic" in arguments else family.int8_note,
            package=row["package"],
        )


CATALOG: dict[str, BackboneSpec] = {spec.name: spec for spec in _read_catalog()}


def find_backbone(name: str) -> BackboneSpec:
    """Return the backbone called `name`, whatever its hyphens, underscores and capitals.

    Raises:
        BackboneError: There is none; the hint offers the nearest names.
    """
    specs = {_normalized(known): spec for known, spec in CATALOG.items()}
    if _normalized(name) in specs:
        return specs[_normalized(name)]
    matches = difflib.get_close_matches(_normalized(name), specs, n=3)
    nearest = " or ".join(f"'{specs[match].name}'" for match in matches)
    question = f"did you mean {nearest}? " if nearest else ""
    raise BackboneError(
        f"there is no backbone called {name!r}",
        f"{question}list all {len(CATALOG)}: tlearn models",
    )


def check_image_size(spec: BackboneSpec, image_size: int) -> None:
    """Check that images are large enough for a backbone.

    Raises:
        BackboneError: They are too small.
    """
    least = spec.min_image_size
    if image_size < least:
        raise BackboneError(
            f"{spec.name} needs images of at least {least} x {least} pixels; "
            f"received {image_size} x {image_size}",
            f"take {least} or more; it was trained on {spec.image_size}: "
            f"--image-size {spec.image_size}",
        )


def _normalized(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
