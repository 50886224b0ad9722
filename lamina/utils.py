"""Small helpers under Keras' names."""

from lamina.core.config import custom_object_scope, register_serializable
from lamina.core.encoding import normalize, to_categorical
from lamina.core.naming import clear_session
from lamina.core.random import set_random_seed
from lamina.ops import bounding_boxes
from lamina.training.data import unpack as unpack_x_y_sample_weight

register_keras_serializable = register_serializable

__all__ = [
    "bounding_boxes",
    "clear_session",
    "custom_object_scope",
    "normalize",
    "register_keras_serializable",
    "register_serializable",
    "set_random_seed",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
