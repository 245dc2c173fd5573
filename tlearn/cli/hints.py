"""What a mistyped command line probably meant: other tools' names for our commands and options."""

from __future__ import annotations

import difflib
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from typer.core import TyperGroup
from typer.exceptions import TyperException

from tlearn.cli.options import is_run
from tlearn.errors import pasted

_COMMANDS = {
    "evaluate": "test eval validate score accuracy metrics",
    "export": "convert quantize tflite litert onnx deploy save freeze",
    "explain": "heatmap gradcam grad-cam cam saliency attention interpret why map umap tsne",
    "predict": "classify infer inference run label recognize ask",
    "finetune": "fit fine-tune fine_tune finetuning retrain learn transfer",
    "suggest": "advise advice analyze analyse inspect recommend measure explore start init",
    "check": "verify contract",
    "embed": "embeddings embedding features vectors encode similar neighbors search",
    "doctor": "examine health clean-data duplicates dedupe lint audit cleanlab",
    "benchmark": "bench time speed latency profile",
    "distill": "compress shrink prune",
    "models": "backbones backbone model zoo catalog",
    "recipes": "recipe config configs",
    "rank": "select",
    "demo": "example examples tutorial quickstart try",
    "cache": "clean clear clear-cache",
    "runs": "list ls history experiments",
    "compare": "diff",
    "update": "add extend append",
    "describe": "cite citation methods paper",
}
"""Command to words that other tools have for it."""

_OPTIONS = {
    "--learning-rate": "--lr --rate --learningrate --eta --base-lr",
    "--epochs": "--epoch --num-epochs --n-epochs --steps -e",
    "--batch-size": "--batch --bs --batchsize -b",
    "--backbone": "--model --arch --architecture --network --net --base-model --pretrained -m",
    "--image-size": "--size --img-size --imgsz --input-size --resolution --res",
    "--out": "--output --output-dir --outdir --out-dir --save-dir --run-dir --dest -o",
    "--no-horizontal-flip": "--no-mirror --no-flip --no-hflip --noflip",
    "--horizontal-flip": "--mirror --flip --hflip",
    "--augment": "--augmentation --aug --augmentations",
    "--policy": "--strategy --mode --method --freeze --unfreeze --layers",
    "--recipe": "--config --cfg --preset -c",
    "--overwrite": "--force -f",
    "--dry-run": "--plan --preview --explain",
    "--seed": "--random-seed --random-state -s",
    "--folds": "--n-folds --k-folds --kfold --cv --cross-validation",
    "--class-weights": "--class-weight --balance --balanced --weighted",
    "--quantize": "--quantization --quantise --quant --int8 --float16 --fp16",
    "--tflite": "--lite --tf-lite --litert",
    "--saved-model": "--savedmodel --pb --tensorflow",
    "--top": "--topk --top-k -k",
    "--csv": "--save-csv",
    "--quiet": "--silent --no-progress",
    "--verbose": "--debug --details",
    "--data": "--folder --images-folder --dataset --data-dir",
    "--try": "--trials --budget --time",
    "--set val_fraction=0.2": "--val-split --validation-split --val --split --val-size",
    "--set test_fraction=0.2": "--test-split --test-size",
    "--set head_dropout=0.2": "--dropout",
    "--set trained_head_l2=1e-4": "--l2",
}
"""Option to names that other tools have for it."""

_SAME, _CLOSE = 0.9, 0.7  # a typo for certain; probably a typo, not another short word

_ALL_CORES = "nothing to set: all CPU cores are used"
_DEVICE = (
    "nothing to set: a GPU that TensorFlow sees is used, else all CPU cores; to stay off the GPU, "
    "set the environment variable CUDA_VISIBLE_DEVICES=-1"
)
_NOTHING_TO_SET = {
    _DEVICE: "--device --gpu --gpus --cuda --cpu --use-gpu",
    _ALL_CORES: "--workers --num-workers --jobs --threads --n-jobs -j",
}

_WRONG_VALUES = {
    "int_parsing": "is not a whole number",
    "int_parsing_size": "is not a whole number of ordinary size",
    "float_parsing": "is not a number",
    "greater_than_equal": "is below {ge:g}",
    "less_than_equal": "is above {le:g}",
}
"""Pydantic's names of errors, and what is wrong with the value."""

_WITHOUT_ARGUMENT = {
    "suggest": "; without images: tlearn matrix --images 400 --classes 5 --similar",
}


def explain_command(group: TyperGroup, path: str, words: Sequence[str]) -> tuple[str, str]:
    """Return message and hint for a command that does not exist.

    Args:
        group: Whose command it would be.
        path: How the group is called: "tlearn".
        words: The command and what follows it.
    """
    name, *rest = words
    if (meant := _command_for_path(Path(name))) and path == "tlearn":
        kind = "a folder" if Path(name).is_dir() else "a file"
        line = shlex.join([path, meant, *words])
        return f"'{name}' is {kind}, not a command", f"did you mean: {line}"
    message = f"no such command: '{name}'"
    known = _names(_COMMANDS) | {command: command for command in group.commands}
    known = {word: command for word, command in known.items() if command in group.commands}
    word = (
        name if name in known else next(iter(difflib.get_close_matches(name, known, 1, _CLOSE)), "")
    )
    if word:
        return message, f"did you mean: {shlex.join([path, known[word], *rest])}"
    return message, f"all commands: {path} --help"


