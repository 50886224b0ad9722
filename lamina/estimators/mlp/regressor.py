"""`MLPRegressor`: a multi-layer perceptron that predicts numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from lamina.estimators import _checks
from lamina.estimators.mlp import network
from lamina.estimators.mlp.base import BaseMLP
from lamina.estimators.mlp.losses import LOSSES


class MLPRegressor(RegressorMixin, BaseMLP):
    """A multi-layer perceptron that predicts one number or several.

    The first parameters are scikit-learn's, with its defaults and numbers: the same `random_state` gives the same
    weights and losses. Those after `max_fun` are more; `MLPClassifier` explains the others.

    Args:
        loss: "squared_error" (half of it), "poisson" (half of its deviance, for counts; the output is an exponential),
            "absolute_error", "huber" or "quantile".
        hidden_layer_sizes: Units of the hidden layers.
        activation: Of the hidden layers.
        solver: "adam", "sgd", "lbfgs", or another optimizer.
        alpha: Strength of the L2 penalty.
        batch_size: Rows of a batch, or "auto".
        learning_rate: Of "sgd": "constant", "invscaling" or "adaptive".
        learning_rate_init: Learning rate.
        power_t: Exponent of "invscaling".
        max_iter: Most epochs.
        shuffle: Whether each epoch visits the rows in a new order.
        random_state: Seed.
        tol: What an epoch has to gain.
        verbose: Whether each epoch prints a line.
        warm_start: Whether `fit` goes on from the weights that are there.
        momentum: Of "sgd".
        nesterovs_momentum: Whether it is Nesterov's.
        early_stopping: Whether R2 on rows set aside decides in place of the loss.
        validation_fraction: Share of these rows.
        beta_1: Of "adam".
        beta_2: Of "adam".
        epsilon: Of "adam".
        n_iter_no_change: Epochs without gain.
        max_fun: Most calls of the loss by "lbfgs".
        output_activation: Of the output: None ("exp" for "poisson", else none), "relu" or "softplus" for positive
            numbers, "logistic" (in (0, 1)), "tanh" (in (-1, 1)), another of `lamina.activations`, or a function.
        delta: Where "huber" turns from squared to linear, > 0, in units of y.
        quantile: Which quantile "quantile" predicts, in (0, 1).
        dropout: Share of hidden units that each step leaves out: a number, or one for each layer.
        batch_normalization: Whether the sums of hidden layers are normalized before the activation.
        callbacks: lamina's callbacks.
        device: Where to compute.
    Attributes:
        coefs_: Weights of each layer, as all others in `MLPClassifier`; scores are R2.
    Raises:
        ValueError: in `fit`, for parameters or data that it cannot use.
    Example:
        >>> import numpy as np
        >>> x = np.linspace(-1, 1, 50)[:, None]
        >>> regressor = MLPRegressor(hidden_layer_sizes=10, activation="tanh", solver="lbfgs", random_state=0)
        >>> bool(regressor.fit(x, np.sin(3 * x[:, 0])).score(x, np.sin(3 * x[:, 0])) > 0.99)
        True
    """

    def __init__(
        self,
        loss: str = "squared_error",
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
        output_activation: Any = None,
        delta: float = 1.0,
        quantile: float = 0.5,
        dropout: Any = 0.0,
        batch_normalization: bool = False,
        callbacks: Any = None,
        device: Any = None,
    ) -> None:
        self.loss = loss
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
        self.output_activation = output_activation
        self.delta = delta
        self.quantile = quantile
        self.dropout = dropout
        self.batch_normalization = batch_normalization
        self.callbacks = callbacks
        self.device = device

    def __sklearn_tags__(self) -> Any:
        """Several outputs are fine."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None, X_val: Any = None, y_val: Any = None) -> MLPRegressor:
        """Train.

        Args:
            X: Rows, (rows, features), dense or sparse.
            y: Numbers, (rows,) or (rows, outputs).
            sample_weight: Weight of each row, (rows,).
            X_val: Rows of your own to validate with after each epoch; with `early_stopping` they decide when to stop.
            y_val: Their numbers.
        Returns:
            The estimator.
        """
        return self._fit(X, y, sample_weight, False, X_val, y_val)

    @available_if(lambda estimator: estimator._has_epochs())
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train one epoch, going on from the weights that are there.

        Args:
            X: Rows, (rows, features).
            y: Numbers, (rows,) or (rows, outputs).
            sample_weight: Weight of each row, (rows,).
        Returns:
            The estimator.
        """
        return self._fit(X, y, sample_weight, True)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        _checks.choice(self, "loss", tuple(LOSSES))
        _checks.number(self, "delta", 0, above=True)
        _checks.number(self, "quantile", 0, 1, above=True, below=True)
        if self.output_activation is not None:
            self._activation_name(self.output_activation)

    def _validate(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, np.ndarray]:
        x, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and y.min() < 0:
            raise ValueError(f"MLPRegressor: loss='poisson' is for counts: expected y >= 0, received {y.min()}.")
        return x, self._encode(y)

    def _encode(self, y: Any) -> np.ndarray:
        return y.reshape(len(y), -1)

    def _labels_of(self, targets: np.ndarray) -> Any:
        return targets

    def _output_activation(self) -> network.Activation:
        if self.output_activation is not None:
            return self._activation_name(self.output_activation)
        return "exp" if self.loss == "poisson" else "identity"

    def _shape_of_loss(self) -> float:
        return float(self.quantile if self.loss == "quantile" else self.delta)

    def _score_of(self, answer: np.ndarray, y: Any, sample_weight: Any) -> float:
        if not np.isfinite(answer).all():
            return float("nan")
        return float(r2_score(y, answer, sample_weight=sample_weight))

    def predict(self, X: Any) -> np.ndarray:
        """The number of each row, (rows,); or (rows, outputs)."""
        answer = self._answer(X)
        return answer.ravel() if answer.shape[1] == 1 else answer
