"""`tlearn models`: the garden of backbones, and one of them from the inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options, render
from tlearn.cli.progress import Display, print_json, print_result
from tlearn.cli.render import ACCENT, DIM, GOOD, WARN

if TYPE_CHECKING:
    from tlearn.models.backbone import Backbone
    from tlearn.models.catalog import BackboneSpec

_SCALING = {
    "inside": "takes 0 to 255 as it is",
    "symmetric": "-1 to 1",
    "caffe": "BGR without the mean",
    "torch": "mean 0 and deviation 1 a channel",
}


def models(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A backbone by name, or your own .keras file: shows its stages and cuts.",
            show_default=False,
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List the pretrained backbones, or look into one.

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
        backbone, cuts = _build(name, as_json)
        if as_json:
            stages = [asdict(stage) for stage in backbone.stages]
            print_json({**_listed(backbone.spec, here), "cuts": cuts, "stages": stages})
        else:
            print_result(*draw_backbone(backbone, cuts, here))


def draw_catalog(
    catalog: Mapping[str, BackboneSpec], here: Mapping[str, Path]
) -> list[RenderableType]:
    """One line a backbone, in the order of the catalog."""
    from tlearn.models.catalog import RECOMMENDED

    made = render.table(
        "name", "px", "params", "dim", "top-1", "weights", "int8", right=(1, 2, 3, 4)
    )
    for spec in catalog.values():
        made.add_row(
            Text(spec.name, ACCENT if spec.name == RECOMMENDED else ""),
            str(spec.image_size),
            f"{spec.parameters / 1e6:.1f} M",
            str(spec.embedding_size),
            f"{spec.top1:.1f}" if spec.top1 else "-",
            Text("here", GOOD) if spec.name in here else Text("fetch", DIM),
            Text("check", WARN) if spec.int8_note else "",
        )
    legend = (
        "px: side of the pictures it was trained on; dim: numbers in an embedding\n"
        "top-1: published accuracy on ImageNet, in per cent\n"
        "weights: on this machine, or fetched at first use; int8 check: may lose accuracy\n"
        f"auto takes {RECOMMENDED}"
    )
    return [Text(), made, Text(legend, DIM), render.next_step("tlearn models NAME")]


def draw_backbone(backbone: Backbone, cuts: int, here: Mapping[str, Path]) -> list[RenderableType]:
    """Facts, then stages."""
    spec = backbone.spec
    where = here.get(spec.name)
    rows: dict[str, RenderableType] = {
        "name": render.words(spec.name, "bold"),
        "pictures": Text(f"{spec.image_size} pixels, at least {spec.min_image_size}"),
        "scaling": Text(_SCALING[spec.scaling]),
        "parameters": Text(f"{spec.parameters:,} without the classification layer"),
        "embedding": Text(f"{spec.embedding_size:,} numbers"),
        "top-1": Text(f"{spec.top1} % on ImageNet, published" if spec.top1 else "-"),
        "weights": render.words(where or spec.weights_url or "in the file itself"),
        "license": Text(spec.license or "yours"),
        "paper": Text(spec.paper or "-"),
        "int8": Text(spec.int8_note or "nothing stands against it"),
    }
    made = render.table(
        "stage", "ends at cut", "output", "layers", "parameters", right=(1, 2, 3, 4)
    )
    for stage in backbone.stages:
        output = f"{stage.size} x {stage.size} x {stage.channels:,}"
        made.add_row(
            stage.name, str(stage.end_cut), output, str(stage.layers), f"{stage.parameters:,}"
        )
    title = f"{render.count(len(backbone.stages), 'stage')}, {render.count(cuts, 'cut')}"
    note = "a cut is where the network falls into a frozen part and a trained one"
    return [
        Text(),
        render.facts(rows),
        render.heading(title),
        render.indented(made),
        Text(note, DIM),
        render.next_step(f"tlearn suggest FOLDER --backbone {spec.name}"),
    ]


def _build(name: str, as_json: bool) -> tuple[Backbone, int]:
    """The network with random weights: its shape is what is asked for."""
    from tlearn.backend.silence import import_keras
    from tlearn.models.resolve import resolve_backbone

    choice = resolve_backbone(name, None, None, random_seed=0)
    with Display(as_json) as display:
        display("load TensorFlow", 0, 0)
        import_keras()
        display(f"build {choice.name}", 0, 0)
        from tlearn.models.stages import find_cuts

        backbone = choice.load()
        return backbone, len(find_cuts(backbone.trunk))


def _listed(spec: BackboneSpec, here: Mapping[str, Path]) -> dict[str, Any]:
    path = here.get(spec.name)
    facts = {key: value for key, value in vars(spec).items() if key != "arguments"}
    return {**facts, "arguments": dict(spec.arguments), "weights_path": str(path) if path else None}
