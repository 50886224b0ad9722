"""Stored arrays under other names: what files in other layouts become before `restore` compares them with a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.core.variable import Variable
from lamina.layers.base import Layer
from lamina.saving.state import own_variables, places


class Renamed:
    """A source of arrays in the layout of `state.py`, out of one in another layout.

    Args:
        source: The reader of the file.
        names: For each name in our layout the stored one; arrays that no name leads to are left out.
        groups: Attributes of groups in our layout.
    """

    def __init__(self, source: Any, names: dict[str, str], groups: dict[str, dict[str, Any]] | None = None) -> None:
        self._source, self._names = source, names
        self.arrays = {name: source.arrays[stored] for name, stored in names.items() if stored in source.arrays}
        self.groups = groups or {}

    def read(self, name: str) -> np.ndarray:
        """Return an array."""
        return self._source.read(self._names[name])


def named_variables(model: Layer) -> dict[str, Variable]:
    """The variables of a model, its optimizer's too, by the names of their arrays in our layout."""
    return {
        array_name(place, i): variable
        for place, thing in places(model).items()
        for i, variable in enumerate(own_variables(thing))
    }


def array_name(place: str, key: Any) -> str:
    """Path of an array of the object at a place."""
    return f"{place}/vars/{key}".lstrip("/")


def by_name(source: Any, model: Layer) -> Renamed:
    """The arrays of a file with each layer's where the model has a layer of that name."""
    stored = {str(attributes["name"]): group for group, attributes in source.groups.items() if "name" in attributes}
    names = {
        array_name(place, i): f"{stored[thing.name]}/{i}"
        for place, thing in places(model).items()
        if thing.name in stored
        for i in range(len(own_variables(thing)))
    }
    return Renamed(source, names)
