"""Hyperparameters have the values, defaults and steps of the real Keras Tuner."""

from __future__ import annotations

import warnings

import optuna
import pytest

from lamina.tuner import HyperParameters

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    keras_tuner = pytest.importorskip("keras_tuner")

RANGES = [
    ("Int", {"min_value": 2, "max_value": 9}),
    ("Int", {"min_value": 6, "max_value": 13, "step": 3}),
    ("Int", {"min_value": 2, "max_value": 32, "step": 2, "sampling": "log"}),
    ("Int", {"min_value": 2, "max_value": 40, "sampling": "log", "default": 7}),
    ("Int", {"min_value": 2, "max_value": 40, "sampling": "reverse_log"}),
    ("Float", {"min_value": 0, "max_value": 1}),
    ("Float", {"min_value": 0, "max_value": 1, "step": 0.2}),
    ("Float", {"min_value": 1e-4, "max_value": 1e-1, "sampling": "log"}),
    ("Float", {"min_value": 0.001, "max_value": 10, "step": 10, "sampling": "log"}),
    ("Float", {"min_value": 0.5, "max_value": 8, "step": 2, "sampling": "reverse_log"}),
    ("Float", {"min_value": 0.5, "max_value": 8, "sampling": "reverse_log", "default": 2.0}),
]
OTHERS = [
    ("Choice", {"values": ["sgd", "adam"]}),
    ("Choice", {"values": [3, 5, 7], "default": 5}),
    ("Boolean", {}),
    ("Boolean", {"default": True}),
    ("Fixed", {"value": 0.25}),
]


def both(kind, arguments):
    """The default and the hyperparameter of lamina and of Keras Tuner."""
    ours, theirs = HyperParameters(), keras_tuner.HyperParameters()
    values = [getattr(hp, kind)("x", **arguments) for hp in (ours, theirs)]
    return values, ours.space[0], theirs.space[0]


@pytest.mark.parametrize(("kind", "arguments"), RANGES + OTHERS)
def test_defaults_and_grids_are_keras_tuners(kind, arguments):
    values, ours, theirs = both(kind, arguments)
    assert values[0] == values[1]
    assert type(values[0]) is type(values[1])
    if kind == "Choice":
        assert list(ours.values()) == list(theirs.values)
    elif arguments.get("step") == 0.2:  # Keras Tuner divides 1 // 0.2 and loses the last one, against its own docs
        assert ours.values() == pytest.approx((0, 0.2, 0.4, 0.6, 0.8, 1))
    else:
        assert sorted(ours.values()) == pytest.approx(sorted(theirs.values), rel=1e-9)


@pytest.mark.parametrize(("kind", "arguments"), [case for case in RANGES if "step" not in case[1]])
def test_shares_of_a_range_are_keras_tuners(kind, arguments):
    _, ours, theirs = both(kind, arguments)
    for share in (0.0, 0.1, 0.37, 0.5, 0.99):
        if kind == "Int" and "sampling" not in arguments:  # without a step each is as likely, for both
            continue
        assert ours.at(share) == pytest.approx(theirs.prob_to_value(share), rel=1e-9)


@pytest.mark.parametrize(("kind", "arguments"), RANGES + OTHERS)
def test_draws_are_values_of_the_range_and_fill_it(kind, arguments):
    _, ours, _ = both(kind, arguments)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    drawn = [ours.suggest(study.ask()) for _ in range(200)]
    allowed = ours.values()
    if kind in ("Int", "Float") and "step" not in arguments and ours.step is None:
        assert all(type(v) is ours.number and ours.min_value <= v <= ours.max_value for v in drawn)
        middle = ours.at(0.5)
        assert 0.35 < sum(value < middle for value in drawn) / 200 < 0.65
    else:
        assert set(drawn) == set(allowed)


