"""Which columns are taken, by name or by content."""

from __future__ import annotations

import pytest

from tlearn.data.csv_columns import guess_columns, has_boxes, looks_like_image


@pytest.mark.parametrize(
    ("header", "path", "label"),
    [
        ("image_id,label", "image_id", "label"),
        ("lesion_id,image_id,dx,dx_type,age", "image_id", "dx"),
        ("id,breed", "id", "breed"),
        ("File Name,Category", "File Name", "Category"),
        ("img_path,y", "img_path", "y"),
        ("Image,Id", "Image", "Id"),
        ("id,has_cactus", "id", "has_cactus"),
        ("GalaxyID,class", "GalaxyID", "class"),
        ("filename,label,class_id", "filename", "label"),
    ],
)
def test_columns_are_known_by_common_names(header: str, path: str, label: str) -> None:
    columns = header.split(",")
    meanings = guess_columns(columns, [])
    assert columns[meanings.index("path")] == path
    assert columns[meanings.index("label")] == label


def test_a_column_of_image_names_is_known_by_its_cells() -> None:
    rows = [["cat", "a.png"], ["dog", "b.jpg"]]
    assert guess_columns(["what", "where"], rows) == ["label", "path"]
    assert guess_columns(["what", "where"], [["cat", "here"]]) == ["", ""]


def test_boxes_are_known_by_their_columns() -> None:
    assert has_boxes(["filename", "xmin", "ymin", "xmax", "ymax"]) and has_boxes(["Id", "BBox"])
    assert not has_boxes(["path", "label", "width", "height"])
    assert looks_like_image("a/b.JPG") and not looks_like_image("b.txt")
