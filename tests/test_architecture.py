"""The layout of the package as docs/architecture.md describes it: order of rooms, sizes, imports.

A failure names the file and the rule. If the rule is wrong, change it here and on that page.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tlearn"

FOR_EVERYONE = {"errors", "progress"}
ROOMS = (
    *(
        "storage",
        "backend",
        "data",
        "confidence",
        "models",
        "features",
        "doctor",
        "suggestion",
        "recipe",
        "training",
    ),
    *("evaluation", "runs", "artifacts", "export", "serving", "commands", "api", "cli"),
)
"""A file imports from rooms above its own, from its own, and from `FOR_EVERYONE`."""

ARTIFACTS_NEED = {"storage", "data", "confidence", "backend.silence", "backend.litert"}
"""All that the artifacts room may import: `tlearn check` works with an exported file alone."""

BANNED_STEMS = {"utils", "util", "helpers", "helper", "common", "misc"}
MOST_LINES = {"file": 300, "function": 60}

WITH_KERAS = {
    *(
        "models.applications",
        "models.backbone",
        "models.classifier",
        "models.cuts",
        "models.stages",
    ),
    *("models.joined", "models.known", "models.classics", "models.classics_since_2015"),
    *("models.class_map", "models.efficientnet_lite", "models.hub", "models.one_class"),
    *("features.int8", "export.int8_head", "export.int8_known", "export.int8_normality"),
    *("training.batch_norm_folding", "training.batch_norm_momentum"),
    *("training.channel_pruning", "training.phase"),
    *("training.distillation", "training.fine_tune", "training.interpolation", "training.loop"),
    *(
        "training.objective",
        "training.optimizer",
        "training.teacher_dataset",
        "training.validation",
    ),
}
"""Modules that import Keras when they are imported; all others do so inside functions."""

HEAVY = ("tensorflow", "keras", "jax", "torch", "sklearn", "matplotlib")
"""Each costs 0.4 to 3 seconds to import; help and error messages must not wait for one."""

STEPS = {
    "calibrate",
    "choose_backbone",
    "fit_board",
    "join_contenders",
    "choose_mirror",
    "resume",
    "session",
    "advice",
    "train",
    "save",
    "trials",
    "int8_cost",
    "shrink",
    "taught",
    "teach",
}
STEPS |= {"advise_targets", "check_images", "evaluate_targets", "fitted", "heads"}
STEPS |= {"machine", "save_model", "save_targets", "plan_time"}
STEPS |= {"train_one_class", "train_targets", "tuning", "workspace"}
STEPS |= {"follow", "repeats", "policies", "additions", "verdict", "next_copies"}
STEPS |= {"compare_page", "compared_run", "pairing", "references"}
STEPS |= {"methods", "methods_answers", "methods_training"}
STEPS |= {
    "doctor_page",
    "examine",
    "judged",
    "leaks",
    "explain_folder",
    "explained",
    "explain_network",
}
"""Modules of commands/ that are a part of commands, and no command themselves."""

WITHOUT_API = {"demo", "serve", "try_images"}
"""Commands that a program has no use for."""

NO_TEST_OF_THEIR_OWN = {
    "cli/finetune_policies": "cli/test_finetune.py",
    "cli/doctor_view": "cli/test_doctor.py",
    "confidence/answers": "confidence/test_promises.py",
    "confidence/confidence": "confidence/test_promises.py",
    "confidence/rank_promise": "confidence/test_answer_sets.py, confidence/test_operating_point.py",
    "models/known_weights": "models/test_known.py",
    "models/classics_since_2015": "models/test_classics.py",
    "runs/solved_head": "runs/test_answering.py",
    "cli/target_view": "commands/test_train_targets.py and cli/test_target_view.py",
    "commands/advise_targets": "commands/test_train_targets.py",
    "commands/evaluate_targets": "commands/test_train_targets.py",
    "commands/fitted": "a record, in every test of training",
    "commands/heads": "commands/test_train.py",
    "commands/save_model": "commands/test_save.py",
    "commands/save_targets": "commands/test_train_targets.py",
    "commands/tuning": "commands/test_train.py",
    "commands/workspace": "a record, in every test of commands/",
    "evaluation/target_predictions": "commands/test_train_targets.py",
    "evaluation/target_report": "commands/test_train_targets.py",
    "evaluation/target_scores": "commands/test_train_targets.py",
    "export/target_comparison": "commands/test_train_targets.py",
    "features/head": "features/test_linear_head.py, features/test_target_head.py",
    "runs/run_images": "a record, in runs/test_trained_run.py",
    "cli/evaluate_options": "cli/test_evaluate.py",
    "cli/evaluate_view": "cli/test_evaluate.py",
    "cli/predict_view": "cli/test_predict.py",
    "cli/update_view": "cli/test_update.py",
    "commands/additions": "commands/test_update.py",
    "commands/compared_run": "commands/test_compare.py",
    "commands/judged": "commands/test_examine.py",
    "commands/leaks": "commands/test_examine.py",
    "data/copy_alignment": "data/test_near_copies.py, by the copies that are found",
    "data/copy_candidates": "data/test_near_copies.py",
    "data/opening": "data/test_decode.py, data/test_decode_unreadable.py",
    "storage/file_in_place": "storage/test_row_table.py",
    "data/thumbnails": "data/test_near_copies.py",
    "commands/methods": "commands/test_describe.py",
    "commands/methods_answers": "commands/test_describe.py",
    "commands/methods_training": "commands/test_describe.py",
    "evaluation/chart_style": "evaluation/test_charts.py",
    "doctor/journal": "doctor/test_moves.py",
    "export/inputs": "a record, in every test of export/",
    "export/onnx": "export/test_graph_formats.py, with the other formats of a graph",
    "serving/reader": "serving/test_pool.py",
    "export/openvino": "export/test_graph_formats.py",
}
"""Modules without a test file of their stem, such as "cli/options", and where they are tested."""


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules() -> dict[str, Path]:
    """Dotted name below `tlearn` to file; a package is its name, the root ''."""
    files = sorted(PACKAGE.rglob("*.py"))
    parts = ((path.relative_to(PACKAGE).with_suffix("").parts, path) for path in files)
    return {".".join(name).removesuffix("__init__").rstrip("."): path for name, path in parts}


MODULES = modules()


def imports_of(name: str) -> Iterator[str]:
    """Modules of tlearn that a module imports, anywhere in it; names without `tlearn.`."""
    for node in ast.walk(tree_of(MODULES[name])):
        if isinstance(node, ast.Import):
            full = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            full = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in (name.removeprefix("tlearn.") for name in full if name.startswith("tlearn.")):
            yield target if target in MODULES else target.rpartition(".")[0]


def room(name: str) -> str:
    return name.split(".")[0]


def test_every_folder_is_a_room_in_the_list() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders | {"api"} == set(ROOMS)


def test_imports_go_up_the_list_of_rooms() -> None:
    upside_down = [
        f"{name} imports {target}"
        for name in MODULES
        if room(name) in ROOMS
        for target in imports_of(name)
        if room(target) not in FOR_EVERYONE
        and (room(target) not in ROOMS or ROOMS.index(room(target)) > ROOMS.index(room(name)))
    ]
    assert not upside_down


def test_no_import_cycle() -> None:
    open_modules: list[str] = []
    done = set()

    def visit(name: str) -> None:
        assert name not in open_modules, " -> ".join([*open_modules, name])
        if name not in done:
            open_modules.append(name)
            for target in set(imports_of(name)) - {name}:
                visit(target)
            done.add(open_modules.pop())

    for name in MODULES:
        visit(name)


def test_errors_and_progress_import_nothing_of_tlearn() -> None:
    assert not [target for name in FOR_EVERYONE for target in imports_of(name)]


def test_artifacts_work_alone() -> None:
    allowed = (*ARTIFACTS_NEED, *FOR_EVERYONE, "artifacts")
    needs = {
        f"{name} imports {target}"
        for name in MODULES
        if room(name) == "artifacts"
        for target in imports_of(name)
        if not any(target == known or target.startswith(f"{known}.") for known in allowed)
    }
    assert not needs


@pytest.mark.parametrize("name", (*ROOMS[: ROOMS.index("api")], "cli"))
def test_a_package_init_holds_its_docstring_only(name: str) -> None:
    body = tree_of(MODULES[name]).body
    assert len(body) == 1 and ast.get_docstring(tree_of(MODULES[name]))


def test_no_module_is_called_utils() -> None:
    assert not [name for name in MODULES if name.split(".")[-1] in BANNED_STEMS]


def test_files_and_functions_stay_readable() -> None:
    too_long = []
    for name, path in MODULES.items():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        too_long += [f"{name}: {lines} lines"] * (lines > MOST_LINES["file"])
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                long = lines > MOST_LINES["function"]
                too_long += [f"{name}.{node.name}: {lines} lines"] * long
    assert not too_long


def test_importing_costs_nothing_but_where_the_table_says_so() -> None:
    light = [f"tlearn.{name}".rstrip(".") for name in MODULES if name not in WITH_KERAS]
    light.remove("tlearn.__main__")
    lines = [
        "import importlib, sys",
        f"heavy = set({HEAVY!r})",
        f"for name in {light!r}:",
        "    importlib.import_module(name)",
        "    if brought := heavy & set(sys.modules):",
        "        sys.exit(f'{name} imports {brought}')",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_command_has_one_name_everywhere() -> None:
    from tlearn import api

    commands = {name.split(".")[1] for name in MODULES if name.startswith("commands.")} - STEPS
    shown = {name.split(".")[1] for name in MODULES if name.startswith("cli.")}
    assert commands <= shown
    assert commands - WITHOUT_API <= set(api.__all__)


def test_the_public_api_is_what_the_documentation_names() -> None:
    from tlearn import api

    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `api\.(\w+)` ", page, re.MULTILINE))
    assert documented == set(api.__all__)
    assert all(hasattr(api, name) for name in api.__all__)


def test_tests_mirror_the_package() -> None:
    missing = []
    for path in MODULES.values():
        stem = path.relative_to(PACKAGE).with_suffix("")
        if stem.name.startswith("__") or str(stem) in NO_TEST_OF_THEIR_OWN:
            continue
        test = ROOT / "tests" / stem.parent / f"test_{stem.name}.py"
        missing += [] if test.exists() else [test.relative_to(ROOT).as_posix()]
    assert not missing


def test_exceptions_are_still_needed() -> None:
    assert not [stem for stem in NO_TEST_OF_THEIR_OWN if not (PACKAGE / f"{stem}.py").exists()]
    assert not WITH_KERAS - MODULES.keys()
