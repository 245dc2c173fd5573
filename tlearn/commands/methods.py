"""Sentences on what a run did, in the terms of the field, each only where it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tlearn.commands.methods_training import (
    augmentation_sentence,
    join,
    kept_weights_sentence,
    training_sentences,
)
from tlearn.commands.references import Citations, paper_key
from tlearn.data.image_folder import SPLITS
from tlearn.data.manifest import SplitManifest
from tlearn.data.sampling import train_folds
from tlearn.models.catalog import BUILTIN, CATALOG, HUB, JOINT, BackboneSpec
from tlearn.recipe.plan import Plan
from tlearn.runs.metrics import RunMetrics, class_report
from tlearn.runs.provenance import Provenance, SplitOrigin

_CLASSES_NAMED = 12
_PURPOSES = {"train": "training", "val": "validation", "test": "test"}
_GIVERS = {"folders": "the folders of the data set", "csv": "the table of the data set"}
_RESIZE = {
    "squash": "resized to {0} x {0} pixels, whatever their aspect ratio",
    "crop": "scaled to a short side of {0} pixels and cropped to the square in the middle",
    "pad": "scaled to a long side of {0} pixels and padded to a square with gray",
}
_LEFT_OUT = {
    "unreadable": "unreadable",
    "conflicting_labels": "with contradictory labels",
    "groups_left_out": "of groups that stand in a later split, too",
}
_NO_BATCH_NORM = (
    *("vgg", "convnext"),
    *("lenet", "alexnet", "nin", "googlenet", "fitnet", "all_cnn", "highway"),
)
_LIBRARIES = {
    "keras": "Keras",
    "tensorflow": "TensorFlow",
    "litert": "LiteRT",
    "numpy": "NumPy",
    "scipy": "SciPy",
    "pillow": "Pillow",
}


@dataclass(frozen=True, eq=False)
class RunRecord:
    """What the files of a run hold.

    Attributes:
        plan: What ran.
        metrics: What came of it.
        manifest: The split.
        history: Records of the epochs.
        provenance: How it came about; None for a run of the first version.
    """

    plan: Plan
    metrics: RunMetrics
    manifest: SplitManifest
    history: Sequence[Mapping[str, Any]]
    provenance: Provenance | None


def sentences(record: RunRecord, cite: Citations) -> Iterator[str]:
    """Yield what a run did, sentence by sentence.

    Args:
        record: What its files hold.
        cite: Formats a citation and collects its reference.
    """
    plan = record.plan
    spec = CATALOG.get(plan.backbone.name)
    norms = "Batch-normalization layers" if spec else "Any batch-normalization layers"
    if spec and spec.family in _NO_BATCH_NORM:
        norms = ""
    yield _data(record)
    yield _split(record)
    size = plan.images.image_size
    yield f"Images were {_RESIZE[plan.images.resize].format(size)}."
    if values := plan.images.gray_values:
        low, high = (f"{value:,.6g}" for value in values)
        yield f"Gray values from {low} to {high} were mapped to 0 to 255, by one scale for all."
    yield augmentation_sentence(plan, cite)
    yield _backbone(plan, spec, cite)
    yield _features(plan, cite)
    if plan.origins.get("policy") == "suggestion":
        yield (
            "How much of the network to train was decided by cross-validated linear classifiers on"
            " the features of each of its stages."
        )
    if plan.policy != "from_scratch":
        yield _head(record, cite)
    yield from training_sentences(plan, record.history, norms, cite)
    yield kept_weights_sentence(plan, record.history, record.metrics.interpolation, cite)
    yield _result(record, cite)
    yield _software(record, cite)


def _data(record: RunRecord) -> str:
    names = record.manifest.classes
    listed = join(names)
    if len(names) > _CLASSES_NAMED:
        listed = f"{', '.join(names[:_CLASSES_NAMED])} and {len(names) - _CLASSES_NAMED} more"
    title = Path(record.metrics.folder).name
    text = f"The data set '{title}' has {len(record.manifest.names):,} images"
    left_out = [
        f"{len(issue['names'])} {_LEFT_OUT[issue['kind']]}"
        for issue in record.metrics.issues
        if issue["kind"] in _LEFT_OUT
    ]
    if left_out:
        text += f" (left out: {join(left_out)})"
    return f"{text} in {len(names)} classes: {listed}."


def _split(record: RunRecord) -> str:
    manifest = record.manifest
    counts = [
        f"{manifest.count(split):,} {purpose}"
        for split, purpose in _PURPOSES.items()
        if manifest.count(split)
    ]
    text = f"They were divided into {join(counts)} images"
    if record.provenance:
        text += _origin(record.provenance.splits, manifest)
    absent = [_PURPOSES[split] for split in ("val", "test") if not manifest.count(split)]
    return text + (f"; there was no {' and no '.join(absent)} split." if absent else ".")


def _origin(origins: Mapping[str, SplitOrigin], manifest: SplitManifest) -> str:
    ready = [split for split in SPLITS if origins[split].source in _GIVERS]
    drawn = {split: origins[split] for split in SPLITS if origins[split].source == "drawn"}
    text = ""
    if ready:
        splits = join([_PURPOSES[split] for split in ready])
        plural = len(ready) > 1
        text += f"; the {splits} split{'s were' if plural else ' was'} given by"
        text += f" {_GIVERS[origins[ready[0]].source]}"
    if drawn:
        shares = [
            f"{100 * (origin.fraction or 0):.3g}% for {_PURPOSES[split]}"
            for split, origin in drawn.items()
        ]
        first = next(iter(drawn.values()))
        images = "training images" if first.drawn_from == "train" else "images"
        text += f"; of the {images} of each class, {join(shares)} were drawn at random"
        n_groups, n_files = len({*manifest.groups}), len({*manifest.digests})
        kept = f"images of one group ({n_groups:,} groups)"
        text += f" (seed {first.seed}), {kept if n_groups < n_files else 'identical files'}"
        text += " kept together"
    return text


def _backbone(plan: Plan, spec: BackboneSpec | None, cite: Citations) -> str:
    scratch = plan.policy == "from_scratch"
    parameters = sum(stage.parameters for stage in plan.stages[:-1])
    size = f"{parameters:,} parameters without the classifier"
    names = plan.backbone.name.split(JOINT)
    if len(names) > 1 and CATALOG.keys() >= {*names}:
        each = [
            f"{_named(CATALOG[name], cite)}, {_pretraining(plan, CATALOG[name], cite)}"
            for name in names
        ]
        return f"The backbone was {len(names)} networks side by side ({size}): {'; '.join(each)}."
    if spec is None:
        start = "" if scratch else ", with the weights it came with"
        file = Path(plan.backbone.name.removeprefix(HUB)).name
        what = f"the network in '{file}'"
        if plan.backbone.name.startswith(HUB):
            what = f"the preset '{file}' of KerasHub"
        return f"The backbone was {what} ({size}){start}."
    return f"The backbone was {_named(spec, cite)} ({size}), {_pretraining(plan, spec, cite)}."


def _named(spec: BackboneSpec, cite: Citations) -> str:
    return f"{_architecture(spec)} {cite(paper_key(spec.paper))}"


def _architecture(spec: BackboneSpec) -> str:
    details = []
    if alpha := spec.arguments.get("alpha"):
        details.append(f"width multiplier {alpha:g}")
    if spec.arguments.get("minimalistic"):
        details.append("minimalistic")
    for name in ("number", "depth", "width"):
        if name in spec.arguments:
            details.append(f"{name} {spec.arguments[name]}")
    return spec.builder + (f" ({', '.join(details)})" if details else "")


def _pretraining(plan: Plan, spec: BackboneSpec, cite: Citations) -> str:
    """Return where the weights came from; a file of the person's own is not called ImageNet's."""
    if plan.policy == "from_scratch":
        return "with random initial weights"
    if not weights_are_known(plan):
        return f"with the weights in '{Path(str(plan.backbone.weights)).name}'"
    imagenet = cite("russakovsky2015imagenet")
    if spec.name == BUILTIN:
        return (
            "with the weights that come with tlearn, distilled"
            f" {cite('hinton2015distilling')} from a MobileNetV2 that was pretrained on ImageNet"
            f" {imagenet}"
        )
    package = f"the Python package {spec.package.replace('==', ' ')}"
    source = package if spec.package else "keras.applications"
    return f"pretrained on ImageNet {imagenet} (the weights of {source})"


def weights_are_known(plan: Plan) -> bool:
    """Return whether it is known what the weights were trained on; of a person's own it is not."""
    file, names = plan.backbone.weights, plan.backbone.name.split(JOINT)
    if plan.policy == "from_scratch":
        return True
    if not file or not CATALOG.keys() >= {*names}:
        return CATALOG.keys() >= {*names}
    return Path(file).name == PurePosixPath(CATALOG[names[0]].weights_url).name


