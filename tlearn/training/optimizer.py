"""Optimizers with a rate for each layer: the update is scaled, not the gradient.

Adam divides a gradient by its own running size, so a scaled gradient takes the same step as an
unscaled one; only a scaled update is a smaller step.
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
    """Mixin: the learning rate of each variable is the optimizer's times a factor.

    The factor scales decoupled weight decay as well. Clipping sees the gradients as they are.

    Args:
        rate_factors: Variable path to factor; a variable that is not named has factor one.
    """

    weight_decay: float | None

    def __init__(
        self, *args: Any, rate_factors: Mapping[str, float] | None = None, **keywords: Any
    ) -> None:
        super().__init__(*args, **keywords)
        self.rate_factors = dict(rate_factors or {})

    def build(self, variables: Sequence[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        # update_step may be given the backend's own variable, which has no path: keep by key.
        self._factors = {
            self._var_key(variable): self.rate_factors.get(variable.path, 1.0)
            for variable in variables
        }

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        factor = self._factors[self._var_key(variable)]
        super().update_step(gradient, variable, learning_rate * factor)

    def _apply_weight_decay(self, variables: Sequence[keras.Variable]) -> None:
        if self.weight_decay is None:
            return
        whole = self.weight_decay
        groups: dict[float, list[keras.Variable]] = {}
        for variable in variables:
            groups.setdefault(self._factors[self._var_key(variable)], []).append(variable)
        try:
            for factor, members in groups.items():
                self.weight_decay = whole * factor
                super()._apply_weight_decay(members)
        finally:
            self.weight_decay = whole

    def get_config(self) -> dict[str, Any]:
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
) -> keras.optimizers.Optimizer:
    """An optimizer by name.

    Args:
        name: sgd, adam, adamw, rmsprop or adagrad.
        learning_rate: Rate of a variable with factor one.
        rate_factors: Variable path to factor.
        momentum: For sgd and rmsprop.
        weight_decay: Decoupled; 1-D variables (biases, normalisation) are left out.
        clip_norm: Largest norm of all gradients together, or None.
    """
    keywords: dict[str, Any] = {"rate_factors": rate_factors}
    if name in ("sgd", "rmsprop"):
        keywords["momentum"] = momentum
    if weight_decay:
        keywords["weight_decay"] = weight_decay
    optimizer = _OPTIMIZERS[name](learning_rate, global_clipnorm=clip_norm or None, **keywords)
    if weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
