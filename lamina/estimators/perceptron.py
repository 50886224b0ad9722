"""`Perceptron`: a layer of threshold logic units that learns from its mistakes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils import check_random_state, column_or_1d, compute_class_weight
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from lamina.estimators import _checks, _perceptron_rule

_MAX_INT = np.iinfo(np.int32).max


class Perceptron(ClassifierMixin, BaseEstimator):
    """A layer of threshold logic units, trained by Rosenblatt's rule: w <- w + eta (y - y_hat) x.

    It sees one instance at a time and changes only the units that were wrong. Two classes take one unit, more classes
    one each (that class against the rest). If the classes can be separated by a line, it stops when no mistake is left.

    Args:
        penalty: None, "l2", "l1" or "elasticnet".
        alpha: Strength of the penalty, >= 0.
        l1_ratio: Share of L1 in "elasticnet", in [0, 1].
        fit_intercept: Whether units have a bias.
        max_iter: Most epochs, int >= 1.
        tol: Training stops when the loss of an epoch is no longer less than the best one minus `tol`, for
            `n_iter_no_change` epochs; None: only when no mistake is left.
        shuffle: Whether each epoch visits the rows in a new order.
        verbose: 1 prints a line for each epoch.
        eta0: Learning rate eta, > 0.
        n_jobs: Taken for scikit-learn's sake, without effect.
        random_state: Seed of the orders and the split: int, RandomState or None.
        early_stopping: Whether the accuracy on rows set aside decides in place of the loss.
        validation_fraction: Their share, in (0, 1).
        n_iter_no_change: Epochs without improvement, int >= 1.
        class_weight: Weights of the classes: a dict, "balanced" or None.
        warm_start: Whether `fit` goes on from the weights that are there.
        average: Whether `coef_` and `intercept_` are means over all instances seen (Freund & Schapire 1999).
    Attributes:
        coef_: Weights, (units, features).
        intercept_: Biases, (units,).
        classes_: The classes, sorted; for several outputs a list of such arrays; of 0 or 1 for each label, the labels.
        n_iter_: Epochs done.
        mistakes_: Updates of each epoch, all units together; ints.
        t_: 1 + rows seen.
    Raises:
        ValueError: in `fit`, for parameters or data that it cannot use.
    Source: Rosenblatt 1958; the numbers are those of scikit-learn's Perceptron.
    Differs from scikit-learn: stops as soon as a whole epoch made no mistake, as nothing would change any more; several
        outputs; `average`; `mistakes_`; sparse rows give the weights of dense ones.
    Example:
        >>> from sklearn.datasets import load_iris
        >>> x, y = load_iris(return_X_y=True)
        >>> perceptron = Perceptron(random_state=42).fit(x[:, 2:], y == 0)
        >>> perceptron.predict([[2, 0.5], [3, 1]])
        array([ True, False])
        >>> perceptron.mistakes_[-1]
        0
    """

    def __init__(
        self,
        *,
        penalty: str | None = None,
        alpha: float = 0.0001,
        l1_ratio: float = 0.15,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | None = 1e-3,
        shuffle: bool = True,
        verbose: int = 0,
        eta0: float = 1.0,
        n_jobs: int | None = None,
        random_state: Any = 0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        class_weight: Any = None,
        warm_start: bool = False,
        average: bool = False,
    ) -> None:
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.eta0 = eta0
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.average = average

    def __sklearn_tags__(self) -> Any:
        """Sparse rows and several outputs are fine."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags

    def fit(
        self, X: Any, y: Any, coef_init: Any = None, intercept_init: Any = None, sample_weight: Any = None
    ) -> Perceptron:
        """Learn from rows until no mistake is left, nothing improves, or `max_iter` epochs are done.

        Args:
            X: Rows, (rows, features), dense or sparse.
            y: Classes, (rows,); or (rows, outputs).
            coef_init: Weights to start from, (units, features). Default 0.
            intercept_init: Biases to start from, (units,). Default 0.
            sample_weight: Weight of each row, (rows,). Default 1.
        Returns:
            The estimator.
        """
        self._check_parameters()
        x, targets = self._validate(X, y, reset=True)
        classes = [np.unique(target) for target in targets]
        for number, known in enumerate(classes):
            if len(known) < 2:
                where = f" of output {number}" if len(classes) > 1 else ""
                raise ValueError(f"The number of classes{where} has to be greater than one; got {len(known)} class")
        previous = self if self.warm_start and hasattr(self, "coef_") else None
        self._set_classes(classes, type_of_target(y) == "multilabel-indicator")
        shape = (self._units(), x.shape[1])
        if coef_init is None and previous is not None:
            coef_init, intercept_init = previous._standard[:, :-1], previous._standard[:, -1]
        weights = np.zeros((shape[0], shape[1] + 1), x.dtype)
        weights[:, :-1] = _given("coef_init", coef_init, shape)
        weights[:, -1] = _given("intercept_init", intercept_init, (shape[0],))
        self._train(x, targets, sample_weight, [_perceptron_rule.start(one) for one in weights], self.max_iter)
        if self.tol is not None and self.n_iter_ == self.max_iter and self.mistakes_[-1] > 0:
            warnings.warn(
                "Maximum number of iteration reached before convergence. Consider increasing max_iter to improve the "
                "fit.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Perceptron:
        """Learn from rows for one epoch, going on from the weights that are there.

        Args:
            X: Rows, (rows, features).
            y: Classes, (rows,).
            classes: All classes that will ever come; needed in the first call.
            sample_weight: Weight of each row, (rows,).
        Returns:
            The estimator.
        """
        self._check_parameters()
        if self.early_stopping:
            raise ValueError("Perceptron: early_stopping should be False with partial_fit")
        if self.class_weight == "balanced":
            raise ValueError(
                "Perceptron: class_weight 'balanced' is not supported for partial_fit, which does not know the classes "
                "to come. Give a dict: sklearn.utils.compute_class_weight('balanced', classes=classes, y=y)."
            )
        first = not hasattr(self, "classes_")
        if first and classes is None:
            raise ValueError("Perceptron: classes must be passed on the first call to partial_fit.")
        x, targets = self._validate(X, y, reset=first)
        if classes is not None:
            given = [np.unique(one) for one in classes] if len(targets) > 1 else [np.unique(classes)]
            if not first and not all(map(np.array_equal, given, self._classes)):
                raise ValueError(
                    f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
                )
            self._set_classes(given, type_of_target(y) == "multilabel-indicator")
        for target, known in zip(targets, self._classes, strict=True):
            unknown = np.setdiff1d(target, known)
            if len(unknown):
                raise ValueError(f"Perceptron: y holds classes that are not in classes={known}: {unknown}.")
        if first:
            units = [_perceptron_rule.start(one) for one in np.zeros((self._units(), x.shape[1] + 1), x.dtype)]
        else:
            before = zip(self._standard.astype(x.dtype), self._means.astype(x.dtype), strict=True)
            units = [_perceptron_rule.start(weights, average, self.t_ - 1) for weights, average in before]
        self._train(x, targets, sample_weight, units, 1)
        return self

    def _check_parameters(self) -> None:
        _checks.choice(self, "penalty", (None, "l2", "l1", "elasticnet"))
        _checks.number(self, "alpha", 0)
        _checks.number(self, "l1_ratio", 0, 1, also=() if self.penalty == "elasticnet" else (None,))
        _checks.number(self, "max_iter", 1, whole=True)
        _checks.number(self, "tol", 0, also=(None,))
        _checks.number(self, "eta0", 0, above=True)
        _checks.number(self, "validation_fraction", 0, 1, above=True, below=True)
        _checks.number(self, "n_iter_no_change", 1, whole=True)
        _checks.flag(self, "fit_intercept", "shuffle", "early_stopping", "warm_start", "average")

    def _validate(self, X: Any, y: Any, reset: bool) -> tuple[Any, list[np.ndarray]]:
        """Rows, and the targets of each output."""
        x, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            order="C",
            multi_output=True,
            accept_large_sparse=False,
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        return x, [y] if y.ndim == 1 else list(y.T)

    def _set_classes(self, classes: list[np.ndarray], multilabel: bool) -> None:
        self._classes = classes
        if len(classes) == 1:
            self.classes_: Any = classes[0]
        elif multilabel:
            self.classes_ = np.arange(len(classes))  # the labels, as in scikit-learn's multilabel classifiers
        else:
            self.classes_ = classes

    def _units(self) -> int:
        return sum(_units_of(known) for known in self._classes)

    def _train(
        self, x: Any, targets: list[np.ndarray], sample_weight: Any, units: list[_perceptron_rule.State], max_iter: int
    ) -> None:
        """Train each unit; `units` are their states at the beginning."""
        sample_weight = _check_sample_weight(sample_weight, x, dtype=x.dtype)
        ratio = {"l1": 1.0, "l2": 0.0, "elasticnet": self.l1_ratio}.get(self.penalty or "", 0.0)
        strength = self.alpha if self.penalty else 0.0
        numbers = (float(self.eta0), (1 - ratio) * strength, ratio * strength)
        rule = _perceptron_rule.Rule(*numbers, bool(self.fit_intercept), bool(self.average))
        learner = _perceptron_rule.Learner(x, rule)
        random = check_random_state(self.random_state)
        trained: list[_perceptron_rule.State] = []
        mistakes: list[list[int]] = []
        for y, classes in zip(targets, self._classes, strict=True):
            held_out = self._held_out(y, sample_weight)
            seeds = [random] if len(classes) == 2 else random.randint(_MAX_INT, size=len(classes))
            for target, seed in zip(_targets(y, classes, self.class_weight, sample_weight), seeds, strict=True):
                state, made = self._train_unit(learner, units[len(trained)], target, held_out, seed, max_iter)
                trained.append(state)
                mistakes.append(made)
        self.n_iter_ = max(map(len, mistakes))
        self.mistakes_ = [sum(made[epoch] for made in mistakes if epoch < len(made)) for epoch in range(self.n_iter_)]
        before = max(float(state.seen) for state in units)
        self.t_ = 1.0 + before + self.n_iter_ * x.shape[0]
        self._standard = np.stack([state.weights for state in trained])
        self._means = np.stack([state.average for state in trained])
        final = self._means if self.average else self._standard
        self.coef_, self.intercept_ = final[:, :-1].copy(), final[:, -1].copy()

    def _train_unit(
        self,
        learner: _perceptron_rule.Learner,
        state: _perceptron_rule.State,
        target: _perceptron_rule.Target,
        held_out: np.ndarray,
        seed: Any,
        max_iter: int,
    ) -> tuple[_perceptron_rule.State, list[int]]:
        """Train one unit until it makes no mistake or gets no better; returns its state and its mistakes."""
        random = check_random_state(seed)
        random.randint(1, np.iinfo(np.int32).max)  # drawn and not used by scikit-learn, whose orders these are
        orders = _perceptron_rule.orders(len(held_out), random.randint(_MAX_INT))
        train = np.flatnonzero(~held_out)
        best, worse, mistakes = -np.inf, 0, list[int]()
        while len(mistakes) < max_iter:
            order = next(orders) if self.shuffle else train
            state = learner.epoch(state, target, order[~held_out[order]])
            mistakes.append(int(state.mistakes))
            if not np.isfinite(state.weights).all():
                raise ValueError(
                    f"Floating-point under-/overflow occurred at epoch #{len(mistakes)}. Scaling input data with "
                    "StandardScaler or MinMaxScaler might help."
                )
            if self.verbose:
                print(f"Epoch {len(mistakes)}: {mistakes[-1]} mistakes")
            if mistakes[-1] == 0 and self.penalty is None:
                break  # nothing would change any more
            score = _accuracy(learner.x, target, state, held_out) if self.early_stopping else -state.loss / len(train)
            worse = worse + 1 if self.tol is not None and score < best + self.tol else 0
            best = max(best, score)
            if worse >= self.n_iter_no_change:
                break
        return state, mistakes

    def _held_out(self, y: np.ndarray, sample_weight: np.ndarray) -> np.ndarray:
        """Which rows decide when to stop and are not learned from, (rows,)."""
        mask = np.zeros(len(y), bool)
        if not self.early_stopping:
            return mask
        splitter = StratifiedShuffleSplit(test_size=self.validation_fraction, random_state=self.random_state)
        _, held_out = next(splitter.split(np.zeros((len(y), 1)), y))
        if not np.any(sample_weight[held_out]):
            raise ValueError(
                "The sample weights for validation set are all zero, consider using a different random state."
            )
        mask[held_out] = True
        return mask

    def decision_function(self, X: Any) -> np.ndarray:
        """z = x @ w + b of each unit: (rows,) for two classes, (rows, classes) for more; (rows, units) in all for
        several outputs.
        """
        check_is_fitted(self)
        x = validate_data(self, X, accept_sparse="csr", reset=False)
        z = safe_sparse_dot(x, self.coef_.T, dense_output=True) + self.intercept_
        return z.ravel() if z.shape[1] == 1 else z

    def predict(self, X: Any) -> np.ndarray:
        """The class of each row, (rows,); or (rows, outputs)."""
        z = self.decision_function(X)
        z = z.reshape(len(z), -1)
        answers, begin = [], 0
        for known in self._classes:
            part = z[:, begin : begin + _units_of(known)]
            begin += part.shape[1]
            answers.append(known[(part[:, 0] > 0).astype(int) if part.shape[1] == 1 else part.argmax(axis=1)])
        return answers[0] if len(answers) == 1 else np.column_stack(answers)

    def sparsify(self) -> Perceptron:
        """Hold `coef_` as a sparse matrix."""
        check_is_fitted(self)
        self.coef_ = scipy.sparse.csr_array(self.coef_)
        return self

    def densify(self) -> Perceptron:
        """Hold `coef_` as an array again."""
        check_is_fitted(self)
        self.coef_ = _rows_of(self.coef_)
        return self


def _units_of(classes: np.ndarray) -> int:
    return 1 if len(classes) == 2 else len(classes)


def _targets(
    y: np.ndarray, classes: np.ndarray, class_weight: Any, sample_weight: np.ndarray
) -> list[_perceptron_rule.Target]:
    """What each unit of an output should answer: the second of two classes, or each of several against the rest."""
    factors = compute_class_weight(class_weight, classes=classes, y=y)
    first = 1 if len(classes) == 2 else 0
    targets = []
    for number in range(first, len(classes)):
        here = y == classes[number]
        weights = np.where(here, factors[number], factors[0] if first else 1.0) * sample_weight
        targets.append(_perceptron_rule.Target(np.where(here, 1.0, -1.0).astype(weights.dtype), weights))
    return targets


def _accuracy(x: Any, target: _perceptron_rule.Target, state: _perceptron_rule.State, rows: np.ndarray) -> float:
    z = safe_sparse_dot(x[rows], state.weights[:-1]) + state.weights[-1]
    return float(np.average((z > 0) == (target.signs[rows] > 0), weights=target.weights[rows]))


def _given(name: str, values: Any, shape: tuple[int, ...]) -> Any:
    if values is None:
        return 0.0
    values = np.asarray(values)
    if values.size != np.prod(shape):
        raise ValueError(
            f"Perceptron: {name}: expected shape {shape}, received {values.shape}; it does not match dataset."
        )
    return values.reshape(shape)


def _rows_of(values: Any) -> np.ndarray:
    return values.toarray() if scipy.sparse.issparse(values) else np.asarray(values)
