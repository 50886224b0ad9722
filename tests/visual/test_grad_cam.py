"""Grad-CAM: finite differences in float64, jax.grad through the real Keras, a network whose view is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import Model, Sequential, ops
from lamina.layers import Activation, BatchNormalization, Dense, Flatten, Input, Layer, Softmax
from lamina.layers.convolution import Conv2D
from lamina.layers.pooling import GlobalAveragePooling2D, MaxPooling2D
from lamina.visual.grad_cam import grad_cam, grad_cam_heatmap

RANDOM = np.random.default_rng(3)
IMAGE = RANDOM.random((7, 6, 2)).astype("float32")


def classifier(*head: Any) -> Sequential:
    """A convolution of random weights, and a head; without one, Dense with a softmax over three classes."""
    return Sequential(
        [
            Input(IMAGE.shape),
            Conv2D(4, 3, activation="relu", name="maps"),
            Flatten(),
            *(head or [Dense(3, "softmax", name="scores")]),
        ]
    )


def like(source: Sequential, *head: Any) -> Sequential:
    model = classifier(*head)
    model.set_weights(source.get_weights())
    return model


def in_float64(model: Sequential, class_index: int) -> np.ndarray:
    """The map by the paper's formula: each gradient a central difference of the score, all in float64."""
    kernel, bias, weights, offset = (np.asarray(w, np.float64) for w in model.get_weights())
    windows = np.lib.stride_tricks.sliding_window_view(IMAGE.astype(np.float64), (3, 3), axis=(0, 1))
    maps = np.maximum(np.einsum("ijcuv,uvck->ijk", windows, kernel) + bias, 0)

    def score(maps: np.ndarray) -> float:
        return float((maps.reshape(-1) @ weights + offset)[class_index])

    gradient = np.zeros_like(maps)
    for place in np.ndindex(*maps.shape):
        step = np.zeros_like(maps)
        step[place] = 1e-4
        gradient[place] = (score(maps + step) - score(maps - step)) / 2e-4
    return np.maximum(maps @ gradient.mean(axis=(0, 1)), 0)


@pytest.mark.parametrize("class_index", [0, 1, 2])
def test_map_is_the_papers_formula_in_float64(class_index: int) -> None:
    model = classifier()
    found = grad_cam_heatmap(model, IMAGE, class_index, resize=False)
    expected = in_float64(model, class_index)
    assert found.dtype == np.float32
    assert expected.shape == (5, 4)
    assert np.allclose(found, expected, atol=1e-5 * max(expected.max(), 1e-2))


