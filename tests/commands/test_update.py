"""Images and classes added to a run: what stays, what is added, what is released."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import draw_image
from tests.finished_run import Train
from tlearn import api
from tlearn.commands import update as module
from tlearn.data.manifest import SplitManifest, read_manifest
from tlearn.errors import DataError, RunError
from tlearn.runs.provenance import read_provenance
from tlearn.runs.trained_run import TrainedRun

Draw = Callable[..., Path]


@pytest.fixture(autouse=True)
def _quick(converted: None, undrawn: None) -> None:
    pass


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Draw new images: `draw(circle=10)`; with other shapes in a class by `shapes`."""

    def make(
        name: str = "new", start: int = 500, shapes: Mapping[str, str] | None = None, **counts: int
    ) -> Path:
        for class_name, n in counts.items():
            folder = tmp_path / name / class_name
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(start, start + n):
                shape = (shapes or {}).get(class_name, class_name)
                image = draw_image(shape, 7_000 * len(class_name) + number)
                image.save(folder / f"{class_name}_{number}.png")
        return tmp_path / name

    return make


def manifest_of(run: Path) -> SplitManifest:
    return read_manifest(run / "split.csv")


def contents(run: Path) -> dict[str, bytes]:
    return {str(p.relative_to(run)): p.read_bytes() for p in run.rglob("*") if p.is_file()}


def test_old_images_stay_where_they_are_and_a_class_comes_after_the_old_ones(
    finished_run: Path, draw: Draw
) -> None:
    before, old = contents(finished_run), manifest_of(finished_run)
    # By its name it would stand first.
    new = draw(circle=20, bars=20, shapes={"bars": "cross"})
    result = api.update(finished_run, new)
    assert result.run and result.run.path == finished_run.with_name("run-2")
    now = manifest_of(result.run.path)
    assert now.classes == (*old.classes, "bars") == result.run.read_labels()
    for column in ("names", "splits", "digests", "labels"):
        assert [*getattr(now, column)[: len(old.names)]] == [*getattr(old, column)]
    added = Counter(
        (now.classes[label], split)
        for label, split in zip(
            now.labels[len(old.names) :], now.splits[len(old.names) :], strict=True
        )
    )
    shares = {"train": 14, "val": 3, "test": 3}
    assert added == {(name, s): n for name in ("circle", "bars") for s, n in shares.items()}
    assert result.added == {split: 2 * n for split, n in shares.items()}
    assert contents(finished_run) == before


def test_an_updated_run_is_an_ordinary_run_and_says_where_it_comes_from(
    finished_run: Path, draw: Draw
) -> None:
    first = api.update(finished_run, draw(cross=10))
    assert first.run
    trained = TrainedRun.open(first.run.path)
    assert trained.read_split("test").pixels.shape[0] == manifest_of(first.run.path).count("test")
    assert api.evaluate(first.run.path).report.accuracy == first.reports["test"].accuracy
    provenance = read_provenance(first.run)
    assert provenance and provenance.updated_from == str(finished_run.resolve())
    assert provenance.splits["test"].fraction == 0.15
    again = api.update(first.run.path, draw("more", start=900, cross=6, dots=6))
    assert again.run and again.run.path == finished_run.with_name("run-3")
    assert manifest_of(again.run.path).classes == ("circle", "square", "stripes", "cross", "dots")
    assert len(read_provenance(again.run).added) == 2  # type: ignore[union-attr]


def test_both_models_are_scored_on_the_same_images_of_the_old_classes(
    finished_run: Path, draw: Draw
) -> None:
    result = api.update(finished_run, draw(circle=20, cross=20))
    old, verdict = manifest_of(finished_run), result.verdict
    assert verdict and result.run
    assert (verdict.own.n, verdict.all.n) == (old.count("test"), old.count("test") + 3)
    report = api.evaluate(finished_run).report
    assert verdict.own.old_accuracy == report.accuracy
    rows = [row for row in result.reports["test"].per_class if row["name"] in old.classes]
    right = sum(row["recall"] * row["n"] for row in rows)
    assert verdict.all.paired.accuracy == pytest.approx(right / verdict.all.n)
    low, high = verdict.all.paired.interval
    assert low < verdict.all.paired.gain < high


def test_copies_are_not_counted_twice_and_near_copies_stay_with_their_image(
    finished_run: Path, run_images: Path, draw: Draw
) -> None:
    from PIL import Image

    old = manifest_of(finished_run)
    new = draw(square=4)
    places = dict(zip(old.names, old.splits, strict=True))
    tested = next(n for n, s in places.items() if s == "test" and n.startswith("square"))
    shutil.copyfile(run_images / tested, new / "square" / "copy.png")
    image = Image.open(run_images / tested)
    image.save(new / "square" / "saved_anew.png", compress_level=1)  # other bytes
    image.save(new / "square" / "near.jpg", quality=85)
    result = api.update(finished_run, new)
    assert sorted(Path(name).name for name in result.additions.copies) == [
        "copy.png",
        "saved_anew.png",
    ]
    assert result.run
    now = manifest_of(result.run.path)
    row = next(n for n, name in enumerate(now.names) if name.endswith("near.jpg"))
    assert now.splits[row] == "test" and now.groups[row] == now.groups[now.names.index(tested)]


