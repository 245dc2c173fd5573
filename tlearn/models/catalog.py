"""The garden of pretrained backbones: what is known of each before it is loaded."""

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

SCALINGS = ("inside", "symmetric", "caffe", "torch")


@dataclass(frozen=True)
class BackboneSpec:
    """One backbone.

    Attributes:
        name: What a person writes: "mobilenet_v2_035".
        family: Backbones of one paper: "mobilenet_v2".
        builder: Attribute of keras.applications.
        arguments: What the builder is given besides the input.
        image_size: Side of the pictures it was trained on, in pixels.
        min_image_size: Smallest side it can take.
        scaling: What it expects of 0-255 RGB: "inside" (nothing), "symmetric" (-1 to 1), "caffe"
            (BGR without the mean), "torch" (mean 0, standard deviation 1 a channel).
        embedding_size: Channels of the last feature map.
        parameters: Weights of the trunk, without the classification layer.
        top1: Published ImageNet accuracy in per cent, or None.
        license: Of the weights.
        paper: Where it was published.
        weights_url: ImageNet weights with the classification layer, as keras.applications
            fetches them; empty for the built-in backbone.
        weights_md5: Digest of that file: MD5, or SHA-256 where it has 64 digits; None where
            Keras knows none.
        int8_note: What to expect of int8; empty when nothing stands against it.
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


class _Family(NamedTuple):
    """What the backbones of one paper share; `BackboneSpec` says what the names mean."""

    scaling: str
    min_image_size: int
    license: str
    arxiv: str
    folder: str
    int8_note: str = ""


_BUCKET = "https://storage.googleapis.com/tensorflow/keras-applications/"
_APACHE = "Apache-2.0"
_SWISH = "swish and squeeze-excite: "
_FAMILIES = {
    "mobilenet_v2": _Family("symmetric", 32, _APACHE, "1801.04381", "mobilenet_v2/"),
    BUILTIN: _Family("symmetric", 32, _APACHE, "1801.04381", ""),
    "mobilenet_v3": _Family(
        "inside", 32, _APACHE, "1905.02244", "mobilenet_v3/", f"hard-{_SWISH}int8 may lose much"
    ),
    "mobilenet": _Family("symmetric", 32, _APACHE, "1704.04861", "mobilenet/"),
    "efficientnet": _Family(
        "inside", 32, _APACHE, "1905.11946", "", f"{_SWISH}int8 loses much, less if solved for"
    ),
    "efficientnet_v2": _Family(
        "inside", 32, _APACHE, "2104.00298", "efficientnet_v2/", f"{_SWISH}measure int8"
    ),
    "resnet": _Family("caffe", 32, "MIT", "1512.03385", "resnet/"),
    "resnet_v2": _Family("symmetric", 32, "BSD", "1603.05027", "resnet/"),
    "densenet": _Family("torch", 32, "BSD-3-Clause", "1608.06993", "densenet/"),
    "inception_v3": _Family("symmetric", 75, "MIT", "1512.00567", "inception_v3/"),
    "inception_resnet_v2": _Family("symmetric", 75, _APACHE, "1602.07261", "inception_resnet_v2/"),
    "xception": _Family("symmetric", 71, "MIT", "1610.02357", "xception/"),
    "vgg": _Family("caffe", 32, "CC-BY-4.0", "1409.1556", ""),
    "nasnet": _Family("symmetric", 32, _APACHE, "1707.07012", "nasnet/"),
    "convnext": _Family(
        "inside", 32, "MIT", "2201.03545", "convnext/", "GELU and layer norm: measure int8"
    ),
}


def _read_garden() -> Iterator[BackboneSpec]:
    """Rows of backbones.csv: sizes of the trunks as built, names and digests of Keras's files."""
    table = Path(__file__).with_name("backbones.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(table.splitlines()):
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
            paper=f"https://arxiv.org/abs/{family.arxiv}",
            weights_url=row["file"] and urljoin(_BUCKET + family.folder, row["file"]),
            weights_md5=row["digest"] or None,
            # The minimalistic variants of MobileNetV3 have neither.
            int8_note="" if "minimalistic" in arguments else family.int8_note,
        )


CATALOG: dict[str, BackboneSpec] = {spec.name: spec for spec in _read_garden()}


def find_backbone(name: str) -> BackboneSpec:
    """The backbone called `name`; hyphens, capitals and missing underscores are forgiven.

    Raises:
        BackboneError: There is none; the hint has the nearest names.
    """
    plain = {_plain(known): spec for known, spec in CATALOG.items()}
    if _plain(name) in plain:
        return plain[_plain(name)]
    near = [plain[match].name for match in difflib.get_close_matches(_plain(name), plain, n=3)]
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    raise BackboneError(
        f"There is no backbone called {name!r}.",
        f"{meant}`tlearn models` shows all {len(CATALOG)}.",
    )


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


USUAL_SIZE = 224
"""Side of the input of a person's own network that takes any, in pixels."""
