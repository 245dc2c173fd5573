"""A page on which a run answers, explains and is corrected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import draw_image
from tests.http_server import Client, running
from tests.target_runs import DRAWN
from tlearn import api
from tlearn.commands.predict import predict, predict_targets
from tlearn.commands.try_images import try_images
from tlearn.errors import DataError, HostError


@pytest.fixture
def image(tmp_path: Path) -> Path:
    draw_image("circle", 90_000).save(tmp_path / "new.png")
    return tmp_path / "new.png"


@pytest.fixture
def client(finished_run: Path, converted: None) -> Iterator[Client]:
    with running(try_images(finished_run).prepared) as asking:
        yield asking


def test_it_answers_as_predict_does(client: Client, finished_run: Path, image: Path) -> None:
    (expected,) = predict(finished_run, [image])
    said = client.post(image.read_bytes(), f"/predict?name={image}").document
    assert said.pop("milliseconds") > 0 and said.pop("lines")
    assert said.pop("headline") == (expected.label or "none of these")
    assert said == expected.to_json(2)


def test_it_shows_where_the_model_looks(client: Client, image: Path) -> None:
    (map,) = client.post(image.read_bytes(), "/explain").document["maps"]
    assert map["image"].startswith("data:image/jpeg;base64,") and map["words"]


def test_what_it_files_can_be_added_to_the_run(
    client: Client, finished_run: Path, run_images: Path, image: Path
) -> None:
    labels = [path.name for path in sorted(run_images.iterdir())]
    number = labels.index("circle")
    filed = client.post(image.read_bytes(), f"/correct?name=new.png&label={number}").document
    place = finished_run / "corrections" / "circle" / "new.png"
    assert filed == {"filed": str(place)} and place.read_bytes() == image.read_bytes()
    result = api.update(finished_run, finished_run / "corrections", dry_run=True)
    assert [new.name for new in result.additions.new_images] == [
        f"{result.additions.prefix}circle/new.png"
    ]


def test_a_folder_that_cannot_be_written_is_refused_at_once(
    finished_run: Path, converted: None, image: Path
) -> None:
    with pytest.raises(HostError, match="Not a directory") as error:
        try_images(finished_run, image)
    assert error.value.hint.endswith("--into FOLDER")


def test_bad_input_is_told_and_the_page_goes_on(client: Client, image: Path) -> None:
    for path in ("/predict", "/explain", "/correct?label=0"):
        refused = client.post(b"no image", path)
        assert refused.status == 422 and refused.document["error"]
    assert client.post(image.read_bytes()).status == 200
    assert client.post(image.read_bytes(), Host="evil.example").status == 421
    assert client.post(image.read_bytes(), Origin="http://evil.example").status == 403


def test_the_page_is_complete_in_itself(client: Client) -> None:
    page = client("GET", "/")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    text = page.document
    assert not re.findall(r"<script(?! src)|<style|\son\w+=|style=|https?:", text)
    for place in re.findall(r'(?:src|href)="([^":]+)"', text):
        part = client("GET", f"/{place}")
        assert part.status == 200 and "http" not in part.document
    assert text.count("data-label=") == 3


def test_names_in_the_page_are_text(
    finished_run: Path, converted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed = finished_run.rename(finished_run.with_name("<b>run & co"))
    with running(try_images(renamed).prepared) as client:
        text = client("GET", "/").document
    assert "<b>" not in text and "&lt;b&gt;run &amp; co" in text


@pytest.mark.parametrize("task", [*DRAWN])
def test_other_tasks_are_answered_and_not_corrected(
    target_run: Callable[[str], Path], tmp_path: Path, task: str
) -> None:
    run, source = target_run(task), DRAWN[task](tmp_path / "images")
    image = next((source if source.is_dir() else source.parent).rglob("*.png"))
    (expected,) = predict_targets(run, [image])
    with running(try_images(run).prepared) as client:
        said = client.post(image.read_bytes(), f"/predict?name={image}").document
        assert {key: said[key] for key in expected.to_json()} == expected.to_json()
        assert said["headline"] and client.post(image.read_bytes(), "/explain").document["maps"]
        assert client.post(image.read_bytes(), "/correct?label=0").status == 404
        assert "data-label" not in client("GET", "/").document
    with pytest.raises(DataError, match="no classes"):
        try_images(run, tmp_path / "into")