def _features(plan: Plan, cite: Citations) -> str:
    numbers = plan.head.stages
    if len(numbers) > 1:
        stages = join([str(number) for number in numbers])
        return (
            f"The classifier is a linear layer with softmax on the global averages of the feature"
            f" maps of stages {stages}, side by side {cite('evci2022head2toe')}."
        )
    cut = plan.backbone.fingerprint != plan.backbone.whole
    where = f"of stage {numbers[0]}, after which the network was cut off" if cut else "it ends with"
    return (
        f"The classifier is a linear layer with softmax on the global average of the feature map"
        f" {where}."
    )


def _head(record: RunRecord, cite: Citations) -> str:
    plan = record.plan
    how = "set beforehand"
    if "solved_head_l2" in plan.reasons:
        folds = len(train_folds(record.manifest, plan.seed))
        how = f"chosen by log loss in {folds}-fold cross-validation on the training images"
    weights = ", every class weighted equally" if plan.head.class_weights else ""
    bends = " on how its weights bend from class to class" if plan.ordered else ""
    return (
        "With the backbone frozen, the classifier was fitted as a multinomial logistic regression"
        f"{weights}, solved to convergence by an inexact Newton method"
        f" {cite('dembo1982newton')}; its L2 penalty{bends}"
        f" ({plan.head.solved_l2:.2g} on features of mean variance one) was {how}."
    )


