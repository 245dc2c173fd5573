"""How a run came about: versions without imports, the command line, where each split came from."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.written_run import make_manifest, make_provenance, plan_of
from tlearn.data.image_folder import ImageFolder, LabeledImage
from tlearn.data.manifest import SplitManifest
from tlearn.errors import RunError
from tlearn.runs import provenance
from tlearn.runs.directory import RunDirectory
from tlearn.runs.provenance import (
    SplitOrigin,
    collect_provenance,
    command_line,
    installed_versions,
    read_provenance,
    split_origins,
    write_provenance,
)

FLAT = {"train": 8, "val": 2, "test": 4}


def folder_of(manifest: SplitManifest, split_names: Sequence[str], layout: str) -> ImageFolder:
    """Return a folder where images of `split_names` have their split, others are in train."""
    rest = "train" if split_names else None
    images = tuple(
        LabeledImage(Path(name), name, int(label), split if split in split_names else rest)
        for name, label, split in zip(manifest.names, manifest.labels, manifest.splits, strict=True)
    )
    return ImageFolder(Path("/data"), manifest.classes, images, layout)


@pytest.mark.parametrize(
    ("counts", "split_names", "layout", "expected"),
    [
        (
            FLAT,
            (),
            "classes",
            {
                "train": "what the other splits leave",
                "val": "15% of the images of each class, drawn with seed 3",
                "test": "20% of the images of each class, drawn with seed 3",
            },
        ),
        (FLAT, ("train", "val", "test"), "splits", dict.fromkeys(FLAT, "given by the folders")),
        (FLAT, ("train", "val", "test"), "csv", dict.fromkeys(FLAT, "given by the CSV")),
        (
            FLAT,
            ("train", "test"),
            "splits",
            {
                "train": "given by the folders",
                "val": "15% of the training images of each class, drawn with seed 3",
                "test": "given by the folders",
            },
        ),
        (
            {"train": 8, "val": 2},
            ("train", "val"),
            "splits",
            {"train": "given by the folders", "val": "given by the folders", "test": "none"},
        ),
        (
            {"train": 8, "test": 2},
            ("train", "test"),
            "csv",
            {
                "train": "given by the CSV",
                "val": "none; 5-fold cross-validation on train instead",
                "test": "given by the CSV",
            },
        ),
    ],
)
def test_each_split_says_where_it_came_from(
    counts: dict[str, int], split_names: Sequence[str], layout: str, expected: dict[str, str]
) -> None:
    manifest = make_manifest(counts=counts)
    plan = plan_of(manifest, "linear_head", {"seed": 3, "test_fraction": 0.2})
    folder = folder_of(manifest, split_names, layout)
    origins = split_origins(folder, manifest, plan)
    assert {split: origin.in_words() for split, origin in origins.items()} == expected


def test_a_fraction_that_was_not_used_appears_nowhere() -> None:
    manifest = make_manifest()
    plan = plan_of(manifest, "linear_head", {})
    folder = folder_of(manifest, ("train", "val", "test"), "splits")
    collected = collect_provenance(folder, manifest, plan, ["tlearn"])
    assert collected.seeds == {"training": 0}
    assert all(origin == SplitOrigin("folders") for origin in collected.splits.values())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["/usr/bin/tlearn", "finetune", "my images/"], "tlearn finetune 'my images/'"),
        (["C:/venv/Scripts/tlearn.exe", "demo"], "tlearn demo"),
        (["/x/site-packages/tlearn/__main__.py", "demo", "--json"], "tlearn demo --json"),
        (["train.py", "/abs/images"], "train.py /abs/images"),
        (["/other/__main__.py"], "/other/__main__.py"),
        ([], "''"),
    ],
)
def test_the_command_line_can_be_typed_again(words: list[str], expected: str) -> None:
    assert command_line(words) == expected


def test_versions_are_those_that_are_installed() -> None:
    import keras
    import numpy

    versions = installed_versions()
    assert versions["keras"] == keras.__version__ and versions["numpy"] == numpy.__version__
    assert all(versions[name] for name in ("tensorflow", "litert", "pillow"))


def test_a_tensorflow_of_another_name_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "tensorflow-cpu":
            return "2.21.0"
        raise provenance.PackageNotFoundError

    monkeypatch.setattr(provenance, "version", version)
    assert installed_versions()["tensorflow"] == "2.21.0"
    assert installed_versions()["keras"] is None


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from tlearn.runs.provenance import installed_versions as versions; versions();"
        "print([name for name in ('tensorflow', 'keras', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    assert read_provenance(run) is None  # a run of the first version
    write_provenance(run, make_provenance())
    assert read_provenance(run) == make_provenance()


def test_this_machine_is_described() -> None:
    manifest = make_manifest()
    folder = folder_of(manifest, (), "classes")
    collected = collect_provenance(folder, manifest, plan_of(manifest, "deep", {}))
    assert collected.processor and collected.system and collected.python.startswith("3.")
    assert collected.seeds == {"split": 0, "training": 0}


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 9}', '{"version": 1, "date": 3}'])
def test_a_damaged_file_is_an_error_with_a_hint(text: str, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    run.provenance_path.write_text(text)
    with pytest.raises(RunError, match=r"provenance\.json") as error:
        read_provenance(run)
    assert error.value.hint


def test_extra_keys_of_a_later_version_are_left_alone(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    write_provenance(run, make_provenance())
    document = json.loads(run.provenance_path.read_text())
    run.provenance_path.write_text(json.dumps(document | {"more": 1}))
    assert read_provenance(run) == make_provenance()
