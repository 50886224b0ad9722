"""Objects to configs and back: tables of known names, never an import by name.

Each family (layers, initializers, losses, …) is a table that is filled when its package is imported. A config names an
entry of such a table, or an object that the user registered or passed in `custom_objects`; nothing else is ever built.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core import errors
from lamina.core.naming import to_snake_case
from lamina.core.variable import Variable

T = TypeVar("T")
_families: dict[str, Family] = {}
_homes: dict[Any, tuple[str, str]] = {}  # object -> (Keras module, name in it)
_registered: dict[str, Any] = {}  # "Package>Name" -> object
_registered_names: dict[Any, str] = {}


class _Scopes(threading.local):
    def __init__(self) -> None:
        self.stack: list[dict[str, Any]] = []
        self.sharing: Sharing | None = None


_scopes = _Scopes()


def register_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """Decorator: let configs and files name this class or function as "package>name".

    Args:
        package: Namespace, so that two libraries' `MyLayer` do not collide.
        name: Name in it; None is the object's own.

    Example:
        >>> @register_serializable(package="mine")
        ... def double(x):
        ...     return x * 2
        >>> registered_name(double)
        'mine>double'
    """

    def decorate(thing: T) -> T:
        full = f"{package}>{name or getattr(thing, '__name__', type(thing).__name__)}"
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ValueError(f"Class {full!r} cannot be registered: it has no get_config(self) method. Add one.")
        previous = _registered.pop(full, None)
        if previous is not None:
            _registered_names.pop(previous, None)
        _registered[full] = thing
        _registered_names[thing] = full
        return thing

    return decorate


def registered_name(thing: Any) -> str | None:
    """Return the name that a class or function was registered under, or None."""
    return _registered_names.get(thing)


@contextlib.contextmanager
def custom_object_scope(objects: dict[str, Any]) -> Iterator[None]:
    """Inside the context, names in `objects` (a dict of name to class or function) are known in this thread.

    Example:
        >>> from lamina import activations
        >>> with custom_object_scope({"double": lambda x: x * 2}):
        ...     activations.get("double")(3)
        6
    """
    _scopes.stack.append(dict(objects))
    try:
        yield
    finally:
        _scopes.stack.pop()


class Sharing:
    """Objects that stand in a config more than once: each place has the whole config and one `shared_object_id`."""

    def __init__(self) -> None:
        self.seen: dict[int, Any] = {}  # id of each object met in writing -> the object
        self.numbers: dict[int, int] = {}  # id of an object met twice -> its number
        self.built: dict[int, tuple[Any, Any]] = {}  # number -> config and object in reading

    def meet(self, thing: Any) -> None:
        """Note an object that is being written; the second time it gets a number."""
        if id(thing) in self.seen:
            self.numbers.setdefault(id(thing), len(self.numbers) + 1)
        self.seen[id(thing)] = thing


@contextlib.contextmanager
def sharing() -> Iterator[Sharing]:
    """Inside the context, an object that a config has in several places is one object again when it is read."""
    outer, _scopes.sharing = _scopes.sharing, Sharing()
    try:
        yield _scopes.sharing
    finally:
        _scopes.sharing = outer


def with_shared(make: Callable[[], T]) -> T:
    """Return the config that `make` writes, with a number for each object that stands in it more than once."""
    with sharing() as shared:
        make()
        shared.seen.clear()
        return make()


@contextlib.contextmanager
def inside(part: str) -> Iterator[None]:
    """Note on an error that passes which part of a config it came from; `place_of` joins the parts."""
    try:
        yield
    except Exception as error:
        vars(error).setdefault("_inside", []).insert(0, part)
        raise


def place_of(error: BaseException) -> str:
    """The parts of a config, from the outermost, in which an error or its cause was raised."""
    parts = vars(error).get("_inside", [])
    if error.__cause__ is not None:
        deeper = place_of(error.__cause__)
        return deeper if len(deeper) > len("/".join(parts)) else "/".join(parts)
    return "/".join(parts)


def find_custom(name: str) -> Any:
    """Return the object of a custom name, or None: scopes first, then registrations ("Package>Name" or "Name")."""
    for scope in reversed(_scopes.stack):
        if name in scope:
            return scope[name]
    return _registered.get(name) or _registered.get(f"Custom>{name}")


class Family:
    """A table of the named objects of one kind, and every way to get one.

    Args:
        kind: What messages call a member: "layer", "activation", …
        module: Keras' module for it, written into configs: "keras.layers", …
        base: Class of the members; None for plain functions.

    Example:
        >>> from lamina import initializers
        >>> initializers.get("zeros")
        <Zeros>
    """

    def __init__(self, kind: str, module: str, base: type | None = None) -> None:
        self.kind, self.module, self.base = kind, module, base
        self.members: dict[str, Any] = {}
        self.aliases: dict[str, Any] = {}
        self._later: dict[str, tuple[Callable[[str], Any], str]] = {}  # name -> how to import it
        _families[module] = self

    def add(self, member: T, *aliases: str) -> T:
        """Add a class or function under its own name, its snake-case name and `aliases`; usable as a decorator."""
        name: str = getattr(member, "__name__", str(member))
        self.members[name] = member
        _homes[member] = (self.module, name)
        for alias in {name, to_snake_case(name), name.lower(), *aliases}:
            self.aliases.setdefault(alias, member)
        for alias in aliases:
            self.aliases[alias] = member
        return member

    def add_later(self, names: Iterable[str], load: Callable[[str], Any]) -> None:
        """Add members that `load(name)` imports when one of them is first asked for."""
        for name in names:
            self._later.update(dict.fromkeys((name, to_snake_case(name), name.lower()), (load, name)))

    def names(self) -> list[str]:
        """Every name that `get` knows."""
        return sorted({*self.aliases, *self._later})

    def find(self, name: str) -> Any:
        """Return the class or function of a name of the table, or None."""
        if name not in self.aliases and name in self._later:
            load, its_name = self._later[name]
            load(its_name)  # which adds it
        return self.aliases.get(name)

    def lookup(self, name: str) -> Any:
        """Return the class or function of a name, or raise with the closest match."""
        found = find_custom(name)
        if found is None:
            found = self.find(name)
        if found is None:
            raise errors.unknown_name(
                self.kind,
                name,
                self.names(),
                f" For {errors.with_article(self.kind)} of your own: pass the object itself, or register it with"
                " @lamina.saving.register_serializable().",
            )
        return found

    def get(self, identifier: Any) -> Any:
        """Return the member for a name, config dict, class, function or instance; None stays None.

        Raises:
            LaminaError: an unknown name. TypeError: an object of another kind.
        """
        if identifier is None:
            return None
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        if isinstance(identifier, str):
            identifier = self.lookup(identifier)
        if inspect.isclass(identifier):
            identifier = identifier()
        if self.base is not None and isinstance(identifier, self.base):
            return identifier
        if callable(identifier) and (self.base is None or not isinstance(identifier, _all_bases())):
            return identifier
        raise TypeError(
            f"Expected {errors.with_article(self.kind)} (a name such as {self.names()[0]!r}, a function, or an object "
            f"of lamina's), received {identifier!r} of type {type(identifier).__name__}."
        )

    def deserialize(self, config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
        """Build a member from its config; names come from the table, `custom_objects` or registrations only."""
        with custom_object_scope(custom_objects or {}):
            if config is None or not isinstance(config, dict):
                return self.get(config)
            return self._of_its_kind(_shared(config, lambda: self._make(config)))

    def _make(self, config: dict[str, Any]) -> Any:
        thing = _target(config, self)
        if config.get("class_name") == "function" or not inspect.isclass(thing):
            return thing
        return _build(thing, config.get("config", {}))

    def _of_its_kind(self, thing: Any) -> Any:
        """Refuse what a registered name or a shared object gives in the place of another kind."""
        others = tuple(base for base in _all_bases() if self.base is None or not issubclass(self.base, base))
        if self.base is not None and isinstance(thing, others) and not isinstance(thing, self.base):
            raise errors.LaminaError(
                f"The config names a {type(thing).__name__} where {errors.with_article(self.kind)} is expected."
            )
        return thing

    def serialize(self, member: Any) -> Any:
        """Return the config of a member: a dict for objects, a name for functions, None for None."""
        return serialize(member)


def _all_bases() -> tuple[type, ...]:
    return tuple(family.base for family in _families.values() if family.base is not None)


def _target(config: dict[str, Any], family: Family | None) -> Any:
    """Find what a config dict names: custom objects first, then the family's table."""
    name = config["config"] if config.get("class_name") == "function" else config.get("class_name")
    registered = config.get("registered_name")
    for candidate in (registered, name):
        found = find_custom(candidate) if isinstance(candidate, str) and candidate != "function" else None
        if found is not None:
            return found
    family = family or _families.get(str(config.get("module")))
    found = family.find(name) if isinstance(name, str) and family is not None else None
    if found is None:
        known = family.names() if family else [n for f in _families.values() for n in f.members]
        raise errors.LaminaError(
            f"Unknown {family.kind if family else 'class'}: {name!r}.{errors.closest_match(name, known)} If it is your "
            f"own, pass custom_objects={{{name!r}: {name}}}, or register it with "
            "@lamina.saving.register_serializable() before loading."
        )
    return found