def test_images_of_a_group_follow_it_by_the_pattern_of_the_run(
    image_folder: Callable[..., Path], train: Train, draw: Draw
) -> None:
    folder = image_folder(per_class=12)
    for path in folder.rglob("*.png"):
        shape, number = path.stem.split("_")
        path.rename(path.with_name(f"{shape}-p{int(number) // 2}_{number}.png"))
    _, run = train(folder, name="grouped", group_by="^[^/]*/(.*-p[0-9]+)_")
    old = manifest_of(run.path)
    groups = {name.split("_")[0]: split for name, split in zip(old.names, old.splits, strict=True)}
    new = draw("new_1", circle=12)  # the pattern would match the folder, too
    for number, path in enumerate(sorted(new.rglob("*.png"))):
        path.rename(path.with_name(f"circle-p{number % 6}_{100 + number}.png"))
    result = api.update(run.path, new)
    assert result.run
    now = manifest_of(result.run.path)
    for name, split in [*zip(now.names, now.splits, strict=True)][len(old.names) :]:
        assert split == groups["circle/" + Path(name).name.split("_")[0]]


def test_an_image_with_another_label_is_told_and_the_old_label_counts(
    finished_run: Path, run_images: Path, draw: Draw
) -> None:
    new = draw(square=4)
    shutil.copyfile(run_images / "circle" / "circle_0.png", new / "square" / "odd.png")
    result = api.update(finished_run, new, dry_run=True)
    (told,) = result.additions.relabeled
    assert (told.new_class, told.old_class, told.old_image) == (
        "square",
        "circle",
        "circle/circle_0.png",
    )
    assert not any(name.endswith("odd.png") for name in result.dataset.manifest.names)
    assert result.run is None and not finished_run.with_name("run-2").exists()


def test_a_run_whose_images_are_gone_or_changed_is_not_updated(
    finished_run: Path, run_images: Path, draw: Draw, tmp_path: Path
) -> None:
    new, moved = draw(circle=5), shutil.copytree(run_images, tmp_path / "moved")
    with pytest.raises(DataError, match="60 of the 60 images of the run") as error:
        api.update(finished_run, new, folder=tmp_path / "nowhere")
    assert error.value.hint.endswith("--folder FOLDER")
    draw_image("circle", 1).save(moved / "circle" / "circle_3.png")
    with pytest.raises(DataError, match="1 of the 60 images"):
        api.update(finished_run, new, folder=moved)
    shutil.copyfile(run_images / "circle/circle_3.png", moved / "circle/circle_3.png")
    result = api.update(finished_run, new, folder=moved)
    assert result.run and TrainedRun.open(result.run.path).folder == moved


def test_a_folder_that_has_grown_can_be_named_itself(
    image_folder: Callable[..., Path], train: Train
) -> None:
    folder = image_folder(per_class=8)
    _, run = train(folder, name="own")
    for number in range(6):
        draw_image("circle", 900 + number).save(folder / "circle" / f"later_{number}.png")
    result = api.update(run.path, folder)
    assert sum(result.added.values()) == 6 and len(result.additions.copies) == 24
    assert "circle/later_0.png" in result.dataset.manifest.names


