"""StableHLO files: they give what `predict` gives, in a process that has JAX and no lamina."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers, ops
from lamina.export.signature import inputs_of
from lamina.export.stablehlo import exported
from tests.export.onnx.layers.test_every_layer import CASES, RANDOM_IMAGE_LAYERS, REFUSED
from tests.export.onnx.session import data_for, shake

SERVE = """
import sys
sys.modules["lamina"] = None  # importing it fails
try:
    import lamina
except ImportError:
    pass
else:
    raise SystemExit("lamina is there")
import jax, numpy as np
folder = sys.argv[1]
model = jax.export.deserialize(bytearray(open(f"{folder}/model.stablehlo", "rb").read()))
x = np.load(f"{folder}/x.npy")
for rows in (1, 7, 64):
    np.save(f"{folder}/y{rows}.npy", model.call(x[:rows]))
print(sorted(name for name in sys.modules if name.startswith("lamina") and sys.modules[name] is not None))
"""


def cnn(**settings: Any) -> lamina.Sequential:
    return lamina.Sequential(
        [
            lamina.Input((8, 8, 3)),
            layers.RandomFlip(),
            layers.Conv2D(4, 3, padding="same", activation="relu", **settings),
            layers.BatchNormalization(**settings),
            layers.MaxPooling2D(**settings),
            layers.DepthwiseConv2D(2, **settings),
            layers.Conv2D(4, 1, **settings),
            layers.Conv2DTranspose(4, 3, strides=2, **settings),
            layers.Flatten(**settings),
            layers.Dropout(0.5, **settings),
            layers.Dense(5, activation="softmax", **settings),
        ]
    )


def served(model: Any, x: Any) -> Any:
    return jax.jit(exported(model, inputs_of(model)).call)(x)


def test_a_process_without_lamina_serves_the_file(tmp_path: Path):
    model = cnn()
    shake(model)
    x = np.random.default_rng(0).normal(size=(64, 8, 8, 3)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    model.export(tmp_path / "model", verbose=False)
    done = subprocess.run([sys.executable, "-c", SERVE, tmp_path], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
    for rows in (1, 7, 64):
        np.testing.assert_allclose(np.load(tmp_path / f"y{rows}.npy"), model.predict(x[:rows]), rtol=1e-5, atol=1e-5)


def test_the_program_is_for_every_platform_and_holds_plain_convolutions():
    text = exported(cnn(), inputs_of(cnn())).mlir_module()
    assert text.count("stablehlo.convolution(") == 4 * 3  # of each the form for each platform, as JAX writes them
    calls = [line for line in text.splitlines() if "custom_call" in line]
    assert all("@shape_assertion" in line for line in calls)  # JAX' own check of free axes, which is no code


def test_convolutions_are_laminas_own_again_afterwards():
    exported(cnn(), inputs_of(cnn()))
    text = str(
        jax.make_jaxpr(lambda x: ops.conv(x, np.ones((3, 3, 2, 2), "float32")))(np.ones((1, 8, 8, 2), "float32"))
    )
    assert (" convolve[" in text) == (jax.default_backend() == "cpu")


NAMED = {
    **{f"{name}-{i}": (name, *case) for name, cases in CASES.items() for i, case in enumerate(cases)},
    **{name: (name, arguments, (8, 8, 3)) for name, arguments in {**RANDOM_IMAGE_LAYERS, **REFUSED}.items()},
}


FIXED_ONLY = {"Conv2D-6"}  # strides of 2 with padding "same" over a free axis: JAX wants numbers for the padding


@pytest.mark.parametrize("case", [case for case in NAMED if case not in FIXED_ONLY])
def test_every_layer_can_be_traced_with_free_axes(case):
    name, arguments, shape = NAMED[case]
    inputs = [lamina.Input(one) for one in (shape if isinstance(shape, list) else [shape])]
    model = lamina.Model(inputs, getattr(layers, name)(**arguments)(inputs if len(inputs) > 1 else inputs[0]))
    module = exported(model, inputs_of(model))
    first = [leaf.shape[0] for leaf in jax.tree.leaves(module.out_avals)]
    assert str(first[0]) == "batch"


def test_free_axes_of_several_inputs_may_differ_or_be_one():
    a, b = lamina.Input((None, 3)), lamina.Input((None, 3))
    apart = lamina.Model([a, b], layers.GlobalMaxPooling1D()(a) + layers.GlobalMaxPooling1D()(b))
    x, y = (np.random.default_rng(i).normal(size=(2, 4 + i, 3)).astype("float32") for i in (0, 1))
    np.testing.assert_allclose(served(apart, [x, y]), x.max(1) + y.max(1), rtol=1e-6)
    alike = lamina.Model([a, b], layers.Add()([a, b]))
    np.testing.assert_allclose(served(alike, [x, y[:, :4]]), x + y[:, :4], rtol=1e-6)


def test_nests_of_inputs_and_outputs_stay():
    a, b = lamina.Input((3,)), lamina.Input((3,))
    model = lamina.Model({"a": a, "b": b}, [layers.Dense(2)(a), {"sum": a + b}])
    x = {"a": np.ones((7, 3), "float32"), "b": np.full((7, 3), 2, "float32")}
    outputs = served(model, x)
    np.testing.assert_allclose(outputs[1]["sum"], np.full((7, 3), 3))
    np.testing.assert_allclose(outputs[0], model.predict(x)[0], rtol=1e-5)


def test_any_code_can_be_exported():
    class Own(lamina.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, inputs: Any) -> Any:
            return jnp.sort(self.dense(inputs), axis=-1)

    model = Own()
    x = np.random.default_rng(0).normal(size=(7, 4)).astype("float32")
    expected = model.predict(x) if model.built else np.asarray(model(x))
    np.testing.assert_allclose(served(model, x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float16"])
def test_16_bit_models_compute_as_they_are(policy):
    model = cnn(dtype=policy)
    x = data_for(model, 7)
    outputs = served(model, x)
    assert outputs.dtype == policy.removeprefix("mixed_")
    np.testing.assert_allclose(
        np.asarray(outputs, "float32"), np.asarray(model.predict(x), "float32"), rtol=0.05, atol=0.02
    )


def test_code_that_needs_the_batch_as_a_number_is_refused_with_the_way_out(tmp_path):
    class Counted(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * jnp.asarray(list(range(inputs.shape[0])), "float32")[:, None]

    x = lamina.Input((3,), name="x")
    model = lamina.Model(x, Counted()(x), name="counted")
    with pytest.raises(
        ValueError, match=r"export: model 'counted' cannot be traced with a free axis: .*input_signature"
    ):
        model.export(tmp_path / "m")
    spec = jax.ShapeDtypeStruct((4, 3), "float32")
    model.export(tmp_path / "m", input_signature=[spec], verbose=False)
    module = jax.export.deserialize(bytearray((tmp_path / "m.stablehlo").read_bytes()))
    np.testing.assert_allclose(module.call(np.ones((4, 3), "float32"))[:, 0], [0, 1, 2, 3])
