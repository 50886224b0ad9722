"""scikit-learn's own test files, with the imports of what is tested swapped for ours."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest


def load(path: str, theirs: str, ours: str, left_out: dict[str, str], long: tuple[str, ...]) -> dict[str, Any]:
    """The names of a test file, ready for a module's globals.

    Args:
        path: The file, relative to scikit-learn.
        theirs: Import line to replace.
        ours: The line in its place.
        left_out: Tests that are not run, with the reason.
        long: Tests that are run with --grid only.
    """
    spec = importlib.util.find_spec("sklearn")
    file = Path(spec.origin).parent / path  # type: ignore[union-attr, arg-type]
    if not file.is_file():
        pytest.skip(f"this scikit-learn came without {path}", allow_module_level=True)
    source = file.read_text()
    assert source.count(theirs) == 1
    names: dict[str, Any] = {"__name__": path}
    exec(compile(source.replace(theirs, ours), str(file), "exec"), names)
    assert set(left_out) <= set(names)
    tests = {name: value for name, value in names.items() if name.startswith("test_") and name not in left_out}
    return {name: _long(test) if name in long else test for name, test in tests.items()}


def _long(test: Any) -> Any:
    return pytest.mark.usefixtures("only_in_full")(test)


@pytest.fixture
def only_in_full(request: pytest.FixtureRequest) -> None:
    """Skip a test that takes seconds, but for `--grid`."""
    if not request.config.getoption("--grid"):
        pytest.skip("takes seconds: with --grid")


@pytest.fixture
def global_random_seed() -> int:
    """The seed that scikit-learn's own fixture gives by default."""
    return 42
