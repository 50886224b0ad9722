"""Objects to configs and back; see `lamina.core.config` for the rules of what a config may name."""

from lamina.core.config import (
    custom_object_scope,
    deserialize,
    register_serializable,
    registered_name,
    serialize,
)

register_keras_serializable = register_serializable
serialize_keras_object, deserialize_keras_object = serialize, deserialize
CustomObjectScope = custom_object_scope

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize",
    "deserialize_keras_object",
    "register_keras_serializable",
    "register_serializable",
    "registered_name",
    "serialize",
    "serialize_keras_object",
]
