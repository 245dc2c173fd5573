"""The page of an examination: whole, self-contained, safe with any name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tlearn import api
from tlearn.commands.doctor_page import write_doctor_page
from tlearn.doctor.examination import CopyFinding, FaultyImage, GroupFinding, WrongLabel
from tlearn.doctor.shortcuts import Shortcut


def test_the_page_shows_every_finding_and_asks_nothing_of_the_network(
    image_folder: Callable[..., Path], tiny_backbone_flags: dict[str, Any], tmp_path: Path
) -> None:
    root = image_folder(classes=2, per_class=12)
    found = api.doctor(root, flags=tiny_backbone_flags, out=tmp_path).found
    first, second, *_ = found.dataset.manifest.names
    hostile = "<script>alert(1)</script>\u202egnp.jpg"
    found = replace(
        found,
        copies=[CopyFinding((first, second), "mirrored", True, True)],
        groups=[GroupFinding("personN", None, 9, 2, False)],
        labels=[WrongLabel(second, "<b>ant", "bee", 0.93), WrongLabel(hostile, "a", "b", 0.6)],
        shortcuts=[Shortcut("size in bytes", 0.82, (0.79, 0.84), 0.5, 0.84, True)],
        images=[FaultyImage(first, "blank", "nearly one color"), FaultyImage(None, "blank", "all")],
    )
    page = tmp_path / "page.html"
    write_doctor_page(page, found, root, tmp_path / "moves.csv")
    text = page.read_text("utf-8")
    assert "<script" not in text and "&lt;script&gt;" in text and "\u202e" not in text
    assert "http" not in text.replace("http-equiv", "")
    for words in ("mirrored", "in two classes", "personN", "93.0%", "suspicious", "blank"):
        assert words in text
    assert text.count("data:image/jpeg") >= 4
    assert f"tlearn doctor {root} --apply" in text


def test_a_clean_folder_has_a_short_page(
    image_folder: Callable[..., Path], tiny_backbone_flags: dict[str, Any], tmp_path: Path
) -> None:
    root = image_folder(classes=2, per_class=12)
    found = api.doctor(root, flags=tiny_backbone_flags, out=tmp_path).found
    nothing = replace(found, copies=(), labels=(), shortcuts=(), images=(), overlaps=())
    nothing = replace(nothing, dataset=replace(found.dataset, issues=()))
    write_doctor_page(tmp_path / "page.html", nothing, root, tmp_path / "moves.csv")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "Nothing wrong was found." in text and "How to mend" not in text
    all_gray = replace(nothing, images=[FaultyImage(None, "blank", "all are gray")])
    write_doctor_page(tmp_path / "page.html", all_gray, root, tmp_path / "moves.csv")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "All are gray." in text and "Images that may be faulty" not in text