def _shared(config: dict[str, Any], make: Callable[[], Any]) -> Any:
    """The object of a config, made once for all places that have its `shared_object_id` and the same text.

    The text counts too, since Keras' numbers are addresses, which it gives to several objects.
    """
    number = config.get("shared_object_id")
    if _scopes.sharing is None or not isinstance(number, int):
        return make()
    known, made = _scopes.sharing.built.get(number, (None, None))
    if known != config:
        made = make()
        _scopes.sharing.built[number] = config, made
    return made


def _build(cls: Any, config: dict[str, Any]) -> Any:
    if not isinstance(config, dict):
        raise errors.LaminaError(f"{cls.__name__}: expected its config to be a dict, received {config!r}.")
    make = getattr(cls, "from_config", None)
    return make(config) if make is not None else cls(**config)


def serialize(value: Any) -> Any:
    """Return `value` as plain data: configs for objects, names for functions, lists and dicts of them, numbers.

    The layout is Keras' own: `{"module", "class_name", "config", "registered_name"}`.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (np.ndarray, jax.Array)):
        array = {"value": np.asarray(value).tolist(), "dtype": value.dtype.name}
        return {"class_name": "__numpy__", "config": array} if value.ndim else array["value"]
    if isinstance(value, dict):
        return {key: serialize(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [serialize(item) for item in value]
    if isinstance(value, np.dtype) or (inspect.isclass(value) and issubclass(value, np.generic)):
        return np.dtype(value).name
    registered = registered_name(value) if inspect.isfunction(value) else registered_name(type(value))
    if inspect.isfunction(value) or inspect.isbuiltin(value) or (callable(value) and not hasattr(value, "get_config")):
        if value in _homes and not registered:
            return _homes[value][1]
        name = registered or getattr(value, "__name__", type(value).__name__)
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}
    if not hasattr(value, "get_config"):
        raise TypeError(
            f"{value!r} of type {type(value).__name__} cannot go into a config: it is no number, text, array or object "
            "with get_config(). Give the class a get_config(self) that returns its constructor's arguments."
        )
    module, name = _homes.get(type(value), (type(value).__module__, type(value).__name__))
    if type(value).__name__ == "DTypePolicy":
        module = "keras"
    config = {
        "module": None if registered else module,
        "class_name": name,
        "config": value.get_config(),
        "registered_name": registered,
    }
    if _scopes.sharing is not None and isinstance(value, _families["keras.layers"].base or ()):
        _scopes.sharing.meet(value)
        if id(value) in _scopes.sharing.numbers:
            config["shared_object_id"] = _scopes.sharing.numbers[id(value)]
    return config


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Build the object that a config of `serialize` names; plain data comes back as it is."""
    if not (isinstance(config, dict) and "class_name" in config and "config" in config):
        return config
    if config["class_name"] in ("__numpy__", "__tensor__"):
        dtype = jnp.dtype(config["config"]["dtype"])
        if dtype.kind not in "fiubV" or dtype.hasobject:  # V: bfloat16
            raise errors.LaminaError(f"The config holds an array of dtype {dtype}; only numbers can stand there.")
        return np.array(config["config"]["value"], dtype)
    with custom_object_scope(custom_objects or {}):
        return (_families.get(str(config.get("module"))) or _NoFamily).deserialize(config)


