"""What a loss of lamina's expects of labels and outputs; nothing is known of a loss of the user's."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

from lamina import losses

_LABELS: dict[Any, str] = {
    losses.BinaryCrossentropy: "binary",
    losses.BinaryFocalCrossentropy: "binary",
    losses.binary_crossentropy: "binary",
    losses.binary_focal_crossentropy: "binary",
    losses.CategoricalCrossentropy: "one-hot",
    losses.CategoricalFocalCrossentropy: "one-hot",
    losses.categorical_crossentropy: "one-hot",
    losses.categorical_focal_crossentropy: "one-hot",
    losses.SparseCategoricalCrossentropy: "classes",
    losses.CategoricalGeneralizedCrossEntropy: "classes",
    losses.sparse_categorical_crossentropy: "classes",
    losses.MeanSquaredError: "numbers",
    losses.MeanAbsoluteError: "numbers",
    losses.MeanAbsolutePercentageError: "numbers",
    losses.MeanSquaredLogarithmicError: "numbers",
    losses.Huber: "numbers",
    losses.LogCosh: "numbers",
    losses.mean_squared_error: "numbers",
    losses.mean_absolute_error: "numbers",
    losses.mean_absolute_percentage_error: "numbers",
    losses.mean_squared_logarithmic_error: "numbers",
    losses.huber: "numbers",
    losses.log_cosh: "numbers",
}


class LossFacts(NamedTuple):
    """A loss, the labels that it takes, and the settings that bear on outputs and labels."""

    name: str  # as messages call it
    labels: str  # "binary", "one-hot", "classes" (their numbers) or "numbers"
    from_logits: bool
    ignore_class: int | None
    axis: int  # of the classes

    @property
    def with_logits(self) -> str | None:
        """How to write this loss for logits; None where there is no such form."""
        if self.name.endswith("GeneralizedCrossEntropy"):
            return None
        name = self.name if self.name[0].isupper() else self.name.title().replace("_", "")
        return f"lamina.losses.{name}(from_logits=True)"


def facts_of(loss: Any) -> LossFacts | None:
    """Return what is known of a loss, None for functions and subclasses of the user's."""
    wrapped = type(loss) is losses.LossFunctionWrapper
    key = loss.fn if wrapped else type(loss)
    labels = _LABELS.get(key) if inspect.isfunction(key) or inspect.isclass(key) else None
    if labels is None:
        return None
    settings = loss._fn_kwargs if wrapped else vars(loss)
    return LossFacts(
        name=key.__name__,
        labels=labels,
        from_logits=bool(settings.get("from_logits", False)),
        ignore_class=settings.get("ignore_class"),
        axis=settings.get("axis", -1),
    )
