"""The notes' sections 1.3 to 1.6 with only their imports changed: the perceptron, and MLPs for numbers and classes."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import ConfusionMatrixDisplay, classification_report, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lamina.datasets import fetch_california_housing
from lamina.estimators import MLPClassifier, MLPRegressor, Perceptron


def test_the_perceptron_tells_setosa():
    pytest.importorskip("pandas")
    iris = load_iris(as_frame=True)
    X = iris.data[["petal length (cm)", "petal width (cm)"]].values
    y = iris.target == 0

    per = Perceptron(random_state=42)
    per.fit(X, y)

    XNew = [[2, 0.5], [3, 1]]
    np.testing.assert_array_equal(per.predict(XNew), [True, False])  # the notes' output
    assert per.mistakes_[-1] == 0


def housing_error(estimator, seed):
    housing = fetch_california_housing()
    XTrainFull, _, yTrainFull, _ = train_test_split(housing.data, housing.target, random_state=42)
    XTrain, XValid, yTrain, yValid = train_test_split(XTrainFull, yTrainFull, random_state=42)
    mlpReg = estimator(hidden_layer_sizes=[50, 50, 50], random_state=seed, activation="relu")
    mlpRegPipe = make_pipeline(StandardScaler(), mlpReg)
    mlpRegPipe.fit(XTrain, yTrain)
    return root_mean_squared_error(yValid, mlpRegPipe.predict(XValid))


def test_housing_prices(housing_file):
    assert housing_error(MLPRegressor, 42) < 0.52  # the notes: 0.505


@pytest.mark.parametrize("seed", range(5))
def test_housing_prices_are_those_of_scikit_learn(housing_file, seed, request):
    if not request.config.getoption("--grid"):
        pytest.skip("takes a minute: with --grid")
    from sklearn.neural_network import MLPRegressor as Theirs

    ours, theirs = (housing_error(one, seed) for one in (MLPRegressor, Theirs))
    assert ours < 0.53
    assert ours == pytest.approx(theirs, abs=0.01)


@pytest.mark.filterwarnings("ignore:Matplotlib")
def test_iris_classes_report_and_confusion_matrix():
    iris = load_iris()
    XTrainFull, _, yTrainFull, _ = train_test_split(iris.data, iris.target, random_state=42)
    XTrain, XValid, yTrain, yValid = train_test_split(XTrainFull, yTrainFull, random_state=42)

    mlpCls = MLPClassifier(hidden_layer_sizes=[10], max_iter=10000, random_state=42)
    mlpClsPipe = make_pipeline(StandardScaler(), mlpCls)
    mlpClsPipe.fit(XTrain, yTrain)

    preds = mlpClsPipe.predict(XValid)
    report = classification_report(yValid, preds, output_dict=True)
    assert report["accuracy"] >= 0.95
    display = ConfusionMatrixDisplay.from_predictions(yValid, preds)
    assert display.confusion_matrix.trace() == round(report["accuracy"] * len(yValid))
    plt.close(display.figure_)
