"""A cell's model as a run on disk, from which files are exported."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.answers.cells import Cell
from tlearn import api
from tlearn.data.pixel_store import PixelRows
from tlearn.export.from_run import prepare_export
from tlearn.export.inputs import ExportInputs, ExportOptions
from tlearn.runs.trained_run import TrainedRun


@contextmanager
def export_inputs(cell: Cell, calibrate: bool) -> Iterator[ExportInputs]:
    """Yield what an export needs, from a run trained on a copy of the cell's images."""
    manifest = cell.folder.workspace.dataset.manifest
    with TemporaryDirectory() as scratch:
        for split, rows in cell.rows.items():
            for row in rows:
                name = Path(manifest.names[row])
                target = Path(scratch, "images", split, manifest.classes[manifest.labels[row]])
                target.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(cell.folder.path / name, target / f"{row}{name.suffix}")
        images, run = Path(scratch, "images"), Path(scratch, "run")
        api.finetune(images, flags=cell.folder.flags | {"groups": "off"}, out=run)
        yield prepare_export(TrainedRun.open(run), calibrate, ExportOptions(max_drop=1.0))


def pixels(cell: Cell, split: str) -> PixelRows:
    """Return the images of a split as the network takes them."""
    dataset = cell.folder.workspace.dataset
    return dataset.pixels.rows([dataset.manifest.digests[row] for row in cell.rows[split]])
