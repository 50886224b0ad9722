"""`HyperModel`: how a model is made from hyperparameters, and how it is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lamina.tuner.hyperparameters import HyperParameters


class HyperModel:
    """A search space: override `build`, and `fit` where training has hyperparameters, too.

    Args:
        name: Default None.
        tunable: Kept as Keras Tuner has it.

    Example:
        >>> import lamina
        >>> class Line(HyperModel):
        ...     def build(self, hp):
        ...         model = lamina.Sequential([lamina.layers.Input((1,)), lamina.layers.Dense(1)])
        ...         model.compile(lamina.optimizers.SGD(hp.Float("rate", 1e-3, 1e-1, sampling="log")), "mse")
        ...         return model
        >>> type(Line().build(HyperParameters()).optimizer).__name__
        'SGD'
    """

    def __init__(self, name: str | None = None, tunable: bool = True) -> None:
        self.name = name
        self.tunable = tunable

    def build(self, hp: HyperParameters) -> Any:
        """Return a compiled model."""
        raise NotImplementedError(f"{type(self).__name__} has to override build(hp).")

    def fit(self, hp: HyperParameters, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Train the model and return its `History`, a dict of metrics, or the objective's value.

        `hp.batch_size` and `hp.epochs`, if `build` asked for them, take the place of these arguments.
        """
        for name in ("batch_size", "epochs"):
            if name in hp:
                kwargs[name] = hp[name]
        return model.fit(*args, **kwargs)


class FunctionHyperModel(HyperModel):
    """A model-building function as a `HyperModel`."""

    def __init__(self, build: Callable[[HyperParameters], Any]) -> None:
        super().__init__(getattr(build, "__name__", None))
        self._build = build

    def build(self, hp: HyperParameters) -> Any:
        """Call the function."""
        return self._build(hp)


def as_hypermodel(model: Any) -> HyperModel:
    """A `HyperModel`, from one, its class, or a function of `hp`.

    Raises:
        TypeError: none of these.
    """
    if isinstance(model, type) and issubclass(model, HyperModel):
        return model()
    if isinstance(model, HyperModel) or (hasattr(model, "build") and hasattr(model, "fit") and not callable(model)):
        return model
    if callable(model):
        return FunctionHyperModel(model)
    raise TypeError(
        f"hypermodel: expected a function of hp that returns a compiled model, or a HyperModel, received "
        f"{type(model).__name__}."
    )
