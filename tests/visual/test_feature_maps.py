"""Feature maps: the numbers of SciPy and of the cut model, whatever the kind of model; the picture shows them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import correlate2d

from lamina import Model, Sequential
from lamina.layers import Activation, BatchNormalization, Dense, Dropout, Flatten, Input, Reshape
from lamina.layers.convolution import Conv1D, Conv2D
from lamina.visual.feature_maps import feature_maps, layer_outputs

RANDOM = np.random.default_rng(2)
IMAGE = RANDOM.random((8, 7, 2)).astype("float32")


def layers() -> list[Any]:
    return [
        Conv2D(3, 3, activation="relu", name="first"),
        Dropout(0.9),
        Conv2D(4, 2, strides=2, name="second"),
        Flatten(),
        Dense(5, name="scores"),
    ]


def stack() -> Sequential:
    return Sequential([Input(IMAGE.shape), *layers()])


class Own(Model):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.parts = layers()

    def call(self, inputs: Any) -> Any:
        for part in self.parts:
            inputs = part(inputs)
        return inputs


def graph(source: Any) -> Model:
    inputs = outputs = Input(IMAGE.shape)
    for layer in source.layers:
        outputs = layer(outputs)
    return Model(inputs, outputs)


def as_subclass(source: Any) -> Model:
    model = Own()
    model(IMAGE[None])
    model.set_weights(source.get_weights())
    return model


def as_nested(source: Any) -> Model:
    inputs = Input(IMAGE.shape)
    body = Model(inputs, source.layers[2](source.layers[1](source.layers[0](inputs))), name="body")
    return Sequential([Input(IMAGE.shape), body, *source.layers[3:]])


def test_numbers_are_those_of_the_sum_over_the_window() -> None:
    model = stack()
    found = layer_outputs(model, IMAGE)
    kernel, bias = (np.asarray(v, np.float64) for v in model.layers[0].get_weights())
    planes = [  # in float64
        sum(correlate2d(IMAGE[..., c].astype(np.float64), kernel[..., c, k], "valid") for c in range(2)) + bias[k]
        for k in range(3)
    ]
    assert list(found) == ["first", "second"]
    assert found["first"].shape == (6, 5, 3)
    assert np.allclose(found["first"], np.maximum(np.stack(planes, axis=-1), 0), atol=1e-6)


@pytest.mark.parametrize("kind", [lambda m: m, graph, as_subclass, as_nested], ids=["stack", "graph", "own", "nested"])
def test_any_kind_of_model_gives_what_its_cut_off_part_predicts(kind: Any) -> None:
    source = stack()
    expected = {
        name: Model(source.inputs, source.get_layer(name).output).predict(IMAGE[None], verbose=0)[0]
        for name in ("first", "second", "scores")
    }
    model = kind(source)
    found = layer_outputs(model, IMAGE, ["scores", "first", "second"])
    assert list(found) == ["first", "second", "scores"]  # in the order of the calls
    for name, array in found.items():
        assert np.allclose(array, expected[name], atol=1e-6), name


def test_layer_is_given_by_name_path_or_object() -> None:
    model = stack()
    by_name = layer_outputs(model, IMAGE, "second")
    for layer in (model.layers[2], model.layers[2].path, [model.layers[2]]):
        assert np.array_equal(layer_outputs(model, IMAGE, layer)["second"], by_name["second"])


def test_layers_that_share_a_name_are_told_apart_by_their_paths() -> None:
    def inner(name: str) -> Sequential:
        return Sequential([Input((6, 6, 1)), Conv2D(1, 3, padding="same", name="same")], name=name)

    model = Sequential([Input((6, 6, 1)), inner("left"), inner("right"), Conv2D(1, 3, name="last")])
    assert list(layer_outputs(model, np.zeros((6, 6)))) == ["left/same", "right/same", "last"]


def test_layer_that_is_called_twice_gives_its_last_output() -> None:
    inputs, shared = Input((4, 4, 1)), Conv2D(1, 1, kernel_initializer="ones", name="shared")
    shared.build((None, 4, 4, 1))
    shared.set_weights([np.full((1, 1, 1, 1), 3.0), np.zeros(1)])
    model = Model(inputs, shared(shared(inputs)))
    assert np.allclose(layer_outputs(model, np.ones((4, 4)))["shared"], 9)


@pytest.mark.parametrize(
    "image",
    [IMAGE, IMAGE[None], IMAGE.astype(np.float64), IMAGE.tolist()],
    ids=["image", "batch of one", "float64", "list"],
)
def test_image_comes_with_or_without_a_batch_axis_and_in_any_dtype(image: Any) -> None:
    model = stack()
    assert np.allclose(layer_outputs(model, image)["second"], layer_outputs(model, IMAGE)["second"])


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1), (1, 6, 5), (1, 6, 5, 1)])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "bool"])
def test_grey_image_may_lack_its_channel(shape: tuple[int, ...], dtype: str) -> None:
    model = Sequential([Input((6, 5, 1)), Conv2D(1, 1, kernel_initializer="ones")])
    image = RANDOM.integers(0, 2, (6, 5)).astype(dtype)
    found = layer_outputs(model, image.reshape(shape))
    assert np.array_equal(next(iter(found.values()))[..., 0], image)


def test_channels_first_gives_the_same_picture() -> None:
    last = Sequential([Input((6, 5, 2)), Conv2D(3, 2), Activation("tanh", name="after")])
    first = Sequential([Input((2, 6, 5)), Conv2D(3, 2, data_format="channels_first"), Activation("tanh", name="after")])
    first.set_weights(last.get_weights())
    image = IMAGE[:6, :5]
    pictures = [
        feature_maps(last, image, "after", colormap="gray"),
        feature_maps(first, np.moveaxis(image, -1, 0), "after", colormap="gray"),
    ]
    assert np.allclose(maps_of(pictures[0].axes[1]), maps_of(pictures[1].axes[1]), atol=1e-6)
    assert layer_outputs(first, np.moveaxis(image, -1, 0), "after")["after"].shape == (3, 5, 4)


def test_model_is_left_as_it_was() -> None:
    model = Sequential([Input((6, 6, 1)), Conv2D(2, 3), BatchNormalization(), Dropout(0.5), Flatten(), Dense(1)])
    before, attributes = model.get_weights(), [set(vars(layer)) for layer in model.layers]
    image = RANDOM.random((6, 6))
    first, second = (layer_outputs(model, image, "dropout")["dropout"] for _ in range(2))
    assert np.array_equal(first, second)
    assert (first != 0).all()  # nothing is dropped
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert [set(vars(layer)) for layer in model.layers] == attributes


def test_model_is_left_as_it_was_when_its_call_fails() -> None:
    class Failing(Own):
        def call(self, inputs: Any) -> Any:
            if inputs.shape[1] == 9:
                raise RuntimeError("nine rows")
            return super().call(inputs)

    model = Failing()
    model(IMAGE[None])
    with pytest.raises(RuntimeError, match="nine rows"):
        layer_outputs(model, np.zeros((9, 7, 2)))
    assert not any("call" in vars(layer) for layer in [model, *model.parts])


def maps_of(ax: Any) -> list[np.ndarray]:
    return [np.ma.filled(image.get_array().astype(float), np.nan) for image in ax.images]


def test_picture_shows_the_image_and_each_channel_of_each_layer(tmp_path: Path, pixels_of: Any) -> None:
    model = stack()
    figure = feature_maps(model, IMAGE, path=tmp_path / "maps.png")
    top, first, second = figure.axes
    assert [ax.get_title("left") for ax in (top, second)] == ["image 8 x 7", "second · Conv2D, 4 maps of 3 x 2"]
    for ax, array in zip((first, second), layer_outputs(model, IMAGE).values(), strict=True):
        drawn, expected = maps_of(ax), np.moveaxis(array, -1, 0)
        flat = np.ptp(expected, axis=(1, 2)) == 0
        assert np.array_equal(np.array(drawn)[~flat], expected[~flat])
        assert np.isnan(np.array(drawn)[flat]).all()
        assert [image.norm.vmax for image, dead in zip(ax.images, flat, strict=True) if not dead] == [
            m.max() for m in expected[~flat]
        ]
    pixels_of(tmp_path / "maps.png")


def test_one_scale_for_all_maps_of_a_layer_is_to_be_had() -> None:
    model = stack()
    second = layer_outputs(model, IMAGE)["second"]
    (ax,) = feature_maps(model, IMAGE, "second", same_scale=True).axes[1:]
    assert {image.get_clim() for image in ax.images} == {(second.min(), second.max())}


def test_number_of_maps_is_limited_and_constant_ones_are_counted() -> None:
    model = Sequential([Input((5, 5, 1)), Conv2D(40, 1, activation="relu", name="many")])
    kernel = np.ones((1, 1, 1, 40))
    kernel[..., ::2] = -1
    model.set_weights([kernel, np.zeros(40)])
    image = RANDOM.random((5, 5))
    (ax,) = feature_maps(model, image, max_maps=10).axes[1:]
    assert len(ax.images) == 10
    assert ax.get_title("left") == "many · Conv2D, 40 maps of 5 x 5, 10 shown, 5 constant"
    (ax,) = feature_maps(model, image).axes[1:]
    assert len(ax.images) == 40
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "16", "32"]


def test_own_axes_get_a_layer_each() -> None:
    from matplotlib.figure import Figure

    own = Figure()
    axes = own.subplots(2, 1)
    assert feature_maps(stack(), IMAGE, ax=axes, title="mine") is own
    assert axes[0].get_title("left") == "mine"
    assert len(axes[1].images) == 4
    with pytest.raises(ValueError, match="feature_maps: ax: expected 2 axes, one for each panel, received 1"):
        feature_maps(stack(), IMAGE, ax=axes[0])


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (
            np.zeros((9, 7, 2)),
            r"shape \(8, 7, 2\), with or without a batch axis of 1, received shape \(9, 7, 2\). Anoth",
        ),
        (np.zeros((3, 8, 7, 2)), r"received shape \(3, 8, 7, 2\). Draw one at a time: images\[0\]"),
        (np.zeros((2, 8, 7)), r"The channels come last here: numpy.moveaxis\(image, 0, -1\)"),
        (np.zeros((8, 7)), r"received shape \(8, 7\)."),
        (np.zeros(112), r"expected \(height, width\) or \(height, width, channels\), received \(112,\)"),
        (np.full((8, 7, 2), np.nan), r"expected finite numbers, 112 of 112 are NaN or infinite"),
        (np.full((8, 7, 2), "x"), r"expected numbers, received dtype <U1"),
    ],
)
def test_image_that_does_not_fit_says_what_is_expected(image: Any, text: str) -> None:
    with pytest.raises(ValueError, match="layer_outputs: image: .*" + text):
        layer_outputs(stack(), image)


def test_model_of_ones_own_takes_images_of_another_size_if_its_call_does() -> None:
    class Slides(Model):
        def __init__(self) -> None:
            super().__init__()
            self.slide = Conv2D(1, 3)

        def call(self, inputs: Any) -> Any:
            return self.slide(inputs)

    model = Slides()
    model(np.zeros((1, 8, 8, 1), "float32"))
    assert layer_outputs(model, np.zeros((20, 10, 1)))["conv2d"].shape == (18, 8, 1)


def test_unknown_layer_is_named_with_the_closest_one() -> None:
    model = stack()
    with pytest.raises(
        ValueError, match=r"no layer named 'secnd' in model .*Did you mean 'second'\? Layers: \['first'"
    ):
        feature_maps(model, IMAGE, "secnd")
    with pytest.raises(ValueError, match=r"<Conv2D name=conv2d, built=False> is not in model"):
        feature_maps(model, IMAGE, Conv2D(1, 1))
    with pytest.raises(TypeError, match=r"expected the name of a layer or the layer, received 2 of type int"):
        feature_maps(model, IMAGE, 2)
    with pytest.raises(ValueError, match=r"layer: expected a layer or a list of layers, received an empty list"):
        feature_maps(model, IMAGE, [])


def test_layer_without_maps_and_layer_that_is_not_called_are_named() -> None:
    with pytest.raises(ValueError, match=r"expected one that gives maps, .* 'scores' \(Dense\) gives \(1, 5\)"):
        feature_maps(stack(), IMAGE, "scores")

    class Spare(Own):
        def __init__(self) -> None:
            super().__init__()
            self.spare = Conv2D(1, 1, name="spare")

    model = Spare()
    model(IMAGE[None])
    with pytest.raises(ValueError, match=r"layer 'spare' of model 'spare' is not called for an image"):
        feature_maps(model, IMAGE, "spare")


def test_model_without_convolution_says_what_its_layers_give() -> None:
    model = Sequential([Input((4, 4)), Reshape((16, 1), name="line"), Conv1D(2, 3, name="slide"), Flatten(), Dense(1)])
    with pytest.raises(
        ValueError, match=r"no convolution layer that gives maps .* line \(1, 16, 1\), slide \(1, 14, 2\)"
    ):
        feature_maps(model, np.zeros((4, 4)))


def test_model_without_weights_and_something_else_are_refused() -> None:
    with pytest.raises(ValueError, match=r"feature_maps: model 'sequential' has no weights yet"):
        feature_maps(Sequential([Conv2D(1, 1)]), IMAGE)
    with pytest.raises(TypeError, match=r"model: expected a model, received 'vgg' of type str"):
        feature_maps("vgg", IMAGE)
    left, right = Input((4, 4, 1)), Input((4, 4, 1))
    both = Model([left, right], Conv2D(1, 1)(left) + right)
    with pytest.raises(ValueError, match=r"expected a model of one image, this one has inputs of shapes \[\(None, 4"):
        feature_maps(both, np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"feature_maps: max_maps: expected a whole number >= 1, received 0"):
        feature_maps(stack(), IMAGE, max_maps=0)


def test_module_loads_neither_jax_nor_matplotlib_before_it_draws() -> None:
    modules = "feature_maps, lamina.visual.grad_cam, lamina.visual.kernels"
    program = f"import sys, lamina.visual.{modules}; assert not {{'jax', 'matplotlib'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
