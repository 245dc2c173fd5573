"""Answers as a table, a document and a CSV; which argument is the run."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Command
from tests.written_run import WriteRun
from tlearn import api
from tlearn.commands.predict import Predictions
from tlearn.confidence.answers import Answer
from tlearn.confidence.confidence import KnownScale
from tlearn.confidence.operating_point import OperatingPoint, Rate
from tlearn.errors import DataError
from tlearn.evaluation.predictions import Prediction
from tlearn.evaluation.sorting import Sorted, Sorting, sort_files

LABELS = ("[b]cat", "\x1b[31mdog", "bird")


@pytest.fixture(autouse=True)
def latest_run(write_run: WriteRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only run in the working folder."""
    monkeypatch.chdir(tmp_path)
    return write_run("latest").path.relative_to(tmp_path)


@pytest.fixture
def answers() -> Predictions:
    row = Answer(np.asarray([0.7, 0.2, 0.1]))
    good = Prediction.of("/far/away/" + "folder/" * 9 + "[red]one.jpg", row, LABELS)
    return Predictions([good, Prediction.unreadable("two.jpg", "cut short\x1b[31m")], None)


def test_shares_of_the_classes_go_to_the_command(
    command: Command, calls: Callable[..., Any]
) -> None:
    recorded = calls("predict", DataError("stop here", "name images: tlearn predict IMAGES"))
    command("predict", "images", "--prior", "a=b=.9", "--prior", "c=5%")
    assert recorded[0][1]["prior"] == {"a=b": 0.9, "c": 0.05}
    result = command("predict", "images", "--prior", "c")
    assert result.exit_code == 2 and len(recorded) == 1
    assert "--prior 'c': not a class and its share" in result.stderr


def test_it_draws_answers_and_problems(
    command: Command,
    calls: Callable[..., Any],
    answers: Predictions,
    fits: Callable[[str], None],
    latest_run: Path,
) -> None:
    recorded = calls("predict", answers)
    result = command("predict", "images")
    assert result.exit_code == 0
    fits(result.stdout)
    assert recorded[0][0] == (latest_run, [Path("images")])
    assert "runs/latest  mobilenet_v2, 2026-01-02" in result.stdout
    row = next(line for line in result.stdout.splitlines() if "one.jpg" in line)
    assert row.startswith("…") and "[b]cat" in row and "70.0%" in row
    assert "\\x1b[31mdog 20.0%" in row and "bird" not in row
    assert "1 of 2 images cannot be read" in result.stdout
    assert "two.jpg: cut short\\x1b[31m" in result.stdout


def test_top_says_how_many_answers(
    command: Command, calls: Callable[..., Any], answers: Predictions
) -> None:
    calls("predict", answers)
    assert "bird 10.0%" in command("predict", "x", "--top", 3).stdout
    assert "dog" not in command("predict", "x", "--top", 1).stdout
    document = json.loads(command("predict", "x", "--top", 1, "--json").stdout)
    assert len(document["predictions"][0]["top"]) == 1


def test_json_says_why_an_image_has_no_answer(
    command: Command, calls: Callable[..., Any], answers: Predictions
) -> None:
    calls("predict", answers)
    document = json.loads(command("predict", "x", "--json").stdout)
    assert document["run"] == "runs/latest"
    first, second = document["predictions"]
    assert first["image"] == first["picture"]  # its first name
    assert first["label"] == "[b]cat" and first["probability"] == 0.7 and not first["problem"]
    assert second["label"] is None and second["problem"].startswith("cut short")


