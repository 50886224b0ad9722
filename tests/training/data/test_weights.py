"""Class weights and sample weights."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from lamina.training.data import class_weights_to_sample_weights, standardize_weights

LABELS = np.random.default_rng(0).choice(4, 200, p=[0.6, 0.2, 0.15, 0.05])
WEIGHTS = {0: 0.5, 1: 1.0, 2: 2.0, 3: 10.0}


@pytest.mark.parametrize("class_weight", [WEIGHTS, "balanced"])
@pytest.mark.parametrize(
    "y",
    [
        LABELS,
        LABELS[:, None],
        LABELS.astype("float32"),
        np.eye(4)[LABELS],
        np.eye(4)[LABELS] * 0.9 + 0.025,
        jnp.array(LABELS),
    ],
    ids=["(n,)", "(n, 1)", "float", "one-hot", "smoothed", "jax"],
)
def test_weights_are_scikit_learns_for_every_form_of_labels(y, class_weight):
    found = class_weights_to_sample_weights(y, class_weight)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, compute_sample_weight(class_weight, LABELS), rtol=1e-6)


def test_classes_left_out_weigh_1_and_are_told():
    with pytest.warns(UserWarning, match=r"^class_weight leaves out classes of y, which weigh 1: 1, 2"):
        found = class_weights_to_sample_weights(np.array([0, 1, 2, 0]), {0: 3})
    assert found.tolist() == [3, 1, 1, 3]


def test_a_batch_may_lack_classes():
    assert class_weights_to_sample_weights(np.array([0, 0]), {1: 5.0}, batch=True).tolist() == [1, 1]
    with pytest.raises(
        ValueError, match=r"^class_weight='balanced' needs all labels at once: give the weights as a dict"
    ):
        class_weights_to_sample_weights(np.array([0, 1]), "balanced", batch=True)


def test_one_hot_columns_are_classes_even_without_rows():
    assert class_weights_to_sample_weights(np.array([[1, 0, 0], [0, 1, 0]]), {0: 2, 1: 3, 2: 4}).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        (
            {0: 1, 1: 1, 7: 2},
            "class_weight has weights for classes that y does not have: 7. The classes in y are 0, 1.",
        ),
        ({0: -1, 1: 1}, "class_weight: the weight of class 0 is -1; expected a finite number >= 0"),
        ({0: 1, 1: float("nan")}, "class_weight: the weight of class 1 is nan"),
        ({0: 1, 1: "2"}, "class_weight: the weight of class 1 is '2'"),
        ({"cat": 1}, "class_weight: expected whole numbers as classes, received 'cat'"),
        ({0.5: 1}, "class_weight: expected whole numbers as classes, received 0.5"),
        ("balance", "class_weight='balance' is unknown: use 'balanced' or a dict"),
    ],
)
def test_class_weights_that_cannot_be_meant_are_refused(class_weight, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        class_weights_to_sample_weights(np.array([0, 1]), class_weight)


def test_class_weights_of_another_type_are_refused():
    with pytest.raises(
        TypeError, match=r"^class_weight: expected a dict of class -> weight or 'balanced', received a list"
    ):
        class_weights_to_sample_weights(np.array([0, 1]), [1, 2])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([0, 0.3]), "class_weight needs class labels in y: row 1 is 0.3, not a whole number"),
        (np.array([0, np.nan]), "class_weight needs class labels in y: row 1 is nan"),
        (np.array([[0, 1], [1, 1]]), r"class_weight needs one class a sample: row 1 of y, \[1, 1\], is not one-hot"),
        (np.zeros((2, 3, 3)), r"class_weight needs y of shape .* received \(2, 3, 3\)"),
        ("labels", "class_weight works with one array of labels; y is a str"),
    ],
)
def test_targets_without_classes_are_refused(y, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        class_weights_to_sample_weights(y, {0: 1.0})


def test_sample_weights_multiply_class_weights():
    by_class = np.array([1, 2, 3], "float32")
    assert standardize_weights(None, 3) is None
    assert standardize_weights(None, 3, by_class) is by_class
    assert standardize_weights([1, 0, 2], 3).tolist() == [1, 0, 2]
    assert standardize_weights(pd.Series([1, 0, 2]), 3, by_class).tolist() == [1, 0, 6]
    found = standardize_weights(np.ones((3, 2)), 3, by_class)
    assert found.dtype == np.float32
    assert found.tolist() == [[1, 1], [2, 2], [3, 3]]
    assert standardize_weights({"a": [True, False, True]}, 3, by_class)["a"].tolist() == [1, 0, 3]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, float("nan"), 1.0], "sample_weight: row 1 is nan; 1 value of 3"),
        ([1.0, 2.0], "The arrays have different numbers of rows: sample_weight has 2, y has 3"),
        (["a", "b", "c"], "sample_weight holds text"),
    ],
)
def test_sample_weights_that_cannot_be_meant_are_refused(weights, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        standardize_weights(weights, 3)


# Several targets ------------------------------------------------------------------------------------------------------

Y = {"price": np.arange(4.0), "kind": np.array([0, 1, 1, 2])}


def test_class_weights_of_several_targets_go_by_name_or_by_order():
    by_name = class_weights_to_sample_weights(Y, {"kind": {0: 5.0, 1: 1.0, 2: 2.0}})
    assert list(by_name) == ["price", "kind"]
    assert by_name["price"] is None
    assert by_name["kind"].tolist() == [5, 1, 1, 2]
    for given, names in (([None, "balanced"], None), ({"kind": "balanced"}, ["price", "kind"])):
        first, second = class_weights_to_sample_weights(tuple(Y.values()), given, names=names)
        assert first is None
        np.testing.assert_allclose(second, compute_sample_weight("balanced", Y["kind"]))
    alone = {"kind": Y["kind"]}
    for given in ("balanced", {"kind": "balanced"}, {0: 4 / 3, 1: 2 / 3, 2: 4 / 3}):
        np.testing.assert_allclose(class_weights_to_sample_weights(alone, given)["kind"], second)
        np.testing.assert_allclose(class_weights_to_sample_weights(Y["kind"], given), second)


@pytest.mark.parametrize(
    ("y", "class_weight", "message"),
    [
        (Y, {0: 1.0}, r"class_weight: y holds 2 targets, .*Give them by output name, such as .*\{'kind': \{0: 1.0"),
        (Y, "balanced", r"class_weight: y holds 2 targets, and class_weight='balanced' does not say whose classes"),
        (list(Y.values()), {"kind": {0: 1}}, r"class_weight: y holds 2 targets, .*Give y and class_weight as dicts"),
        (Y, ["balanced"], r"class_weight: y holds 2 targets, .*or a list of 2"),
        (Y, {"kin": {0: 1}}, r"class_weight: there is no target 'kin'\. Did you mean 'kind'\? y holds 'price', 'kind'"),
        (Y, {"kind": {7: 1}}, r"class_weight\['kind'\] has weights for classes that y\['kind'\] does not have: 7"),
        (Y, {"kind": {0: -1}}, r"class_weight\['kind'\]: the weight of class 0 is -1"),
    ],
)
def test_class_weights_that_belong_to_no_target_are_refused(y, class_weight, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        class_weights_to_sample_weights(y, class_weight)


def test_weights_of_several_targets_are_multiplied_target_by_target():
    by_class = {"price": None, "kind": np.array([1, 2, 3], "float32")}
    all_rows = standardize_weights([2, 2, 0], 3, by_class)
    assert {name: w.tolist() for name, w in all_rows.items()} == {"price": [2, 2, 0], "kind": [2, 4, 0]}
    some = standardize_weights({"price": [1, 0, 1]}, 3, by_class)
    assert {name: w.tolist() for name, w in some.items()} == {"price": [1, 0, 1], "kind": [1, 2, 3]}
    first, second = standardize_weights([None, np.array([1, 0, 2])], 3, list(by_class.values()))
    assert first is None
    assert second.tolist() == [1, 0, 6]
    with pytest.raises(ValueError, match=r"sample_weight and class_weight are both given .* not alike\. Give y,"):
        standardize_weights({"kind": [1, 0, 2]}, 3, list(by_class.values()))
