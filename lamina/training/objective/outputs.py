"""`Outputs`: the outputs of a model in one order, and what a list, dict or nest holds for each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax

from lamina.core.errors import LaminaConfigError, closest_match


class Outputs:
    """The outputs of a model, flat and in one order.

    Those of a dict come in the order of the model's names, else of their sorted keys; in a nest, dicts are sorted.

    Args:
        structure: Nest with a leaf for each output (arrays, shapes).
        names: The model's names of its outputs, in order; None: it has none.
        owner: How messages call the model.
        targets: y as it came first: the keys of a dict stand for outputs without names, in their order.

    Raises:
        LaminaConfigError: there is no output.

    Example:
        >>> outputs = Outputs((1, 2), names=["main", "aux"])
        >>> outputs.entries({"aux": "mae"}), outputs.entries(["mse", "mae"])
        ([None, 'mae'], ['mse', 'mae'])
    """

    def __init__(
        self, structure: Any, names: Sequence[str] | None = None, owner: str = "the model", targets: Any = None
    ) -> None:
        paths, tree = jax.tree_util.tree_flatten_with_path(structure)
        if not paths:
            raise LaminaConfigError(f"{owner} gives no output. Does its call end in `return`?")
        self.count, self.owner = len(paths), owner
        self.is_dict = isinstance(structure, Mapping)
        self._places = jax.tree.unflatten(tree, range(self.count))
        self._order = list(range(self.count))
        if self.is_dict and not any(map(is_nest, self._places.values())):
            keys = [key for key, place in self._places.items() if place is not None]
            names = list(names) if names is not None and set(names) == set(keys) else keys
            self._order = [self._places[name] for name in names]
        self._paths = self.in_order([[_key(part) for part in path] for path, _ in paths])
        given = list(names) if names is not None and len(names) == self.count else []
        self.prefixes = given if self.count > 1 and given else [None] * self.count
        self.named = bool(given) and len(set(given)) == self.count
        borrowed = list(targets) if isinstance(targets, Mapping) and len(targets) == self.count else None
        self.names: list[Any] | None = given if self.named else borrowed

    def flatten(self, tree: Any) -> list[Any]:
        """Return the leaves of outputs, or of a nest like them, in order."""
        return self.in_order(jax.tree.leaves(tree))

    def in_order(self, leaves: Sequence[Any]) -> list[Any]:
        """Return what belongs to the leaves of the outputs, given in JAX' order, in the order of the outputs."""
        return [leaves[place] for place in self._order]

    # What belongs to which output -------------------------------------------------------------------------------------

    def entries(self, value: Any) -> list[Any] | None:
        """Return what a dict, list or nest holds for each output, None where it holds nothing; None if it fits none."""
        if self.count == 1:
            foreign = isinstance(value, Mapping) and self.named and not set(value) <= set(self.names or [])
            return None if foreign else [sole(value)]
        if isinstance(value, Mapping) and self.names is not None and set(value) <= set(self.names):
            return [value.get(name) for name in self.names]
        found = _placed(self._places, value)
        if found is not None:
            return [found.get(place) for place in self._order]
        if isinstance(value, (list, tuple)) and len(value) == self.count:
            return list(value)
        if isinstance(value, Mapping) and len(value) == self.count and not (self.named or self.is_dict):
            return list(value.values())
        return None

    def targets(self, y: Any, needed: Sequence[bool], where: str = "y") -> list[Any]:
        """Return the target of each output, None for those that need none.

        Args:
            y: As the user passed it: by order, by name, as the outputs are nested, or for the outputs alone that need a
                target. For a single output a nest is passed on whole, to a loss of the user's.
            needed: Whether an output has a loss or a metric.
            where: What messages call y.

        Raises:
            LaminaConfigError: targets that fit no outputs, or lack one.
        """
        if y is None or not any(needed):
            return [None] * self.count
        if self.count == 1 and is_nest(y) and len(y) > 1:
            return [y]
        found = self._entries_of_data(y, needed) if is_nest(y) else [y if need else None for need in needed]
        if found is None or (not is_nest(y) and sum(needed) > 1):
            raise self.misfit(where, y, f"Pass {self.forms}.")
        for i, (target, need) in enumerate(zip(found, needed, strict=True)):
            if need and target is None:
                raise LaminaConfigError(
                    f"{where} holds nothing for {self.of(i)}, which has a loss or metrics. Pass "
                    f"{self.forms}; or compile with None as its loss and without metrics for it."
                )
            if need and is_nest(target):
                raise self.misfit(where, y, f"Pass {self.forms}, each of them one array.")
        return [target if need else None for target, need in zip(found, needed, strict=True)]

    def weights(self, sample_weight: Any, needed: Sequence[bool], where: str = "sample_weight") -> list[Any]:
        """Return the sample weights of each output: one array for all, or some for each; None is 1."""
        if sample_weight is None or not is_nest(sample_weight):
            return [sample_weight] * self.count
        found = self._entries_of_data(sample_weight, needed)
        if found is None or any(map(is_nest, found)):
            raise self.misfit(
                where, sample_weight, f"Pass one array for all outputs, or {self.forms}; None for those without."
            )
        return found

    def _entries_of_data(self, value: Any, needed: Sequence[bool]) -> list[Any] | None:
        """As `entries`; a list may also hold what belongs to the outputs with a loss or metrics, and no more."""
        found = self.entries(value)
        if (
            found is not None
            or self.count == 1
            or len(value) != sum(needed)
            or (self.named and isinstance(value, Mapping))
        ):
            return found
        given = iter(value.values() if isinstance(value, Mapping) else value)
        return [next(given) if need else None for need in needed]

    # Words ------------------------------------------------------------------------------------------------------------

    def label(self, index: int) -> str:
        """How messages call an output."""
        return f"output {self.names[index]!r}" if self.names is not None else f"outputs[{index}]"

    def of(self, index: int) -> str:
        """How messages call an output, and the model that it belongs to."""
        return self.owner if self.count == 1 else f"{self.label(index)} of {self.owner}"

    def __str__(self) -> str:
        if self.count == 1:
            return f"one output, {self.names[0]!r}" if self.named and self.names else "one output"
        return f"{self.count} outputs" + (f", {listed(self.names)}" if self.names is not None else "")

    def path(self, index: int, name: str) -> str:
        """An output's keys in the nest, joined with slashes as in Keras; a place in a list gives way to `name`."""
        *first, last = self._paths[index] or [0]
        return "/".join(map(str, [*first, name if isinstance(last, int) else last]))

    @property
    def forms(self) -> str:
        """What may be passed for the outputs, in words."""
        if self.count == 1:
            return "one array" + (f", or a dict with the key {self.names[0]!r}" if self.named and self.names else "")
        words = [f"a list of {self.count} in the order of the outputs"]
        if self.names is not None:
            words.append(f"a dict with the keys {', '.join(map(repr, self.names))}")
        if any(map(is_nest, _members(self._places))):
            words.append("a nest like " + str(jax.tree.map(lambda _: ..., self._places)).replace("Ellipsis", "..."))
        return ", or ".join(words)

    def misfit(self, where: str, value: Any, way: str) -> LaminaConfigError:
        """Build the error for a value that does not say what belongs to which output."""
        known = self.names if self.named and self.names is not None else []
        unknown = [key for key in value if key not in known] if known and isinstance(value, Mapping) else []
        if unknown:
            near = closest_match(unknown[0], map(str, known))
            return LaminaConfigError(f"{where}: {self.owner} has no output {unknown[0]!r}.{near} It has {self}. {way}")
        return LaminaConfigError(f"{where} is {described(value)}, but {self.owner} has {self}. {way}")


