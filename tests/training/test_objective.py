"""`Objective` and `Outputs`: what belongs to which output, the sum of the losses, the names in the logs."""

from __future__ import annotations

from collections import OrderedDict

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import losses, metrics
from lamina.core.errors import LaminaConfigError
from lamina.core.masking import set_mask
from lamina.training.objective import Objective, Outputs
from lamina.training.objective.log_names import LogNames

A, B, C = (np.full((4, 1), value, "float32") for value in (1.0, 2.0, 3.0))
BOTH = [True, True]


# What belongs to which output -----------------------------------------------------------------------------------------

LISTS = {"tuple": (0, 0), "list": [0, 0]}
DICT = {"main": 0, "aux": 0}  # whose keys are sorted: aux, main


@pytest.mark.parametrize("structure", LISTS.values(), ids=LISTS)
def test_lists_and_tuples_say_it_by_order(structure):
    outputs = Outputs(structure)
    assert outputs.entries(["first", "second"]) == outputs.entries(("first", "second")) == ["first", "second"]
    assert outputs.entries([None, "second"]) == [None, "second"]
    assert outputs.entries(["one"]) is outputs.entries(["a", "b", "c"]) is outputs.entries([]) is None


def test_names_say_it_in_any_order_and_need_not_be_all():
    outputs = Outputs((0, 0), ["main", "aux"])
    assert outputs.entries({"aux": 2, "main": 1}) == [1, 2]
    assert outputs.entries({"aux": 2}) == [None, 2]
    assert outputs.entries({"other": 2, "main": 1}) is None


def test_a_dict_of_outputs_is_sorted_by_its_keys_or_as_the_model_names_them():
    assert Outputs(DICT).names == ["aux", "main"]
    assert Outputs(DICT).flatten({"main": "m", "aux": "a"}) == ["a", "m"]
    assert Outputs(OrderedDict(DICT)).names == ["main", "aux"]
    named = Outputs(DICT, ["main", "aux"])
    assert named.flatten({"main": "m", "aux": "a"}) == ["m", "a"]
    assert named.entries(["first", "second"]) == ["first", "second"]
    assert Outputs(DICT, ["dense", "dense_1"]).names == ["aux", "main"]  # other names than the keys


def test_nests_say_it_by_structure_or_as_a_flat_list():
    outputs = Outputs([0, {"b": 0, "a": (0, 0)}])
    nest = ["first", {"a": ["second", "third"], "b": "fourth"}]
    assert outputs.entries(nest) == outputs.entries(["first", "second", "third", "fourth"])
    assert outputs.entries(["first", {"b": "fourth"}]) == ["first", None, None, "fourth"]
    assert outputs.entries(["first", None]) == ["first", None, None, None]
    assert outputs.entries(["first", {"c": 1}]) is outputs.entries(["first", "second", "third"]) is None
    assert outputs.entries({"w": 1, "x": 2, "y": 3, "z": 4}) == [1, 2, 3, 4]  # no names: in order


def test_without_names_the_keys_of_the_first_targets_are_the_names():
    outputs = Outputs((0, 0), targets={"main": A, "aux": B})
    assert outputs.entries({"aux": 2, "main": 1}) == [1, 2]
    assert outputs.entries({"x": 1, "y": 2}) == [1, 2]
    assert outputs.prefixes == [None, None]


def test_two_outputs_of_one_name_are_told_apart_by_order_alone():
    outputs = Outputs((0, 0), ["dense", "dense"])
    assert outputs.names is None
    assert outputs.prefixes == ["dense", "dense"]


def test_a_model_without_outputs_is_refused():
    for nothing in (None, (), {}):
        with pytest.raises(LaminaConfigError, match=r"model 'm' gives no output\. Does its call end in `return`"):
            Outputs(nothing, owner="model 'm'")


def test_targets_may_leave_out_outputs_that_need_none():
    outputs, needed = Outputs((0, 0), ["main", "aux"]), [False, True]
    for y in (B, [B], (A, B), [None, B], {"aux": B}, {"main": A, "aux": B}):
        first, second = outputs.targets(y, needed)
        assert first is None
        assert second is B
    assert outputs.targets({"anything": [A]}, [False, False]) == outputs.targets(None, BOTH) == [None, None]


