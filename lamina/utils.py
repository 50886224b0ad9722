"""Small helpers under Keras' names."""

from typing import TYPE_CHECKING, Any

from lamina.core.config import custom_object_scope, register_serializable
from lamina.core.encoding import normalize, to_categorical
from lamina.core.naming import clear_session
from lamina.core.random import set_random_seed
from lamina.ops import bounding_boxes
from lamina.training.data import unpack as unpack_x_y_sample_weight

if TYPE_CHECKING:
    from lamina.visual import model_to_dot, plot_model

register_keras_serializable = register_serializable

__all__ = [
    "bounding_boxes",
    "clear_session",
    "custom_object_scope",
    "model_to_dot",
    "normalize",
    "plot_model",
    "register_keras_serializable",
    "register_serializable",
    "set_random_seed",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


def __getattr__(name: str) -> Any:
    if name in ("model_to_dot", "plot_model"):  # of a room above, which loads when they are used
        from lamina import visual

        return getattr(visual, name)
    raise AttributeError(f"module 'lamina.utils' has no attribute {name!r}")
