"""The task, the split, scores that scikit-learn agrees with, and a folder that brings the model back."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics
from sklearn.linear_model import Ridge

from lamina import tables
from lamina.core.errors import FileError
from lamina.tables import TableError, TableModel, Target
from lamina.tables.model import scores


def homes(rows: int = 240) -> pa.Table:
    """A number that depends on another one's square and on a category."""
    rng = np.random.default_rng(1)
    size, city = rng.uniform(-2, 2, rows), rng.choice(["Rome", "Bonn"], rows)
    price = 1000 * (size**2 + (city == "Rome") + rng.normal(0, 0.05, rows))
    return pa.table({"size": size, "city": city, "price": price})


@pytest.fixture(scope="module")
def trained() -> tables.Trained:
    return tables.train(homes(), "price", epochs=60, verbose=0)


def test_a_number_is_learned_better_than_by_the_baselines(trained):
    model, test = trained.model, trained.parts["test"]
    assert model.target.task == "regression"
    assert {name: part.num_rows for name, part in trained.parts.items()} == {
        "training": 168,
        "validation": 36,
        "test": 36,
    }
    truth = test.column("price").to_numpy()
    guess = model.predict(test).column("prediction").to_numpy()
    assert trained.scores["RMSE"] == pytest.approx(metrics.root_mean_squared_error(truth, guess), rel=1e-5)
    assert trained.scores["R2"] == pytest.approx(metrics.r2_score(truth, guess), rel=1e-5)
    assert trained.scores["RMSE"] < 0.5 * trained.baselines["linear"]["RMSE"]  # a square is no line
    rest = trained.parts["training"]
    mean = np.full(len(truth), rest.column("price").to_numpy().mean())
    everything = tables.Target.fit("price", homes().column("price"))
    assert trained.baselines["no features"]["MAE"] == pytest.approx(metrics.mean_absolute_error(truth, mean), rel=1e-4)
    assert everything == model.target
    x, x_test = (model.preprocessing.transform(part) for part in (rest, test))
    line = Ridge().fit(x, rest.column("price").to_numpy()).predict(x_test)
    assert trained.baselines["linear"]["MAE"] == pytest.approx(metrics.mean_absolute_error(truth, line), rel=1e-3)


def test_the_folder_brings_the_model_back(trained, tmp_path):
    table = homes(20).drop_columns(["price"])
    folder = trained.model.save(tmp_path / "new" / "model")
    again = tables.load(folder)
    assert again.predict(table).equals(trained.model.predict(table))
    assert again.evaluate(trained.parts["test"]) == pytest.approx(trained.scores)
    assert again.info == trained.model.info
    whole = (folder / "table.json").read_text()
    (folder / "table.json").write_text("[1")
    with pytest.raises(FileError, match=r"table\.json"):
        tables.load(folder)
    for content in ("[]", "{}", '{"target": {"name": "p", "task": "exec", "classes": [], "type": "double"}}'):
        (folder / "table.json").write_text(content)
        with pytest.raises(ValueError, match=r"table\.json|not the config of a target"):
            tables.load(folder)
    for info in ("[]", '{"missing": 3}', '{"missing": [1]}'):
        (folder / "table.json").write_text(
            whole.replace(json.dumps(trained.model.info, indent=1).replace("\n", "\n "), info)
        )
        with pytest.raises(TableError, match="info: expected an object whose 'missing' is a list of texts"):
            tables.load(folder)
    (folder / "table.json").unlink()
    with pytest.raises(TableError, match=r"not a model's folder: it has no table\.json"):
        tables.load(folder)


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        ([0.5, 1.5, 2.5], "regression", ()),
        ([True, False, True], "classification", ("false", "true")),
        ([2, 10, 2], "classification", ("2", "10")),
        (list(range(40)), "regression", ()),
        (["b", "a", "b"], "classification", ("a", "b")),
        (pa.array(["b", "a", "b"]).dictionary_encode(), "classification", ("a", "b")),
    ],
)
def test_the_task_is_found_and_values_come_back(values, task, classes):
    column = pa.chunked_array([values])
    target = Target.fit("y", column)
    assert (target.task, target.classes) == (task, classes)
    assert Target.from_config(json.loads(json.dumps(target.get_config()))) == target
    y = target.encode(column)
    outputs = np.eye(len(classes))[y] if classes else y[:, None]
    decoded = target.decode(outputs)["prediction"]
    expected = [str(v).lower() if isinstance(v, bool) else str(v) for v in column.to_pylist()] if classes else values
    assert list(decoded) == pytest.approx(expected, rel=1e-5, abs=1e-5) if not classes else list(decoded) == expected