def test_nothing_new_is_an_error(finished_run: Path, run_images: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has nothing new: the run has all of its images"):
        api.update(finished_run, run_images)
    (tmp_path / "new" / "circle").mkdir(parents=True)
    (tmp_path / "new" / "circle" / "broken.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="can be read"):
        api.update(finished_run, tmp_path / "new")
    with pytest.raises(RunError, match="stays as it is"):
        api.update(finished_run, tmp_path / "new", out=finished_run, overwrite=True)


def test_unreadable_images_are_left_out_and_told(finished_run: Path, draw: Draw) -> None:
    new = draw(circle=5)
    (new / "circle" / "broken.png").write_bytes(b"no image")
    result = api.update(finished_run, new, dry_run=True)
    (name,) = result.left_out
    assert name.endswith("circle/broken.png") and sum(result.added.values()) == 5
    assert any(issue.kind == "unreadable" for issue in result.dataset.issues)


def test_a_worse_model_is_kept_under_another_name_unless_it_is_forced(
    finished_run: Path, draw: Draw, tmp_path: Path
) -> None:
    wrong = {"circle": "square", "square": "stripes", "stripes": "circle"}
    new = draw(circle=60, square=60, stripes=60, shapes=wrong)
    result = api.update(finished_run, new)
    # By the new images, whose labels are wrong as well, it is no worse.
    assert result.verdict and result.verdict.new_are_unlike and not result.released
    assert result.verdict.worse_on is result.verdict.own
    assert result.run and result.run.path == finished_run.with_name("run-2-unreleased")
    assert not result.run.missing() and not finished_run.with_name("run-2").exists()
    forced = api.update(finished_run, new, force=True)
    assert forced.released and forced.run and forced.run.path == finished_run.with_name("run-2")


def test_the_recipe_of_the_run_is_kept(run_images: Path, train: Train, draw: Draw) -> None:
    keys: dict[str, Any] = {"seed": 3, "head_stages": "1,2", "class_weights": True, "resize": "pad"}
    result, run = train(name="own", **keys)
    updated = api.update(run.path, draw(circle=10), dry_run=True)
    for key in (*keys, "policy", "backbone", "image_size", "test_fraction"):
        assert updated.plan.value(key) == result.plan.value(key), key
    assert updated.plan.origins == result.plan.origins
    assert updated.plan.backbone.fingerprint == result.plan.backbone.fingerprint


def test_a_folder_that_images_were_sorted_into_is_its_class_though_it_could_not_bear_the_name(
    run_images: Path, train: Train, draw: Draw, tmp_path: Path
) -> None:
    names = sorted(path.relative_to(run_images).as_posix() for path in run_images.rglob("*.png"))
    rows = [f"{name},{Path(name).parent.name.replace('circle', 'o/0')}" for name in names]
    shutil.copytree(run_images, tmp_path / "images")
    (tmp_path / "images" / "list.csv").write_text("path,label\n" + "\n".join(rows) + "\n")
    _, run = train(tmp_path / "images" / "list.csv", name="table")
    corrected = draw(o_0=3, shapes={"o_0": "circle"})
    assert api.update(run.path, corrected, dry_run=True).additions.new_classes == ()


def test_images_of_no_class_still_teach(
    image_folder: Callable[..., Path], train: Train, draw: Draw
) -> None:
    folder = image_folder(classes=4, per_class=16)
    result, run = train(folder, name="own", unknown="cross")
    updated = api.update(run.path, draw(circle=6, cross=8))
    assert updated.run and updated.dataset.manifest.classes == result.dataset.manifest.classes
    assert updated.dataset.strangers
    assert len(updated.dataset.strangers.taught + updated.dataset.strangers.tested) == 24


def test_an_archive_may_be_added_and_is_found_when_the_cache_was_emptied(
    finished_run: Path, draw: Draw, tmp_path: Path, own_cache: Path
) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", draw(cross=10)))
    result = api.update(finished_run, archive)
    assert result.run
    shutil.rmtree(own_cache / "archives")
    shutil.rmtree(tmp_path / "new")
    images = TrainedRun.open(result.run.path).read_split("train")
    assert len(images.labels) == manifest_of(result.run.path).count("train")


def test_a_table_names_groups_that_are_kept_together(
    run_images: Path, train: Train, draw: Draw, tmp_path: Path
) -> None:
    def write(folder: Path, table: Path, shape: str) -> None:
        names = sorted(p.relative_to(table.parent).as_posix() for p in folder.rglob("*.png"))
        rows = [
            f"{name},{Path(name).parent.name},g{n % 10}-{Path(name).parent.name}"
            for n, name in enumerate(names)
            if shape in name
        ]
        table.write_text("path,label,group\n" + "\n".join(rows) + "\n")

    folder = shutil.copytree(run_images, tmp_path / "own")
    write(folder, tmp_path / "own.csv", "")
    _, run = train(tmp_path / "own.csv", name="table")
    old = manifest_of(run.path)
    places = dict(zip(old.groups, old.splits, strict=True))
    write(draw(circle=10), tmp_path / "new.csv", "circle")
    result = api.update(run.path, tmp_path / "new.csv")
    assert result.run
    now = manifest_of(result.run.path)
    for group, split in [*zip(now.groups, now.splits, strict=True)][len(old.names) :]:
        assert places[group] == split


def test_a_stopped_update_goes_on_and_the_run_of_before_is_whole(
    train: Train, draw: Draw, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, run = train(name="tuned", policy="top_stages", epochs=3)
    before, new = contents(run.path), draw(circle=10)

    def stop(record: Any) -> None:
        if record["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.update(run.path, new, on_epoch=stop)
    assert contents(run.path) == before
    result = api.update(run.path, new)
    assert result.resumed_from_epoch == 1 and result.run
    assert result.run.path == run.path.with_name("tuned-2")
    whole = api.update(run.path, new, out=tmp_path / "whole")
    assert whole.run and whole.resumed_from_epoch is None
    losses = [one.reports["test"].to_json()["log_loss"] for one in (result, whole)]
    assert losses[0] == pytest.approx(losses[1])
    with pytest.raises(RunError, match="was not begun by finetune"):
        api.finetune(result.run.path, resume=True, flags={"epochs": 9})


def test_an_interrupted_comparison_leaves_no_run(
    finished_run: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "judge", stop)
        with pytest.raises(KeyboardInterrupt):
            api.update(finished_run, draw(circle=5))
    result = api.update(finished_run, draw(circle=5))
    assert result.run and result.run.path == finished_run.with_name("run-2")
