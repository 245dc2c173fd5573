"""Sentences on how a network was trained by gradient, for a description of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tlearn.commands.references import Citations
from tlearn.data.augmentation import Augmentation, augmentation
from tlearn.data.targets import LABELS, NUMBER
from tlearn.recipe.plan import Plan, TrainingPlan
from tlearn.training.schedule import PlateauState

_OPTIMIZERS = {
    "sgd": ("stochastic gradient descent", ""),
    "adam": ("Adam", "kingma2015adam"),
    "adamw": ("AdamW", "loshchilov2019adamw"),
    "rmsprop": ("RMSprop", "tieleman2012rmsprop"),
    "adagrad": ("Adagrad", "duchi2011adagrad"),
}
_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


def training_sentences(
    plan: Plan, history: Sequence[Mapping[str, Any]], norms: str, cite: Citations
) -> Iterator[str]:
    """Yield how the weights were trained by gradient; nothing where they were not.

    Args:
        plan: What ran.
        history: Records of the epochs.
        norms: What the batch-normalization layers are called; empty where there are none.
        cite: Formats a citation and collects its reference.
    """
    if not plan.training.epochs:
        return
    yield _what_was_trained(plan, cite) + f" by minimizing the {_loss(plan, cite)}."
    yield f"{_steps(plan.training, cite)}; {_learning_rate(plan, cite)}."
    if regularizers := [*_regularizers(plan)]:
        yield f"Training was regularized by {join(regularizers)}."
    if norms and plan.training.tuned_stages:
        if plan.training.batch_norm == "frozen":
            yield f"{norms} stayed frozen, statistics as well as scale and offset."
        else:
            where = " of these stages" if plan.training.first_trained_stage else ""
            yield (
                f"{norms}{where} were trained: they normalized by the statistics of each batch, and"
                " for evaluation by moving averages of these."
            )
    yield from _epochs(plan, history, cite)


def augmentation_sentence(plan: Plan, cite: Citations) -> str:
    """Return how training images were varied; nothing where they were not."""
    by_gradient, views = plan.training.epochs > 0, plan.images.views
    live = by_gradient and (plan.training.first_trained_stage == 0 or not views)
    policy = augmentation(plan.images.augmentation, plan.images.horizontal_flip)
    sentences = []
    changes = [*_changes(policy, cite)] if live or views > 1 else []
    if changes:
        how = "anew in each epoch"
        if not live:
            how = f"once: {views} versions of each image were used, one of them unchanged"
        fine_tuned = by_gradient and plan.policy not in ("from_scratch", "linear_head")
        when = "for fine-tuning " if fine_tuned else ""
        sentences.append(f"Training images were augmented {when}by {join(changes)}, drawn {how}.")
    if by_gradient and (mixing := [*_mixing(policy, cite)]):
        what = "Images" if live else "Stored outputs of the frozen stages"
        sentences.append(f"{what} of a batch were mixed with one another by {' or '.join(mixing)}.")
    return " ".join(sentences)


def kept_weights_sentence(
    plan: Plan, history: Sequence[Mapping[str, Any]], interpolation: float | None, cite: Citations
) -> str:
    """Return which weights were kept; nothing where the head was solved only."""
    if plan.policy == "from_scratch":
        return _best_epoch(plan, history)
    if interpolation is None:
        return ""
    chosen = "fixed at one half, as there were no validation images"
    if plan.split.n_val:
        chosen = (
            "the mean of 0, 0.2, 0.4, 0.6, 0.8 and 1, each weighted by the exponential of its"
            " negative squared error, summed over the validation images"
        )
    return (
        "The final weights are those before and after this training, interpolated (WiSE-FT"
        f" {cite('wortsman2022robust')}): w = w_before + {interpolation:.2g} (w_after - w_before),"
        f" the coefficient being {chosen}."
    )


def join(items: Sequence[str]) -> str:
    """Return items as a list in a sentence: "a, b and c"."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _what_was_trained(plan: Plan, cite: Citations) -> str:
    n_stages = len(plan.stages) - 1
    if plan.policy == "from_scratch":
        return "All weights were trained from a random initialization"
    if not plan.training.tuned_stages:
        return f"Starting from this solution, {_head(plan)} alone was trained further"
    frozen = plan.training.first_trained_stage or 0
    which = (
        f"the last {n_stages - frozen} of the network's {n_stages} stages (the earlier ones frozen)"
        if frozen
        else f"all {n_stages} stages of the network"
    )
    start = f"linear probing, then fine-tuning, LP-FT {cite('kumar2022lpft')}"
    return f"Starting from this solution ({start}), {_head(plan)} and {which} were fine-tuned"


def _head(plan: Plan) -> str:
    return "the linear layer" if plan.task == NUMBER else "the classifier"


def _loss(plan: Plan, cite: Citations) -> str:
    if plan.task == NUMBER:
        return f"Huber loss {cite('huber1964robust')} of the standardized number"
    loss = "cross-entropy"
    if plan.task == LABELS:
        loss = "binary cross-entropy, averaged over the known labels of an image"
    elif plan.head.class_weights:
        loss += " with every class weighted equally"
    if smoothing := plan.training.label_smoothing:
        loss += f", labels smoothed by {smoothing:g} {cite('szegedy2016rethinking')}"
    return loss