TWO = r"model 'm' has 2 outputs, 'main' and 'aux'\. Pass a list of 2 in the order of the outputs, or a dict"


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (A, r"y is one array of shape \(4, 1\), but " + TWO),
        ([A, B, C], "y is a list of 3, but " + TWO),
        ((A,), "y is a tuple of 1, but " + TWO),
        ({"main": A, "axu": B}, "y: model 'm' has no output 'axu'. Did you mean 'aux'. It has 2 outputs, 'main' and"),
        ({"main": A}, "y holds nothing for output 'aux' of model 'm', which has a loss or metrics.*None as its loss"),
        ([A, None], "y holds nothing for output 'aux'"),
        ([A, [B, C]], "y is a list of 2, but .* each of them one array"),
    ],
)
def test_targets_that_fit_no_output_are_refused(y, message):
    with pytest.raises(LaminaConfigError, match=f"^{message}"):
        Outputs((0, 0), ["main", "aux"], "model 'm'").targets(y, BOTH)


def test_sample_weights_are_one_array_or_some_for_each():
    outputs = Outputs((0, 0), ["main", "aux"])
    assert outputs.weights(None, BOTH) == [None, None]
    assert outputs.weights(A, BOTH) == [A, A]
    assert outputs.weights([A, None], BOTH) == outputs.weights({"main": A}, BOTH) == [A, None]
    assert outputs.weights([B], [False, True]) == [None, B]
    with pytest.raises(LaminaConfigError, match=r"sample_weight is a list of 3, but .*Pass one array for all outputs"):
        outputs.weights([A, B, C], BOTH)
    with pytest.raises(LaminaConfigError, match=r"no output 'axu'\. Did you mean 'aux'"):
        outputs.weights({"axu": A}, BOTH)


# Losses and metrics ---------------------------------------------------------------------------------------------------


def built(y_true, y_pred, loss, loss_weights=None, metrics=None, weighted_metrics=None, names=None, **arguments):
    objective = Objective(loss, loss_weights, metrics, weighted_metrics, **arguments)
    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), (y_true, y_pred))
    objective.build(*shapes, names, "model 'm'")
    return objective


def logs_of(objective, *batch, **arguments):
    loss = objective.compute_loss(*batch, **arguments)
    objective.update(loss, None, *batch, **arguments)
    return {name: float(value) for name, value in objective.results().items()}


def test_the_loss_is_the_sum_of_factors_times_losses():
    y_true, y_pred = (A, B), (jnp.asarray(B), jnp.asarray(B + 2))  # errors 1 and 2
    for loss, factors, expected in [
        ("mse", None, 1 + 4),
        (["mse", "mae"], None, 1 + 2),
        (["mse", None], None, 1),
        ("mse", 0.5, 2.5),
        ("mse", [0.9, 0.1], 0.9 + 0.4),
        (("mse", "mse"), (None, 2.0), 1 + 8),
        ([losses.MeanSquaredError(), losses.MeanAbsoluteError], [1, -1], 1 - 2),
        ([None, lambda y_true, y_pred: abs(y_true - y_pred) ** 3], None, 8),
    ]:
        assert float(built(y_true, y_pred, loss, factors).compute_loss(y_true, y_pred, None)) == pytest.approx(expected)


def test_without_any_loss_it_is_zero():
    objective = built((A, B), (A, B), None, metrics=["mae", None])
    assert float(objective.compute_loss((A, B), (jnp.asarray(B), jnp.asarray(A)), None)) == 0
    assert not objective.has_loss


def test_each_output_is_weighted_by_its_own_weights():
    y_true, y_pred = {"main": A, "aux": A}, {"main": jnp.asarray(B), "aux": jnp.asarray(C)}  # errors 1 and 2
    weights = {"main": np.arange(4.0), "aux": None}
    objective = built(y_true, y_pred, "mse", None, {"main": "mae"}, {"main": "mae", "aux": "mse"}, output_losses=True)
    logs = logs_of(objective, y_true, y_pred, weights)
    expected = {"aux_loss": 4, "main_loss": 6 / 4, "loss": 4 + 6 / 4, "main_mae": 1, "aux_mse": 4}
    assert logs == pytest.approx(expected | {"main_weighted_mae": 1})
    assert list(logs) == ["loss", "aux_loss", "main_loss", "main_mae", "aux_mse", "main_weighted_mae"]


def test_rows_that_do_not_exist_leave_no_trace():
    y_true, y_pred = (A, A), (jnp.asarray([[1.0], [3.0], [9.0], [np.nan]]), jnp.asarray([[1.0], [2.0], [9.0], [9.0]]))
    objective = built(y_true, y_pred, "mse", None, ["mse", "RootMeanSquaredError"], ["mae", None])
    mask = jnp.asarray([1.0, 1.0, 0.0, 0.0])
    logs = logs_of(objective, y_true, y_pred, np.array([1.0, 3.0, 5.0, 5.0]), mask=mask)
    expected = {"loss": 12 / 2 + 3 / 2, "mse": 2, "RootMeanSquaredError": 0.5**0.5, "mae": 6 / 4}
    assert logs == pytest.approx(expected)


