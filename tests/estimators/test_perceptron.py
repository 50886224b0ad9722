"""`Perceptron` against scikit-learn's, against the rule written out, and against Novikoff's bound."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse
import sklearn.linear_model
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from lamina.estimators import Perceptron, _perceptron_rule


@pytest.fixture(scope="module")
def iris():
    x, y = load_iris(return_X_y=True)
    order = np.random.RandomState(0).permutation(len(x))
    return x[order], y[order]


SETTINGS = {
    "plain": {},
    "l2": {"penalty": "l2"},
    "l1": {"penalty": "l1"},
    "elasticnet": {"penalty": "elasticnet", "l1_ratio": 0.4, "alpha": 0.01},
    "no bias": {"fit_intercept": False},
    "balanced": {"class_weight": "balanced"},
    "eta0": {"eta0": 0.1},
    "early stopping": {"early_stopping": True},
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("engine", ["numpy", "compiled"])
@pytest.mark.parametrize("setting", list(SETTINGS))
def test_the_numbers_are_scikit_learns(iris, setting, engine, monkeypatch):
    if engine == "compiled":
        monkeypatch.setattr(_perceptron_rule, "COMPILED_FROM", 0)
    x, y = iris
    for target in (y, y == 1):
        for stop in ({"shuffle": False}, {"random_state": 7}, {"tol": None, "max_iter": 3}):
            if setting == "elasticnet" and "tol" not in stop:
                continue  # its loss lacks what L1 took from the L2 norm, so that it stops at other times
            ours = Perceptron(**SETTINGS[setting], **stop).fit(x, target)
            theirs = sklearn.linear_model.Perceptron(**SETTINGS[setting], **stop).fit(x, target)
            assert ours.n_iter_ == theirs.n_iter_
            assert ours.t_ == theirs.t_
            np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-9, atol=1e-12)
            np.testing.assert_array_equal(ours.predict(x), theirs.predict(x))


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_the_rule_written_out(engine, monkeypatch):
    """w += eta (y - y_hat) x in float64, with the averages and the counts of mistakes."""
    if engine == "compiled":
        monkeypatch.setattr(_perceptron_rule, "COMPILED_FROM", 0)
    random = np.random.default_rng(1)
    x = random.normal(size=(40, 3))
    y = (x @ [1.0, -2.0, 0.5] + random.normal(size=40) > 0).astype(int)
    w, b, eta, seen, mistakes = np.zeros(3), 0.0, 0.5, [], []
    for _ in range(4):
        mistakes.append(0)
        for row, target in zip(x, y, strict=True):
            z = row @ w + b
            answer = 1 - target if z == 0 else int(z > 0)
            w, b = w + eta * (target - answer) * row, b + eta * (target - answer)
            mistakes[-1] += target != answer
            seen.append(np.append(w, b))
    plain = Perceptron(eta0=eta, max_iter=4, tol=None, shuffle=False).fit(x, y)
    np.testing.assert_allclose(np.append(plain.coef_, plain.intercept_), seen[-1], rtol=1e-12)
    assert plain.mistakes_ == mistakes
    averaged = Perceptron(eta0=eta, max_iter=4, tol=None, shuffle=False, average=True).fit(x, y)
    np.testing.assert_allclose(np.append(averaged.coef_, averaged.intercept_), np.mean(seen, axis=0), rtol=1e-12)
    assert averaged.mistakes_ == mistakes


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_mistakes_obey_novikoffs_bound_and_training_stops_when_none_is_left(seed):
    """Source: Novikoff 1962: at most (R / margin)^2 mistakes, whatever the order, if a unit vector w has the margin."""
    random = np.random.default_rng(seed)
    w = random.normal(size=4)
    w /= np.linalg.norm(w)
    x = random.normal(size=(400, 4))
    x = x[abs(x @ w) > 0.2]
    y = x @ w > 0
    bound = (np.linalg.norm(x, axis=1).max() / abs(x @ w).min()) ** 2
    perceptron = Perceptron(fit_intercept=False, tol=None, random_state=seed).fit(x, y)
    assert 0 < sum(perceptron.mistakes_) <= bound
    assert perceptron.mistakes_[-1] == 0 < min(perceptron.mistakes_[:-1])
    assert perceptron.n_iter_ == len(perceptron.mistakes_) < 1000
    assert perceptron.score(x, y) == 1.0


def test_average_is_better_on_what_cannot_be_separated():
    random = np.random.default_rng(0)
    x = random.normal(size=(600, 10))
    y = x[:, 0] + 2 * random.normal(size=600) > 0
    train, test = slice(0, 300), slice(300, None)
    scores = {}
    for average in (False, True):
        perceptrons = (Perceptron(average=average, random_state=seed).fit(x[train], y[train]) for seed in range(5))
        scores[average] = np.mean([perceptron.score(x[test], y[test]) for perceptron in perceptrons])
    assert scores[True] > scores[False] + 0.03


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_sparse_rows_give_the_same_weights(iris, engine, monkeypatch):
    if engine == "compiled":
        monkeypatch.setattr(_perceptron_rule, "COMPILED_FROM", 0)
    x, y = iris
    dense = Perceptron(max_iter=3, tol=None).fit(x, y)
    sparse = Perceptron(max_iter=3, tol=None).fit(scipy.sparse.csr_array(x), y)
    monkeypatch.setattr(_perceptron_rule, "_BLOCK_BYTES", 32 * 50)  # 50 rows at a time
    blocks = Perceptron(max_iter=3, tol=None).fit(scipy.sparse.csr_array(x), y)
    for one in (sparse, blocks):
        np.testing.assert_allclose(one.coef_, dense.coef_, rtol=1e-12)
        assert one.mistakes_ == dense.mistakes_
        np.testing.assert_array_equal(one.predict(scipy.sparse.csr_array(x)), dense.predict(x))


def test_several_outputs_are_perceptrons_side_by_side(iris):
    x, y = iris
    names = np.array(["setosa", "versicolor", "virginica"], object)[y]
    targets = [names, np.where(y == 0, "yes", "no")]
    both = Perceptron(shuffle=False, tol=None, max_iter=5).fit(x, np.column_stack(targets))
    alone = [Perceptron(shuffle=False, tol=None, max_iter=5).fit(x, target) for target in targets]
    np.testing.assert_allclose(both.coef_, np.concatenate([one.coef_ for one in alone]))
    for column, one in zip(both.predict(x).T, alone, strict=True):
        assert list(column) == list(one.predict(x))


def test_partial_fit_goes_on(iris):
    x, y = iris
    y = y == 1  # never without mistakes, which would end the whole one sooner
    whole = Perceptron(shuffle=False, tol=None, max_iter=3, average=True).fit(x, y)
    parts = Perceptron(shuffle=False, average=True)
    for _ in range(3):
        for rows in (slice(0, 70), slice(70, None)):
            parts.partial_fit(x[rows], y[rows], classes=[False, True])
    np.testing.assert_allclose(parts.coef_, whole.coef_, rtol=1e-12)
    assert parts.t_ == whole.t_


def test_warm_start_goes_on_from_the_weights(iris):
    x, y = iris
    once = Perceptron(shuffle=False, tol=None, max_iter=4).fit(x, y)
    twice = Perceptron(shuffle=False, tol=None, max_iter=2, warm_start=True).fit(x, y).fit(x, y)
    np.testing.assert_allclose(twice.coef_, once.coef_, rtol=1e-12)


def test_early_stopping_watches_rows_set_aside(iris):
    x, y = iris
    perceptron = Perceptron(early_stopping=True, n_iter_no_change=2, random_state=3).fit(x, y == 0)
    assert perceptron.n_iter_ <= 4
    assert perceptron.score(x, y == 0) == 1.0


def test_a_dict_of_class_weights_and_sample_weights_are_the_same(iris):
    x, y = iris
    y = y == 1
    settings = {"shuffle": False, "tol": None, "max_iter": 3}
    by_class = Perceptron(class_weight={True: 3.0}, **settings).fit(x, y)
    by_row = Perceptron(**settings).fit(x, y, sample_weight=np.where(y, 3.0, 1.0))
    np.testing.assert_allclose(by_class.coef_, by_row.coef_)


def test_verbose_prints_a_line_for_each_epoch(iris, capsys):
    x, y = iris
    perceptron = Perceptron(verbose=1).fit(x, y == 0)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"Epoch {perceptron.n_iter_}: 0 mistakes"
    assert len(lines) == perceptron.n_iter_


def test_the_end_of_the_epochs_is_warned_of(iris):
    with pytest.warns(ConvergenceWarning, match="Maximum number of iteration reached"):
        Perceptron(max_iter=2).fit(*iris)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Perceptron(max_iter=2, tol=None).fit(*iris)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"penalty": "l3"}, "penalty: expected one of None, 'l2', 'l1', 'elasticnet', received 'l3'"),
        ({"eta0": 0}, "eta0: expected a number > 0, received 0"),
        ({"alpha": -1}, "alpha: expected a number >= 0, received -1"),
        ({"max_iter": 1.5}, "max_iter: expected a whole number >= 1, received 1.5"),
        ({"tol": "small"}, "tol: expected a number >= 0, or None, received 'small'"),
        ({"l1_ratio": 2}, "l1_ratio: expected a number >= 0 and <= 1, or None, received 2"),
        ({"shuffle": "yes"}, "shuffle: expected True or False, received 'yes'"),
        ({"validation_fraction": 1.0}, "validation_fraction: expected a number > 0 and < 1, received 1.0"),
    ],
    ids=lambda case: next(iter(case)) if isinstance(case, dict) else "",
)
def test_parameters_are_checked_in_fit(iris, settings, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        Perceptron(**settings).fit(*iris)


def test_data_that_cannot_be_learned_is_refused(iris):
    x, y = iris
    with pytest.raises(ValueError, match="number of classes has to be greater than one; got 1 class"):
        Perceptron().fit(x, np.zeros(len(x)))
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        Perceptron().partial_fit(x, y)
    with pytest.raises(ValueError, match=r"y holds classes that are not in classes=\[0 1\]: \[2\]"):
        Perceptron().partial_fit(x, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"coef_init: expected shape \(3, 4\), received \(2, 4\)"):
        Perceptron().fit(x, y, coef_init=np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"overflow occurred at epoch #1\. Scaling input data"):
        Perceptron(eta0=1e308).fit(x, y)
