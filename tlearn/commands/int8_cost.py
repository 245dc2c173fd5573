"""What int8 would cost, on the person's own pictures and before anyone trains."""

from __future__ import annotations

import numpy as np

from tlearn.commands.session import Session
from tlearn.data.sampling import make_folds, representative, stratified
from tlearn.features.linear_head import solve_head
from tlearn.suggestion.depth_profile import HeadScore, paired_difference
from tlearn.suggestion.int8_cost import Int8Cost

_MOST = 400
_CALIBRATION = 100


def measure_int8(session: Session, head_score: HeadScore) -> Int8Cost:
    """Hold the int8 form of the frozen network against itself; takes TensorFlow to convert it.

    Args:
        session: Pictures and features.
        head_score: The stages that the head reads, and its penalty.

    Raises:
        BackboneError: LiteRT lacks an operator of this network.
    """
    from tlearn.features.int8 import int8_embeddings
    from tlearn.models.head_template import classifier_on

    dataset, seed = session.dataset, session.resolved.recipe.seed
    classes = len(dataset.manifest.classes)
    # A class of one could not be held out: no head would know it.
    rows = stratified(dataset.labels("train"), max(_MOST, 2 * classes), seed)
    labels = dataset.labels("train")[rows]
    digests = [dataset.digests("train")[row] for row in rows]
    outputs = session.features.outputs_of(head_score.stages)
    features, widths = session.features.read(outputs, digests), session.features.widths(outputs)

    pixels = dataset.pixels.rows(digests)
    classifier = classifier_on(session.backbone, head_score.stages, classes)
    session.progress("measure int8", 0, 0)
    with session.timer.time("int8"):
        calibration = representative(pixels, labels, _CALIBRATION, seed)
        quantized = int8_embeddings(classifier, calibration, pixels)
    right = np.zeros((2, len(rows)))
    penalty = head_score.cv.penalty
    for solved, held_out in make_folds(labels, digests, seed):
        head = solve_head(features[solved], labels[solved], classes, penalty, blocks=widths)
        for kind, given in enumerate((features, quantized)):
            answers = head.probabilities(given[held_out]).argmax(axis=1)
            right[kind, held_out] = answers == labels[held_out]
    return Int8Cost(len(rows), float(right[0].mean()), *paired_difference(right[0] - right[1]))
