"""Sentences on what a run did, in the terms of the field, each only where it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tlearn.commands.methods_answers import (
    PURPOSES,
    result_sentence,
    solved_head,
    what_answers,
)
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
from tlearn.data.targets import CLASSES, LABELS, NUMBER, ONE_CLASS
from tlearn.models.catalog import BUILTIN, CATALOG, HUB, JOINT, BackboneSpec
from tlearn.recipe.plan import Plan
from tlearn.runs.metrics import RunMetrics
from tlearn.runs.provenance import Provenance, SplitOrigin

_CLASSES_NAMED = 12
_GIVERS = {"folders": "the folders of the data set", "csv": "the table of the data set"}
_DRAWN = {
    CLASSES: " of each class",
    LABELS: ", stratified by the rarest label of each",
    NUMBER: ", stratified by the number",
    ONE_CLASS: " that are good",
}
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
    yield what_answers(plan, record.metrics, cite)
    if plan.origins.get("policy") == "suggestion" and plan.task != ONE_CLASS:
        heads = "linear models" if plan.task == NUMBER else "linear classifiers"
        yield (
            f"How much of the network to train was decided by cross-validated {heads} on"
            " the features of each of its stages."
        )
    if plan.policy != "from_scratch" and plan.task != ONE_CLASS:
        folds = len(train_folds(record.manifest, plan.seed))
        yield solved_head(plan, folds, record.metrics, cite)
    yield from training_sentences(plan, record.history, norms, cite)
    yield kept_weights_sentence(plan, record.history, record.metrics.interpolation, cite)
    yield result_sentence(plan, record.metrics, cite)
    yield _software(record, cite)


def _data(record: RunRecord) -> str:
    task, names = record.plan.task, record.plan.split.classes
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
    if task == LABELS:
        return f"{text}, each with any of {len(names)} labels: {listed}."
    if task == NUMBER:
        return f"{text}, each with a number, '{names[0]}'."
    if task == ONE_CLASS:
        assert record.manifest.targets is not None
        n_bad = int(record.manifest.targets.sum())
        bad = f" {n_bad:,} of them bad ones, which served for testing only" if n_bad else ""
        return f"{text},{bad}." if bad else f"{text} of good ones."
    return f"{text} in {len(names)} classes: {listed}."


def _split(record: RunRecord) -> str:
    manifest = record.manifest
    counts = [
        f"{manifest.count(split):,} {purpose}"
        for split, purpose in PURPOSES.items()
        if manifest.count(split)
    ]
    text = f"They were divided into {join(counts)} images"
    if record.provenance:
        text += _origin(record.provenance.splits, manifest, _DRAWN[record.plan.task])
    absent = [PURPOSES[split] for split in ("val", "test") if not manifest.count(split)]
    return text + (f"; there was no {' and no '.join(absent)} split." if absent else ".")


def _origin(origins: Mapping[str, SplitOrigin], manifest: SplitManifest, by: str) -> str:
    ready = [split for split in SPLITS if origins[split].source in _GIVERS]
    drawn = {split: origins[split] for split in SPLITS if origins[split].source == "drawn"}
    text = ""
    if ready:
        splits = join([PURPOSES[split] for split in ready])
        plural = len(ready) > 1
        text += f"; the {splits} split{'s were' if plural else ' was'} given by"
        text += f" {_GIVERS[origins[ready[0]].source]}"
    if drawn:
        shares = [
            f"{100 * (origin.fraction or 0):.3g}% for {PURPOSES[split]}"
            for split, origin in drawn.items()
        ]
        first = next(iter(drawn.values()))
        images = "training images" if first.drawn_from == "train" else "images"
        text += f"; of the {images}{by}, {join(shares)} were drawn at random"
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