def test_masks_of_outputs_and_of_rows_and_weights_are_multiplied():
    rng = np.random.default_rng(0)
    y, p, q = rng.normal(size=(3, 5, 3, 1)).astype("float32")
    steps, rows = rng.random((5, 3)) < 0.6, np.array([1, 1, 0, 1, 1], "float32")
    weights = rng.uniform(0, 2, 5).astype("float32")
    y_true, y_pred = {"aux": y, "main": y}, {"aux": jnp.asarray(p), "main": jnp.asarray(q)}
    arguments = {"metrics": {"main": ["mse", "RootMeanSquaredError"]}, "weighted_metrics": {"main": ["mse"]}}
    objective = built(y_true, y_pred, "mse", None, names=["main", "aux"], **arguments)
    masks = [None, jnp.asarray(steps)]  # in the order of JAX' leaves: aux, main
    logs = logs_of(objective, y_true, y_pred, weights, mask=jnp.asarray(rows), output_masks=masks)

    error, other = (q - y)[..., 0].astype("float64") ** 2, (p - y)[..., 0].astype("float64") ** 2
    valid = steps * rows[:, None]
    main = (error * valid * weights[:, None]).sum() / valid.sum()
    aux = (other * (rows * weights)[:, None]).sum() / (3 * rows.sum())
    assert logs == pytest.approx(
        {
            "loss": main + aux,
            "main_mse": (error * valid).sum() / valid.sum(),
            "main_RootMeanSquaredError": ((error * valid).sum() / valid.sum()) ** 0.5,
            "main_weighted_mse": (error * valid * weights[:, None]).sum() / (valid * weights[:, None]).sum(),
        },
        rel=1e-5,
    )


def test_masks_that_the_outputs_carry_count():
    y, p = np.zeros((2, 2, 1), "float32"), jnp.asarray([[[1.0], [2.0]], [[3.0], [9.0]]])
    set_mask(p, jnp.asarray([[True, True], [True, False]]))
    logs = logs_of(built(y, p, "mae", None, ["mae"]), y, p, None)
    assert logs == pytest.approx({"loss": 2, "mae": 2})


def test_metrics_of_the_user_get_no_mask_of_steps():
    class Rows(metrics.Metric):
        def __init__(self):
            super().__init__(name="rows")
            self.rows = self.add_variable(name="rows")

        def update_state(self, y_true, y_pred, sample_weight=None):
            assert sample_weight is None or sample_weight.ndim == 1
            self.rows.assign_add(y_true.shape[0] if sample_weight is None else jnp.sum(sample_weight))

        def result(self):
            return self.rows.value

    y = np.zeros((4, 2, 1), "float32")
    objective = built(y, y, "mse", None, [Rows()])
    masks = [jnp.ones((4, 2), bool)]
    assert logs_of(objective, y, jnp.asarray(y), None, output_masks=masks)["rows"] == 4


def test_accuracy_is_chosen_for_each_output_by_its_own_labels():
    labels, one_hot, yes = np.array([0, 2, 1, 1]), np.eye(3, dtype="float32")[[0, 1, 1, 1]], B - 1
    scores = jnp.asarray(np.eye(3, dtype="float32")[[0, 1, 1, 1]])
    y_true, y_pred = (labels, one_hot, yes), (scores, scores, jnp.asarray([[0.9], [0.2], [0.8], [0.7]]))
    objective = built(y_true, y_pred, "crossentropy", None, [["accuracy"], "acc", "accuracy"])
    assert [type(goal.metrics[0]).__name__ for goal in objective.goals] == [
        "SparseCategoricalAccuracy",
        "CategoricalAccuracy",
        "BinaryAccuracy",
    ]
    logs = logs_of(objective, y_true, y_pred, None)
    assert (logs["accuracy"], logs["acc"], logs["accuracy_1"]) == pytest.approx((0.75, 1, 0.75))


def test_one_metric_object_for_two_outputs_is_refused():
    metric = metrics.MeanAbsoluteError()
    with pytest.raises(LaminaConfigError, match=r"metric 'mean_absolute_error' is given twice\. .*one object for each"):
        Objective("mse", None, [metric, metric], None)


