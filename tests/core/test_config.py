"""Objects to configs and back: families, custom objects, registration, `Configurable`."""

from __future__ import annotations

import json
import threading

import jax.numpy as jnp
import numpy as np
import pytest

from lamina.core import config as core_config
from lamina.core.config import (
    Configurable,
    Family,
    custom_object_scope,
    deserialize,
    register_serializable,
    registered_name,
    serialize,
)
from lamina.core.errors import LaminaError


class Shape(Configurable):
    def area(self):
        raise NotImplementedError


class BigSquare(Shape):
    def __init__(self, side=2.0, label=None):
        self.side, self.label = side, label

    def area(self):
        return self.side**2


class Disc(Shape):
    def __init__(self, radius):
        self.radius = radius


def unit():
    return 1.0


@pytest.fixture
def family(monkeypatch):
    """Shapes as a family; tables and registrations are put back afterwards."""
    for table in ("_families", "_homes", "_registered", "_registered_names"):
        monkeypatch.setattr(core_config, table, dict(getattr(core_config, table)))
    made = Family("shape", "tests.shapes", Shape)
    made.add(BigSquare, "sq")
    made.add(Disc)
    return made


# Looking up ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["BigSquare", "big_square", "bigsquare", "sq"])
def test_names_in_any_spelling_give_a_new_object(family, name):
    first, second = family.get(name), family.get(name)
    assert type(first) is BigSquare
    assert first is not second


def test_get_takes_classes_objects_configs_functions_and_nothing(family):
    square = BigSquare(3.0)
    assert type(family.get(BigSquare)) is BigSquare
    assert family.get(square) is square
    assert family.get({"class_name": "BigSquare", "config": {"side": 4.0}}).area() == 16.0
    assert family.get({"class_name": "BigSquare"}).area() == 4.0
    assert family.get(unit) is unit
    assert family.get(None) is None


def test_unknown_name_gives_the_closest_match_the_known_names_and_the_way_out(family):
    with pytest.raises(LaminaError) as caught:
        family.get("big_sqare")
    assert str(caught.value) == (
        "Unknown shape: 'big_sqare'. Did you mean 'big_square'? Known names: BigSquare, Disc, big_square, bigsquare, "
        "disc, sq. For a shape of your own: pass the object itself, or register it with "
        "@lamina.saving.register_serializable()."
    )


@pytest.mark.parametrize("thing", [3, 2.5, [1], object()])
def test_things_that_are_no_member_are_refused(family, thing):
    with pytest.raises(TypeError, match=r"Expected a shape \(a name such as 'BigSquare'.*of type"):
        family.get(thing)


def test_members_of_another_family_are_refused(family):
    class Colour(Configurable):
        def __call__(self):
            return "red"

    Family("colour", "tests.colours", Colour)
    with pytest.raises(TypeError, match=r"Expected a shape .* of type Colour"):
        family.get(Colour())


def test_a_later_alias_does_not_take_anothers_name(family):
    class sq(Shape):
        pass

    family.add(sq)
    assert type(family.get("sq")) is BigSquare


# Custom objects ------------------------------------------------------------------------------------------------------


def test_scope_makes_names_known_and_ends(family):
    with custom_object_scope({"Ring": Disc}):
        assert family.lookup("Ring") is Disc
        with custom_object_scope({"Ring": BigSquare}):
            assert family.lookup("Ring") is BigSquare
        assert family.lookup("Ring") is Disc
    with pytest.raises(LaminaError, match="Unknown shape: 'Ring'"):
        family.lookup("Ring")


def test_scope_ends_after_an_error_too(family):
    with pytest.raises(ZeroDivisionError), custom_object_scope({"Ring": Disc}):
        raise ZeroDivisionError
    assert core_config.find_custom("Ring") is None


def test_scope_belongs_to_its_thread(family):
    found = []
    with custom_object_scope({"Ring": Disc}):
        thread = threading.Thread(target=lambda: found.append(core_config.find_custom("Ring")))
        thread.start()
        thread.join()
    assert found == [None]


def test_scope_comes_before_the_family(family):
    with custom_object_scope({"BigSquare": Disc}):
        assert family.lookup("BigSquare") is Disc


def test_registered_objects_are_found_by_full_name_and_in_configs(family):
    @register_serializable(package="mine", name="Blob")
    class Splash(Shape):
        def __init__(self, drops=1):
            self.drops = drops

    assert registered_name(Splash) == "mine>Blob"
    assert type(family.get("mine>Blob")) is Splash
    config = serialize(Splash(3))
    assert config == {"module": None, "class_name": "Splash", "config": {"drops": 3}, "registered_name": "mine>Blob"}
    assert family.get(config).drops == 3
    assert deserialize(config).drops == 3


def test_default_package_is_found_by_the_bare_name(family):
    @register_serializable()
    class Splash(Shape):
        pass

    assert registered_name(Splash) == "Custom>Splash"
    assert type(family.get("Splash")) is Splash


def test_registering_again_replaces(family):
    @register_serializable()
    class Splash(Shape):
        pass

    first = Splash

    @register_serializable(name="Splash")
    class Other(Shape):
        pass

    assert type(family.get("Splash")) is Other
    assert registered_name(first) is None


def test_registering_a_class_without_config_is_refused(family):
    with pytest.raises(ValueError, match=r"Class 'Custom>Bare' cannot be registered: it has no get_config\(self\)"):

        @register_serializable()
        class Bare:
            pass


