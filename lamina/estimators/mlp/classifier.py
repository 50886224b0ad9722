"""`MLPClassifier`: a multi-layer perceptron that tells classes apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from lamina.estimators.mlp import network
from lamina.estimators.mlp.base import BaseMLP


class MLPClassifier(ClassifierMixin, BaseMLP):
    """A multi-layer perceptron that tells classes apart, trained on the cross-entropy.

    The first parameters are scikit-learn's, with its defaults and numbers: the same `random_state` gives the same
    weights and losses. Those after `max_fun` are more.

    Args:
        hidden_layer_sizes: Units of the hidden layers: a number or a sequence of them.
        activation: "identity", "logistic", "tanh", "relu", another of `lamina.activations`, or a function; or a list of
            these, one for each hidden layer.
        solver: "adam", "sgd", "lbfgs", the name of another optimizer of lamina ("rmsprop", …), or an optimizer.
        alpha: Strength of the L2 penalty, >= 0.
        batch_size: Rows of a batch; "auto" is min(200, rows).
        learning_rate: Of "sgd": "constant", "invscaling" or "adaptive".
        learning_rate_init: Learning rate, > 0, of all solvers that are named.
        power_t: Exponent of "invscaling".
        max_iter: Most epochs; of "lbfgs" iterations.
        shuffle: Whether each epoch visits the rows in a new order.
        random_state: Seed of weights, orders, masks and split.
        tol: What an epoch has to gain; after `n_iter_no_change` epochs that gain less, training stops.
        verbose: Whether each epoch prints a line.
        warm_start: Whether `fit` goes on from the weights that are there.
        momentum: Of "sgd", in [0, 1].
        nesterovs_momentum: Whether it is Nesterov's.
        early_stopping: Whether the accuracy on rows set aside decides in place of the loss; the best weights are kept.
        validation_fraction: Share of these rows, in [0, 1).
        beta_1: Of "adam", in [0, 1).
        beta_2: Of "adam", in [0, 1).
        epsilon: Of "adam", > 0.
        n_iter_no_change: Epochs, or np.inf.
        max_fun: Most calls of the loss by "lbfgs".
        dropout: Share of hidden units that each step leaves out, in [0, 1): a number, or one for each layer.
        batch_normalization: Whether the sums of hidden layers are normalized before the activation.
        class_weight: Weights of the classes: a dict, "balanced" or None.
        callbacks: lamina's callbacks, called around each epoch; their `model` has `stop_training`, `get_weights` and
            `set_weights`, their logs `loss`, `val_loss` and `val_score`.
        device: None: NumPy where little is to be computed, else JAX's default device; or "cpu", "gpu", a `jax.Device`.
    Attributes:
        classes_: The classes, sorted; of several labels, their numbers.
        coefs_: Weights of each layer, (inputs, units).
        intercepts_: Biases of each layer, (units,).
        normalizations_: With batch normalization, gamma, beta, mean and variance of each hidden layer, (4, units).
        loss_: The last epoch's loss.
        best_loss_: The least loss; None with early stopping.
        loss_curve_: The loss of each epoch.
        validation_scores_: The accuracy of each epoch on the validation rows; None without such rows.
        best_validation_score_: The best of them, or None.
        validation_loss_curve_: The loss of each epoch on the validation rows.
        n_iter_: Epochs done.
        t_: Rows seen.
        n_layers_: Layers, the input's included.
        n_outputs_: Outputs.
        out_activation_: "logistic" for two classes or several labels, else "softmax".
    Raises:
        ValueError: in `fit`, for parameters or data that it cannot use.
    Example:
        >>> from sklearn.datasets import load_iris
        >>> x, y = load_iris(return_X_y=True)
        >>> classifier = MLPClassifier(solver="lbfgs", hidden_layer_sizes=5, random_state=0).fit(x, y)
        >>> classifier.predict(x[[0, 70, 149]])
        array([0, 1, 2])
    """

    loss = "log_loss"

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: Any = 0.0,
        batch_normalization: bool = False,
        class_weight: Any = None,
        callbacks: Any = None,
        device: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.batch_normalization = batch_normalization
        self.class_weight = class_weight
        self.callbacks = callbacks
        self.device = device

    def __sklearn_tags__(self) -> Any:
        """Several labels are fine."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None, X_val: Any = None, y_val: Any = None) -> MLPClassifier:
        """Train.

        Args:
            X: Rows, (rows, features), dense or sparse.
            y: Classes, (rows,), numbers or text; or 0 and 1 for each of several labels, (rows, labels).
            sample_weight: Weight of each row, (rows,).
            X_val: Rows of your own to validate with after each epoch; with `early_stopping` they decide when to stop.
            y_val: Their classes.
        Returns:
            The estimator.
        """
        return self._fit(X, y, sample_weight, False, X_val, y_val)

    @available_if(lambda estimator: estimator._has_epochs())
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
        """Train one epoch, going on from the weights that are there.

        Args:
            X: Rows, (rows, features).
            y: Classes, (rows,).
            sample_weight: Weight of each row, (rows,).
            classes: All classes that will ever come; needed in the first call.
        Returns:
            The estimator.
        """
        if not hasattr(self, "classes_") and classes is None:
            raise ValueError("MLPClassifier: classes must be passed on the first call to partial_fit.")
        if classes is not None:
            classes = unique_labels(classes)
            if not hasattr(self, "classes_"):
                multilabel = type_of_target(y).startswith("multilabel")
                self._binarizer = LabelBinarizer().fit(y if multilabel else classes)
                self.classes_ = self._binarizer.classes_
            elif not np.array_equal(self.classes_, classes):
                raise ValueError(
                    f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
                )
        return self._fit(X, y, sample_weight, True)

    def _validate(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, np.ndarray]:
        x, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._binarizer.classes_
        else:
            self._compare_classes(unique_labels(y))
        return x, self._encode(y)

    def _compare_classes(self, classes: np.ndarray) -> None:
        """Check that classes are those of the fit that goes on."""
        if self.warm_start and set(classes) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously "
                f"got {self.classes_}, `y` has {classes}"
            )
        if not set(classes) <= set(self.classes_):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    def _encode(self, y: Any) -> np.ndarray:
        if np.ndim(y) == 1 and len(unknown := np.setdiff1d(y, self.classes_)):
            raise ValueError(f"MLPClassifier: y holds classes that training did not see: {unknown}.")
        return self._binarizer.transform(y).astype(bool)

    def _labels_of(self, targets: np.ndarray) -> Any:
        return self._binarizer.inverse_transform(targets)

    def _output_activation(self) -> network.Activation:
        return "softmax" if self._binarizer.y_type_ == "multiclass" else "logistic"

    def _row_weights(self, y: Any, sample_weight: Any) -> Any:
        if self.class_weight is None:
            return sample_weight
        if self._incremental_balanced():
            raise ValueError(
                "MLPClassifier: class_weight 'balanced' is not supported for partial_fit, which does not know the rows "
                "to come. Give a dict."
            )
        weights = compute_sample_weight(self.class_weight, y)
        return weights if sample_weight is None else weights * sample_weight

    def _incremental_balanced(self) -> bool:
        return self._incremental and isinstance(self.class_weight, str)

    def _score_of(self, answer: np.ndarray, y: Any, sample_weight: Any) -> float:
        if not np.isfinite(answer).all():
            return float("nan")
        return float(accuracy_score(y, self._read(answer), sample_weight=sample_weight))

    def _read(self, answer: np.ndarray) -> np.ndarray:
        return self._binarizer.inverse_transform(answer.ravel() if self.n_outputs_ == 1 else answer)

    def predict(self, X: Any) -> np.ndarray:
        """The class of each row, (rows,); or 0 and 1 for each label, (rows, labels)."""
        return self._read(self._answer(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, (rows, classes), in the order of `classes_`; or of each label."""
        answer = self._answer(X)
        return np.column_stack([1 - answer, answer]) if answer.shape[1] == 1 else answer

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithm of `predict_proba`."""
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)
