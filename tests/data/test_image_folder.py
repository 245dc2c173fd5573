"""Layouts, order, strays and errors of a scan."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tlearn.data.image_folder import ImageFolder, list_images, list_names, scan
from tlearn.errors import DataError
from tlearn.storage.cache import open_cache

MakeFolder = Callable[..., Path]


def put(path: Path, color: int = 0, kind: str = "PNG") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (color, 0, 0)).save(path, kind)
    return path


def names(folder: ImageFolder) -> list[str]:
    return [image.name for image in folder.images]


def error(source: Path) -> DataError:
    with pytest.raises(DataError) as raised:
        scan(source)
    assert raised.value.hint
    return raised.value


@pytest.fixture
def two_classes(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    put(root / "cats" / "1.png")
    put(root / "dogs" / "1.png")
    return root


def test_classes_layout(image_folder: MakeFolder) -> None:
    root = image_folder(classes=3, per_class=12)
    folder = scan(root)
    assert folder.layout == "classes"
    assert folder.classes == ("circle", "square", "stripes")
    assert len(folder.images) == 36
    assert {image.split for image in folder.images} == {None}
    assert names(folder)[:3] == [f"circle/circle_{n}.png" for n in range(3)]
    assert names(folder)[10] == "circle/circle_10.png"
    first = folder.images[0]
    assert first.path.is_absolute() and first.path == root.resolve() / first.name
    assert [image.label for image in folder.images] == [0] * 12 + [1] * 12 + [2] * 12
    assert folder.ignored == ()


def test_classes_in_natural_order(tmp_path: Path) -> None:
    for name in ("10", "2", "1"):
        put(tmp_path / name / "x.png")
    assert scan(tmp_path).classes == ("1", "2", "10")


def test_order_does_not_depend_on_the_file_system(
    image_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = image_folder(splits=("train", "val"))
    before = scan(root)

    class Backwards:
        def __init__(self, path: Path) -> None:
            with true_scandir(path) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name, reverse=True)

        def __enter__(self) -> list[os.DirEntry[str]]:
            return self.entries

        def __exit__(self, *_: object) -> None: ...

    true_scandir = os.scandir
    monkeypatch.setattr(os, "scandir", Backwards)
    assert scan(root) == before


def test_strays_are_not_classes(two_classes: Path) -> None:
    for stray in (".git/x.png", "__MACOSX/cats/x.png", "cats/._1.png", "cats/Thumbs.db"):
        (two_classes / stray).parent.mkdir(parents=True, exist_ok=True)
        (two_classes / stray).write_bytes(b"x")
    (two_classes / "readme.txt").write_text("BM and P1 are how some text begins")
    (two_classes / "empty" / "deeper").mkdir(parents=True)
    put(two_classes / "cover.png")
    folder = scan(two_classes)
    assert folder.classes == ("cats", "dogs")
    assert names(folder) == ["cats/1.png", "dogs/1.png"]
    assert set(folder.ignored) == {
        *(".git", "__MACOSX", "cats/._1.png", "cats/Thumbs.db", "readme.txt", "empty", "cover.png")
    }


def test_class_folders_are_searched_through(two_classes: Path) -> None:
    put(two_classes / "cats" / "indoors" / "black" / "2.png")
    assert "cats/indoors/black/2.png" in names(scan(two_classes))


def test_content_decides_for_other_extensions(two_classes: Path) -> None:
    put(two_classes / "cats" / "picture.dat")
    put(two_classes / "cats" / "none")
    (two_classes / "cats" / "notes.md").write_text("P3 is fine")
    (two_classes / "cats" / "broken.JPG").write_bytes(b"")
    folder = scan(two_classes)
    cats = [name for name in names(folder) if name.startswith("cats")]
    assert cats == ["cats/1.png", "cats/broken.JPG", "cats/none", "cats/picture.dat"]
    assert folder.ignored == ("cats/notes.md",)


@pytest.mark.parametrize(
    "splits", [("train", "val", "test"), ("Training", "VALID", "Testing"), ("train", "validation")]
)
def test_splits_layout(image_folder: MakeFolder, splits: tuple[str, ...]) -> None:
    folder = scan(image_folder(classes=2, per_class=2, splits=splits))
    assert folder.layout == "splits"
    assert folder.classes == ("circle", "square")
    image_splits = [image.split for image in folder.images]
    assert image_splits == [
        split for split in ("train", "val", "test")[: len(splits)] for _ in range(4)
    ]
    assert names(folder)[0] == f"{splits[0]}/circle/circle_0.png"


def test_beside_splits_other_folders_are_ignored(image_folder: MakeFolder) -> None:
    root = image_folder(classes=2, splits=("train", "test"))
    put(root / "cats" / "1.png")
    folder = scan(root)
    assert folder.classes == ("circle", "square") and folder.ignored == ("cats",)


def test_train_alone_is_split_like_a_plain_folder(image_folder: MakeFolder) -> None:
    folder = scan(image_folder(classes=2, splits=("train",)))
    assert folder.layout == "classes" and folder.classes == ("circle", "square")
    assert {image.split for image in folder.images} == {None}


def test_test_images_without_labels_are_ignored(image_folder: MakeFolder) -> None:
    root = image_folder(classes=2, splits=("train", "val"))
    put(root / "test" / "unknown.png")
    folder = scan(root)
    assert folder.ignored == ("test",)
    assert {image.split for image in folder.images} == {"train", "val"}


def test_a_class_may_be_named_like_a_split(tmp_path: Path) -> None:
    for name in ("train", "bus", "car"):
        put(tmp_path / name / "1.png")
    assert scan(tmp_path).classes == ("bus", "car", "train")


def test_splits_without_train(image_folder: MakeFolder) -> None:
    assert "train" in error(image_folder(splits=("val", "test"))).message


def test_a_class_missing_in_val_keeps_labels(image_folder: MakeFolder) -> None:
    root = image_folder(classes=3, per_class=1, splits=("train", "val"))
    (root / "val" / "circle" / "circle_0.png").unlink()
    pairs = {(image.split, image.label) for image in scan(root).images}
    assert pairs == {("train", 0), ("train", 1), ("train", 2), ("val", 1), ("val", 2)}


def test_a_missing_path_suggests_the_nearest(two_classes: Path) -> None:
    raised = error(two_classes.parent / "roots")
    assert "roots" in raised.message and str(two_classes) in raised.hint
    assert str(two_classes / "dogs") in error(two_classes / "dog" / "deeper").hint


def test_a_file_that_is_not_a_csv(two_classes: Path) -> None:
    (two_classes / "cats" / "1").write_text("")
    assert "CSV" in error(two_classes / "cats" / "1").message
    assert "a single image" in error(two_classes / "cats" / "1.png").message


def test_empty_folder(tmp_path: Path) -> None:
    assert "no images" in error(tmp_path).message


def test_images_without_class_folders(tmp_path: Path) -> None:
    put(tmp_path / "1.png")
    put(tmp_path / "2.png")
    assert "2 images but no class folders" in error(tmp_path).message


def test_one_class(tmp_path: Path) -> None:
    put(tmp_path / "cats" / "1.png")
    assert "only one class: 'cats'" in error(tmp_path).message


def test_class_folders_one_deeper(two_classes: Path) -> None:
    raised = error(two_classes.parent)
    assert str(two_classes) in raised.hint
    assert scan(Path(raised.hint.split("'")[1])).classes == ("cats", "dogs")


def test_unreadable_folder(two_classes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true_scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "dogs":
            raise PermissionError(13, "Permission denied")
        return true_scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    raised = error(two_classes)
    assert "dogs" in raised.message and "Permission denied" in raised.message


def test_links_are_followed_once(two_classes: Path) -> None:
    elsewhere = put(two_classes.parent / "elsewhere" / "far.png")
    (two_classes / "cats" / "link.png").symlink_to(elsewhere)
    (two_classes / "dogs" / "more").symlink_to(elsewhere.parent)
    (two_classes / "dogs" / "loop").symlink_to(two_classes)
    (two_classes / "dogs" / "gone.png").symlink_to(two_classes / "nowhere.png")
    folder = scan(two_classes)
    assert names(folder) == ["cats/1.png", "cats/link.png", "dogs/1.png", "dogs/more/far.png"]
    assert set(folder.ignored) == {"dogs/loop", "dogs/gone.png"}


def test_odd_class_names_are_kept(tmp_path: Path) -> None:
    odd = ("a,b", 'say "x"', "two\nlines", "猫", "\x1b[31mred")
    for name in odd:
        put(tmp_path / name / "1.png")
    assert set(scan(tmp_path).classes) == set(odd)


def write_csv(root: Path, text: str) -> Path:
    path = root / "list.csv"
    path.write_text(text, "utf-8")
    return path


def test_a_csv_names_the_class_of_each_image(two_classes: Path) -> None:
    folder = scan(write_csv(two_classes, "path,label\ndogs/1.png,Dog\ncats/1.png,Cat\n"))
    assert folder.layout == "csv" and folder.root == two_classes.resolve()
    assert folder.classes == ("Cat", "Dog")
    assert names(folder) == ["cats/1.png", "dogs/1.png"]


def test_csv_split_and_aliases(two_classes: Path) -> None:
    put(two_classes / "3.png")
    text = (
        "Image,extra,Class,Set\ncats/1.png,x,a,Train\n./dogs/1.png,x,b,training\n3.png,x,a,VALID\n"
    )
    folder = scan(write_csv(two_classes, text))
    assert [image.split for image in folder.images] == ["train", "train", "val"]
    assert names(folder)[1] == "dogs/1.png"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("../x.png,a", "line 4: '../x.png' is outside"),
        ("/etc/passwd,a", "outside"),
        ("nowhere.png,a", "line 4: 'nowhere.png' does not exist"),
        ("cats,a", "'cats' is a folder, not an image"),
        ("pipe.png,a", "'pipe.png' is a pipe, not an image"),
        ("loop.png,a", "levels of symbolic links"),
        (f"{'n' * 5000}.png,a", "name too long"),
        ("a\0b.png,a", "character that no path has"),
        ("cats/1.png,", "no label"),
        (",a", "no path"),
        ("cats/1.png,other", "listed twice"),
    ],
)
def test_csv_errors_name_the_line(two_classes: Path, row: str, message: str) -> None:
    put(two_classes.parent / "x.png")
    os.mkfifo(two_classes / "pipe.png")
    (two_classes / "loop.png").symlink_to("loop.png")
    text = f"path,label\ncats/1.png,a\ndogs/1.png,b\n{row}\n"
    assert message in error(write_csv(two_classes, text)).message


def test_csv_links_out_of_the_folder_are_refused(two_classes: Path) -> None:
    (two_classes / "out.png").symlink_to(put(two_classes.parent / "x.png"))
    assert "outside" in error(write_csv(two_classes, "path,label\nout.png,a\n")).message


def test_csv_lists_ten_errors(two_classes: Path) -> None:
    rows = "".join(f"missing{n}.png,a\n" for n in range(25))
    message = error(write_csv(two_classes, "path,label\n" + rows)).message
    assert "missing9.png" in message and "missing10.png" not in message
    assert "15 more" in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\n", "no images"),
        ("path,label,split\ncats/1.png,a,train\ndogs/1.png,b,\n", "without a split"),
        ("path,label,split\ncats/1.png,a,tran\n", "'tran' is none of"),
        ("path,label,split\ncats/1.png,a,val\ndogs/1.png,b,test\n", "for training: 1 val, 1 test"),
        ("path,label,split\ncats/1.png,a,test\ndogs/1.png,b,Testing\n", "for training: 2 test"),
        ("path,label,subset\ncats/1.png,a,val\ndogs/1.png,b,validation\n", "for training: 2 val"),
        ("path,label\ncats/1.png,a,test\ndogs/1.png,b,train\n", "line 2 has 3 cells, the first"),
        ("path,label\ncats/1.png,a\ndogs/1.png,a\n", "only one class"),
    ],
)
def test_csv_as_a_whole(two_classes: Path, text: str, message: str) -> None:
    assert message in error(write_csv(two_classes, text)).message


@pytest.mark.parametrize("split", ["test", "val"])
def test_a_csv_that_is_scored_needs_no_train_rows(two_classes: Path, split: str) -> None:
    text = f"path,label,split\ncats/1.png,a,{split}\ndogs/1.png,b,{split}\n"
    images = scan(write_csv(two_classes, text), known_classes=("a", "b")).images
    assert [image.split for image in images] == [split, split]


def test_a_csv_of_training_images_alone_is_divided_like_a_folder(two_classes: Path) -> None:
    text = "path,label,split\ncats/1.png,a,train\ndogs/1.png,b,Train\n"
    assert {image.split for image in scan(write_csv(two_classes, text)).images} == {None}


def test_a_csv_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "list.csv")
    assert "it is a pipe" in error(tmp_path / "list.csv").message


def test_images_are_listed_in_natural_order_and_once(two_classes: Path) -> None:
    for name in ("10.png", "2.png", "deep/3.png", ".hidden.png"):
        put(two_classes / "cats" / name)
    single = two_classes / "dogs" / "1.png"
    images = list_images([single, two_classes / "cats", single])
    expected = ["1.png", "2.png", "10.png", "deep/3.png"]
    assert images == [single, *(two_classes / "cats" / name for name in expected)]


def test_a_list_of_no_images_is_an_error(two_classes: Path) -> None:
    (two_classes / "empty").mkdir()
    for paths in ([two_classes / "empty"], [two_classes / "nowhere"], []):
        with pytest.raises(DataError):
            list_images(paths)


def test_a_link_in_a_circle_is_named_as_a_link(tmp_path: Path) -> None:
    (tmp_path / "here").symlink_to(tmp_path / "there")
    (tmp_path / "there").symlink_to(tmp_path / "here")
    with pytest.raises(DataError, match="a link that leads nowhere"):
        scan(tmp_path / "here")


def test_a_home_folder_of_nobody_does_not_exist() -> None:
    with pytest.raises(DataError, match="does not exist"):
        scan(Path("~nobody-of-that-name/images"))


def test_the_current_folder_is_suggested_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flowers").mkdir()
    monkeypatch.chdir(tmp_path / "flowers")
    with pytest.raises(DataError) as caught:
        scan(tmp_path / "flower")
    assert caught.value.hint == f"did you mean '{tmp_path / 'flowers'}'?"


def test_names_are_listed_of_whatever_is_scanned(image_folder: MakeFolder, tmp_path: Path) -> None:
    folder = image_folder(classes=2, per_class=3)
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", folder))
    table = folder / "table.csv"
    rows = [f"{image.name},{image.label}" for image in scan(folder).images[1:]]
    table.write_text("\n".join(["path,label", *rows]))
    for source in (folder, archive, table):
        root, listed = list_names(source, open_cache)
        assert sorted(listed) == sorted(names(scan(source)))
        assert all((root / name).is_file() for name in listed)
    (tmp_path / "loose").mkdir()
    shutil.copy(next(folder.rglob("*.png")), tmp_path / "loose")
    assert len(list_names(tmp_path / "loose", open_cache)[1]) == 1
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="there are no images"):
        list_names(tmp_path / "none", open_cache)
