"""Processes with an odd environment: variables, closed streams, limits, a deleted folder."""

from __future__ import annotations

import os
import random
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.attack.case import ACCEPT, EITHER, Case
from benchmarks.attack.workshop import SMALL, Workshop

KIND = "environments"
_SUGGEST = ("suggest", "images", SMALL)
COMMANDS = (_SUGGEST, ("cache",), ("runs",), ("recipes", "show", "deep"), ("--help",), ("version",))
TRAIN = ("finetune", "images", SMALL, "--policy", "linear-head", "--out", "{out}/run")


def _to_full_device() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, 1)


def _to_closed_pipe() -> None:
    read, write = os.pipe()
    os.close(read)
    os.dup2(write, 1)


def limit(which: int, value: int) -> Callable[[], None]:
    """Return what sets a limit of the process."""
    return lambda: resource.setrlimit(which, (value, value))


INSIDE: dict[str, Callable[[], object]] = {
    "stdin closed": lambda: os.close(0),
    "stdout closed": lambda: os.close(1),
    "stderr closed": lambda: os.close(2),
    "all closed": lambda: os.closerange(0, 3),
    "stdout full": _to_full_device,
    "stdout a closed pipe": _to_closed_pipe,
    "folder deleted": lambda: shutil.rmtree(os.getcwd()),
    "64 files": limit(resource.RLIMIT_NOFILE, 64),
    "files of 0 bytes": limit(resource.RLIMIT_FSIZE, 0),
    "files of 100 kB": limit(resource.RLIMIT_FSIZE, 100_000),
    "memory of 3 GB": limit(resource.RLIMIT_AS, 3 << 30),
    "umask 777": lambda: os.umask(0o777),
    "umask 0": lambda: os.umask(0),
}
VARIABLES: dict[str, dict[str, str | None]] = {
    "no HOME": {"HOME": None, "TLEARN_CACHE": None, "XDG_CACHE_HOME": "{out}/x"},
    "HOME missing": {"HOME": "/nonexistent", "XDG_CACHE_HOME": "{out}/x"},
    "HOME a file": {"HOME": "/etc/passwd", "TLEARN_CACHE": None},
    "cache empty": {"TLEARN_CACHE": "", "HOME": "{out}"},
    "cache of nobody": {"TLEARN_CACHE": "~nosuch/x"},
    "cache a file": {"TLEARN_CACHE": "/etc/passwd"},
    "cache below a file": {"TLEARN_CACHE": "/etc/passwd/x"},
    "cache in /proc": {"TLEARN_CACHE": "/proc/x"},
    "cache the root": {"TLEARN_CACHE": "/dev/null"},
    "cache long": {"TLEARN_CACHE": "{out}/" + "x" * 300},
    "cache with a newline": {"TLEARN_CACHE": "{out}/a\nb"},
    "cache is the images": {"TLEARN_CACHE": "{user}/images"},
    **{f"limit {v}": {"TLEARN_CACHE_GB": v} for v in ("inf", "nan", "-1", "0", "1e400", "x", "")},
    **{f"Keras {v}": {"KERAS_BACKEND": v} for v in ("torch", "jax", "nosuch", "", "openvino")},
    "weights nowhere": {"TLEARN_WEIGHTS": "/nowhere"},
    "locale C": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "locale unknown": {"LANG": "xx_YY.KOI-99", "LC_ALL": "xx_YY.KOI-99"},
    "ascii": {"PYTHONIOENCODING": "ascii:strict"},
    "utf-16": {"PYTHONIOENCODING": "utf-16"},
    **{f"columns {v}": {"COLUMNS": v} for v in ("0", "1", "-5", "9" * 30, "x")},
    "no TERM": {"TERM": None, "COLUMNS": None},
    "TERM dumb": {"TERM": "dumb", "FORCE_COLOR": "1"},
    "TMPDIR missing": {"TMPDIR": "/nowhere"},
    "threads 0": {"OMP_NUM_THREADS": "0", "TF_NUM_INTRAOP_THREADS": "x"},
    "time zone": {"TZ": "Nowhere/Else"},
    "CUDA": {"CUDA_VISIBLE_DEVICES": "99", "XLA_FLAGS": "--xla_nosuch=1"},
    "PATH empty": {"PATH": ""},
}
KERAS_JSON = (
    '{"backend": "torch"}',
    '{"backend": "nosuch"}',
    "{",
    "[]",
    '{"floatx": "float16"}',
    '{"image_data_format": "channels_first"}',
    '{"floatx": 3}',
    "",
)
_WORKS = ("columns", "locale", "ascii", "no TERM", "TERM dumb", "no HOME", "time zone", "PATH")


def cases(rng: random.Random, workshop: Workshop, cheap: bool = False) -> Iterator[Case]:
    """Yield each oddity for each light command and for a training, then pairs of them for ever."""
    images = workshop.copy("images")
    commands = COMMANDS[1:] if cheap else (*COMMANDS[:2], TRAIN)

    def case(name: str, line: tuple[str, ...], **settings: object) -> Case:
        changes = "folder deleted" in name or "cache is the images" in name
        fresh = not cheap
        return Case(
            KIND,
            f"{line[0]}: {name}",
            line,
            prepare=images,
            fresh=fresh,
            may_change=changes,
            **settings,
        )  # type: ignore[arg-type]

    for line in commands:
        for name, inside in INSIDE.items():
            yield case(name, line, inside=inside)
        for name, variables in VARIABLES.items():
            must = ACCEPT if name.startswith(_WORKS) else EITHER
            yield case(name, line, variables=variables, must=must)
        for text in KERAS_JSON:
            write = lambda user, t=text: _keras_json(user, t)  # noqa: E731
            home = {"HOME": "{user}", "KERAS_HOME": "{user}/.keras"}
            yield case(f"keras.json {text}", line, damage=write, variables=home)
    while True:
        names = rng.sample(sorted(VARIABLES), 2)
        inside = rng.choice(sorted(INSIDE))
        variables = VARIABLES[names[0]] | VARIABLES[names[1]]
        name = ", ".join([*names, inside])
        yield case(name, rng.choice(commands), variables=variables, inside=INSIDE[inside])


def _keras_json(user: Path, text: str) -> None:
    (user / ".keras").mkdir()
    (user / ".keras/keras.json").write_text(text)
