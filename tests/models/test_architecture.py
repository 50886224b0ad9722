"""Models as JSON text: what is kept, what Keras reads and writes, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.models.architecture import model_from_json, to_json


def compiled(library):
    x = library.layers.Input((3,), name="x")
    hidden = library.layers.Dense(4, activation="tanh", kernel_regularizer="l2", name="hidden")(x)
    model = library.Model(x, library.layers.Dense(1, name="out")(hidden), name="net")
    rate = library.optimizers.schedules.ExponentialDecay(0.5, 10, 0.9)
    metrics = ["mae", library.metrics.RootMeanSquaredError()]
    model.compile(library.optimizers.SGD(rate, momentum=0.5), library.losses.Huber(), metrics=metrics)
    return model


def test_the_text_keeps_architecture_and_settings_of_training():
    model = compiled(lamina)
    again = model_from_json(to_json(model))
    assert again.get_config() == model.get_config()
    assert again.get_compile_config() == model.get_compile_config()
    assert json.loads(to_json(model, indent=2)) == json.loads(to_json(model))


def test_keras_reads_the_text_and_the_other_way_round():
    keras = pytest.importorskip("keras")
    theirs = keras.models.model_from_json(to_json(compiled(lamina)))
    ours = model_from_json(compiled(keras).to_json())
    for model in (ours, theirs):
        assert (model.name, [layer.name for layer in model.layers]) == ("net", ["x", "hidden", "out"])
        assert model.optimizer.momentum == 0.5
        assert float(model.optimizer.learning_rate) == 0.5
    assert ours.get_layer("hidden").kernel_regularizer.l2 == pytest.approx(0.01)


def test_a_stack_that_is_not_compiled_stays_so():
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(2)])
    again = model_from_json(to_json(model))
    assert not again.compiled
    assert again(np.ones((1, 3), "float32")).shape == (1, 2)


class Doubling(lamina.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units)

    def call(self, inputs):
        return 2 * self.dense(inputs)


def test_a_class_of_ones_own_is_passed():
    model = Doubling(3, name="doubling")
    model(np.ones((2, 5), "float32"))
    text = to_json(model)
    again = model_from_json(text, custom_objects={"Doubling": Doubling})
    assert [w.shape for w in again.weights] == [(5, 3), (3,)]
    with pytest.raises(ValueError, match=r"'Doubling'.*custom_objects={'Doubling': Doubling}"):
        model_from_json(text)


def test_what_has_no_name_is_refused():
    model = lamina.Sequential([layers.Input((3,)), layers.Lambda(lambda x: x)], name="net")
    with pytest.raises(
        TypeError, match=r"'net': to_json: <function .*cannot be written as JSON. Give a function a name"
    ):
        to_json(model)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"expected the text of Model.to_json\(\), received '{'"),
        (None, "received None"),
        ("[1]", r"expected the config of a model, received \[1\]"),
        (json.dumps(lamina.layers.serialize(layers.Dense(3))), "describes a Dense, which is no model"),
    ],
)
def test_other_texts_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        model_from_json(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["layers"].pop(1), r"calls of \['out'\] need tensors that no layer of the config makes"),
        (lambda c: c.update(output_layers=["out", 3, 0]), "takes output 0 of call 3 of 'out'.*Layers: "),
        (lambda c: c.update(input_layers=["other", 0, 0]), "takes output 0 of call 0 of 'other'"),
    ],
)
def test_a_config_that_is_not_whole_is_named(change, message):
    x = layers.Input((3,), name="x")
    model = lamina.Model(x, layers.Dense(2, name="out")(layers.Dense(3, name="hidden")(x)))
    config = model.get_config()
    change(config)
    with pytest.raises(ValueError, match=message):
        type(model).from_config(config)
