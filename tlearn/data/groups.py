"""Groups: images that have to stay on one side of every split, fold and learning curve.

Copies of one image, images of one patient, tiles of one page, frames of one video: where some of
them are trained on and others tested on, the test asks for what was learned by heart. Groups come
from a column of a CSV, from a pattern that a person gives, or are guessed from names and EXIF.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tlearn.data.group_likeness import Alike
from tlearn.data.image_folder import ImageFolder
from tlearn.data.image_info import ImageInfo
from tlearn.data.name_groups import guess_from_exif, guess_from_names
from tlearn.errors import DataError, pasted

GIVEN, GUESSED, NONE = "given", "guessed", "none"

Part = Sequence[str | None] | Sequence[Sequence[int]]
"""Keys of n images, None where an image has none; or lists of rows that belong together."""


@dataclass(frozen=True)
class GroupRule:
    """What a person says of groups.

    Attributes:
        use: "given": a column and a pattern are obeyed, and a guess is told; "guessed": it is
            obeyed too; "none": only copies are kept together.
        pattern: Regular expression on the path relative to the folder.
    """

    use: str = GIVEN
    pattern: str | None = None


NO_RULE = GroupRule()


@dataclass(frozen=True)
class Grouping:
    """How the images of a folder are grouped.

    Attributes:
        source: "column" of a CSV, "pattern" of the person's, or "names" or "exif", both guessed.
        pattern: The pattern, or what was recognized: "personN_...".
        keys: (n,) what images of a group share; None for an image on its own.
        obeyed: Whether groups are kept together.
    """

    source: str
    pattern: str
    keys: tuple[str | None, ...]
    obeyed: bool

    @property
    def sizes(self) -> Counter[str]:
        """Return the number of images of each group."""
        return Counter(key for key in self.keys if key is not None)


def join_groups(n: int, *parts: Part) -> list[str]:
    """Join images that any part puts together, and what hangs together through others.

    Args:
        n: Number of images.
        *parts: Keys of the n images, or lists of rows. Give digests as the first part for keys
            that do not depend on the order of the images.

    Returns:
        (n,) a key for each image, the same in a group: the smallest of the last part that has one
        for the group, or else the number of its first row.
    """
    parent = list(range(n))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    names: dict[int, tuple[int, str]] = {}  # row to the rank of the part that names it, and the key
    for rank, part in enumerate(parts):
        first: dict[str, int] = {}
        for row, item in enumerate(part):
            if isinstance(item, str):
                names[row] = (-rank, item)
                one, other = root(first.setdefault(item, row)), root(row)
                parent[max(one, other)] = min(one, other)
            elif item is not None:
                for other_row in item:
                    one, other = root(item[0]), root(other_row)
                    parent[max(one, other)] = min(one, other)
    best: dict[int, tuple[int, str]] = {}
    for row, name in names.items():
        best[root(row)] = min(best.get(root(row), name), name)
    return [best.get(root(row), (0, str(root(row))))[1] for row in range(n)]


def looks(info: ImageInfo) -> str:
    """Return what files that look the same share, whatever their bytes are."""
    return info.pixels or info.sha256


def group_keys(infos: Sequence[ImageInfo], groups: Sequence[str | None] = ()) -> list[str]:
    """Return what images of a group share, with copies in one group.

    Args:
        infos: Facts of n images.
        groups: (n,) keys, None for an image on its own; or nothing.

    Returns:
        (n,) keys. The key of a group of one file is its digest, whatever the file is called, so
        that a split without groups does not depend on names.
    """
    digests = [info.sha256 for info in infos]
    keys = join_groups(len(infos), [looks(info) for info in infos], digests, groups)
    files = Counter(key for key, _ in set(zip(keys, digests, strict=True)))
    return [key if files[key] > 1 else own for key, own in zip(keys, digests, strict=True)]


def check_pattern(folder: ImageFolder, rule: GroupRule) -> None:
    """Check that a pattern can be used, before anything is decoded.

    Raises:
        DataError: It is no regular expression, or matches no image.
    """
    if rule.pattern is None:
        return
    if rule.use == NONE:
        raise DataError(
            "--group-by has no effect with --groups off",
            f"leave one of them out: --group-by {pasted(rule.pattern)}",
        )
    if not any(_matches(rule.pattern, folder)):
        names = " and ".join(repr(folder.images[n].name) for n in (0, -1))
        raise DataError(
            f"the pattern '{rule.pattern}' matches no image; they are called {names}",
            "put what images of a group share in parentheses: --group-by '([^/]+)_[0-9]+'",
        )


def find_groups(
    folder: ImageFolder,
    infos: Sequence[ImageInfo],
    rule: GroupRule,
    alike: Alike = lambda keys: True,
) -> Grouping | None:
    """Find groups: by the person's pattern, else by a column, else guessed; None without any.

    Args:
        folder: Classes and files.
        infos: `infos[i]` belongs to `folder.images[i]`.
        rule: What the person says.
        alike: As in `guess_from_names`.
    """
    if rule.use == NONE:
        return None
    if rule.pattern is not None:
        return Grouping("pattern", rule.pattern, _matches(rule.pattern, folder), True)
    if any(image.group for image in folder.images):
        keys = tuple(image.group for image in folder.images)
        return Grouping("column", "group", keys, True)
    obeyed = rule.use == GUESSED
    if guess := guess_from_names(folder, alike):
        return Grouping("names", *guess, obeyed)
    if guess := guess_from_exif(folder, infos):
        return Grouping("exif", *guess, obeyed)
    return None


def _matches(pattern: str, folder: ImageFolder) -> tuple[str | None, ...]:
    """Return the first group of the pattern, or the whole match, in the path of each image."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise DataError(
            f"the pattern '{pattern}' is no regular expression: {error}",
            "as in: --group-by '(patient[0-9]+)_'",
        ) from error
    found = (compiled.search(image.name) for image in folder.images)
    return tuple(match and (match[1 if compiled.groups else 0] or None) for match in found)
