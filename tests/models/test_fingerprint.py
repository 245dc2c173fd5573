"""Fingerprints: the same for the same function, in every process, or caches are computed anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tlearn.models.catalog import find_backbone
from tlearn.models.fingerprint import fingerprint, own_fingerprint
from tlearn.models.weights import WeightsFile

SPEC = find_backbone("mobilenet_025")
WEIGHTS = WeightsFile(Path("w.weights.h5"), "given", "0" * 64)


def test_a_fingerprint_is_the_same_in_every_process_and_version() -> None:
    assert fingerprint(SPEC, None, 32, 1) == "random-1-88034084"
    assert fingerprint(SPEC, WEIGHTS, 32) == "01c6a77a250c4bfc"


def test_it_depends_on_weights_size_and_seed_and_not_on_names() -> None:
    others = [
        fingerprint(SPEC, WEIGHTS, 64),
        fingerprint(SPEC, replace(WEIGHTS, sha256="1" * 64), 32),
        fingerprint(find_backbone("mobilenet_050"), WEIGHTS, 32),
        fingerprint(SPEC, None, 32, 1),
        fingerprint(SPEC, None, 32, 2),
    ]
    assert len({fingerprint(SPEC, WEIGHTS, 32), *others}) == 6
    renamed = replace(WEIGHTS, path=Path("elsewhere.h5"), origin="folder")
    assert fingerprint(SPEC, renamed, 32) == fingerprint(SPEC, WEIGHTS, 32)


def test_an_own_file_is_known_by_its_content_and_size(tmp_path: Path) -> None:
    for name, content in (("a", b"network"), ("b", b"network"), ("c", b"another")):
        (tmp_path / name).write_bytes(content)
    assert own_fingerprint(tmp_path / "a", 64) == own_fingerprint(tmp_path / "b", 64)
    assert own_fingerprint(tmp_path / "a", 64) != own_fingerprint(tmp_path / "c", 64)
    assert own_fingerprint(tmp_path / "a", 64) != own_fingerprint(tmp_path / "a", 96)
