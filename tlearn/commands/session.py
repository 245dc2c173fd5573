"""One command's work in hand: backbone, pictures and features, each made when first asked for."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.backend.silence import import_keras
from tlearn.data.dataset import Dataset, load_dataset
from tlearn.data.image_folder import ImageFolder, scan
from tlearn.data.split import Fold
from tlearn.features.engine import Engine, EngineChoice, seconds_per_image
from tlearn.features.extractor import (
    FeatureExtractor,
    StageInfo,
    extractor_engines,
    make_extractor,
    open_extractor,
    stage_infos,
)
from tlearn.features.features import Features, compute_features
from tlearn.features.linear_head import CrossValidation
from tlearn.features.store import Views
from tlearn.models.resolve import ResolvedBackbone, resolve_backbone
from tlearn.progress import ProgressCallback, Timer
from tlearn.recipe.loading import Resolved, load_recipe
from tlearn.recipe.plan import Plan
from tlearn.recipe.planning import BackboneInfo, SplitCounts, make_plan
from tlearn.recipe.schema import AUTO, BEST, LAST3
from tlearn.storage.cache import cache_folder, limit_bytes, trim_cache
from tlearn.suggestion.depth_profile import DepthProfile, measure_profile
from tlearn.suggestion.learning_curve import LearningCurve, measure_curve

if TYPE_CHECKING:
    from tlearn.models.backbone import Backbone


class Session:
    """What a command has in hand; use it in a `with` block.

    Args:
        source: Image folder, or CSV of path and label.
        recipe: Name or path of a recipe, or None.
        flags: Recipe keys set by flags.
        keep_cache: Keep decoded pictures and features for the next command.
        progress: Called with (step, done, total).
    """

    def __init__(
        self,
        source: Path,
        recipe: str | None,
        flags: Mapping[str, Any],
        keep_cache: bool,
        progress: ProgressCallback,
    ) -> None:
        self.source = source
        self.progress = progress
        self.timer = Timer()
        self.engines = EngineChoice()
        self._recipe = recipe
        self._flags = flags
        self.resolved: Resolved = load_recipe(recipe, flags)
        self._temporary = None if keep_cache else Path(tempfile.mkdtemp(prefix="tlearn-"))

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)
        else:
            trim_cache(self.cache, limit_bytes())

    @property
    def cache(self) -> Path:
        """Where pixels, features and probes are kept."""
        return self._temporary or cache_folder()

    @property
    def from_scratch(self) -> bool:
        """Whether the backbone starts without weights."""
        return self.resolved.recipe.policy == "from_scratch"

    def settle(self, suggestion: Mapping[str, Any]) -> None:
        """Take the suggestion's keys where the person left them open."""
        self.resolved = load_recipe(self._recipe, self._flags, suggestion)

    @cached_property
    def folder(self) -> ImageFolder:
        """Classes and files; nothing is decoded yet."""
        return scan(self.source)

    @cached_property
    def choice(self) -> ResolvedBackbone:
        """The backbone and where its weights are; nothing is loaded yet."""
        recipe = self.resolved.recipe
        return resolve_backbone(
            None if recipe.backbone == AUTO else recipe.backbone,
            Path(recipe.weights) if recipe.weights else None,
            None if recipe.image_size == AUTO else recipe.image_size,
            random_seed=recipe.seed if self.from_scratch else None,
            progress=partial(self.progress, "download weights"),
        )

    @cached_property
    def backbone(self) -> Backbone:
        """The backbone itself; imports Keras."""
        self.progress("load the backbone", 0, 0)
        with self.timer.time("load"):
            import_keras()
            return self.choice.load()

    @cached_property
    def dataset(self) -> Dataset:
        """The folder, decoded, inspected and split."""
        recipe, folder = self.resolved.recipe, self.folder  # a error in the folder comes first
        return load_dataset(
            folder,
            self.choice.image_size,
            recipe.resize,
            self.cache,
            self.progress,
            self.timer,
            val_fraction=recipe.val_fraction,
            test_fraction=recipe.test_fraction,
            seed=recipe.seed,
            strict=recipe.strict,
        )

    @cached_property
    def extractor(self) -> FeatureExtractor:
        """The frozen network as a LiteRT file; TensorFlow only when it was never made before."""
        known = open_extractor(self.cache, self.choice.fingerprint)
        if known:
            return known
        backbone = self.backbone
        self.progress("prepare the backbone (once)", 0, 0)
        with self.timer.time("convert"):
            return make_extractor(self.cache, backbone)

    @cached_property
    def features(self) -> Features:
        """Features of every picture at every stage."""
        return compute_features(
            self.dataset, self.extractor, self.cache, self.open_extractor, self.progress, self.timer
        )

    @cached_property
    def profile(self) -> DepthProfile:
        """How well heads do on the features of each stage, and of several."""
        dataset, features, recipe = self.dataset, self.features, self.resolved.recipe
        labels = dataset.labels("train")
        folds, forecast_options = dataset.folds(recipe.seed), recipe.class_weights
        about = (
            dataset.digests("train"),
            labels,
            len(dataset.manifest.classes),
            folds,
            forecast_options,
        )

        def check(stages: Sequence[int]) -> CrossValidation:
            return features.cross_validate(features.outputs_of(stages), *about)

        return measure_profile([stage.name for stage in self.stages], labels, check)

    @cached_property
    def curve(self) -> LearningCurve:
        """How a head on the best stage grows with pictures."""
        dataset, features, recipe = self.dataset, self.features, self.resolved.recipe
        best, labels = self.profile.best_single, dataset.labels("train")
        outputs = features.outputs_of(best.stages)
        digests, classes = dataset.digests("train"), len(dataset.manifest.classes)

        def held_out(folds: Sequence[Fold], by: float) -> Sequence[np.ndarray]:
            penalty = best.cv.penalty * by
            about = (outputs, digests, labels, classes, folds, penalty, recipe.class_weights)
            return features.held_out(*about)

        return measure_curve(labels, dataset.folds(recipe.seed), held_out, recipe.seed)

    def stored_views(self, views: Views, digests: Sequence[str]) -> list[str]:
        """Keys of every view of pictures, all pictures a view, their features computed."""
        store = self.features.store
        step_progress = partial(self.progress, "compute augmented views")
        with self.timer.time("features"):
            store.fill(self.dataset.pixels, digests, self.open_extractor, views, step_progress)
        return [views.key(digest, view) for view in range(views.count) for digest in digests]

    def open_extractor(self, sample: np.ndarray) -> Engine:
        """The frozen network, ready to run on pictures like these."""
        makers = extractor_engines(self.extractor, lambda: self.backbone)
        return self.engines.open("backbone", makers, sample)

    @cached_property
    def pass_seconds(self) -> float:
        """Seconds that the frozen network takes for a picture, from a short measurement."""
        few = self.dataset.rows("train")[:16]
        return seconds_per_image(self.open_extractor(few), few)

    def plan(self, suggestion: Mapping[str, Any] | None = None) -> Plan:
        """Every value settled, from the recipe, the pictures and the backbone.

        Args:
            suggestion: Keys to take where the person left them open; those taken already by
                default.
        """
        manifest, choice = self.dataset.manifest, self.choice
        n_train, n_val, n_test = (manifest.count(split) for split in ("train", "val", "test"))
        backbone = BackboneInfo(choice.name, choice.image_size, choice.fingerprint, choice.reason)
        data = SplitCounts(manifest.classes, n_train, n_val, n_test, manifest.folds)
        resolved = self.resolved
        if suggestion is not None:
            resolved = load_recipe(self._recipe, self._flags, suggestion)
        return make_plan(self._measured(resolved), data, backbone, self.stages)

    def _measured(self, resolved: Resolved) -> Resolved:
        """The recipe with numbers for what it wants measured."""
        recipe = resolved.recipe
        if recipe.head_stages not in (BEST, LAST3):
            return resolved
        chosen = (
            self.profile.best_single if recipe.head_stages == BEST else self.profile.multi_stage
        )
        return replace(
            resolved, recipe=recipe.model_copy(update={"head_stages": chosen.head_stages})
        )

    @property
    def stages(self) -> Sequence[StageInfo]:
        """Stages of the backbone, without loading it where a probe knows them."""
        return stage_infos(self.backbone.stages) if self.from_scratch else self.extractor.stages