class Window(Layer):
    """Darkness outside of one quadrant of 8 x 8 pixels."""

    def __init__(self, quadrant: tuple[int, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        top, left = (4 * side for side in quadrant)
        self.mask = np.zeros((8, 8, 1), np.float32)
        self.mask[top : top + 4, left : left + 4] = 1

    def call(self, inputs: Any) -> Any:
        return inputs * self.mask


def looks_at(quadrant: tuple[int, int]) -> Sequential:
    """Class 1's score is the mean brightness inside of the quadrant; nothing can speak for class 0."""
    maps = Conv2D(2, 1, name="maps")
    model = Sequential([Input((8, 8, 1)), Window(quadrant), maps, GlobalAveragePooling2D(), Dense(2, "softmax")])
    model.set_weights([np.array([1.0, -1.0]).reshape(1, 1, 1, 2), np.zeros(2), np.eye(2)[::-1], np.zeros(2)])
    return model


@pytest.mark.parametrize("quadrant", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_map_is_where_the_network_looks_by_construction(quadrant: tuple[int, int]) -> None:
    top, left = (4 * side for side in quadrant)
    image = RANDOM.random((8, 8)) + 0.1
    image[top + 2, left + 1] = 1.2
    heat = grad_cam_heatmap(looks_at(quadrant), image)
    inside = heat[top : top + 4, left : left + 4]
    assert heat.shape == (8, 8)
    assert np.unravel_index(heat.argmax(), heat.shape) == (top + 2, left + 1)
    assert (inside > 0).all()
    assert np.isclose(inside.sum(), heat.sum())


def test_map_is_that_of_the_real_keras_by_jax_grad() -> None:
    import keras

    def build(layers: Any, model_of: Callable[..., Any]) -> Any:
        return model_of(
            [
                layers.Input((12, 10, 3)),
                layers.Conv2D(6, 3, strides=2, padding="same", name="first"),
                layers.BatchNormalization(),
                layers.Activation("relu"),
                layers.Conv2D(8, 3, activation="elu", name="last"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(7, activation="tanh"),
                layers.Dense(4, activation="softmax"),
            ]
        )

    class Ours:
        Input, Conv2D, BatchNormalization, Activation = Input, Conv2D, BatchNormalization, Activation
        GlobalAveragePooling2D, Dense = GlobalAveragePooling2D, Dense

    ours, theirs = build(Ours, Sequential), build(keras.layers, keras.Sequential)
    random = np.random.default_rng(5)
    weights = [random.normal(size=w.shape) for w in ours.get_weights()]
    weights[5] = abs(weights[5]) + 0.1  # the moving variance
    ours.set_weights(weights)
    theirs.set_weights(weights)
    image = random.random((12, 10, 3)).astype("float32")
    names = [layer.name for layer in theirs.layers]
    cut = names.index("last") + 1
    before = keras.Model(theirs.inputs[0], theirs.layers[cut - 1].output)
    maps = jnp.asarray(before(image[None]))
    kernel, bias = theirs.layers[-1].get_weights()

    def scores(maps: jax.Array) -> jax.Array:
        for layer in theirs.layers[cut:-1]:
            maps = layer(maps)
        return (maps @ kernel + bias)[0]

    gradients = jax.jacrev(scores)(maps)  # of each class
    alphas = gradients.mean(axis=(2, 3), keepdims=True)
    heats = np.asarray(jnp.maximum((alphas * maps).sum(axis=-1), 0))[:, 0]
    assert (heats.max(axis=(1, 2)) > 0).sum() >= 2
    large = np.asarray(keras.ops.image.resize(heats[..., None], (12, 10), "bilinear"))[..., 0]
    for class_index, expected in enumerate(heats):
        atol = 1e-6 * heats.max()
        assert np.allclose(grad_cam_heatmap(ours, image, class_index, resize=False), expected, rtol=1e-5, atol=atol)
        assert np.allclose(grad_cam_heatmap(ours, image, class_index), large[class_index], rtol=1e-5, atol=atol)


@pytest.mark.parametrize(
    "head",
    [
        lambda: [Dense(3)],
        lambda: [Dense(3, jax.nn.softmax)],
        lambda: [Dense(3, "log_softmax")],
        lambda: [Dense(3, "sigmoid")],
        lambda: [Dense(3), Activation("softmax")],
        lambda: [Dense(3), Softmax()],
        lambda: [Sequential([Dense(3, "softmax")])],
        lambda: [Dense(3, "softmax"), Activation("linear")],
    ],
    ids=["scores", "jax's", "logarithms", "sigmoids", "activation", "softmax layer", "inner model", "linear after it"],
)
def test_score_is_taken_before_the_last_softmax_or_sigmoid(head: Any) -> None:
    source = classifier()
    model = like(source, *head())
    expected = grad_cam_heatmap(source, IMAGE, 1)
    assert expected.max() > 0
    assert np.allclose(grad_cam_heatmap(model, IMAGE, 1), expected, rtol=1e-5, atol=1e-7)


def test_sure_model_has_a_map_too() -> None:
    source = classifier()
    *convolution, weights, bias = source.get_weights()
    sure = like(source, Dense(3, "softmax"))
    sure.set_weights([*convolution, 1000 * weights, bias])
    assert sure.predict(IMAGE[None], verbose=0).max() == 1  # the gradient of the probability is 0
    expected = 1000 * grad_cam_heatmap(source, IMAGE, 0)
    assert np.allclose(grad_cam_heatmap(sure, IMAGE, 0), expected, rtol=1e-4, atol=1e-6 * expected.max())


def test_softmax_that_no_layer_has_is_warned_of() -> None:
    inputs = Input(IMAGE.shape)
    model = Model(inputs, ops.softmax(Dense(3)(Flatten()(Conv2D(4, 3)(inputs)))))
    with pytest.warns(UserWarning, match=r"no layer at its end has a softmax, so the gradient is that of the probab"):
        grad_cam_heatmap(model, IMAGE)


def test_one_output_speaks_for_class_1_and_its_negative_for_class_0() -> None:
    model = like_one = classifier(Dense(1, "sigmoid", name="one"))
    twin = classifier(Dense(2, "softmax"))
    kernel, bias, weights, offset = like_one.get_weights()
    twin.set_weights([kernel, bias, np.hstack([-weights, weights]), np.hstack([-offset, offset])])
    for class_index in (0, 1):
        expected = grad_cam_heatmap(twin, IMAGE, class_index)
        assert np.allclose(grad_cam_heatmap(model, IMAGE, class_index), expected, rtol=1e-5, atol=1e-7)
    probability = float(model.predict(IMAGE[None], verbose=0)[0, 0])
    panels = grad_cam(model, IMAGE, [0, 1], class_names=["no", "yes"]).axes[1:]
    shown = [f"no ({1 - probability:.2f})", f"yes ({probability:.2f})"]
    assert [panel.get_title("left") for panel in panels] == shown
    predicted = grad_cam(model, IMAGE, class_names=["no", "yes"]).axes[1]
    assert predicted.get_title("left") == shown[int(probability > 0.5)]


def test_predicted_class_is_the_default() -> None:
    model = classifier()
    predicted = int(model.predict(IMAGE[None], verbose=0).argmax())
    assert np.array_equal(grad_cam_heatmap(model, IMAGE), grad_cam_heatmap(model, IMAGE, np.int64(predicted)))


class Own(Model):
    def __init__(self, parts: list[Any]) -> None:
        super().__init__()
        self.parts = parts

    def call(self, inputs: Any) -> Any:
        for part in self.parts:
            inputs = part(inputs)
        return inputs


def test_graphs_own_models_and_inner_models_give_the_same_map() -> None:
    source = classifier()
    expected = grad_cam_heatmap(source, IMAGE, 1)
    assert expected.max() > 0
    inputs = Input(IMAGE.shape)
    convolution, flatten, scores = source.layers
    graph = Model(inputs, scores(flatten(convolution(inputs))))
    own = Own(source.layers)
    own(IMAGE[None])
    body = Sequential([Input(IMAGE.shape), convolution])
    nested = Model(inputs, scores(flatten(body(inputs))))
    for model in (graph, own, nested):
        assert np.allclose(grad_cam_heatmap(model, IMAGE, 1), expected, rtol=1e-5, atol=1e-7)


def test_channels_first_gives_the_same_map() -> None:
    def build(shape: tuple[int, ...], order: str) -> Sequential:
        layers = [Conv2D(4, 3, data_format=order), GlobalAveragePooling2D(data_format=order), Dense(3, "softmax")]
        return Sequential([Input(shape), *layers])

    last, first = build((7, 6, 2), "channels_last"), build((2, 7, 6), "channels_first")
    first.set_weights(last.get_weights())
    found = grad_cam_heatmap(first, np.moveaxis(IMAGE, -1, 0), 1)
    assert np.allclose(found, grad_cam_heatmap(last, IMAGE, 1), rtol=1e-5, atol=1e-7)


def test_last_convolution_is_the_default_and_any_layer_with_maps_may_be_named() -> None:
    layers = [
        Conv2D(3, 3, name="first"),
        Conv2D(4, 2, name="last"),
        MaxPooling2D(2, name="pooled"),
        Flatten(),
        Dense(2),
    ]
    model = Sequential([Input(IMAGE.shape), *layers])
    shapes = {name: grad_cam_heatmap(model, IMAGE, layer=name, resize=False).shape for name in ("first", "pooled")}
    assert shapes == {"first": (5, 4), "pooled": (2, 1)}
    last = grad_cam_heatmap(model, IMAGE, layer=model.layers[1])
    assert np.array_equal(grad_cam_heatmap(model, IMAGE), last)


def test_half_precision_is_close_to_full() -> None:
    source = classifier()
    model = Sequential(
        [
            Input(IMAGE.shape),
            Conv2D(4, 3, activation="relu", dtype="mixed_bfloat16"),
            Flatten(),
            Dense(3, "softmax", dtype="mixed_bfloat16"),
        ]
    )
    model.set_weights(source.get_weights())
    expected = grad_cam_heatmap(source, IMAGE, 1)
    assert expected.max() > 0
    assert np.allclose(grad_cam_heatmap(model, IMAGE, 1), expected, atol=0.05 * expected.max())


def test_picture_lays_the_map_over_the_image(tmp_path: Path, pixels_of: Any) -> None:
    model = looks_at((0, 1))
    image = np.zeros((8, 8), np.uint8)
    image[1, 6] = 200
    figure = grad_cam(model, image, [1, 0], class_names=["$left", "right"], path=tmp_path / "cam.png", title="Why")
    plain, right, left = figure.axes
    probability = model.predict(image[None, ..., None], verbose=0)[0]
    assert figure.get_suptitle() == "Why"
    assert plain.get_title("left") == "image"
    assert [right.get_title("left"), left.get_title("left")] == [
        f"right ({probability[1]:.2f})",
        f"$left ({probability[0]:.2f})",
    ]
    assert [right.get_xlabel(), left.get_xlabel()] == ["maps, up to 3.12", "maps: nothing speaks for it"]  # 200 / 64
    below, heat = right.images
    assert np.allclose(below.get_array(), image / 255)
    expected = grad_cam_heatmap(model, image, 1)
    assert np.allclose(heat.get_array(), expected / expected.max())
    pixels_of(tmp_path / "cam.png")


def test_colour_image_is_shown_in_colour_and_in_grey_below_the_map() -> None:
    model = Sequential([Input((6, 6, 3)), Conv2D(2, 3), Flatten(), Dense(2)])
    image = RANDOM.integers(0, 256, (6, 6, 3), np.uint8)
    image[0, 0] = 255
    plain, panel = grad_cam(model, image).axes
    assert np.allclose(plain.images[0].get_array(), image / 255)
    assert panel.images[0].get_array().shape == (6, 6)


def test_own_axes_get_a_class_each() -> None:
    from matplotlib.figure import Figure

    own = Figure()
    axes = own.subplots(1, 2)
    assert grad_cam(classifier(), IMAGE, [0, 2], ax=axes) is own
    assert [ax.get_title("left")[:7] for ax in axes] == ["class 0", "class 2"]


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"class_index": 3}, ValueError, r"class_index: expected a class from 0 to 2, received 3"),
        ({"class_index": -1}, ValueError, r"class_index: expected a class from 0 to 2, received -1"),
        ({"class_index": 1.0}, TypeError, r"class_index: expected a class number, received 1.0 of type float"),
        ({"class_index": "cat"}, TypeError, r"class_index: expected a class number, received 'cat'"),
        ({"class_index": []}, ValueError, r"class_index: expected a class or a list of classes, received an empty"),
        ({"layer": "map"}, ValueError, r"no layer named 'map' .*Did you mean 'maps'\?"),
        ({"layer": "scores"}, ValueError, r"expected one that gives maps, .*'scores' \(Dense\) gives \(1, 3\)"),
        ({"layer": ["maps"]}, TypeError, r"layer: expected one layer, received a list of 1"),
        ({"class_names": ["a", "b"], "class_index": 2}, ValueError, r"class_names: expected 3 names"),
        ({"opacity": 1.5}, ValueError, r"opacity: expected a fraction from 0 to 1, received 1.5"),
        (
            {"image": IMAGE[:5]},
            ValueError,
            r"image: expected one image of shape \(7, 6, 2\), .*received shape \(5, 6, 2",
        ),
    ],
)
def test_what_cannot_be_meant_is_named(options: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match="grad_cam: .*" + text):
        grad_cam(classifier(), **{"image": IMAGE, **options})


def test_models_without_convolution_weights_or_classes_are_refused() -> None:
    plain = Sequential([Input((4, 4)), Flatten(name="flat"), Dense(2, name="scores")])
    with pytest.raises(ValueError, match=r"has no convolution layer .*flat \(1, 16\), scores \(1, 2\)\. Name another"):
        grad_cam(plain, np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"grad_cam: model 'sequential_1' has no weights yet"):
        grad_cam(Sequential([Conv2D(1, 1)]), IMAGE)
    maps = Sequential([Input(IMAGE.shape), Conv2D(4, 3)])
    with pytest.raises(ValueError, match=r"expected one output of shape \(batch, classes\), it gives \(1, 5, 4, 4\)"):
        grad_cam(maps, IMAGE)