def is_nest(value: Any) -> bool:
    """Whether a value is a container: a list, tuple or dict."""
    return isinstance(value, (list, tuple, Mapping))


def sole(value: Any) -> Any:
    """Return the only thing in a nest that holds one thing; others come back as they are."""
    while is_nest(value) and len(value) == 1:
        value = next(iter(_members(value)))
    return value


def listed(names: Sequence[Any]) -> str:
    """Names in words: "'a', 'b' and 'c'"."""
    words = [repr(name) for name in names]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def described(value: Any) -> str:
    """What came, in words."""
    if isinstance(value, Mapping):
        return f"a dict of {listed(list(value))}" if value else "an empty dict"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {len(value)}"
    if hasattr(value, "shape"):
        return f"one array of shape {tuple(value.shape)}"
    return repr(value)


def _key(part: Any) -> Any:
    """The key or index of a step on a path that JAX gives."""
    return getattr(part, "key", getattr(part, "idx", getattr(part, "name", part)))


def _members(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if is_nest(value) else []


def _placed(places: Any, value: Any) -> dict[int, Any] | None:
    """Return what a nest holds at the numbered places of another one; None where the structures differ."""
    if isinstance(places, int):
        return {places: value}
    if places is None or value is None:
        return {}
    if isinstance(places, Mapping) and isinstance(value, Mapping) and set(value) <= set(places):
        pairs = [(place, value.get(key)) for key, place in places.items()]
    elif not isinstance(value, (list, tuple)) or not isinstance(places, (list, tuple)) or len(value) != len(places):
        return None
    else:
        pairs = list(zip(places, value, strict=True))
    parts = [_placed(place, item) for place, item in pairs]
    if any(part is None for part in parts):
        return None
    return {place: item for part in parts if part is not None for place, item in part.items()}
