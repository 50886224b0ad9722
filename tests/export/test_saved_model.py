"""TensorFlow's SavedModel, where TensorFlow is installed; it is no part of lamina's own environment."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import lamina
from lamina import layers

pytest.importorskip("tensorflow", reason="TensorFlow is not installed: pip install tensorflow")

SERVE = """
import sys
sys.modules["lamina"] = sys.modules["jax"] = None  # importing them fails
import numpy as np, tensorflow as tf
folder = sys.argv[1]
model = tf.saved_model.load(f"{folder}/model")
x = np.load(f"{folder}/x.npy")
for rows in (1, 7, 64):
    np.save(f"{folder}/y{rows}.npy", model.serve({"images": x[:rows], "factor": x[:rows, 0, 0, :1]}))
print(sorted(model.signatures))
"""


def test_a_process_with_tensorflow_alone_serves_the_folder(tmp_path, capsys):
    images, factor = lamina.Input((8, 8, 3), name="images"), lamina.Input((1,), name="factor")
    y = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(images))
    model = lamina.Model({"images": images, "factor": factor}, layers.Dense(2)(y) * factor)
    x = np.random.default_rng(0).normal(size=(64, 8, 8, 3)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    model.export(tmp_path / "model", format="tf_saved_model")
    assert "args_0 (POSITIONAL_ONLY): Dict[['factor', TensorSpec(shape=(None, 1)" in capsys.readouterr().out
    done = subprocess.run([sys.executable, "-c", SERVE, tmp_path], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "['serve', 'serving_default']\n"), done.stderr
    for rows in (1, 7, 64):
        given = {"images": x[:rows], "factor": x[:rows, 0, 0, :1]}
        np.testing.assert_allclose(np.load(tmp_path / f"y{rows}.npy"), model.predict(given), rtol=1e-5, atol=1e-5)