def test_a_number_can_be_a_class_and_a_class_of_whole_numbers_a_number():
    column = pa.chunked_array([[1.0, 2.0, 1.0]])
    assert Target.fit("y", column, "classification").classes == ("1", "2")
    assert Target.fit("y", pa.chunked_array([[1, 2, 1]]), "regression").mean == pytest.approx(4 / 3)


@pytest.mark.parametrize(
    ("values", "task", "text"),
    [
        ([1.0, 1.0], None, "the target 'y' is 1 in every row"),
        (["a", "a"], None, "the target 'y' is 'a' in every row"),
        (["a", "b"], "regression", "the target 'y' is no number"),
        ([1.0, float("inf")], None, "the target 'y' is infinite or not a number in row 2"),
        ([f"k{i}" for i in range(300)], None, "has 300 different texts"),
        ([1, 2], "clasification", "unknown task 'clasification'. Did you mean 'classification'"),
    ],
)
def test_targets_that_cannot_be_learned(values, task, text):
    with pytest.raises(TableError, match=text):
        Target.fit("y", pa.chunked_array([values]), task)


def test_scores_of_classes_are_scikit_learns():
    rng = np.random.default_rng(2)
    for classes in (2, 3):
        y, outputs = rng.integers(0, classes, 40), rng.dirichlet(np.ones(classes), 40)
        found, guess = scores(Target("y", "classification", tuple("abc"[:classes])), y, outputs), outputs.argmax(1)
        assert found["accuracy"] == pytest.approx(metrics.accuracy_score(y, guess))
        assert found["balanced accuracy"] == pytest.approx(metrics.balanced_accuracy_score(y, guess))
        assert found["F1 (macro)"] == pytest.approx(metrics.f1_score(y, guess, average="macro"))
        assert found["log loss"] == pytest.approx(metrics.log_loss(y, outputs))
    assert ("ROC AUC" in found) is False


def test_classes_are_split_in_equal_shares():
    table = pa.table({"x": range(100), "y": ["a"] * 80 + ["b"] * 20})
    parts = tables.split(table, Target("y", "classification", ("a", "b")), seed=3)
    shares = {name: part.column("y").to_pylist().count("b") / part.num_rows for name, part in parts.items()}
    assert shares == pytest.approx(dict.fromkeys(parts, 0.2))
    rows = np.concatenate([part.column("x").to_numpy() for part in parts.values()])
    np.testing.assert_array_equal(np.sort(rows), np.arange(100))


def test_too_little_to_train_on():
    with pytest.raises(TableError, match="expected 10 rows with a value of 'y' or more, received 2"):
        tables.train({"x": [1, 2, 3], "y": [1.0, 2.0, None]}, "y")
    with pytest.raises(TableError, match=r"the column 'prize' is missing\. Did you mean 'price'"):
        tables.train(homes(), "prize")


def test_evaluation_needs_known_targets(trained):
    model: TableModel = trained.model
    with pytest.raises(TableError, match="the column 'price' is missing"):
        model.evaluate(homes(5).drop_columns(["price"]))
    empty = homes(5).set_column(2, "price", pa.nulls(5, pa.float64()))
    with pytest.raises(TableError, match="no row has a value of the target 'price'"):
        model.evaluate(empty)
    classes = Target("y", "classification", ("a", "b"))
    with pytest.raises(TableError, match=r"holds what training data did not: 'c'\. Known classes: 'a', 'b'"):
        classes.encode(pa.chunked_array([["a", "c"]]))