def test_conditions_are_those_of_keras_tuner():
    def ask(hp):
        kind = hp.Choice("kind", ["mlp", "cnn"], default="cnn")
        with hp.conditional_scope("kind", ["mlp"]):
            units = hp.Int("units", 8, 64)
        with hp.conditional_scope("kind", ["cnn"]):
            filters = hp.Int("filters", 4, 16)
            with hp.name_scope("deep"):
                deep = hp.Boolean("deeper", parent_name=None)
        rate = hp.Float("rate", 0.1, 0.5, parent_name="kind", parent_values=["mlp", "cnn"])
        return kind, units, filters, deep, rate, dict(hp.values), [one.name for one in hp.space]

    assert ask(HyperParameters()) == ask(keras_tuner.HyperParameters())


def test_one_name_under_two_conditions_is_two_hyperparameters():
    def ask(hp):
        kind = hp.Choice("kind", ["a", "b"])
        with hp.conditional_scope("kind", "a"):
            one = hp.Int("units", 1, 3)
        with hp.conditional_scope("kind", "b"):
            two = hp.Int("units", 10, 30)
        return kind, one, two

    assert ask(HyperParameters()) == ("a", 1, None)
    assert ask(HyperParameters().restore({"kind": "b", "units": 12})) == ("b", None, 12)


def test_values_are_asked_for_by_name():
    hp = HyperParameters()
    with hp.name_scope("model"):
        hp.Int("units", 3, 4)
    hp.Boolean("flag")
    with hp.conditional_scope("flag", True):
        hp.Int("off", 1, 2)
    assert (hp["model/units"], hp.get("flag")) == (3, False)
    assert ("model/units" in hp, "units" in hp, "off" in hp) == (True, False, False)
    with pytest.raises(ValueError, match="'off' is not active"):
        hp.get("off")
    with pytest.raises(KeyError, match=r"'flog' was not asked for\. Did you mean 'flag'"):
        hp.get("flog")


def test_given_hyperparameters_win_over_what_is_asked_for():
    given = HyperParameters()
    given.Fixed("rate", 0.5)
    given.Choice("units", [7, 9])
    hp = given.overriding()
    assert (hp.Float("rate", 0.1, 0.2), hp.Int("units", 1, 3), hp.Int("new", 1, 3)) == (0.5, 7, 1)


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda hp: hp.Int("x", 5, 3), r"hp.Int\('x'\): the range is empty: min_value 5 is above max_value 3"),
        (lambda hp: hp.Int("x", 1.5, 3), "min_value: expected a finite int, received 1.5"),
        (lambda hp: hp.Float("x", 0, float("inf")), "max_value: expected a finite float, received inf"),
        (lambda hp: hp.Float("x", "a", 1), "min_value: expected a number, received 'a'"),
        (lambda hp: hp.Float("x", 0, 1, sampling="log"), "min_value: sampling='log' needs a number above 0"),
        (lambda hp: hp.Float("x", 0, 1, sampling="lin"), r"sampling: expected one of .* Did you mean 'linear'"),
        (lambda hp: hp.Float("x", 1, 9, step=1, sampling="log"), "step: the ratio between values has to be above 1"),
        (lambda hp: hp.Int("x", 1, 9, step=0), "step: the distance between values has to be above 0"),
        (lambda hp: hp.Int("x", 1, 9, default=10), "default: 10 is not from 1 to 9"),
        (lambda hp: hp.Choice("x", []), "values: expected a list of values"),
        (lambda hp: hp.Choice("x", [1, "a"]), "values: expected int, float, str or bool, and all of one type"),
        (lambda hp: hp.Choice("x", ["a"], default="b"), "default: 'b' is none of the values"),
        (lambda hp: hp.Choice("x", ["a", "b"], ordered=True), "ordered: texts and truth values have no order"),
        (lambda hp: hp.Boolean("x", default=3), "default: expected True or False, received 3"),
        (lambda hp: hp.Fixed("x", [1]), "value: expected an int, float, str or bool"),
        (lambda hp: (hp.Int("x", 1, 3), hp.Int("x", 1, 4)), r"asked for before as Int\(.*max_value=3.*max_value=4"),
        (lambda hp: hp.Int("x", 1, 3, parent_name="y", parent_values=[1]), "'y' was not asked for yet"),
    ],
)
def test_bad_ranges_are_refused(ask, text):
    with pytest.raises(ValueError, match=text):
        ask(HyperParameters())