def explain_misuse(misuse: TyperException, words: Sequence[str]) -> tuple[str, str]:
    """Return message and hint for a command line that Typer refuses.

    Args:
        misuse: What Typer says.
        words: The command line, without the program.
    """
    context: Any = getattr(misuse, "ctx", None)
    if context is None:
        command = f"{words[0]} " if words and not words[0].startswith("-") else ""
        return _our_style(misuse.format_message()), f"tlearn {command}--help"
    if hasattr(misuse, "possibilities"):
        name = getattr(misuse, "option_name", "")
        for word in words:
            if word.startswith(name) and os.path.lexists(word):
                return f"no such option: {word}", f"to name the file or folder: {pasted(word)}"
        name = _as_typed(name, words)
        return f"no such option: {name}", _hint_for_option(name, context)
    if hasattr(misuse, "param_type"):  # an argument or an option was left out
        command = context.command
        hint = f"as in: {_example(command)}{_WITHOUT_ARGUMENT.get(command.name, '')}"
        if command.name == "compare":
            hint = "list the runs, newest first: tlearn runs"
        return f"missing {_kind_and_name(getattr(misuse, 'param', None))}", hint
    if extra := re.match(r"Got unexpected extra argument\S* \((.*)\)", misuse.format_message()):
        path = " ".join(words[1:])
        quote = f"quote a name with spaces: {context.command_path} {pasted(path)}"
        hint = quote if os.path.exists(path) else f"{context.command_path} --help"
        return f"more arguments than are expected: {extra[1]}", hint
    return _wrong_value(misuse), f"{context.command_path} --help"


def _wrong_value(misuse: Any) -> str:
    """Return what is wrong with the value of an option, in our words rather than Pydantic's."""
    errors: list[Any] = getattr(misuse.__cause__, "errors", list)()
    if not errors or not misuse.param:
        return _our_style(misuse.format_message())
    kind, value, limits = errors[0]["type"], errors[0]["input"], errors[0].get("ctx", {})
    _, name = _kind_and_name(misuse.param).split(" ", 1)
    if kind in _WRONG_VALUES:
        return f"{name}: {str(value)!r} {_WRONG_VALUES[kind].format(**limits)}"
    return f"{name}: {str(limits.get('error', errors[0]['msg'])).removesuffix('.')}"


def _kind_and_name(param: Any) -> str:
    """Return "option --teacher" or "argument IMAGES"; what may be left out is not named."""
    if param.opts[0].startswith("-"):
        return f"option {max(param.opts, key=len)}"
    return "argument " + re.sub(r"\[.*?\] *", "", param.metavar)


def _example(command: Any) -> str:
    """Return the example in a command's help, which names everything that is needed."""
    example = re.search(r"Example: \[cyan\](.*?)\[/\]", command.help or "")
    return example[1] if example else f"tlearn {command.name} --help"


def _hint_for_option(name: str, context: Any) -> str:
    everything = f"all options: {context.command_path} --help"
    own, root = _options(context.command), context.find_root()
    meant = _meaning(name, own)
    if meant.split()[0] in own:
        return f"did you mean {meant}? {everything}"
    if context is root:
        return f"options come after the command: {root.command_path} COMMAND {meant}"
    if explained := _names(_NOTHING_TO_SET).get(name):
        return explained
    if close := difflib.get_close_matches(name, own, 1, _SAME):
        return f"did you mean {close[0]}? {everything}"
    owners = [
        f"{root.command_path} {command}"
        for command, other in root.command.commands.items()
        if meant.split()[0] in _options(other) and not other.hidden
    ]
    if owners:
        return f"{meant.split()[0]} is an option of: {', '.join(owners)}"
    close = difflib.get_close_matches(name, own, 1, _CLOSE)
    return f"did you mean {close[0]}? {everything}" if close else everything


def _meaning(name: str, own: Sequence[str]) -> str:
    """Return the option that a name stands for elsewhere, or the recipe key of that name."""
    from tlearn.recipe.schema import Recipe

    meant = _names(_OPTIONS).get(name)
    key = name.strip("-").replace("-", "_")
    if meant is None and key in Recipe.model_fields and "--set" in own:
        return f"--set {key}=VALUE"
    return meant or name


def _names(table: Mapping[str, str]) -> dict[str, str]:
    return {name: meant for meant, names in table.items() for name in names.split()}


def _options(command: Any) -> list[str]:
    return [name for p in command.params for name in (*p.opts, *p.secondary_opts) if name[0] == "-"]


def _as_typed(name: str, words: Sequence[str]) -> str:
    """Return `--lr` for `-lr`, of which the parser saw only the first letter."""
    for word in words:
        if len(name) == 2 and len(word) > 2 and word.startswith(name) and word[2:].isalpha():
            return f"-{word}"
    return name


def _command_for_path(path: Path) -> str:
    """Return the command that a file or folder is probably meant for; empty for no path."""
    if os.path.isdir(path):  # unlike `path.is_dir()`, it has no objection to a name too long
        return "evaluate" if is_run(path) else "finetune"
    if not os.path.isfile(path):
        return ""
    if path.suffix.lower() in (".csv", ".tsv"):
        return "finetune"
    return "check" if path.suffix.lower() in (".tflite", ".onnx", ".xml") else "predict"


def _our_style(message: str) -> str:
    return message[:1].lower() + message[1:].removesuffix(".")