class _NoFamily:
    @staticmethod
    def deserialize(config: dict[str, Any]) -> Any:
        thing = _target(config, None)
        return _build(thing, config["config"]) if inspect.isclass(thing) else thing


def _restore(value: Any) -> Any:
    """Build the objects in an argument of a config; policies, functions and what does not say its module (as in older
    files of Keras') are left to the argument's own `get`."""
    if isinstance(value, list):
        return [_restore(item) for item in value]
    if isinstance(value, dict) and value.get("module", "builtins") not in ("keras", "builtins"):
        return deserialize(value)
    if isinstance(value, dict) and value.get("class_name") in ("__numpy__", "__tensor__"):
        return deserialize(value)
    return value


@functools.lru_cache(1024)
def _signature(function: Any) -> inspect.Signature:
    """A function's signature; finding it takes most of the time of a config."""
    return inspect.signature(function)


class Configurable:
    """Gives a class `get_config` and `from_config` out of its constructor's signature.

    Each parameter is read back from the attribute of the same name (scikit-learn's rule); where there is none, or a
    weight, from what the constructor was called with. So a class that stores its arguments needs no config code.
    """

    _arguments: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.__init__ is object.__init__ and (args or kwargs):
            raise TypeError(f"{cls.__name__}() takes no arguments, received {[*args, *kwargs]}.")
        self = super().__new__(cls)
        with contextlib.suppress(TypeError):  # wrong arguments: __init__ is about to say so, better than we can
            bound = _signature(cls.__init__).bind(self, *args, **kwargs)
            object.__setattr__(self, "_arguments", bound.arguments)
        return self

    @classmethod
    def config_parameters(cls) -> list[str]:
        """Names of the constructor's parameters, those that its `**kwargs` hands to base classes included."""
        names: dict[str, None] = {}
        for base in cls.__mro__:
            if "__init__" not in vars(base):
                continue
            parameters = _signature(vars(base)["__init__"]).parameters.values()
            keep = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
            names.update(dict.fromkeys(p.name for p in parameters if p.kind in keep and p.name != "self"))
            if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
                break
        return list(names)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data, so that `from_config` builds an equal object."""
        config = {}
        arguments = {**self._arguments, **self._arguments.get("kwargs", {})}
        for name in self.config_parameters():
            if hasattr(self, name) and not isinstance(getattr(self, name), Variable):
                config[name] = serialize(getattr(self, name))
            elif name in arguments:
                config[name] = serialize(arguments[name])
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Build an object from `get_config`'s dict; objects among the arguments are built too."""
        try:
            return cls(**{key: _restore(value) for key, value in config.items()})
        except TypeError as error:
            raise errors.LaminaError(
                f"{cls.__name__}.from_config: the config does not fit the constructor ({error}). Received keys "
                f"{sorted(config)}, expected {cls.config_parameters()}. Override get_config and from_config together."
            ) from error

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"
