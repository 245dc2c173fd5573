"""Runs side by side: what differs, the gain on the same images, what cannot be compared."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.written_run import WriteRun, make_manifest
from tlearn.commands.compare import compare
from tlearn.data.paired_interval import paired_interval
from tlearn.errors import RunError

FIRST = Path(__file__).parents[1] / "first_version" / "run"


def test_only_the_keys_that_differ_are_listed(write_run: WriteRun) -> None:
    first = write_run("a")
    other = write_run("b", policy="top_stages", flags={"epochs": 3, "batch_size": 4})
    differences = compare([first.path, other.path]).differences
    assert differences["policy"] == ("linear_head", "top_stages")
    assert differences["epochs"] == (0, 3) and differences["batch_size"][1] == 4
    assert not {"seed", "backbone", "classes", "steps_per_epoch", "data"} & differences.keys()


def test_equal_plans_have_no_differences(write_run: WriteRun) -> None:
    assert compare([write_run("a").path, write_run("b").path]).differences == {}


def test_the_gain_is_paired_on_the_same_images(write_run: WriteRun) -> None:
    first, other = write_run("a", wrong=(0, 1, 2, 3)), write_run("b", wrong=(3, 4))
    comparison = compare([first.path, other.path])
    baseline, paired = comparison.paired
    assert (comparison.n_common, comparison.note) == (12, "")
    assert (baseline.gain, baseline.won, baseline.lost) == (0.0, 0, 0)
    assert (paired.won, paired.lost) == (3, 1)
    assert paired.gain == pytest.approx(2 / 12) and paired.accuracy == pytest.approx(10 / 12)
    assert paired.interval == paired_interval(3, 1, 12)
    assert paired.interval[0] < paired.gain < paired.interval[1] and not paired.is_clear


def test_a_gain_beyond_chance_is_clear(write_run: WriteRun) -> None:
    manifest = make_manifest(counts={"train": 8, "val": 2, "test": 20})
    first = write_run("a", wrong=range(20), manifest=manifest)
    better = write_run("b", wrong=(), manifest=manifest)
    assert compare([first.path, better.path]).paired[1].is_clear
    worse = compare([better.path, first.path]).paired[1]
    assert worse.is_clear and worse.gain < 0


def test_a_gain_on_one_group_of_images_is_not_clear(write_run: WriteRun) -> None:
    manifest = make_manifest(counts={"train": 8, "val": 2, "test": 20})
    groups = tuple(f"{name.split('_')[0]}{row // 10}" for row, name in enumerate(manifest.names))
    grouped = replace(manifest, groups=groups)
    wrong = [row for row in range(60) if groups[manifest.indices("test")[row]] == groups[-5]]
    assert 5 <= len(wrong) <= 10
    runs = {
        name: [
            write_run(f"{name}-a", wrong=wrong, manifest=one).path,
            write_run(f"{name}-b", wrong=(), manifest=other).path,
        ]
        for name, one, other in (("images", manifest, manifest), ("groups", grouped, manifest))
    }
    single, paired = (compare(runs[name]).paired[1] for name in ("images", "groups"))
    assert single.is_clear and single.n_groups == 60
    assert paired.gain == single.gain and not paired.is_clear and paired.n_groups < 10


def test_images_held_out_in_one_run_only_do_not_count(write_run: WriteRun) -> None:
    shifted = make_manifest(shift=1)  # three of four test images of each class are the same
    comparison = compare(
        [write_run("a", wrong=()).path, write_run("b", wrong=(), manifest=shifted).path]
    )
    assert comparison.n_common == 9
    assert [row.n for row in comparison.classes] == [(3, 3)] * 3


def test_classes_are_compared_by_name_whatever_their_order(write_run: WriteRun) -> None:
    turned = make_manifest(("bees", "[bold]wasps", "ants"))
    first, other = write_run("a", wrong=(0,)), write_run("b", wrong=(), manifest=turned)
    comparison = compare([first.path, other.path])
    assert comparison.n_common == 12
    ants = comparison.classes[0]
    assert (ants.name, ants.recall) == ("ants", (0.75, 1.0))


def test_an_image_that_was_given_another_class_in_between_does_not_count(
    write_run: WriteRun,
) -> None:
    first, other = write_run("a"), write_run("b")
    path = other.path / "predictions.csv"
    path.write_text(
        path.read_text().replace("ants/test_0.png,test,ants", "ants/test_0.png,test,bees")
    )
    assert compare([first.path, other.path]).n_common == 11


def test_without_predictions_the_sentence_says_so(write_run: WriteRun) -> None:
    first, other = write_run("a", wrong=(0,)), write_run("b", predictions=False)
    comparison = compare([first.path, other.path])
    assert comparison.paired == () and comparison.n_common == 0
    assert "has no predictions.csv" in comparison.note
    assert comparison.note.endswith("scores are shown without a paired interval")
    assert comparison.classes[0].recall == (0.75, 0.75)


def test_without_common_images_the_sentence_says_so(write_run: WriteRun) -> None:
    first, other = write_run("a"), write_run("b", manifest=make_manifest(shift=100))
    note = compare([first.path, other.path]).note
    assert note == "no common images: scores are shown without a paired interval"


def test_three_runs_are_held_against_the_first(write_run: WriteRun) -> None:
    paths = [
        write_run(name, wrong=wrong).path for name, wrong in (("a", (0,)), ("b", ()), ("c", (1, 2)))
    ]
    assert [row.gain * 12 for row in compare(paths).paired] == pytest.approx([0, 1, -1])


def test_exported_files_are_measured(tmp_path: Path, write_run: WriteRun) -> None:
    first = shutil.copytree(FIRST, tmp_path / "first")
    other = shutil.copytree(FIRST, tmp_path / "other")
    shutil.rmtree(other / "export")
    comparison = compare([first, other])
    assert dict(comparison.runs[0].exports) == {"model.tflite": 20670}
    assert dict(comparison.runs[1].exports) == {}
    assert comparison.runs[0].seconds == 3.925


def test_other_classes_are_refused(write_run: WriteRun) -> None:
    other = write_run("b", manifest=make_manifest(("ants", "bees", "flies")))
    with pytest.raises(RunError, match="different classes") as error:
        compare([write_run("a").path, other.path])
    assert "'flies'" in error.value.message and "wasps" in error.value.message


def test_one_run_or_the_same_twice_is_refused(write_run: WriteRun) -> None:
    run = write_run().path
    for paths in ([run], [run, run]):
        with pytest.raises(RunError, match="two or more different runs"):
            compare(paths)


def test_an_unfinished_or_damaged_run_is_an_error(write_run: WriteRun) -> None:
    first, other = write_run("a"), write_run("b")
    (other.path / "predictions.csv").write_text("path,split\nx,test\n")
    with pytest.raises(RunError, match=r"predictions\.csv"):
        compare([first.path, other.path])
    other.model_path.unlink()
    with pytest.raises(RunError, match="not finished"):
        compare([first.path, other.path])


def test_other_weights_of_the_same_network_are_listed(write_run: WriteRun) -> None:
    first, other = write_run("a"), write_run("b")
    text = other.plan_path.read_text()
    other.plan_path.write_text(text.replace("fingerprint: abc", "fingerprint: def"))
    assert compare([first.path, other.path]).differences == {"fingerprint": ("abc", "def")}
