"""Files and folders are answered, image by image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tlearn import api


def test_good_images_are_answered_and_bad_ones_named(
    finished_run: Path, image_folder: Callable[..., Path]
) -> None:
    loose = image_folder(classes=3, per_class=4, name="loose")
    (loose / "circle" / "broken.jpg").write_bytes(b"")
    predictions = api.predict(finished_run, [loose])
    assert len(predictions) == 13
    right = [p.label == Path(p.name).parent.name for p in predictions if not p.problem]
    assert np.mean(right) > 0.5
    assert [Path(p.name).name for p in predictions if p.problem] == ["broken.jpg"]


def test_nothing_is_asked_of_the_model_where_nothing_can_be_read(
    finished_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"")
    (answer,) = api.predict(finished_run, [tmp_path / "broken.png"])
    assert answer.problem
