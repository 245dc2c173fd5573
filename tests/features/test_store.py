"""The engine against Keras, and the store: only what is missing is computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.data.augmentation import augmentation
from tlearn.data.pixel_store import PixelStore, store_pixels
from tlearn.features.engine import LITERT, Engine
from tlearn.features.extractor import (
    EMBEDDING,
    SOURCE,
    FeatureExtractor,
    extractor_engines,
    make_extractor,
    open_extractor,
)
from tlearn.features.store import FeatureStore, Views, extractor_store


@pytest.fixture
def pixels(image_folder: Callable[..., Path], tmp_path: Path) -> PixelStore:
    paths = sorted(image_folder(classes=2, per_class=20).rglob("*.png"))
    return store_pixels(paths, 32, "squash", tmp_path / "pixels")


def digests(pixels: PixelStore) -> list[str]:
    return [info.sha256 for info in pixels.infos]


def opener(extractor: FeatureExtractor) -> Callable[[np.ndarray], Engine]:
    return lambda sample: extractor_engines(extractor, pytest.fail)[LITERT]()


def rows_of(
    cache: Path,
    extractor: FeatureExtractor,
    pixels: PixelStore,
    wanted: list[str],
    engine: Callable[[np.ndarray], Engine] | None = None,
    told: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    store = extractor_store(cache, extractor, "squash")
    store.fill(pixels, wanted, engine or opener(extractor), Views(), told)
    return store.table.read(wanted)


def test_every_output_of_the_probe_is_that_of_keras(
    small_backbone: Any, pixels: PixelStore, tmp_path: Path
) -> None:
    extractor = make_extractor(tmp_path, small_backbone)
    rows = rows_of(tmp_path, extractor, pixels, digests(pixels))
    clean = pixels.read(digests(pixels)).astype(np.float32)
    maps = small_backbone.trunk.predict(clean, verbose=0)
    source = small_backbone.source.predict(clean, verbose=0)
    np.testing.assert_allclose(rows[:, extractor.columns(EMBEDDING)], maps.mean((1, 2)), atol=1e-4)
    np.testing.assert_allclose(rows[:, extractor.columns(SOURCE)], source, atol=1e-5)
    assert [name for name, _ in extractor.outputs][:2] == ["stage 1", "stage 2"]


def test_a_probe_is_found_again_by_its_fingerprint(small_backbone: Any, tmp_path: Path) -> None:
    made = make_extractor(tmp_path, small_backbone)
    assert open_extractor(tmp_path, small_backbone.fingerprint) == made
    assert open_extractor(tmp_path, "another") is None


def test_only_missing_rows_are_computed(
    small_backbone: Any, pixels: PixelStore, tmp_path: Path
) -> None:
    extractor = make_extractor(tmp_path, small_backbone)
    wanted = digests(pixels)
    first = rows_of(tmp_path, extractor, pixels, wanted[:30])
    told: list[tuple[int, int]] = []
    rows_of(tmp_path, extractor, pixels, wanted, told=lambda *done: told.append(done))
    assert told[-1] == (10, 10)

    def never(_: Any) -> Any:
        raise AssertionError("the store is full; no engine is needed")

    again = rows_of(tmp_path, extractor, pixels, wanted[:30], engine=never)
    np.testing.assert_array_equal(first, again)


def test_an_interrupted_fill_keeps_whole_batches_and_goes_on(
    small_backbone: Any, pixels: PixelStore, tmp_path: Path
) -> None:
    extractor = make_extractor(tmp_path, small_backbone)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rows_of(tmp_path, extractor, pixels, digests(pixels), told=interrupt)
    told: list[tuple[int, int]] = []
    rows = rows_of(
        tmp_path, extractor, pixels, digests(pixels), told=lambda *done: told.append(done)
    )
    assert told[-1] == (8, 8)
    fresh = rows_of(tmp_path / "other", extractor, pixels, digests(pixels))
    np.testing.assert_allclose(rows, fresh, atol=1e-6)


def test_views_are_seeded_and_the_first_is_clean(pixels: PixelStore) -> None:
    one, policy = digests(pixels)[0], augmentation("medium", True)
    clean = pixels.read([one, one])
    views, other = Views(3, policy, seed=1), Views(3, policy, seed=2)
    drawn = views.draw(clean, [(one, 0), (one, 1)])
    np.testing.assert_array_equal(drawn[0], clean[0])
    assert (drawn[1] != clean[0]).any()
    np.testing.assert_array_equal(drawn, views.draw(clean, [(one, 0), (one, 1)]))
    assert (other.draw(clean[:1], [(one, 1)])[0] != drawn[1]).any()
    assert views.key(one, 0) == one
    assert len({views.key(one, 1), views.key(one, 2), other.key(one, 1), one}) == 4


def test_float16_rows_keep_every_decision_of_a_tail(
    small_backbone: Any, pixels: PixelStore, tmp_path: Path
) -> None:
    extractor = make_extractor(tmp_path, small_backbone)
    exact = FeatureStore(tmp_path, "exact", "squash", (extractor.width,), "float32")
    half = FeatureStore(tmp_path, "half", "squash", (extractor.width,), "float16")
    for store in (exact, half):
        store.fill(pixels, digests(pixels), opener(extractor), Views())
    columns = extractor.columns(EMBEDDING)
    kernel = np.random.default_rng(0).normal(size=(extractor.outputs[-2][1], 10))
    whole, cut = (s.table.read(digests(pixels))[:, columns] @ kernel for s in (exact, half))
    np.testing.assert_array_equal(whole.argmax(1), cut.argmax(1))


def test_values_beyond_float16_stay_finite(pixels: PixelStore, tmp_path: Path) -> None:
    class Loud:
        def __init__(self, sample: np.ndarray) -> None:
            assert sample.shape == (32, 32, 32, 3)

        def run(self, batches: Any) -> Any:
            yield from (np.full((len(batch), 1), 1e6, np.float32) for batch in batches)

    store = FeatureStore(tmp_path, "loud", "squash", (1,), "float16")
    store.fill(pixels, digests(pixels), Loud, Views())
    assert np.isfinite(store.table.read(digests(pixels))).all()
