"""What the steps of a command on an image folder have gathered so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tlearn.data.dataset import Dataset
from tlearn.features.extractor import FeatureExtractor, StageInfo
from tlearn.features.features import Features
from tlearn.models.resolve import ResolvedBackbone
from tlearn.suggestion.depth_profile import Stages, last_stages


@dataclass(frozen=True)
class Workspace:
    """An image folder and a backbone, ready to be measured and trained on.

    Attributes:
        dataset: The images, decoded and split.
        backbone: The pretrained network, found but not loaded.
        stages: Its stages, input to output.
        extractor: The frozen network as one LiteRT file; None where nothing is frozen.
        features: Its outputs for every image; None until they are extracted.
    """

    dataset: Dataset
    backbone: ResolvedBackbone
    stages: Sequence[StageInfo]
    extractor: FeatureExtractor | None
    features: Features | None = None

    @property
    def multi_stage(self) -> Stages:
        """Return the stages that a head on several reads."""
        return last_stages(len(self.stages), self.stages[0].joined)
