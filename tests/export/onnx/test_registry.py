"""Tables of emitters."""

from __future__ import annotations

import pytest

from lamina import layers
from lamina.export import onnx_emitter
from lamina.export.onnx import registry


def test_only_classes_of_layers_have_emitters():
    with pytest.raises(
        TypeError, match=r"onnx_emitter: expected classes of layers, such as MyLayer, received <Dense name"
    ):
        onnx_emitter(layers.Dense(1))


def test_an_emitter_of_the_users_goes_before_laminas_own(monkeypatch):
    monkeypatch.setattr(registry, "_of_users", {})
    registry.load()
    ours = registry.emitter_of(layers.Dense(1))

    @onnx_emitter(layers.Dense)
    def emit(graph, layer, x):
        return x

    assert registry.emitter_of(layers.Dense(1)) is emit is not ours
    assert registry.emitter_of(layers.Flatten()) is not emit
