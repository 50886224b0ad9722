"""`model.export`: formats and extensions, what it prints, what it refuses; files as a whole or not at all."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.errors import LaminaError, NotBuiltError

onnx = pytest.importorskip("onnx")


@pytest.fixture
def model() -> lamina.Sequential:
    return lamina.Sequential(
        [lamina.Input((28, 28), name="keras_tensor_11"), layers.Flatten(), layers.Dense(10, activation="softmax")]
    )


def test_the_cell_of_the_notes(model, tmp_path, monkeypatch, capsys):
    """`cls.export(modelPath / clsName)`, section 1.7.5; without TensorFlow the file is StableHLO."""
    monkeypatch.chdir(tmp_path)
    path = Path("./models")
    path.mkdir(exist_ok=True)
    model.export(path / "FashionMNIST")
    assert capsys.readouterr().out == (
        "Saved artifact at 'models/FashionMNIST.stablehlo'. The following endpoints are available:\n\n"
        "* Endpoint 'serve'\n"
        "    args_0 (POSITIONAL_ONLY): TensorSpec(shape=(None, 28, 28), dtype=float32, name='keras_tensor_11')\n"
        "Output Type:\n"
        "    TensorSpec(shape=(None, 10), dtype=float32, name=None)\n"
    )
    assert [file.name for file in path.iterdir()] == ["FashionMNIST.stablehlo"]


@pytest.mark.parametrize(
    ("name", "format", "written"),
    [
        ("m", None, "m.stablehlo"),
        ("m.onnx", None, "m.onnx"),
        ("m.ONNX", None, "m.ONNX"),
        ("m.stablehlo", None, "m.stablehlo"),
        ("m", "onnx", "m.onnx"),
        ("m", "stablehlo", "m.stablehlo"),
        ("m-v1.2", None, "m-v1.2.stablehlo"),
        ("m.pb", "onnx", "m.pb"),
    ],
)
def test_the_extension_chooses_the_format_and_the_format_the_extension(model, tmp_path, capsys, name, format, written):
    model.export(str(tmp_path / name), format=format, verbose=False)
    assert capsys.readouterr().out == ""
    (file,) = tmp_path.iterdir()
    assert file.name == written
    kind = "onnx" if "onnx" in (format, file.suffix.lower().lstrip(".")) else "stablehlo"
    if kind == "onnx":
        assert onnx.load(file).producer_name == "lamina"
    else:
        assert jax.export.deserialize(bytearray(file.read_bytes())).platforms == ("cpu", "cuda", "tpu")


@pytest.mark.parametrize(
    ("name", "arguments", "error", "text"),
    [
        (
            "m.pb",
            {},
            ValueError,
            r"filepath: the extension '\.pb' stands for no format; known are \['\.stablehlo', '\.onnx'\]\.",
        ),
        ("m.onx", {}, ValueError, r"known are .*\. Did you mean '\.onnx'\?"),
        (
            "m",
            {"format": "onx"},
            ValueError,
            r"format: expected one of \['stablehlo', 'onnx', 'tf_saved_model'\], received 'onx'",
        ),
        (
            "m.onnx",
            {"format": "stablehlo"},
            ValueError,
            r"ends in '\.onnx', and format='stablehlo' was given\. Leave one",
        ),
        (
            "m.onnx",
            {"opset_version": 12},
            ValueError,
            r"opset_version: expected a whole number from 18 to 21, received 12",
        ),
        (
            "m.onnx",
            {"opset": 18},
            TypeError,
            r"unknown option 'opset' for format 'onnx': it takes \['opset_version'\]\. Did",
        ),
        (
            "m",
            {"opset_version": 18},
            TypeError,
            r"unknown option 'opset_version' for format 'stablehlo': it takes none",
        ),
        ("", {}, ValueError, "path: expected"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(model, tmp_path, name, arguments, error, text):
    with pytest.raises(error, match=text):
        model.export(str(tmp_path / name) if name else name, **arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["stablehlo", "onnx"])
def test_a_model_without_weights_is_refused(tmp_path, format):
    with pytest.raises(NotBuiltError, match="export: model 'sequential' has no weights yet"):
        lamina.Sequential([layers.Dense(2)]).export(tmp_path / "m", format=format)


@pytest.mark.parametrize("format", ["stablehlo", "onnx"])
def test_an_export_that_fails_leaves_the_old_file(model, tmp_path, monkeypatch, format):
    file = tmp_path / f"m.{format}"
    model.export(file, verbose=False)
    before = file.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left on device"):
        model.export(file, verbose=False)
    assert [one.name for one in tmp_path.iterdir()] == [file.name]
    assert file.read_bytes() == before


def test_a_missing_folder_is_named(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        model.export(tmp_path / "none" / "m")


@pytest.mark.parametrize("format", ["stablehlo", "onnx"])
def test_the_same_model_gives_the_same_bytes(model, tmp_path, format):
    model.export(tmp_path / "a", format=format, verbose=False)
    model.export(tmp_path / "b", format=format, verbose=False)
    first, second = sorted(tmp_path.iterdir())
    assert first.read_bytes() == second.read_bytes()
    assert b".py" not in first.read_bytes()  # nor does it say where it was made


@pytest.mark.parametrize(
    ("format", "package", "text"),
    [
        (
            "onnx",
            "onnx",
            r'needs the package onnx \(pip install "lamina\[export\]"\), which is not installed\. "stablehlo"',
        ),
        (
            "tf_saved_model",
            "tensorflow",
            r'needs TensorFlow \(pip install tensorflow\), which is not installed\. "stablehlo"',
        ),
    ],
)
def test_a_missing_package_is_named_with_the_formats_that_need_none(
    model, tmp_path, monkeypatch, format, package, text
):
    find = __import__("importlib.util").util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None if name == package else find(name, *rest))
    with pytest.raises(LaminaError, match=text):
        model.export(tmp_path / "m", format=format)
    assert list(tmp_path.iterdir()) == []


def test_a_signature_fixes_the_batch(model, tmp_path, capsys):
    model.export(tmp_path / "m.onnx", input_signature=[jax.ShapeDtypeStruct((8, 28, 28), "float32")])
    shape = onnx.load(tmp_path / "m.onnx").graph.input[0].type.tensor_type.shape
    assert [axis.dim_value for axis in shape.dim] == [8, 28, 28]
    assert "TensorSpec(shape=(8, 10), dtype=float32, name=None)" in capsys.readouterr().out


def test_training_afterwards_does_not_change_the_file(model, tmp_path):
    x = np.random.default_rng(0).random((16, 28, 28), "float32")
    before = model.predict(x)
    model.export(tmp_path / "m", verbose=False)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, np.arange(16) % 10, verbose=0)
    served = jax.export.deserialize(bytearray((tmp_path / "m.stablehlo").read_bytes())).call(x)
    np.testing.assert_allclose(served, before, rtol=1e-5, atol=1e-6)
