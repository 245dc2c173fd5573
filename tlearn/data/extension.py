"""More images for the split of a run: old ones stay where they are, new ones are divided alike."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tlearn.data.image_folder import ImageFolder, LabeledImage
from tlearn.data.image_info import ImageInfo
from tlearn.data.manifest import SplitManifest, SplitRow
from tlearn.data.split import choose, usable_rows, without_leaks
from tlearn.data.split_checks import check_train

_INSTEAD = {"test": "val", "val": "train"}
"""Where images go whose folder names a split that the run has none of."""


@dataclass(frozen=True, eq=False)
class Earlier:
    """The split that images are added to.

    Attributes:
        manifest: Its n images, which are the first n of the folder.
        added: What the names of images begin with that were added, now and before.
    """

    manifest: SplitManifest
    added: tuple[str, ...] = ()

    def known_groups(self, folder: ImageFolder) -> list[str | None]:
        """Return the groups of a folder's images as far as the split tells them."""
        return [*self.manifest.groups, *[None] * len(self.new_images(folder))]

    def new_images(self, folder: ImageFolder) -> Sequence[LabeledImage]:
        """Return the images that are added."""
        return folder.images[len(self.manifest.names) :]

    def with_own_names(self, folder: ImageFolder) -> ImageFolder:
        """Return the folder with each name as in the folder that the image came from.

        A pattern or a rule on names is meant for these.
        """
        images = []
        for image in folder.images:
            start = max((a for a in self.added if image.name.startswith(a)), key=len, default="")
            images.append(replace(image, name=image.name.removeprefix(start)))
        return replace(folder, images=tuple(images))

    def without_splits(self, folder: ImageFolder) -> ImageFolder:
        """Return the folder as one that was divided as a whole, once its splits were obeyed."""
        return replace(folder, images=tuple(replace(i, split=None) for i in folder.images))


def extend_split(
    earlier: Earlier,
    folder: ImageFolder,
    infos: Sequence[ImageInfo],
    *,
    val_fraction: float,
    test_fraction: float,
    seed: int,
    groups: Sequence[str | None],
) -> SplitManifest:
    """Add images to a split, in which every old image stays where it is.

    A new image goes where the old ones of its group are. The others are divided as `make_split`
    divides a folder, into the splits that there are; splits that their folder gives are obeyed.

    Args:
        earlier: The split.
        folder: Its images, and the new ones after them.
        infos: `infos[i]` belongs to `folder.images[i]`.
        val_fraction: Fraction of the new images of a class for val.
        test_fraction: Fraction of the new images of a class for test.
        seed: Of the order in which they are tried.
        groups: `groups[i]` is shared by the images that have to stay with `folder.images[i]`.

    Returns:
        The images in the order of the folder, without new ones that cannot be read, are in more
        than one class, or would have to be in two splits.

    Raises:
        DataError: A new class has too few images.
    """
    old = earlier.manifest
    splits, own_group = (
        dict(zip(old.names, values, strict=True)) for values in (old.splits, old.groups)
    )
    given = {image.name: image.split for image in earlier.new_images(folder) if image.split}
    if {*given.values()} == {"train"}:  # as in `scan`: images for training alone are divided
        given = {}
    rows = usable_rows(folder, infos, groups)
    places: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.name in splits:
            row.split = splits[row.name]
            places[row.group].add(row.split)
        else:
            row.split = _there(given.get(row.name), old) or "train"
    for row in rows:
        if row.name in splits and len(places[row.group]) > 1:
            row.group = own_group[row.name]  # what joins two splits is left out
    new = [row for row in rows if row.name not in splits]
    joining = [row for row in new if _joins(row, places.get(row.group, set()), row.name in given)]
    free = without_leaks([row for row in new if row.group not in places])
    _divide(free, {*given.values()}, old, val_fraction, test_fraction, seed)
    kept = {*splits, *(row.name for row in (*joining, *free))}
    rows = [row for row in rows if row.name in kept]
    check_train(folder, rows, rows)
    return SplitManifest.of(folder.classes, rows)


def _joins(row: SplitRow, places: set[str], is_given: bool) -> bool:
    """Put a new image where the old ones of its group are; return whether it can be there."""
    if len(places) != 1 or (is_given and {row.split} != places):
        return False
    (row.split,) = places
    return True


def _divide(
    rows: Sequence[SplitRow],
    given: set[str | None],
    old: SplitManifest,
    val_fraction: float,
    test_fraction: float,
    seed: int,
) -> None:
    """Divide new images, all in train, as far as their folder does not say how."""
    n_train = Counter(row.label for row in rows if row.split == "train")
    for split, fraction in (("test", test_fraction), ("val", val_fraction)):
        is_given = split in given or (split == "test" and bool(given))
        if split in old.splits and not is_given:
            for chosen in choose(rows, n_train, fraction, seed).values():
                for row in chosen:
                    row.split = split


def _there(split: str | None, old: SplitManifest) -> str | None:
    """Return the split, or what stands in for it where the run has none of it."""
    while split and split != "train" and split not in old.splits:
        split = _INSTEAD[split]
    return split