def _steps(training: TrainingPlan, cite: Citations) -> str:
    name, key = _OPTIMIZERS[training.optimizer]
    text = f"The optimizer was {name}" + (f" {cite(key)}" if key else "")
    if training.optimizer in ("sgd", "rmsprop"):
        text += f" with momentum {training.momentum:g}"
    text += f" on batches of {training.batch_size} images"
    if training.clip_norm:
        text += f", gradients clipped to a global norm of {training.clip_norm:g}"
    if training.precision in _MIXED:
        text += f", in mixed precision ({_MIXED[training.precision]})"
    return text


def _learning_rate(plan: Plan, cite: Citations) -> str:
    training = plan.training
    text = f"the learning rate peaked at {training.learning_rate:g}"
    if training.tuned_stages and training.layer_decay < 1:
        text += (
            f" for {_head(plan)} and was multiplied by {training.layer_decay:g} for each stage"
            f" away from it (layer-wise learning-rate decay {cite('howard2018ulmfit')})"
        )
    if training.warmup_epochs:
        plural = "" if training.warmup_epochs == 1 else "s"
        text += f", after a linear warm-up of {training.warmup_epochs:g} epoch{plural}"
    if training.schedule == "cosine":
        citation = cite("loshchilov2017sgdr")
        return text + f", and followed a cosine to zero {citation} over the planned epochs"
    if training.schedule == "plateau":
        rule = PlateauState()
        text += (
            f", and was multiplied by {rule.drop:g} each time the validation loss had not fallen"
            f" for {rule.patience} epochs"
        )
        return text
    return text + ", and was then held constant"


def _regularizers(plan: Plan) -> Iterator[str]:
    head, decay = plan.head, plan.training.weight_decay
    if decay:
        yield f"decoupled weight decay of {decay:g}"
    if head.dropout:
        yield f"dropout of {head.dropout:g} before {_head(plan)}"
    if head.l1:
        yield f"an L1 penalty of {head.l1:g} on {_head(plan)}"
    if head.trained_l2:
        yield f"an L2 penalty of {head.trained_l2:g} on {_head(plan)}"
    if head.max_norm:
        yield f"a bound of {head.max_norm:g} on the norm of each class's weights"


def _epochs(plan: Plan, history: Sequence[Mapping[str, Any]], cite: Citations) -> Iterator[str]:
    ran, planned = max((record["epoch"] for record in history), default=0), plan.training.epochs
    if "epochs" in plan.reasons and plan.policy != "linear_head":
        yield (
            f"Training was planned for {planned} epochs, by a rule on the number of training images"
            f" in the manner of BiT-HyperRule {cite('kolesnikov2020bit')}"
            + (f", and ended after {ran}." if 0 < ran < planned else ".")
        )
    elif 0 < ran < planned:
        yield f"Training ended after {ran} of {planned} epochs."
    else:
        yield f"Training ran for {planned} epochs."
    if 0 < ran < planned:
        improved = "neither the validation accuracy nor, at equal accuracy, the validation loss had"
        if plan.task == NUMBER:
            improved = "the validation loss had not"
        yield f"It was stopped early: for {plan.training.patience} epochs {improved} improved."


def _best_epoch(plan: Plan, history: Sequence[Mapping[str, Any]]) -> str:
    if not plan.split.n_val:
        return "The weights after the last epoch were kept."
    rule = "the highest validation accuracy (at equal accuracy, the lowest validation loss)"
    scores = ["val_accuracy", "val_loss"]  # null where they were no numbers
    if plan.task == NUMBER:
        rule = "the lowest validation loss"
        scores.remove("val_accuracy")
    scored = [
        record
        for record in history
        if record["epoch"] and all(record.get(key) is not None for key in scores)
    ]
    if not scored:
        return f"The weights of the epoch with {rule} were kept."
    best = max(scored, key=lambda record: (record.get("val_accuracy", 0), -record["val_loss"]))
    return f"The weights of epoch {best['epoch']} were kept, the one with {rule}."


def _changes(policy: Augmentation, cite: Citations) -> Iterator[str]:
    if policy.flip:
        yield "horizontal flips"
    if policy.rotation:
        yield f"rotations of up to {policy.rotation:g} degrees"
    shares = {
        "zoom": "zooms of up to {}",
        "translation": "shifts of up to {} of the side",
        "crop": "crops of up to {} of the side",
        "brightness": "changes of brightness of up to {}",
        "contrast": "changes of contrast of up to {}",
        "noise": "Gaussian noise with a standard deviation of {} of the range",
    }
    for name, template in shares.items():
        if value := getattr(policy, name):
            yield template.format(f"{100 * value:g}%")
    if policy.erasing:
        yield f"random erasing with probability {policy.erasing:g} {cite('zhong2020erasing')}"


def _mixing(policy: Augmentation, cite: Citations) -> Iterator[str]:
    if policy.mixup:
        yield f"MixUp with alpha = {policy.mixup:g} {cite('zhang2018mixup')}"
    if policy.cutmix:
        yield f"CutMix with alpha = {policy.cutmix:g} {cite('yun2019cutmix')}"
