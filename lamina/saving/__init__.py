"""Models and weights in files, and objects as plain data; a file is data and never code.

`state.py` says which array stands where, `restore.py` compares a file with a model and fills it; read these two first.
`models.py` and `weights.py` are the formats of today, `legacy.py` Keras' older one, `sharded.py` weights in several
files. The bytes are read and written by `lamina.files`; what a config may name, `lamina.core.config` says.
"""

from lamina.core.config import (
    custom_object_scope,
    deserialize,
    register_serializable,
    registered_name,
    serialize,
)
from lamina.core.errors import FileError
from lamina.saving.models import load_model, save_model
from lamina.saving.orbax import load_orbax, save_orbax
from lamina.saving.weights import load_weights, save_weights

register_keras_serializable = register_serializable
serialize_keras_object, deserialize_keras_object = serialize, deserialize
CustomObjectScope = custom_object_scope

__all__ = [
    "CustomObjectScope",
    "FileError",
    "custom_object_scope",
    "deserialize",
    "deserialize_keras_object",
    "load_model",
    "load_orbax",
    "load_weights",
    "register_keras_serializable",
    "register_serializable",
    "registered_name",
    "save_model",
    "save_orbax",
    "save_weights",
    "serialize",
    "serialize_keras_object",
]