def test_images_that_are_not_known_have_no_label_and_a_folder_of_them_is_named(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    row = np.asarray([0.7, 0.2, 0.1])
    strangers = (Prediction.of(f"{n}.jpg", Answer(row, 0.01), LABELS) for n in range(8))
    scale = KnownScale("val", 200, tuple(np.linspace(0, 1, 41).tolist()))
    calls("predict", Predictions(strangers, scale))
    shown = command("predict", "x").stdout
    fits(shown)
    assert "none of these" in shown and "not like those of training" in " ".join(shown.split())
    document = json.loads(command("predict", "x", "--json").stdout)
    assert (document["known_rate"], document["unlike_training"]) == (0, True)
    first = document["predictions"][0]
    assert (first["label"], first["known"], first["set"]) == (None, 0.01, [])
    assert first["top"][0]["label"] == "[b]cat"


def test_a_csv_has_a_row_for_every_image(
    command: Command, calls: Callable[..., Any], answers: Predictions, tmp_path: Path
) -> None:
    calls("predict", answers)
    target = tmp_path / "answers.csv"
    assert "answers.csv" in command("predict", "x", "--csv", target).stdout
    with target.open(newline="") as file:
        assert [row["label"] for row in csv.DictReader(file)] == ["[b]cat", ""]


def test_a_csv_that_cannot_be_written_names_the_flag(
    command: Command, calls: Callable[..., Any], answers: Predictions, tmp_path: Path
) -> None:
    recorded = calls("predict", answers)
    (tmp_path / "file").touch()
    for target in (tmp_path / "file" / "answers.csv", tmp_path):
        result = command("predict", "x", "--csv", target)
        assert result.exit_code == 2 and "--csv" in result.stderr
    assert not recorded, "the place is looked at before images are classified"


def test_an_image_is_never_replaced_by_a_table(
    command: Command, calls: Callable[..., Any], answers: Predictions, tmp_path: Path
) -> None:
    recorded = calls("predict", answers)
    photo, table = tmp_path / "photo.jpg", tmp_path / "answers.csv"
    photo.write_bytes(b"\xff\xd8\xff\xe0 a photo")
    result = command("predict", photo, "--csv", photo)
    assert result.exit_code == 2 and "no table of predictions" in result.stderr
    assert photo.read_bytes() == b"\xff\xd8\xff\xe0 a photo" and not recorded
    for _ in range(2):  # its own table may be written again
        command("predict", photo, "--csv", table)
        assert table.read_text().startswith("image,label")


def test_nothing_readable_exits_2(
    command: Command, calls: Callable[..., Any], answers: Predictions
) -> None:
    calls("predict", Predictions(answers[1:], None))
    result = command("predict", "x", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["predictions"][0]["problem"]


def test_a_run_in_the_first_place_is_asked(
    command: Command, calls: Callable[..., Any], answers: Predictions, write_run: WriteRun
) -> None:
    recorded = calls("predict", answers)
    run = write_run("older", started="2025-01-02T03:04:05+00:00").path
    command("predict", run, "a.jpg", "b.jpg")
    assert recorded[0][0] == (run, [Path("a.jpg"), Path("b.jpg")])
    for words in (["a.jpg", run], ["runs"]):
        result = command("predict", *words)
        assert result.exit_code == 2 and "not images to classify" in result.stderr
    assert len(recorded) == 1, "what runs hold is never classified"
    alone = command("predict", run)
    assert alone.exit_code == 2 and "no image was named" in alone.stderr


@pytest.fixture
def many() -> Predictions:
    """Thirty images: 20 cats, nine dogs, a bird that the model is least sure of; one unreadable."""
    rows = [(0.9, 0.06, 0.04)] * 20 + [(0.1, 0.8, 0.1)] * 9 + [(0.3, 0.3, 0.4)]
    read = [
        Prediction.of(f"/x/{n}.jpg", Answer(np.asarray(row)), LABELS) for n, row in enumerate(rows)
    ]
    return Predictions([*read, Prediction.unreadable("/x/two.jpg", "cut short")], None)


def test_many_images_are_summed_up_by_class(
    command: Command,
    calls: Callable[..., Any],
    many: Predictions,
    fits: Callable[[str], None],
    tmp_path: Path,
) -> None:
    calls("predict", many)
    result = command("predict", "x")
    fits(result.stdout)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["[b]cat", "20", "66.7%", "90.0%"] in lines
    assert ["\\x1b[31mdog", "9", "30.0%", "80.0%"] in lines
    assert ["bird", "1", "3.3%", "40.0%"] in lines
    least_sure = result.stdout.split("Least sure")[1]
    assert "/x/29.jpg" in least_sure and "/x/0.jpg" not in result.stdout
    assert "1 of 31 images cannot be read" in result.stdout and "--verbose" in result.stdout
    assert "/x/0.jpg" in command("predict", "x", "--verbose").stdout
    assert len(json.loads(command("predict", "x", "--json").stdout)["predictions"]) == 31
    assert "--verbose" not in command("predict", "x", "--csv", tmp_path / "all.csv").stdout
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 32


def test_the_least_sure_are_those_next_to_the_threshold_that_is_kept(
    command: Command, calls: Callable[..., Any]
) -> None:
    rate = Rate(None, None, 0, 0)
    point = OperatingPoint("bad", 0.1, "cost 9:1", rate, rate, rate, rate)
    shares = [0.001, 0.01, 0.09, 0.12, 0.4, *[0.9] * 10]
    answers = [Answer(np.array([1 - share, share])) for share in shares]
    read = [
        Prediction.of(f"/x/{n}.jpg", answer, ("ok", "bad"), point=point)
        for n, answer in enumerate(answers)
    ]
    calls("predict", Predictions(read, None, point))
    least_sure = command("predict", "x").stdout.split("Least sure")[1].splitlines()
    names = [line.split()[0] for line in least_sure if ".jpg" in line]
    assert names[:4] == ["/x/2.jpg", "/x/3.jpg", "/x/4.jpg", "/x/1.jpg"]


def test_of_many_classes_the_rarest_are_counted_together(
    command: Command, calls: Callable[..., Any]
) -> None:
    labels = [f"class{n}" for n in range(25)]
    one_each = (Prediction.of(f"{n}.jpg", Answer(row), labels) for n, row in enumerate(np.eye(25)))
    calls("predict", Predictions(one_each, None))
    result = command("predict", "x").stdout
    assert "class19" in result and "class20" not in result.split("Least sure")[0]
    assert ["5", "other", "classes", "5", "20.0%"] in [line.split() for line in result.splitlines()]


def test_it_says_where_files_went_and_how_moves_are_taken_back(
    command: Command,
    calls: Callable[..., Any],
    many: Predictions,
    fits: Callable[[str], None],
) -> None:
    def answer(**_: object) -> api.SortResult:
        counts, there = {"_cat": 20, "unsure": 1}, {"/x/0.jpg": "_cat/0.jpg"}
        left = {"/x/two.jpg": "cut short", "/x/3.jpg": "it is a relative link"}
        return api.SortResult(many, Sorted(there, counts, {"[b]cat": "_cat"}, 2, left))

    recorded = calls("sort_images", answer)
    words = ("predict", "x y", "--sort-into", "to", "--how", "move", "--unsure", 0.6)
    result = command(*words)
    fits(result.stdout)
    text = " ".join(result.stdout.split())
    assert "moved into to: 20 in _cat and 1 in unsure (2 of them were there before)" in text
    assert "[b]cat is the folder _cat" in text and "/x/3.jpg was left: it is a relative" in text
    assert "tlearn predict 'x y' --sort-into to --undo" in text
    document = json.loads(command(*words, "--json").stdout)["sorted"]
    assert document["files"] == {"/x/0.jpg": "_cat/0.jpg"} and document["counts"]["_cat"] == 20
    assert recorded[0][0][2] == Sorting(Path("to"), "move", 0.6)


@pytest.mark.parametrize("flags", [("--how", "move"), ("--unsure", "0"), ("--undo",)])
def test_flags_of_sorting_need_a_folder(command: Command, flags: tuple[str, ...]) -> None:
    result = command("predict", "x", *flags)
    assert result.exit_code == 2 and "--sort-into FOLDER" in result.stderr
    assert flags[0] in result.stderr


def test_undo_asks_no_model(command: Command, tmp_path: Path) -> None:
    sorting = Sorting(tmp_path / "to", "move")
    file = tmp_path / "a.jpg"
    file.touch()
    sort_files([Prediction.of(str(file), Answer(np.asarray([1.0])), ["cat"])], ["cat"], sorting)
    words = ("predict", tmp_path / "a.jpg", "--sort-into", sorting.folder, "--undo")
    assert "1 file moved back" in command(*words).stdout
    assert file.exists()
    again = command(*words)
    assert again.exit_code == 2 and "nothing was moved" in again.stderr
