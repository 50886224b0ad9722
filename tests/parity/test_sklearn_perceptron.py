"""scikit-learn's own tests of its Perceptron, run on ours."""

from __future__ import annotations

import pytest

from tests.parity import sklearn_tests
from tests.parity.sklearn_tests import only_in_full  # noqa: F401

pytestmark = pytest.mark.filterwarnings("default")  # scikit-learn's own tests are not run with warnings as errors
globals().update(
    sklearn_tests.load(
        "linear_model/tests/test_perceptron.py",
        "from sklearn.linear_model import Perceptron",
        "from lamina.estimators import Perceptron",
        {},
        ("test_perceptron_l1_ratio",),
    )
)
