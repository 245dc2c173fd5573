"""The steps that commands on an image folder share, in the order in which they are taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.backend.parallel import Team
from tlearn.backend.silence import import_keras
from tlearn.commands.workspace import Workspace
from tlearn.data.dataset import Dataset, load_dataset
from tlearn.data.groups import GroupRule
from tlearn.data.image_folder import ImageFolder, scan
from tlearn.data.order import in_order
from tlearn.data.targets import ensure_classes
from tlearn.data.unknown import take_unknown
from tlearn.errors import RecipeError
from tlearn.features.engine import EngineChoice, KerasEngine, seconds_per_image
from tlearn.features.extractor import (
    FeatureExtractor,
    extractor_engines,
    make_extractor,
    open_extractor,
    stage_infos,
)
from tlearn.features.features import HeadProblem, compute_features
from tlearn.features.head import CrossValidation
from tlearn.features.store import EngineFactory, shared_store
from tlearn.models.resolve import ResolvedBackbone, resolve_backbone
from tlearn.progress import ProgressCallback, Timer, no_progress
from tlearn.recipe.loading import Resolved, load_recipe
from tlearn.recipe.plan import Plan
from tlearn.recipe.planning import BackboneInfo, SplitCounts, make_plan
from tlearn.recipe.schema import AUTO, BEST, LAST3
from tlearn.storage.cache import CommandCache
from tlearn.suggestion.depth_profile import DepthProfile, measure_profile

if TYPE_CHECKING:
    from tlearn.models.backbone import Backbone

_KERAS_PASS_COST = 2.0
"""A pass through Keras takes about as long as this many through LiteRT, the unit of forecasts."""


class Session:
    """What holds for one command: its recipe, cache, timer, progress and engines.

    Use it in a `with` block: at its end the cache is trimmed, or removed if it was temporary.

    Args:
        source: Image folder, or CSV of path and label.
        recipe: Name or path of a recipe, or None.
        flags: Recipe keys set by flags.
        keep_cache: Keep decoded images and features for the next command.
        progress: Called with (step, done, total).
        team: The processes that train together; by default this one, on all its devices.

    Raises:
        RecipeError: The recipe or a flag is wrong.
    """

    def __init__(
        self,
        source: Path,
        recipe: str | None,
        flags: Mapping[str, Any],
        *,
        keep_cache: bool = True,
        progress: ProgressCallback = no_progress,
        team: Team | None = None,
    ) -> None:
        self.source = source
        self.team = team or Team()
        self.progress = progress
        self.timer = Timer()
        self.engines = EngineChoice()
        self.requested: Resolved = load_recipe(recipe, flags)
        shared_store()  # a wrong name raises before an image is read
        self._recipe = recipe
        self._flags = flags
        self._loaded: dict[str, Backbone] = {}
        self._pass_seconds: dict[str, float] = {}
        self._cache = CommandCache(keep_cache)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        if trimmed := self._cache.close():
            self.progress(trimmed, 1, 1)

    @property
    def cache(self) -> Path:
        """Return the folder for what can be made again: pixels, features, converted networks."""
        return self._cache.folder

    @property
    def seed(self) -> int:
        """Return the seed of the split, of folds and of training."""
        return self.requested.recipe.seed

    def with_suggestion(self, suggestion: Mapping[str, Any]) -> Resolved:
        """Return the recipe with a suggestion's keys where the person left them open."""
        return load_recipe(self._recipe, self._flags, suggestion)

    def open_workspace(self) -> Workspace:
        """Take the first four steps at once: scan, find the backbone, load the dataset, open it.

        Raises:
            TlearnError: The folder, the backbone or its weights cannot be used.
        """
        folder, backbone = self.scan_folder(), self.find_backbone()
        ensure_classes(folder.task, "this command")
        return self.open_backbone(self.load_dataset(folder, backbone), backbone)

    def scan_folder(self, examined: bool = False) -> ImageFolder:
        """Find classes and files; nothing is decoded yet.

        Raises:
            DataError: It is not an image folder, or lacks what the recipe calls unknown.
        """
        recipe = self.requested.recipe
        task = recipe.scanned_task
        folder = scan(self.source, cache=lambda: self.cache, examined=examined, task=task)
        folder = take_unknown(folder, recipe.unknown) if recipe.unknown else folder
        return in_order(folder, recipe.class_order) if recipe.class_order else folder

    def load_dataset(
        self, folder: ImageFolder, backbone: ResolvedBackbone, **options: Any
    ) -> Dataset:
        """Decode, inspect and split a folder, at the size that the backbone takes.

        Raises:
            DataError: The folder cannot be used as it is.
        """
        recipe = self.requested.recipe
        return load_dataset(
            folder,
            backbone.image_size,
            recipe.resize,
            self.cache,
            self.progress,
            self.timer,
            val_fraction=recipe.val_fraction,
            test_fraction=recipe.test_fraction,
            seed=recipe.seed,
            strict=recipe.strict,
            group_rule=GroupRule(recipe.groups, recipe.group_by),
            gray_range=recipe.gray_range,
            **options,
        )

    def open_backbone(self, dataset: Dataset, backbone: ResolvedBackbone) -> Workspace:
        """Open the frozen network; from scratch nothing is frozen, and the network is built.

        Raises:
            BackboneError: The network cannot be loaded or converted.
        """
        if self.requested.recipe.policy == "from_scratch":
            stages = stage_infos(self.load_backbone(backbone).stages)
            return Workspace(dataset, backbone, stages, None)
        extractor = self.open_extractor(backbone)
        return Workspace(dataset, backbone, extractor.stages, extractor)

    def find_backbone(self, name: str | None = None) -> ResolvedBackbone:
        """Find the backbone that the recipe asks for, else `name`, and its weights; load nothing.

        Raises:
            BackboneError: There is no such backbone, or its weights cannot be had.
        """
        recipe = self.requested.recipe
        return resolve_backbone(
            name if recipe.backbone == AUTO else recipe.backbone,
            Path(recipe.weights) if recipe.weights else None,
            None if recipe.image_size == AUTO else recipe.image_size,
            random_seed=recipe.seed if recipe.policy == "from_scratch" else None,
            progress=partial(self.progress, "download weights"),
        )

    def open_extractor(self, backbone: ResolvedBackbone) -> FeatureExtractor:
        """Open the converted network; TensorFlow is imported only the first time."""
        if stored := open_extractor(self.cache, backbone.fingerprint):
            return stored
        network = self.load_backbone(backbone)
        self.progress("prepare the backbone (once)", 0, 0)
        with self.timer.time("convert"):
            return make_extractor(self.cache, network)

    def load_backbone(self, backbone: ResolvedBackbone, to_train: bool = False) -> Backbone:
        """Load the network, once in a session unless it is trained; imports TensorFlow."""
        if (name := backbone.fingerprint) not in self._loaded:
            self.progress("load the backbone", 0, 0)
            with self.timer.time("load"):
                import_keras().utils.set_random_seed(self.seed)  # of its dropout
                self._loaded[name] = backbone.load()
        return self._loaded.pop(name) if to_train else self._loaded[name]

    def engine_factory(self, workspace: Workspace) -> EngineFactory:
        """Return what opens the frozen network, given images that it will run."""
        assert workspace.extractor is not None
        return self.engine_of(workspace.extractor, workspace.backbone)

    def engine_of(self, extractor: FeatureExtractor, backbone: ResolvedBackbone) -> EngineFactory:
        """Return what opens a converted network, or the network itself where that is faster."""
        engines = extractor_engines(extractor, lambda: self.load_backbone(backbone))
        return partial(self.engines.open, "backbone", engines)

    def extract_features(self, workspace: Workspace) -> Workspace:
        """Run the frozen network on every image that the feature store does not hold yet.

        Where nothing is frozen, or all was extracted before, the workspace comes back as it is.
        """
        if workspace.extractor is None or workspace.features is not None:
            return workspace
        dataset, engine = workspace.dataset, self.engine_factory(workspace)
        features = compute_features(
            dataset, workspace.extractor, self.cache, engine, self.progress, self.timer
        )
        return replace(workspace, features=features)

    def measure_pass(self, workspace: Workspace) -> float:
        """Return the seconds that a network takes for an image, measured once."""
        name = workspace.backbone.fingerprint
        if name not in self._pass_seconds:
            sample = workspace.dataset.rows("train")[:16]
            if workspace.extractor:
                engine, cost = self.engine_factory(workspace)(sample), 1.0
            else:
                network = self.load_backbone(workspace.backbone).trunk
                engine, cost = KerasEngine(network), _KERAS_PASS_COST
            self._pass_seconds[name] = seconds_per_image(engine, sample) / cost
        return self._pass_seconds[name]

    def head_problem(self, workspace: Workspace, stages: Sequence[int]) -> HeadProblem:
        """Return the head on some stages, to be solved on the training images as they are."""
        dataset, recipe = workspace.dataset, self.requested.recipe
        keys, targets = dataset.digests("train"), dataset.targets("train")
        return HeadProblem(
            stages,
            keys,
            targets,
            len(dataset.outputs),
            recipe.class_weights,
            dataset.folder.task,
            ordered=recipe.class_order is not None,
        )

    def measure_profile(self, workspace: Workspace) -> DepthProfile:
        """Cross-validate a head on each stage and on the last ones together."""
        features = workspace.features
        assert features is not None
        folds = workspace.dataset.folds(self.seed)

        def cross_validate(stages: Sequence[int]) -> CrossValidation:
            return features.cross_validate(self.head_problem(workspace, stages), folds)

        held_out = np.sort(np.concatenate([rows for _, rows in folds]))  # a sample of very many
        labels, groups = workspace.dataset.labels("train"), workspace.dataset.groups("train")
        own = [groups[row] for row in held_out.tolist()]
        names = [stage.name for stage in workspace.stages]
        return measure_profile(names, labels[held_out], cross_validate, own, workspace.multi_stage)

    def make_plan(self, workspace: Workspace, resolved: Resolved) -> Plan:
        """Resolve every value that the recipe leaves open.

        Raises:
            RecipeError: Keys contradict each other or the backbone.
        """
        dataset, found = workspace.dataset, workspace.backbone
        return make_plan(
            self._measured(workspace, resolved),
            SplitCounts.of(
                dataset.manifest, dataset.pixels.gray_range, dataset.outputs, dataset.folder.task
            ),
            BackboneInfo(found.name, found.image_size, found.fingerprint, found.reason),
            workspace.stages,
        )

    def _measured(self, workspace: Workspace, resolved: Resolved) -> Resolved:
        """Put numbers of stages where the recipe asks for the best, or for the last three."""
        recipe = resolved.recipe
        if recipe.head_stages == LAST3:
            numbers = ",".join(map(str, workspace.multi_stage))
        elif recipe.head_stages == BEST and workspace.extractor is None:
            raise RecipeError(
                "head_stages best: random weights have no features to measure",
                "name the stages, or take the last: --set head_stages=last",
            )
        elif recipe.head_stages == BEST:
            numbers = self.measure_profile(self.extract_features(workspace)).best_single.head_stages
        else:
            return resolved
        return replace(resolved, recipe=recipe.model_copy(update={"head_stages": numbers}))