def _result(record: RunRecord, cite: Citations) -> str:
    report = class_report(record.metrics)
    low, high = report.interval
    right = round(report.accuracy * report.n)
    apart = ", which took no part in training or in any choice," if report.split == "test" else ""
    if report.split == "val" and record.plan.training.epochs:
        apart = ", which had also served to choose the weights,"
    in_groups = ""
    if report.n_groups and report.n_groups < report.n:
        in_groups = f", widened for {report.n_groups:,} groups of images"
        in_groups += f" {cite('rao1992clustered')}"
    return (
        f"Of the {report.n:,} {_PURPOSES[report.split]} images{apart} {right:,}"
        f" ({100 * report.accuracy:.1f}%, 95% Wilson interval {100 * low:.1f}% to"
        f" {100 * high:.1f}% {cite('wilson1927interval')}{in_groups}) were classified correctly;"
        f" macro-averaged F1 was {report.macro_f1:.3f}, balanced accuracy"
        f" {100 * report.balanced_accuracy:.1f}%, and the expected calibration error"
        f" {100 * report.calibration_error:.1f}% {cite('guo2017calibration')}."
    )


def _software(record: RunRecord, cite: Citations) -> str:
    provenance = record.provenance
    seed = f"all random choices follow from seed {record.plan.seed}"
    if provenance is None:
        return f"All of this was done with tlearn {cite('tlearn')}; {seed}."
    libraries = [
        f"{title} {provenance.versions[name]}"
        for name, title in _LIBRARIES.items()
        if provenance.versions.get(name)
    ]
    own = f"tlearn {provenance.versions.get('tlearn') or ''}".strip()
    return (
        f"All of this was done with {own} {cite('tlearn')} on Python {provenance.python} with"
        f" {join(libraries)} ({provenance.processor}, {provenance.cores} cores,"
        f" {provenance.system}); {seed}."
    )
