"""`Sequential`: how it is put together, named, built and described."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.errors import LaminaError, NotBuiltError


def test_add_and_list_give_the_same_model():
    by_add = lamina.Sequential()
    for layer in (layers.Input((3,)), layers.Dense(4), layers.Dense(2)):
        by_add.add(layer)
    by_list = lamina.Sequential([layers.Input((3,)), layers.Dense(4), layers.Dense(2)])
    assert [w.shape for w in by_add.get_weights()] == [w.shape for w in by_list.get_weights()]
    assert by_add.count_params() == by_list.count_params() == 3 * 4 + 4 + 4 * 2 + 2
    assert by_list.output_shape == (None, 2)
    assert by_list.input_shape == (None, 3)


def test_names_count_up_and_clear_session_starts_again():
    lamina.utils.clear_session()
    names = [layers.Dense(1).name for _ in range(3)] + [lamina.Sequential().name, lamina.Sequential().name]
    assert names == ["dense", "dense_1", "dense_2", "sequential", "sequential_1"]
    lamina.utils.clear_session()
    assert layers.Dense(1).name == "dense"


def test_paths_of_variables_name_model_layer_and_weight():
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(2, name="top")], name="net")
    assert [v.path for v in model.variables] == ["net/top/kernel", "net/top/bias"]


@pytest.mark.parametrize("hint", [{"input_shape": (3,)}, {"input_dim": 3}, {"batch_input_shape": (None, 3)}])
def test_the_first_layer_may_tell_the_input_shape(hint):
    model = lamina.Sequential([layers.Dense(2, **hint)])
    assert model.built
    assert model.count_params() == 8


def test_a_model_without_input_is_built_by_its_first_data():
    model = lamina.Sequential([layers.Dense(2)])
    assert not model.built
    with pytest.raises(NotBuiltError, match="has no weights yet"):
        model.count_params()
    assert model(np.ones((5, 3))).shape == (5, 2)
    assert model.count_params() == 8


def test_layers_can_be_added_to_and_taken_off_a_built_model():
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(4)])
    model.add(layers.Dense(2))
    assert model.output_shape == (None, 2)
    assert model.pop().units == 2
    assert model.output_shape == (None, 4)
    assert model(np.ones((1, 3))).shape == (1, 4)


def test_a_layer_that_does_not_fit_is_not_added():
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(4)])
    with pytest.raises(ValueError, match="Reshape"):
        model.add(layers.Reshape((3,)))
    assert len(model.layers) == 1
    model.add(layers.Reshape((2, 2)))
    assert model.output_shape == (None, 2, 2)


def test_models_nest():
    inner = lamina.Sequential([layers.Input((3,)), layers.Dense(4, activation="relu")], name="inner")
    model = lamina.Sequential([inner, layers.Dense(2)])
    assert model.count_params() == 16 + 10
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    hidden = np.maximum(x @ inner.get_weights()[0] + inner.get_weights()[1], 0)
    np.testing.assert_allclose(model(x), hidden @ model.get_weights()[2] + model.get_weights()[3], rtol=1e-5)


@pytest.mark.parametrize(
    ("build", "error", "text"),
    [
        (lambda m: m.add(layers.Dense), TypeError, r"expected a layer such as Dense\(10\).*Write Dense\(\.\.\.\)"),
        (lambda m: m.add("dense"), TypeError, "received 'dense' of type str"),
        (lambda m: m.add(layers.Input((3,))), ValueError, "Input must come first and once"),
        (lambda m: m.add(layers.Dense(1, name="a")), ValueError, "a layer named 'a' already"),
        (lambda m: m.get_layer("b"), ValueError, "no layer named 'b'.*Layers: \\['a'\\]"),
        (lambda m: m.get_layer(index=3), ValueError, "index 3 is out of range"),
        (lambda m: m.get_layer(), ValueError, "give name or index"),
        (lambda m: m(np.ones((2, 4))), ValueError, r"expected inputs of shape \(batch, 3\), received shape \(2, 4\)"),
        (lambda m: m(np.ones(3)), ValueError, r"without the batch axis: pass x\[None\]"),
        (lambda m: m.set_weights([np.ones((3, 2))]), ValueError, "expected 2 arrays, received 1"),
        (lambda m: m.summary(line_length=5), ValueError, "Use a larger line_length"),
        (lambda m: m.summary(layer_range=("x", "y")), ValueError, "names of two layers"),
    ],
)
def test_mistakes_are_named(build, error, text):
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(2, name="a")])
    before = model.get_weights()
    with pytest.raises(error, match=text):
        build(model)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_an_empty_model_says_so():
    model = lamina.Sequential()
    model.compile("sgd", "mse")
    with pytest.raises(LaminaError, match="has no layers"):
        model.fit(np.ones((2, 1)), np.ones(2), verbose=0)


def test_config_round_trip_gives_the_same_outputs():
    model = lamina.Sequential(
        [
            layers.Input((4, 4)),
            layers.Flatten(),
            layers.Dense(3, activation="relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(2, activation="softmax"),
        ],
        name="net",
    )
    again = lamina.Sequential.from_config(model.get_config())
    again.set_weights(model.get_weights())
    x = np.random.default_rng(0).normal(size=(3, 4, 4)).astype("float32")
    assert (np.asarray(again(x)) == np.asarray(model(x))).all()
    assert again.get_config() == model.get_config()


def test_config_moves_to_keras_and_back():
    keras = pytest.importorskip("keras")
    model = lamina.Sequential(
        [layers.Input((4,)), layers.Dense(3, activation="relu"), layers.Dropout(0.5), layers.Dense(1)]
    )
    theirs = keras.Sequential.from_config(model.get_config())
    theirs.set_weights(model.get_weights())
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    np.testing.assert_allclose(np.asarray(theirs(x)), np.asarray(model(x)), rtol=1e-6)
    ours = lamina.Sequential.from_config(theirs.get_config())
    assert ours.count_params() == model.count_params()


@pytest.mark.parametrize("how", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_predict_the_same_and_train_apart(how):
    x = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(4, activation="relu"), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(x, x[:, :1], verbose=0)
    twin = how(model)
    assert (twin.predict(x, verbose=0) == model.predict(x, verbose=0)).all()
    lamina.utils.set_random_seed(3)
    model.fit(x, x[:, :1], epochs=2, verbose=0)
    lamina.utils.set_random_seed(3)
    twin.fit(x, x[:, :1], epochs=2, verbose=0)
    assert (twin.predict(x, verbose=0) == model.predict(x, verbose=0)).all()


def test_summary_of_a_model_that_is_not_built():
    lamina.utils.clear_session()
    lines: list[str] = []
    lamina.Sequential([layers.Dense(2)]).summary(print_fn=lines.append)
    text = "".join(lines)
    assert "?" in text
    assert "0 (unbuilt)" in text
    assert "Total params: 0 (0.00 B)" in text


def test_summary_shows_frozen_layers_and_nested_ones():
    inner = lamina.Sequential([layers.Input((3,)), layers.Dense(4, name="deep")], name="inner")
    model = lamina.Sequential([inner, layers.Dense(2, name="out")])
    inner.trainable = False
    lines: list[str] = []
    model.summary(print_fn=lines.append, expand_nested=True, show_trainable=True, line_length=100)
    text = "".join(lines)
    assert "└ deep" in text
    assert "Trainable" in text
    assert "Non-trainable params: 16" in text


def test_a_model_called_by_itself_leaves_training_to_each_layer():
    x = np.random.default_rng(0).uniform(0, 255, (8, 6, 6, 1)).astype("float32")
    images, other = layers.RandomFlip("horizontal", seed=1), layers.Dropout(0.5)
    model = lamina.Sequential([layers.Input((6, 6, 1)), images, other])

    def changed(y):
        return not np.array_equal(y, x)

    assert changed(model(x))  # as in Keras: what `RandomFlip` does by itself
    assert set(np.ravel(model(x))) <= set(np.ravel(x))  # and `Dropout` drops nothing
    assert changed(model(x, training=True))
    assert not np.array_equal(model(x, training=True), model(x, training=True))
    for inference in (model(x, training=False), model.predict(x, verbose=0)):
        assert not changed(inference)
    assert changed(images(x))
    assert not changed(other(x))