CONFIG = losses.serialize(losses.Huber(0.5))


def test_configs_are_identifiers_not_dicts_of_outputs():
    y_true, y_pred = (A, A), (jnp.asarray(C), jnp.asarray(C))  # errors 2, of which Huber(0.5) makes 0.5 * (2 - 0.25)
    for loss in (CONFIG, [CONFIG, CONFIG]):
        assert float(built(y_true, y_pred, loss).compute_loss(y_true, y_pred, None)) == pytest.approx(2 * 0.875)
    metric = metrics.serialize(metrics.MeanAbsoluteError(name="off"))
    objective = built(y_true, y_pred, "mse", None, [metric, [metric]])
    assert objective.log_names == ["loss", "off", "off_1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": ["mse"] * 3}, r"loss is a list of 3, but model 'm' has 2 outputs, 'main' and 'aux'\. Pass one entry"),
        ({"loss": {"main": "mse"}}, r"loss: there is none for output 'aux' of model 'm'\. .*None is no loss"),
        ({"loss": {"main": "mse", "axu": "mse"}}, r"loss: model 'm' has no output 'axu'\. Did you mean 'aux'\?"),
        ({"loss": ["mse", ["mse", "mae"]]}, r"loss: received \['mse', 'mae'\] for output 'aux' of model 'm'"),
        (
            {"loss_weights": [1, 2, 3]},
            r"loss_weights is a list of 3, but .*one number, or one entry for each.*\[0.5, 0.5\]",
        ),
        ({"loss_weights": {"mian": 1}}, r"loss_weights: model 'm' has no output 'mian'\. Did you mean 'main'\?"),
        (
            {"metrics": ["mae"]},
            r"metrics is a list of 1, but .*e\.g\. \[\['mae'\], \['mae'\]\], or \{'main': \['mae'\]",
        ),
        ({"metrics": {"axu": "mae"}}, r"metrics: model 'm' has no output 'axu'\. Did you mean 'aux'\?"),
        ({"weighted_metrics": ["mae"] * 3}, r"weighted_metrics is a list of 3, but model 'm' has 2 outputs"),
        ({"metrics": [["mae", None], None]}, r"metrics: received None in \['mae', None\]\. Leave it out"),
        ({"metrics": {"aux": {"x": "mae"}}}, r"metrics: received \{'x': 'mae'\} for output 'aux' of model 'm'"),
    ],
)
def test_arguments_of_compile_that_fit_no_output_are_refused(arguments, message):
    given = {"loss": "mse", "loss_weights": None, "metrics": None, "weighted_metrics": None} | arguments
    with pytest.raises(LaminaConfigError, match=f"^compile: {message}"):
        Objective(**given).check_outputs((0, 0), ["main", "aux"], "model 'm'")


@pytest.mark.parametrize("weight", [float("nan"), "0.5", True, [1.0, float("inf")]])
def test_factors_that_are_no_numbers_are_refused(weight):
    with pytest.raises(ValueError, match=r"^compile: loss_weights: expected finite numbers"):
        Objective("mse", weight, None, None)


# Single outputs -------------------------------------------------------------------------------------------------------


def test_a_single_output_takes_lists_and_dicts_of_one():
    y, p = A, jnp.asarray(C)
    for loss in ("mse", ["mse"], {"main": "mse"}):
        for target in (y, [y], {"main": y}):
            objective = built(target, p, loss, [0.5], {"main": ["mae", "mse"]}, names=["main"])
            assert logs_of(objective, target, p, [np.ones(4)]) == pytest.approx({"loss": 2, "mae": 2, "mse": 4})
    assert built(y, p, "mse", None, [["mae"], "mse"]).log_names == ["loss", "mae", "mse"]


def test_a_nest_of_targets_goes_whole_to_a_loss_of_the_users():
    y, p = {"mean": A, "scale": B}, jnp.asarray(C)
    loss = built(y, p, lambda y_true, y_pred: abs(y_pred - y_true["mean"]) / y_true["scale"])
    assert float(loss.compute_loss(y, p, None)) == 1
    with pytest.raises(LaminaConfigError, match=r"y is a dict of 'mean' and 'scale', but model 'm' has one output"):
        built(y, p, "mse")


# Names in the logs ----------------------------------------------------------------------------------------------------


def test_a_name_is_never_given_twice():
    names = LogNames()
    given = [names.of(name, None) for name in ("mae", "mae_1", "mae", "mae", "loss", "loss")]
    assert given == ["mae", "mae_1", "mae_2", "mae_3", "loss_1", "loss_2"]
