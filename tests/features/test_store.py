"""The feature store: only what is missing is computed, and views are seeded."""

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
    FeatureExtractor,
    extractor_engines,
    make_extractor,
)
from tlearn.features.store import FeatureStore, Views, extractor_store


@pytest.fixture
def pixels(image_folder: Callable[..., Path], tmp_path: Path) -> PixelStore:
    paths = sorted(image_folder(classes=2, per_class=20).rglob("*.png"))
    return store_pixels(paths, 32, "squash", tmp_path / "pixels")


def digests(pixels: PixelStore) -> list[str]:
    return [info.sha256 for info in pixels.infos]


def engine_of(extractor: FeatureExtractor) -> Callable[[np.ndarray], Engine]:
    return lambda sample: extractor_engines(extractor, pytest.fail)[LITERT]()


def rows_of(
    cache: Path,
    extractor: FeatureExtractor,
    pixels: PixelStore,
    wanted: list[str],
    engine: Callable[[np.ndarray], Engine] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    store = extractor_store(cache, extractor, "squash")
    store.fill(pixels, wanted, engine or engine_of(extractor), Views(), progress)
    return store.table.read(wanted)


def test_only_missing_rows_are_computed(
    small_backbone: Any, pixels: PixelStore, tmp_path: Path
) -> None:
    extractor = make_extractor(tmp_path, small_backbone)
    wanted = digests(pixels)
    first = rows_of(tmp_path, extractor, pixels, wanted[:30])
    seen: list[tuple[int, int]] = []
    rows_of(tmp_path, extractor, pixels, wanted, progress=lambda *done: seen.append(done))
    assert seen[-1] == (10, 10)

    def never(_: Any) -> Any:
        raise AssertionError("the store is full; no engine is needed")

    again = rows_of(tmp_path, extractor, pixels, wanted[:30], engine=never)
    np.testing.assert_array_equal(first, again)


def test_an_interrupted_computation_is_resumed_after_its_last_batch(
    small_backbone: Any, pixels: PixelStore, tmp_path: Path
) -> None:
    extractor = make_extractor(tmp_path, small_backbone)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rows_of(tmp_path, extractor, pixels, digests(pixels), progress=interrupt)
    seen: list[tuple[int, int]] = []
    rows = rows_of(
        tmp_path, extractor, pixels, digests(pixels), progress=lambda *done: seen.append(done)
    )
    assert seen[-1] == (8, 8)
    fresh = rows_of(tmp_path / "other", extractor, pixels, digests(pixels))
    np.testing.assert_allclose(rows, fresh, atol=1e-6)


def test_views_are_seeded_and_the_first_is_clean(pixels: PixelStore) -> None:
    digest, policy = digests(pixels)[0], augmentation("medium", True)
    clean = pixels.read([digest, digest])
    views, other = Views(3, policy, seed=1), Views(3, policy, seed=2)
    drawn = views.draw(clean, [(digest, 0), (digest, 1)])
    np.testing.assert_array_equal(drawn[0], clean[0])
    assert (drawn[1] != clean[0]).any()
    np.testing.assert_array_equal(drawn, views.draw(clean, [(digest, 0), (digest, 1)]))
    assert (other.draw(clean[:1], [(digest, 1)])[0] != drawn[1]).any()
    assert views.key(digest, 0) == digest
    keys = {views.key(digest, 1), views.key(digest, 2), other.key(digest, 1), digest}
    assert len(keys) == 4
    with pytest.raises(ValueError, match="policy"):
        Views(2)


def test_float16_rows_give_a_head_the_same_predictions(
    small_backbone: Any, pixels: PixelStore, tmp_path: Path
) -> None:
    extractor = make_extractor(tmp_path, small_backbone)
    exact = FeatureStore(tmp_path, "exact", "squash", (extractor.width,), "float32")
    half = FeatureStore(tmp_path, "half", "squash", (extractor.width,), "float16")
    for store in (exact, half):
        store.fill(pixels, digests(pixels), engine_of(extractor), Views())
    columns = extractor.columns(EMBEDDING)
    kernel = np.random.default_rng(0).normal(size=(extractor.outputs[-2][1], 10))
    full, short = (s.table.read(digests(pixels))[:, columns] @ kernel for s in (exact, half))
    np.testing.assert_array_equal(full.argmax(1), short.argmax(1))


def test_values_beyond_float16_stay_finite(pixels: PixelStore, tmp_path: Path) -> None:
    class HugeValues:
        def __init__(self, sample: np.ndarray) -> None:
            assert sample.shape == (32, 32, 32, 3)

        def run(self, batches: Any) -> Any:
            yield from (np.full((len(batch), 1), 1e6, np.float32) for batch in batches)

    store = FeatureStore(tmp_path, "huge", "squash", (1,), "float16")
    store.fill(pixels, digests(pixels), HugeValues, Views())
    assert np.isfinite(store.table.read(digests(pixels))).all()
