"""Recipes and `--set` that no person would write, and some that one might."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.attack.case import EITHER, REFUSE, Case
from benchmarks.attack.generators.bytes import damaged
from benchmarks.attack.workshop import SMALL, Workshop

KIND = "recipes"
_LINE = ("finetune", "images", SMALL, "--dry-run")
KEYS = (
    "policy",
    "epochs",
    "learning_rate",
    "seed",
    "weights",
    "head_stages",
    "strict",
    "resize",
    "val_fraction",
)
TAGS = (
    *("!!set", "!!omap", "!!pairs", "!!binary", "!!timestamp", "!!int", "!!float", "!!bool"),
    *("!!null", "!!str", "!!seq", "!!map", "!!merge", "!!value", "!x", "!<tag:yaml.org,2002:int>"),
    *("!!python/object/apply:os.system", "!!python/name:os.system", "!!python/tuple", "!!nosuch"),
)
VALUES = (
    *(
        '""',
        "''",
        "maybe",
        "[]",
        "{}",
        "{=: x}",
        "[1, 2]",
        "{a: b}",
        "~",
        "null",
        "0",
        "-1",
        "1e400",
    ),
    *(
        ".inf",
        "-.inf",
        ".nan",
        "0x10",
        "0o17",
        "1_000",
        "9" * 5000,
        "1:30",
        "2001-01-01",
        "2001-99-99",
    ),
    *(
        "yes",
        "No",
        "on",
        "=",
        "<<",
        "? a",
        "- a",
        "|",
        ">",
        "*a",
        "&a",
        "&a [*a]",
        "@",
        "`",
        "%",
        "\\",
        "\t",
    ),
    *('"\\ud800"', '"\\x00"', "'", '"', "deep", "5", "0.5", "1e-3", "auto", "TRUE", "x" * 100_000),
)
FIXED = {
    "empty": "",
    "comment": "# nothing",
    "null": "null",
    "list": "- policy",
    "scalar": "deep",
    "two documents": "policy: deep\n---\npolicy: deep\n",
    "billion laughs": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "\n".join(
        f"{c}: &{c} [{','.join([f'*{p}'] * 9)}]"
        for p, c in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "brackets": "policy: " + "[" * 100_000,
    "braces": "{" * 50_000,
    "indents": "".join(f"{' ' * n}a:\n" for n in range(3000)),
    "merges itself": "a: &a\n  <<: *a\n",
    "merge of text": "<<: deep\n",
    "key twice": "policy: deep\npolicy: linear-head\n",
    "key of a list": "? [a, b]\n: 1\n",
    "key of a map": "{a: b}: 1\n",
    "key of null": "~: 1\n",
    "key of NaN": ".nan: 1\n",
    "key of a number": "1: 2\n",
    "directive": "%YAML 9.9\n---\npolicy: deep\n",
    "tag directive": "%TAG ! tag:yaml.org,2002:python/\n---\npolicy: !name:os.system x\n",
    "NUL": "policy: deep\0\n",
    "tabs": "policy:\tdeep\n\tepochs: 3\n",
    "bom": "\ufeffpolicy: deep\n",
    "escape": 'policy: "\\e[31m"\n',
    "anchor chain": "\n".join(
        f"k{n}: &a{n} [*a{n - 1}]" if n else "k0: &a0 x" for n in range(2000)
    ),
}


def drawn_recipe(rng: random.Random) -> str:
    """Return lines of keys, some with a tag, and values."""
    lines = []
    for key in rng.sample(KEYS, rng.randint(1, 4)):
        tag = f"{rng.choice(TAGS)} " if rng.random() < 0.5 else ""
        value = rng.choice(VALUES)
        if rng.random() < 0.2:
            value = f"{{? {value} : {rng.choice(VALUES)}}}"
        lines.append(f"{key}: {tag}{value}")
    return "\n".join(lines) + "\n"


def _case(name: str, line: tuple[str, ...], data: bytes, must: str, workshop: Workshop) -> Case:
    def damage(user: Path) -> None:
        (user / "recipe.yaml").write_bytes(data)

    good = workshop.copy("images", **{"recipe.yaml": b"policy: auto\n"})
    return Case(KIND, name, (*_LINE, *line), damage, good, must)


def cases(rng: random.Random, workshop: Workshop, cheap: bool = False) -> Iterator[Case]:
    """Yield recipes with a name, each tag, each value for `--set`, then drawn ones for ever."""
    recipe = ("--recipe", "recipe.yaml")
    for name, text in FIXED.items():
        must = REFUSE if name in ("billion laughs", "key twice", "brackets", "braces") else EITHER
        yield _case(name, recipe, text.encode(), must, workshop)
    for tag in TAGS:
        for value in ('""', "maybe", "{=: x}", "[a]", "x"):
            yield _case(
                f"{tag} {value}", recipe, f"epochs: {tag} {value}\n".encode(), REFUSE, workshop
            )
    for value in VALUES:
        if "\0" not in value:
            yield _case(f"--set {value[:20]}", ("--set", f"epochs={value}"), b"", EITHER, workshop)
    good = (Path(__file__).parents[3] / "recipes/deep.yaml").read_bytes()
    while True:
        draw = rng.random()
        if draw < 0.3:
            kind, data = damaged(good, rng)
            yield _case(kind, recipe, data, EITHER, workshop)
        elif draw < 0.7:
            yield _case("drawn", recipe, drawn_recipe(rng).encode(), EITHER, workshop)
        else:
            words = [
                f"{rng.choice(KEYS)}={rng.choice(TAGS)} {rng.choice(VALUES)}" for _ in range(2)
            ]
            words.append("".join(rng.choices("=:{}[]!&*'\"#,a1 \n\\", k=rng.randint(0, 9))) or "=")
            line = [part for word in words for part in ("--set", word[:100_000])]
            yield _case(f"--set {words[0][:60]}", tuple(line), b"", EITHER, workshop)
