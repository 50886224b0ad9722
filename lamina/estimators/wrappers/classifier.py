"""`LaminaClassifier`: a lamina model as a scikit-learn classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from lamina import losses
from lamina.estimators.wrappers.base import LaminaEstimator


class LaminaClassifier(ClassifierMixin, LaminaEstimator):
    """A lamina model as a scikit-learn classifier.

    Args:
        model: Function that returns a model, compiled or not, or a model, of which each fit trains a copy. Arguments
            of the function are given as `model__units=32`; it may also name parameters of the estimator, `meta` (a dict
            with `n_features_in_`, `n_classes_`, `X_shape_`, `target_type_`) and `compile_kwargs`.
        optimizer: Name, class or object, for a model that is not compiled; `optimizer__learning_rate=0.01`.
        loss: Name, class or object. Default None: the cross-entropy that fits the targets and the model's outputs.
        metrics: List of names, classes or objects.
        batch_size: Rows of a batch. Default None: 32.
        epochs: Epochs of a fit.
        verbose: As of the model's `fit`. Default 0: silent.
        callbacks: Callbacks, or classes of them: a list, or a dict by name with `callbacks__early__patience=3`.
        validation_split: Share of the last rows to validate with.
        shuffle: Whether each epoch visits the rows in a new order.
        warm_start: Whether `fit` goes on with the model that is there.
        random_state: Seed of weights, orders and masks. Default None: lamina's stream.
        class_weight: Weights of the classes: a dict, "balanced" or None.
        **parameters: `model__…`, `compile__…`, `optimizer__…`, `loss__…`, `metrics__…`, `callbacks__…`, `fit__…`,
            `predict__…`, and arguments of the function by their own names.
    Attributes:
        model_: The trained model.
        history_: Losses and metrics by name, one value an epoch.
        classes_: The classes, sorted.
        n_classes_: Their number.
        n_iter_: Epochs done.
    Raises:
        ValueError: in `fit`, for parameters, data and models that do not go together.
    Differs from SciKeras: silent by default; a loss is chosen if none is given; `optimizer__learning_rate` works with
        names, too; sample weights of 0 take rows out.
    Example:
        >>> import lamina
        >>> from sklearn.datasets import load_iris
        >>> def build(meta, units=8):
        ...     layers = [lamina.layers.Dense(units, "relu"), lamina.layers.Dense(meta["n_classes_"], "softmax")]
        ...     return lamina.Sequential([lamina.Input((meta["n_features_in_"],)), *layers])
        >>> x, y = load_iris(return_X_y=True)
        >>> classifier = LaminaClassifier(build, model__units=16, optimizer="adam", epochs=2, random_state=0)
        >>> classifier.fit(x, y).predict_proba(x).shape
        (150, 3)
    """

    def __sklearn_tags__(self) -> Any:
        """Several labels are fine."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> LaminaClassifier:
        """Train one epoch, going on with the model that is there.

        Args:
            X: Rows.
            y: Classes.
            classes: All classes that will ever come, in the first call. Default None: those of `y`.
            sample_weight: Weight of each row.
        Returns:
            The estimator.
        """
        fresh = not self.initialized_
        if fresh and classes is not None:
            self._classes_to_come = np.unique(classes)
        try:
            return self._train(X, y, sample_weight, {"epochs": 1}, fresh=fresh)
        finally:
            self.__dict__.pop("_classes_to_come", None)

    def _validate_targets(self, y: Any, first: bool) -> np.ndarray:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        multilabel = type_of_target(y) == "multilabel-indicator"
        if first:
            self.classes_ = np.arange(y.shape[1]) if multilabel else getattr(self, "_classes_to_come", np.unique(y))
            self.n_classes_ = len(self.classes_)
            kind = "binary" if self.n_classes_ <= 2 else "multiclass"
            self.target_type_ = "multilabel-indicator" if multilabel else kind
            self.n_outputs_ = y.shape[1] if multilabel else 1
        if multilabel != (self.target_type_ == "multilabel-indicator"):
            raise ValueError(
                f"LaminaClassifier: y: expected {self.target_type_} targets, received {type_of_target(y)}."
            )
        if multilabel:
            return np.asarray(y)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"LaminaClassifier: y holds classes that are not in {self.classes_}: {unknown}.")
        return np.searchsorted(self.classes_, y)

    def _meta(self) -> dict[str, Any]:
        names = ("classes_", "n_classes_", "n_outputs_", "target_type_")
        return {name: getattr(self, name) for name in names}

    def _default_loss(self, model: Any) -> str:
        outputs = self._units_of(model)
        wanted = {"binary": (1, 2), "multiclass": (self.n_classes_,), "multilabel-indicator": (self.n_outputs_,)}
        if outputs is not None and outputs not in wanted[self.target_type_]:
            raise ValueError(
                f"LaminaClassifier: the model has {outputs} outputs; {self.target_type_} targets of {self.n_classes_} "
                f"classes take {' or '.join(map(str, wanted[self.target_type_]))}. A function that builds it may have "
                "an argument meta, with meta['n_classes_']."
            )
        if self.target_type_ == "multilabel-indicator" or (self.target_type_ == "binary" and outputs == 1):
            return "binary_crossentropy"
        return "sparse_categorical_crossentropy"

    @staticmethod
    def _units_of(model: Any) -> int | None:
        shape = getattr(model, "output_shape", None) if model.built else None
        return shape[-1] if isinstance(shape, tuple) and shape and isinstance(shape[-1], int) else None

    def _encode(self, y: np.ndarray, model: Any) -> np.ndarray:
        if self.target_type_ == "multilabel-indicator":
            return y.astype(np.float32)
        name = _loss_name(model.loss)
        if "categorical" in name and "sparse" not in name:
            return np.eye(self.n_classes_, dtype=np.float32)[y]
        return y.astype(np.int32) if "sparse" in name else y.astype(np.float32)[:, None]

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, (rows, classes), in the order of `classes_`; or of each label."""
        answer = self._outputs(X)
        exclusive = answer.shape[1] > 1 and self.target_type_ != "multilabel-indicator"
        if _from_logits(self.model_.loss):
            answer = softmax(answer, axis=1) if exclusive else expit(answer)
        return answer if answer.shape[1] > 1 or self.target_type_ != "binary" else np.column_stack([1 - answer, answer])

    def predict(self, X: Any) -> np.ndarray:
        """The class of each row, (rows,); or 0 and 1 for each label, (rows, labels)."""
        probabilities = self.predict_proba(X)
        if self.target_type_ == "multilabel-indicator":
            return (probabilities > 0.5).astype(int)
        return self.classes_[np.minimum(probabilities.argmax(axis=1), self.n_classes_ - 1)]


def _loss_name(loss: Any) -> str:
    if isinstance(loss, str):
        found = losses.get(loss)  # short names, too
        return getattr(found, "__name__", None) or type(found).__name__.lower()
    name = getattr(loss, "__name__", None) or type(loss).__name__
    return "sparse" * name.lower().startswith("sparse") + name.lower()


def _from_logits(loss: Any) -> bool:
    config = loss.get_config() if hasattr(loss, "get_config") else {}
    return bool(config.get("from_logits", False))
