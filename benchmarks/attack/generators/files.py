"""Special files, names and folders of classes among good images."""

from __future__ import annotations

import os
import random
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.attack.case import ACCEPT, EITHER, REFUSE, Case
from benchmarks.attack.workshop import SMALL, Workshop

KIND = "files and folders"
COMMANDS = (
    ("suggest", "images", SMALL),
    ("finetune", "images", SMALL, "--policy", "linear-head", "--dry-run"),
)
Damage = Callable[[Path], object]
_ODD = "ä\u0308\u202e\u200b\x1b[31m\n\t\r\"'$`;&|*?<>~%\\ -ﬁ字🙂"


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket may be 108 bytes long
    try:
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(path.name)
    finally:
        os.chdir(here)


def _sparse(path: Path, size: int = 40 << 30) -> None:
    path.write_bytes(b"\xff\xd8\xff\xe0")
    os.truncate(path, size)


def _loop(path: Path) -> None:
    path.symlink_to("second.jpg")
    path.with_name("second.jpg").symlink_to(path.name)


SPECIAL: dict[str, Damage] = {
    "fifo": lambda p: os.mkfifo(p),
    "socket": _socket,
    "link to itself": lambda p: p.symlink_to(p.name),
    "links in a circle": _loop,
    "link to nothing": lambda p: p.symlink_to("nowhere.jpg"),
    "link to its folder": lambda p: p.symlink_to(".."),
    "link to the root": lambda p: p.symlink_to("/proc/self"),
    "link to a device": lambda p: p.symlink_to("/dev/zero"),
    "link to random": lambda p: p.symlink_to("/dev/random"),
    "link to a terminal": lambda p: p.symlink_to("/dev/tty"),
    "40 GB sparse": _sparse,
    "600 MB sparse": lambda p: _sparse(p, 600 << 20),
    "unreadable": lambda p: (p.write_bytes(b"x"), p.chmod(0)),
    "folder with a suffix": lambda p: p.mkdir(),
    "folder without access": lambda p: p.mkdir(mode=0),
    "hard link": lambda p: os.link(p.with_name("circle_1.png"), p),
}
"""What stands in place of `images/circle/odd.jpg`."""


def _deep(root: Path, depth: int) -> None:
    """Make a folder so deep that its path is longer than the system takes."""
    start = os.open(root, os.O_RDONLY)
    try:
        for _ in range(depth):
            os.mkdir("d", dir_fd=start)
            below = os.open("d", os.O_RDONLY, dir_fd=start)
            os.close(start)
            start = below
    finally:
        os.close(start)


def _many(images: Path, count: int) -> None:
    for number in range(count):
        (images / f"class {number}").mkdir()
        for copy in range(2):
            shutil.copy(images / f"circle/circle_{copy}.png", images / f"class {number}/{copy}.png")


def _only(images: Path, keep: int) -> None:
    for folder in sorted(images.iterdir())[keep:]:
        shutil.rmtree(folder)


def _all_the_same(images: Path) -> None:
    data = (images / "circle/circle_0.png").read_bytes()
    for path in images.rglob("*.png"):
        path.write_bytes(data)


def _renamed(images: Path, name: bytes) -> None:
    os.rename(os.fsencode(images / "circle"), os.path.join(os.fsencode(images), name))


FOLDERS: dict[str, tuple[Damage, str]] = {
    "empty": (lambda f: _only(f, 0), REFUSE),
    "one class": (lambda f: _only(f, 1), REFUSE),
    "missing": (shutil.rmtree, REFUSE),
    "a file": (lambda f: (shutil.rmtree(f), f.write_text("x")), REFUSE),
    "link to itself": (lambda f: (shutil.rmtree(f), f.symlink_to("images")), REFUSE),
    "a class is empty": (lambda f: (f / "nothing").mkdir(), ACCEPT),
    "300 classes": (lambda f: _many(f, 300), EITHER),
    "200 deep": (lambda f: _deep(f / "circle", 200), ACCEPT),
    "1500 deep": (lambda f: _deep(f / "circle", 1500), EITHER),
    "3000 deep beside": (lambda f: _deep(f, 3000), EITHER),
    "equal after case folding": (lambda f: shutil.copytree(f / "circle", f / "CIRCLE"), EITHER),
    "only in test": (lambda f: shutil.move(f / "circle", f / "test" / "circle"), EITHER),
    "splits without train": (
        lambda f: [shutil.move(f / c.name, f / "val" / c.name) for c in list(f.iterdir())],
        EITHER,
    ),
    "one image each": (lambda f: [i.unlink() for i in f.rglob("*_[1-7].png")], EITHER),
    "all the same image": (
        lambda f: _all_the_same(f),
        EITHER,
    ),
    "all broken": (lambda f: [i.write_bytes(b"x") for i in f.rglob("*.png")], REFUSE),
    "class is called .. in bytes": (lambda f: _renamed(f, b"..\xff"), EITHER),
    "class is not UTF-8": (lambda f: _renamed(f, b"na\xefve"), EITHER),
    "class is a dash": (lambda f: _renamed(f, b"--help"), ACCEPT),
    "class has a newline": (lambda f: _renamed(f, b"a\nb"), EITHER),
    "class has an escape": (lambda f: _renamed(f, b"a\x1b]0;x\x07"), EITHER),
    "class reads backwards": (lambda f: _renamed(f, "\u202egnp".encode()), EITHER),
    "class is blank": (lambda f: _renamed(f, b" "), EITHER),
    "class is a null-like word": (lambda f: _renamed(f, b"null"), ACCEPT),
    "class is a formula": (lambda f: _renamed(f, b'=cmd("x")'), ACCEPT),
    "class of 255 bytes": (lambda f: _renamed(f, b"c" * 255), ACCEPT),
}
"""What is done to `images`, and what must become of it."""


def odd_name(rng: random.Random) -> bytes:
    """Return a file name that people and programs trip over."""
    if rng.random() < 0.2:
        name = rng.randbytes(rng.randint(1, 60)).replace(b"/", b"").replace(b"\0", b"")
    else:
        name = "".join(rng.choice(_ODD + "abc.") for _ in range(rng.randint(1, 50))).encode()
    if rng.random() < 0.2:
        name = name * 40
    return name[:250].strip(b".") or b"-"


def _with_names(names: list[bytes], folder: bool) -> Damage:
    def damage(user: Path) -> None:
        images = user / "images"
        for name in names:
            target = os.path.join(os.fsencode(images if folder else images / "circle"), name)
            if folder:
                shutil.copytree(os.fsencode(images / "square"), target, dirs_exist_ok=True)
            else:
                shutil.copy(images / "circle/circle_0.png", target + b".png")

    return damage


def cases(rng: random.Random, workshop: Workshop, cheap: bool = False) -> Iterator[Case]:
    """Yield special files, odd folders, then odd names for ever."""
    images = workshop.copy("images")
    commands = COMMANDS[:1] if cheap else COMMANDS
    for name, make in SPECIAL.items():
        for line in commands:
            damage = lambda user, make=make: make(user / "images/circle/odd.jpg")  # noqa: E731
            yield Case(KIND, name, line, damage, images)
    for name, (change, must) in FOLDERS.items():
        for line in commands:
            damage = lambda user, change=change: change(user / "images")  # noqa: E731
            yield Case(KIND, name, line, damage, images, must)
    while True:
        names = [odd_name(rng) for _ in range(rng.choice((1, 1, 5)))]
        folder = rng.random() < 0.5
        what = "class" if folder else "file"
        line = rng.choice(commands)
        yield Case(
            KIND, f"{what} named {names[0][:40]!r}", line, _with_names(names, folder), images
        )
