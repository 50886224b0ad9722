"""`Pipeline`: order, what it hands on, training, configs, and use in a model and before one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lamina import Sequential, layers
from lamina.layers import Dense, Dropout, Flatten, Input, Layer, Rescaling
from lamina.layers.preprocessing.images.erasing import RandomErasing
from lamina.layers.preprocessing.images.mixing import MixUp
from lamina.layers.preprocessing.pipeline import Pipeline

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 6, 3), dtype=np.uint8)


class Spy(Layer):
    """Keeps what it was given."""

    def call(self, inputs, training=False):
        self.seen = inputs, training
        return inputs

    def _convert(self, inputs):
        return inputs


def test_layers_act_in_order():
    pipeline = Pipeline([Rescaling(1 / 255), Rescaling(2, offset=-1)])
    np.testing.assert_allclose(pipeline(PIXELS), PIXELS / 127.5 - 1, rtol=1e-5, atol=1e-6)


def test_inputs_reach_the_first_layer_untouched():
    spy = Spy()
    images = [PIXELS[0], PIXELS[1, :3]]
    assert Pipeline([spy])(images)[1] is images[1]
    assert spy.seen == (images, True)


def test_a_dict_travels_through_all_layers():
    pipeline = Pipeline([RandomErasing((1, 1), fill_value=0, seed=1), MixUp(1.0, seed=1)])
    result = pipeline({"images": PIXELS, "labels": np.eye(4), "names": np.arange(4)})
    np.testing.assert_allclose(result["labels"].sum(1), 1, rtol=1e-6)
    assert (np.asarray(result["images"]) != PIXELS).any()
    np.testing.assert_array_equal(result["names"], np.arange(4))


@pytest.mark.parametrize("training", [False, True])
def test_training_reaches_every_layer(training):
    spy = Spy()
    result = Pipeline([Dropout(0.5, seed=1), spy])(np.ones((4, 50)), training=training)
    assert spy.seen[1] is training
    assert set(np.unique(result)) == ({0.0, 2.0} if training else {1.0})


def test_in_a_model_it_trains_and_is_the_identity_in_prediction():
    model = Sequential(
        [Input((6, 6, 3)), Pipeline([Rescaling(1 / 255), RandomErasing((1, 1))]), Flatten(), Dense(1, name="last")]
    )
    model.compile(loss="mse")
    model.fit(PIXELS, np.ones(4), epochs=2, verbose=0)
    kernel, bias = model.get_layer("last").get_weights()
    np.testing.assert_allclose(
        model.predict(PIXELS, verbose=0), PIXELS.reshape(4, -1) / 255 @ kernel + bias, rtol=1e-4, atol=1e-5
    )


def test_its_layers_weights_are_its_own():
    pipeline = Pipeline([Dense(3), Dense(2)])
    pipeline(np.ones((1, 4)))
    assert pipeline.count_params() == 4 * 3 + 3 + 3 * 2 + 2


def test_configs_round_trip():
    pipeline = Pipeline([Rescaling(2), MixUp(0.4, seed=1)], name="changes")
    config = json.loads(json.dumps(layers.serialize(pipeline)))
    assert set(config["config"]) == {"name", "layers"}
    again = layers.deserialize(config)
    assert [type(layer) for layer in again.layers] == [Rescaling, MixUp]
    assert again.get_config() == pipeline.get_config()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (Rescaling(2), TypeError, "expected a list of layers"),
        ([Rescaling(2), abs], TypeError, "received <built-in function abs>.*put it into a Lambda layer"),
        ([Flatten], TypeError, r"Write Flatten\(\.\.\.\)"),
        ([], ValueError, "at least one layer"),
    ],
)
def test_what_is_no_list_of_layers_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        Pipeline(given)
