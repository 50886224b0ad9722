"""`lamina summary`, `export` and `convert`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import lamina
from lamina import cli, layers


@pytest.fixture
def file(tmp_path) -> Path:
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(3, "relu", name="hidden"), layers.Dense(2)])
    return model.save(tmp_path / "best.keras")


X = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def test_summary_shows_the_layers(file, capsys):
    assert cli.main(["summary", str(file)]) == 0
    assert "hidden" in capsys.readouterr().out
    assert cli.main(["summary", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["parameters"] == 4 * 3 + 3 + 3 * 2 + 2
    assert [(layer["name"], layer["parameters"]) for layer in found["layers"]] == [("hidden", 15), ("dense", 8)]


def test_export_writes_what_onnx_runtime_runs(file):
    assert cli.main(["export", str(file)]) == 0
    session = onnxruntime.InferenceSession(file.with_suffix(".onnx"))
    (found,) = session.run(None, {session.get_inputs()[0].name: X})
    np.testing.assert_allclose(found, lamina.models.load_model(file).predict(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["new.keras", "new.weights.h5", "new.safetensors"])
def test_convert_keeps_the_weights(file, tmp_path, name):
    assert cli.main(["convert", str(file), str(tmp_path / name)]) == 0
    model = lamina.models.load_model(file)
    expected = model.get_weights()
    if name == "new.keras":
        found = lamina.models.load_model(tmp_path / name)
    else:
        found = lamina.models.clone_model(model)
        found.load_weights(tmp_path / name)
    for a, b in zip(found.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["summary", "none.keras"], "none.keras"),
        (["convert", "FILE", "new.pt"], "new.pt: unknown ending. Known: .keras"),
        (["convert", "BROKEN", "new.keras"], "broken.keras"),
    ],
)
def test_what_cannot_be_done_is_one_line(file, tmp_path, capsys, arguments, text):
    broken = tmp_path / "broken.keras"
    broken.write_bytes(file.read_bytes()[:-50])
    arguments = [{"FILE": str(file), "BROKEN": str(broken)}.get(argument, argument) for argument in arguments]
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"lamina {arguments[0]}: ")
    assert text in error
    assert error.count("\n") == 1
