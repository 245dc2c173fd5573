"""What int8 would cost, on the person's own images and before anyone trains."""

from __future__ import annotations

import numpy as np

from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.data.sampling import make_folds, representative, stratified
from tlearn.features.linear_head import solve_head
from tlearn.suggestion.depth_profile import HeadScore, paired_difference
from tlearn.suggestion.int8_cost import Int8Cost

_MOST = 400
_CALIBRATION = 100


def measure_int8_cost(session: Session, workspace: Workspace, score: HeadScore) -> Int8Cost:
    """Compare heads on the features of the network in int8 with heads on those in float32.

    Imports TensorFlow to convert the network.

    Args:
        session: Cache and progress.
        workspace: Images, backbone and features.
        score: The stages that the head reads, and its penalty.

    Raises:
        BackboneError: LiteRT lacks an operator of this network.
    """
    from tlearn.features.int8 import int8_embeddings
    from tlearn.models.head_template import classifier_on

    dataset, features, seed = workspace.dataset, workspace.features, session.seed
    assert features is not None
    n_classes = len(dataset.manifest.classes)
    # Two images a class at least, so that every class appears among those a head is solved on.
    rows = stratified(dataset.labels("train"), max(_MOST, 2 * n_classes), seed)
    labels = dataset.labels("train")[rows]
    all_digests, all_groups = dataset.digests("train"), dataset.groups("train")
    digests, groups = ([of[row] for row in rows] for of in (all_digests, all_groups))
    outputs = features.outputs_of(score.stages)
    in_float, widths = features.read(outputs, digests), features.widths(outputs)

    pixels = dataset.pixels.rows(digests)
    backbone = session.load_backbone(workspace.backbone)
    classifier = classifier_on(backbone, score.stages, n_classes)
    session.progress("measure int8", 0, 0)
    with session.timer.time("int8"):
        calibration = representative(pixels, labels, _CALIBRATION, seed)
        in_int8 = int8_embeddings(classifier, calibration, pixels)
    right = np.zeros((2, len(rows)))
    for solved, held_out in make_folds(labels, groups, seed):
        head = solve_head(
            in_float[solved], labels[solved], n_classes, score.cv.penalty, blocks=widths
        )
        for kind, rows_of_kind in enumerate((in_float, in_int8)):
            answers = head.probabilities(rows_of_kind[held_out]).argmax(axis=1)
            right[kind, held_out] = answers == labels[held_out]
    return Int8Cost(
        len(rows), float(right[0].mean()), *paired_difference(right[0] - right[1], groups)
    )