def test_registered_functions_are_written_by_their_full_name(family):
    @register_serializable(package="mine")
    def double(x):
        return 2 * x

    config = serialize(double)
    assert config == {
        "module": "builtins",
        "class_name": "function",
        "config": "mine>double",
        "registered_name": "function",
    }
    assert deserialize(config) is double


# Configs -------------------------------------------------------------------------------------------------------------


def test_config_of_an_object_has_keras_layout_and_builds_an_equal_one(family):
    config = serialize(BigSquare(3.0, label="a"))
    assert config == {
        "module": "tests.shapes",
        "class_name": "BigSquare",
        "config": {"side": 3.0, "label": "a"},
        "registered_name": None,
    }
    again = deserialize(json.loads(json.dumps(config)))
    assert (again.side, again.label) == (3.0, "a")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        ("text", "text"),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array(2.5), 2.5),
        (jnp.int32(4), 4),
        ((1, (2, 3)), [1, [2, 3]]),
        ({"a": (1, np.float64(2.0))}, {"a": [1, 2.0]}),
        (np.dtype("float32"), "float32"),
        (np.float32, "float32"),
        (jnp.dtype("bfloat16"), "bfloat16"),
    ],
)
def test_plain_values_become_plain_data(value, expected):
    data = serialize(value)
    assert data == expected
    assert json.loads(json.dumps(data)) == expected


@pytest.mark.parametrize("array", [np.arange(6, dtype=np.int16).reshape(2, 3), jnp.array([1.5, 2.0], jnp.bfloat16)])
def test_arrays_keep_values_shape_and_dtype(array):
    again = deserialize(json.loads(json.dumps(serialize(array))))
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, np.asarray(array))


def test_things_without_a_config_are_refused():
    with pytest.raises(
        TypeError, match=r"<object object .*> of type object cannot go into a config.*get_config\(self\)"
    ):
        serialize({"a": [object()]})


def test_config_that_names_an_unknown_class_says_how_to_pass_it(family):
    config = {"module": "elsewhere", "class_name": "Discc", "config": {}, "registered_name": None}
    with pytest.raises(
        LaminaError, match=r"Unknown shape: 'Discc'\. Did you mean 'Disc'\?.*custom_objects=\{'Discc': Discc\}"
    ):
        family.deserialize(config)
    with pytest.raises(LaminaError, match=r"Unknown class: 'Discc'\. Did you mean 'Disc'\?"):
        deserialize(config)
    assert type(family.deserialize(config, custom_objects={"Discc": BigSquare})) is BigSquare


@pytest.mark.parametrize("module", ["os", "subprocess", "builtins", "numpy", None])
@pytest.mark.parametrize("name", ["system", "eval", "os.system", "__import__"])
def test_nothing_is_ever_imported_by_name(family, module, name):
    config = {"module": module, "class_name": name, "config": {}, "registered_name": name}
    with pytest.raises(LaminaError, match="Unknown"):
        deserialize(config)
    function = {"module": module, "class_name": "function", "config": name, "registered_name": "function"}
    with pytest.raises(LaminaError, match="Unknown"):
        deserialize(function)


@pytest.mark.parametrize("config", [{"class_name": 3, "config": {}}, {"class_name": None, "config": {}}])
def test_config_without_a_usable_name_is_refused(family, config):
    with pytest.raises(LaminaError, match=r"Unknown shape: (3|None)\."):
        family.deserialize(config)


def test_config_that_does_not_fit_the_constructor_names_the_keys(family):
    with pytest.raises(LaminaError, match=r"Disc.from_config: .*Received keys \['height'\], expected \['radius'\]"):
        family.deserialize({"class_name": "Disc", "config": {"height": 1}})
    with pytest.raises(LaminaError, match=r"Disc: expected its config to be a dict, received \[1\]"):
        family.deserialize({"class_name": "Disc", "config": [1]})


# Configurable --------------------------------------------------------------------------------------------------------


def test_arguments_are_read_back_from_attributes_of_the_same_name():
    square = BigSquare(3.0)
    square.side = 5.0
    assert square.get_config() == {"side": 5.0, "label": None}


def test_arguments_that_are_not_kept_come_from_the_call():
    class Forgetful(Configurable):
        def __init__(self, a, b=2, *, c=3):
            self.total = a + b + c

    assert Forgetful(1, c=5).get_config() == {"a": 1, "c": 5}
    assert Forgetful.from_config(Forgetful(1, c=5).get_config()).total == 8


def test_arguments_of_base_classes_are_found_through_keyword_arguments():
    class Base(Configurable):
        def __init__(self, name="base"):
            self.name = name

    class Derived(Base):
        def __init__(self, size, **kwargs):
            super().__init__(**kwargs)
            self.size = size

    assert Derived.config_parameters() == ["size", "name"]
    assert Derived(3, name="n").get_config() == {"size": 3, "name": "n"}


def test_objects_among_the_arguments_come_back_as_objects(family):
    class Pair(Shape):
        def __init__(self, first, others, function=None):
            self.first, self.others, self.function = first, others, function

    family.add(Pair)
    pair = Pair(BigSquare(3.0), [Disc(1.0), Disc(np.array([2.0, 3.0]))])
    again = deserialize(json.loads(json.dumps(serialize(pair))))
    assert again.first.side == 3.0
    assert again.others[0].radius == 1.0
    assert again.others[1].radius.tolist() == [2.0, 3.0]


def test_wrong_arguments_raise_pythons_own_error():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'radius'"):
        Disc()
