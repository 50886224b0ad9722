"""`import lamina` is light and silent, and every public name exists."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import lamina

HEAVY = (
    "sklearn",
    "matplotlib",
    "pandas",
    "polars",
    "rich",
    "optax",
    "tensorflow",
    "keras",
    "torch",
    "pooch",
    "h5py",
    "pyarrow",
    "PIL",
)
FOLDER = Path(lamina.__file__).parent


def public_modules() -> list[str]:
    """Every package and module of lamina whose path holds no underscore at the start of a part."""
    names = [info.name for info in pkgutil.walk_packages([str(FOLDER)], "lamina.")]
    return ["lamina", *(name for name in names if not any(part.startswith("_") for part in name.split(".")))]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120)


def test_import_is_silent_and_loads_nothing_heavy():
    report = "print([name for name in sys.modules if name.split('.')[0] in {} or name.startswith('lamina.')])"
    done = run("import sys, lamina\n" + report.format((*HEAVY, "scipy", "jax")))
    assert (done.stderr, done.stdout, done.returncode) == ("", "[]\n", 0)


def test_loading_every_room_is_silent_and_loads_nothing_heavy():
    code = f"""
import sys, lamina
for name in lamina.__all__:
    getattr(lamina, name)
lamina.Sequential([lamina.Input((2,)), lamina.layers.Dense(3, activation="relu"), lamina.layers.Dropout(0.5)])
print(sorted({{name.split('.')[0] for name in sys.modules}} & set({HEAVY!r})))
"""
    done = run(code)
    assert (done.stderr, done.stdout, done.returncode) == ("", "[]\n", 0)


@pytest.mark.parametrize("name", public_modules())
def test_every_name_in_all_exists_once(name):
    module = importlib.import_module(name)
    names = getattr(module, "__all__", [])
    assert len(set(names)) == len(names)
    assert [n for n in names if not hasattr(module, n)] == []
    assert module.__doc__


@pytest.mark.parametrize("name", lamina.__all__)
def test_rooms_and_names_load_by_attribute_and_by_import(name):
    thing = getattr(lamina, name)
    namespace: dict[str, object] = {}
    exec(f"from lamina import {name}", namespace)
    assert namespace[name] is thing
    assert thing.__doc__


def test_public_classes_and_functions_have_docstrings():
    bare = []
    for room in lamina.__all__:
        module = getattr(lamina, room)
        for name in getattr(module, "__all__", []) if inspect.ismodule(module) else []:
            thing = getattr(module, name)
            if (inspect.isclass(thing) or inspect.isroutine(thing)) and not inspect.getdoc(thing):
                bare.append(f"lamina.{room}.{name}")
    assert bare == []


def test_dir_lists_every_public_name():
    assert set(lamina.__all__) <= set(dir(lamina))
    assert dir(lamina) == sorted(dir(lamina))


def test_unknown_name_gives_the_closest_match():
    with pytest.raises(
        AttributeError, match=r"module 'lamina' has no attribute 'Sequental'\. Did you mean 'Sequential'\?"
    ):
        _ = lamina.Sequental
    with pytest.raises(ImportError, match="cannot import name 'nosuch' from 'lamina'"):
        exec("from lamina import nosuch")


def test_type_checkers_see_the_names_that_load_lazily():
    tree = ast.parse((FOLDER / "__init__.py").read_text())
    blocks = [n for n in tree.body if isinstance(n, ast.If) and getattr(n.test, "id", "") == "TYPE_CHECKING"]
    seen = [alias.name for block in blocks for line in block.body for alias in line.names]
    assert sorted(seen) == sorted(lamina.__all__)


def test_types_are_shipped():
    assert (FOLDER / "py.typed").exists()
