"""Files that earlier versions of Keras and lamina wrote are read by this one; `make_fixtures.py` wrote them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lamina
from lamina.saving import load_model
from tests.saving.make_fixtures import data, make

FOLDER = Path(__file__).parent / "fixtures"
KERAS_2 = "keras-2.21.0"  # TensorFlow's tf_keras, which has only the older `.h5`
VERSIONS = sorted(file.stem for file in FOLDER.glob("*.npy") if file.stem != KERAS_2)


def test_there_are_files_of_old_and_new_versions():
    assert {"keras-3.3.3", "keras-3.15.1", "lamina-0.1.0"} <= set(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_of_another_version_predicts_what_it_predicted_there_and_trains_on(version):
    expected = np.load(FOLDER / f"{version}.npy")
    x, y = data()
    model = load_model(FOLDER / f"{version}.keras")
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-5, atol=1e-6)
    assert int(model.optimizer.iterations) == 6
    alone = make(lamina)
    alone.load_weights(FOLDER / f"{version}.weights.h5")
    assert int(alone.optimizer.iterations) == 6
    for ours, theirs in zip(alone.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    older = load_model(FOLDER / f"{version}.h5")
    for ours, theirs in zip(older.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    model.fit(x, y, batch_size=4, verbose=0)
    assert int(model.optimizer.iterations) == 9


def test_a_model_of_keras_2_predicts_what_it_predicted_there():
    with pytest.warns(UserWarning, match="state of the optimizer was not loaded.*expected 34 arrays, the file has 33"):
        model = load_model(FOLDER / f"{KERAS_2}.h5")  # as in Keras 3: the optimizer of Keras 2 kept other variables
    x, y = data()
    np.testing.assert_allclose(model.predict(x), np.load(FOLDER / f"{KERAS_2}.npy"), rtol=1e-5, atol=1e-6)
    model.fit(x, y, verbose=0)
    weights = make(lamina)  # with a schedule, so that the optimizer has no variable for the learning rate either
    weights.load_weights(FOLDER / f"{KERAS_2}.h5")
    assert int(weights.optimizer.iterations) == 6
    np.testing.assert_allclose(weights.predict(x), np.load(FOLDER / f"{KERAS_2}.npy"), rtol=1e-5, atol=1e-6)
