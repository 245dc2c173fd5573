"""Optimizers with a learning rate for each layer: the update is scaled, not the gradient.

Adam divides a gradient by its own running size, so a scaled gradient would take the same step as
an unscaled one; only a scaled update is a smaller step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from keras.optimizers import Optimizer as _Mixed
else:
    _Mixed = object


class LayerwiseRates(_Mixed):
    """Mixin that multiplies the optimizer's learning rate by a factor for each variable.

    The factor scales decoupled weight decay as well. Gradients are clipped before they are scaled.

    Args:
        rate_factors: Path of a variable to its factor; variables not named have factor one.
    """

    weight_decay: float | None

    def __init__(
        self, *args: Any, rate_factors: Mapping[str, float] | None = None, **keywords: Any
    ) -> None:
        super().__init__(*args, **keywords)
        self.rate_factors = dict(rate_factors or {})

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Create the optimizer's state, and look up the factor of every variable."""
        if self.built:
            return
        super().build(variables)
        # update_step may get the backend's own variable, which has no path but the same key.
        self._factors = {
            self._var_key(variable): self.rate_factors.get(variable.path, 1.0)
            for variable in variables
        }

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update a variable with its own learning rate."""
        factor = self._factors[self._var_key(variable)]
        super().update_step(gradient, variable, learning_rate * factor)

    def _apply_weight_decay(self, variables: Sequence[keras.Variable]) -> None:
        if self.weight_decay is None:
            return
        weight_decay = self.weight_decay
        groups: dict[float, list[keras.Variable]] = {}
        for variable in variables:
            groups.setdefault(self._factors[self._var_key(variable)], []).append(variable)
        try:
            for factor, members in groups.items():
                self.weight_decay = weight_decay * factor
                super()._apply_weight_decay(members)
        finally:
            self.weight_decay = weight_decay

    def get_config(self) -> dict[str, Any]:
        """Return the configuration, for saving."""
        return {**super().get_config(), "rate_factors": dict(self.rate_factors)}


@keras.saving.register_keras_serializable("tlearn")
class LayerwiseSGD(LayerwiseRates, keras.optimizers.SGD):
    """Stochastic gradient descent with momentum."""


@keras.saving.register_keras_serializable("tlearn")
class LayerwiseAdam(LayerwiseRates, keras.optimizers.Adam):
    """Adam (Kingma and Ba, 2015)."""


@keras.saving.register_keras_serializable("tlearn")
class LayerwiseAdamW(LayerwiseRates, keras.optimizers.AdamW):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""


@keras.saving.register_keras_serializable("tlearn")
class LayerwiseRMSprop(LayerwiseRates, keras.optimizers.RMSprop):
    """RMSprop (Tieleman and Hinton, 2012)."""


@keras.saving.register_keras_serializable("tlearn")
class LayerwiseAdagrad(LayerwiseRates, keras.optimizers.Adagrad):
    """Adagrad (Duchi et al., 2011)."""


_OPTIMIZERS = {
    "sgd": LayerwiseSGD,
    "adam": LayerwiseAdam,
    "adamw": LayerwiseAdamW,
    "rmsprop": LayerwiseRMSprop,
    "adagrad": LayerwiseAdagrad,
}


def make_optimizer(
    name: str,
    learning_rate: float,
    rate_factors: Mapping[str, float],
    *,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    clip_norm: float | None = None,
    accumulated: int = 1,
) -> keras.optimizers.Optimizer:
    """Return an optimizer by name.

    Args:
        name: sgd, adam, adamw, rmsprop or adagrad.
        learning_rate: Learning rate of a variable with factor one.
        rate_factors: Path of a variable to its factor.
        momentum: Momentum of sgd and rmsprop.
        weight_decay: Decoupled weight decay; not applied to biases and normalization.
        clip_norm: Largest norm of the gradient of all variables together; 0 or None for no limit.
        accumulated: Steps whose mean gradient makes one update.
    """
    keywords: dict[str, Any] = {"rate_factors": rate_factors}
    if name in ("sgd", "rmsprop"):
        keywords["momentum"] = momentum
    if weight_decay:
        keywords["weight_decay"] = weight_decay
    if accumulated > 1:
        keywords["gradient_accumulation_steps"] = accumulated
    optimizer = _OPTIMIZERS[name](learning_rate, global_clipnorm=clip_norm or None, **keywords)
    if weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def transfer_state(
    old: keras.optimizers.Optimizer, new: keras.optimizers.Optimizer, ratio: int
) -> None:
    """Give an optimizer the state of another one of the same kind.

    Args:
        old: Its state is read.
        new: Accumulates the gradients of `ratio` times as many steps.
        ratio: A step of `old` counts as so many of `new`.
    """
    values = {_name(variable): variable for variable in old.variables}
    for variable in new.variables:
        value = values.get(_name(variable))
        if value is not None:
            variable.assign(value * ratio if _name(variable) == "iteration" else value)


def _name(variable: keras.Variable) -> str:
    """Return a variable's path without the name of its optimizer."""
    return variable.path.partition("/")[2]
