"""Names that folders of a training, validation or test part go by."""

from __future__ import annotations

import re
import unicodedata

SPLITS = ("train", "val", "test")
SPLIT_NAMES = {split: split for split in SPLITS} | {"training": "train", "testing": "test"}
SPLIT_NAMES |= {"valid": "val", "validation": "val"}
"""What a column of a CSV may say, and the usual names of folders."""

_WORDS = SPLIT_NAMES | {"trainval": "train", "dev": "val", "development": "val", "eval": "test"}
_WORDS |= {"evaluation": "test", "holdout": "test", "heldout": "test", "validate": "val"}
# The same words in other languages.
_WORDS |= dict.fromkeys(("entrenamiento", "entrainement", "apprentissage", "treino"), "train")
_WORDS |= dict.fromkeys(
    ("treinamento", "addestramento", "обучение", "训练", "訓練", "学習"), "train"
)
_WORDS |= dict.fromkeys(("학습", "훈련", "eğitim", "trening"), "train")
_WORDS |= dict.fromkeys(("validierung", "validacion", "validacao", "validazione"), "val")
_WORDS |= dict.fromkeys(("валидация", "验证", "驗證", "検証", "검증", "walidacja"), "val")
_WORDS |= dict.fromkeys(("prueba", "pruebas", "teste", "测试", "測試", "テスト"), "test")
_WORDS |= dict.fromkeys(("тест", "тестирование", "테스트", "시험"), "test")

# What stands beside such a word: seg_train, train_images, Training Data 2, test-set, val2017.
_BESIDE = (
    "seg|set|sets|data|dataset|images?|imgs?|pics?|pictures?|photos?|jpe?g|png|split|folder|dir"
    "|files?|samples?|stage|final|new|my|public|private|official|resized|cropped|crops?|clean(?:ed)?"
    r"|labell?ed|classes|x|s?bilder|s?daten|集|用|データ|\d{1,4}(?:x\d+)?"
)
_DECORATED = re.compile(
    rf"(?:{_BESIDE})*({'|'.join(sorted(_WORDS, key=len, reverse=True))})(?:{_BESIDE})*"
)


def split_of(name: str) -> str | None:
    """Return which split a folder's name stands for, or None.

    Args:
        name: A name, or a path, whose last name counts: "train", "seg_train", "Test Images".
    """
    last = name.rpartition("/")[2].casefold()
    if paired := re.fullmatch(r"(train|val|test)[ _-]?[AB]", name.rpartition("/")[2]):
        return paired[1]  # two kinds of images that a network is to turn into each other
    plain = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFD", last))
    plain = unicodedata.normalize("NFC", plain) if plain.isascii() else last
    match = _DECORATED.fullmatch(re.sub(r"[^\w]|_", "", plain))
    return _WORDS[match[1]] if match else None


def is_unused(name: str) -> bool:
    """Return whether a folder is by its name of images that nobody has put into a class."""
    return name.rpartition("/")[2].casefold() in ("unlabeled", "unlabelled", "unsorted")


def is_plain(name: str) -> bool:
    """Return whether a folder has the usual name of a part, and nothing beside it."""
    return name.rpartition("/")[2].lower() in SPLIT_NAMES
