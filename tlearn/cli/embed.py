"""`tlearn embed`: embeddings of images as a file, and images that are alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import escape_control, pluralize, relative_path
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import (
    BAD,
    DIM,
    WARN,
    bullets,
    heading,
    indented,
    key_value_table,
    safe_text,
    table,
)
from tlearn.cli.predict import Images, about, take_run
from tlearn.errors import RecipeError

if TYPE_CHECKING:
    from tlearn.commands.embed import EmbedResult


def embed(
    sources: Images,
    out: Annotated[
        Path | None,
        options.option(
            "Write the embeddings with paths, and with labels if the images have classes: .npz, "
            ".csv, or .parquet (with the extra remote).",
            "FILE",
        ),
    ] = None,
    similar: Annotated[
        Path | None, options.option("Find the images that are most like this one.", "IMAGE")
    ] = None,
    top: Annotated[
        int, options.option("How many of them to show.", "K", min=1, show_default=True)
    ] = 5,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Turn images into vectors, or find images that are alike.

    An embedding is what the classifier of a run reads of an image: images that
    the network sees alike have similar ones.

    Example: [cyan]tlearn embed flowers/ --out flowers.npz[/]
    Search: [cyan]tlearn embed flowers/ --similar rose.jpg[/]
    """
    run = take_run(sources, "embed")
    if not (out or similar):
        raise RecipeError(
            "no file was named to write the embeddings to, nor an image to compare with",
            "name one: --out embeddings.npz, or --similar IMAGE",
        )
    # Not by way of `api`, which imports every command.
    from tlearn.commands import embed as command
    from tlearn.commands.runs import summarize
    from tlearn.runs.directory import RunDirectory

    answering = summarize(RunDirectory.open(run).path)
    with Display(as_json, quiet, verbose) as display:
        result = command.embed(
            answering.path, sources, out=out, similar=similar, top=top, progress=display
        )
    if as_json:
        print_json({"run": str(answering.path), **to_json(result, out)})
    else:
        print_result(Text(), key_value_table({"run": about(answering), **_facts(result)}))
        print_result(*draw(result, similar, out))


def to_json(result: EmbedResult, out: Path | None) -> dict[str, Any]:
    """Return the document; the embeddings themselves are in the file."""
    rows, width = result.embeddings.vectors.shape
    return {
        "n_images": rows,
        "width": width,
        "n_left_out": result.n_left_out,
        "out": str(out) if out else None,
        "similar": [
            {"image": found.path, "label": found.label, "similarity": found.similarity}
            for found in result.similar
        ],
        "problems": [{"image": name, "problem": why} for name, why in result.problems.items()],
    }


def _facts(result: EmbedResult) -> dict[str, RenderableType]:
    rows, width = result.embeddings.vectors.shape
    labels = {*result.embeddings.labels}
    of_classes = f" of {pluralize(len(labels), 'class', 'classes')}" if labels else ""
    images = pluralize(rows, "image")
    facts = {"images": Text(f"{images}{of_classes}, {width:,} numbers each")}
    if result.n_left_out:
        left_out = pluralize(result.n_left_out, "image")
        facts["left out"] = Text(f"{left_out} of no class; name the files to embed them", WARN)
    return {**facts}


def draw(result: EmbedResult, similar: Path | None, out: Path | None) -> list[RenderableType]:
    """Return the neighbors, what could not be read, and where the file is."""
    blocks: list[RenderableType] = []
    if similar:
        labeled = bool(result.embeddings.labels)
        rows = table("image", *(["class"] if labeled else []), "similarity", right=(1 + labeled,))
        for found in result.similar:
            label = [safe_text(found.label or "")] if labeled else []
            rows.add_row(safe_text(relative_path(found.path)), *label, f"{found.similarity:.3f}")
        blocks += [heading(f"Most like {escape_control(relative_path(similar))}"), rows]
    if result.problems:
        unread = [f"{relative_path(name)}: {why}" for name, why in result.problems.items()]
        blocks.append(Text(f"\n{pluralize(len(unread), 'image')} cannot be read", BAD))
        blocks.append(indented(bullets(unread)))
    if out:
        blocks.append(Text(f"written to {escape_control(relative_path(out))}", DIM))
    return blocks
