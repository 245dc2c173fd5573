"""A solved head, read from a run's model and used without Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.confidence.answers import KNOWN, PROBABILITIES
from tlearn.confidence.novelty import Novelty, level
from tlearn.data.targets import LABELS
from tlearn.features.extractor import EMBEDDING
from tlearn.features.head import LinearHead
from tlearn.models.head_template import HEAD, read_saved
from tlearn.models.known_weights import KNOWN_LAYERS, read_known
from tlearn.runs.trained_run import TrainedRun


@dataclass(frozen=True)
class SolvedHead:
    """A head on features of a frozen network.

    Attributes:
        linear: Gives the probabilities.
        reads: Names of the features that it reads.
        novelty: Gives `known`; None where the model has no such output.
        known_reads: Names of the features that this reads.
    """

    linear: LinearHead
    reads: Sequence[str]
    novelty: Novelty | None
    known_reads: Sequence[str]

    def outputs(self, features: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs of the whole model by name, (n, width) each."""
        embedding = _side_by_side(features, self.reads)
        logits = self.linear.logits(embedding)
        outputs = {EMBEDDING: embedding, PROBABILITIES: self.linear.probabilities(embedding)}
        if self.novelty:
            embedding = _side_by_side(features, self.known_reads)
            embedding = level(embedding, [features[name].shape[1] for name in self.known_reads])
            known = self.novelty.known(embedding, logits)
            outputs[KNOWN] = known[:, np.newaxis]
        return outputs


def read_head(
    run: TrainedRun, reads: Sequence[str], known_reads: Sequence[str], widths: Mapping[str, int]
) -> SolvedHead | None:
    """Read the head and `known` of a run's model, without Keras.

    Args:
        run: The run.
        reads: Names of the features that the head reads.
        known_reads: Names of those that `known` reads.
        widths: Number of features under each name.

    Returns:
        None where the model has another head.
    """
    layers = read_saved(run.directory.model_path, (HEAD, *KNOWN_LAYERS))
    shapes = [weights.shape for weights in layers.get(HEAD, ())]
    n_classes = len(run.labels)
    if shapes != [(sum(widths[name] for name in reads), n_classes), (n_classes,)]:
        return None
    kernel, bias = layers[HEAD]
    novelty = read_known(layers) if layers.keys() >= {*KNOWN_LAYERS} else None
    activation = "sigmoid" if run.plan.task == LABELS else "softmax"
    return SolvedHead(LinearHead(kernel, bias, 0.0, activation), reads, novelty, known_reads)


def _side_by_side(features: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    return np.concatenate([features[name] for name in names], axis=1)
