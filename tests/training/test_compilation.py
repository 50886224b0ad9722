"""How programs are compiled: options that an XLA may not know, and the cache on disk."""

from __future__ import annotations

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from lamina.training import compilation
from tests.training.helpers import regression_data, regressor, same_bits


def test_an_xla_that_does_not_know_an_option_compiles_without(monkeypatch):
    x, y = regression_data(40)
    known = regressor()
    known.fit(x, y, verbose=0)
    monkeypatch.setattr(compilation, "compiler_options", lambda size: {"xla_cpu_no_such_option": True})
    with pytest.raises(Exception, match="xla_cpu_no_such_option"):
        jax.jit(lambda a: a + 1, compiler_options={"xla_cpu_no_such_option": True})(1)
    unknown = regressor()
    unknown.fit(x, y, verbose=0)
    assert same_bits(known.get_weights(), unknown.get_weights())
    assert np.isfinite(unknown.predict(x, verbose=0)).all()


def test_an_error_of_the_function_itself_goes_through():
    def fails(a):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        compilation.jit(fails, 10)(1)


@pytest.mark.parametrize(
    ("variables", "kept"),
    [
        ({"LAMINA_CACHE": "here"}, "here/compiled"),
        ({"LAMINA_COMPILATION_CACHE": "there"}, "there"),
        ({"LAMINA_COMPILATION_CACHE": "off"}, None),
        ({"JAX_COMPILATION_CACHE_DIR": "users"}, "users"),
    ],
)
def test_programs_are_kept_where_the_environment_says(tmp_path, variables, kept):
    names = ("LAMINA_CACHE", "LAMINA_COMPILATION_CACHE", "JAX_COMPILATION_CACHE_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in names} | {"HOME": str(tmp_path)}
    for name, value in variables.items():
        environment[name] = value if value == "off" else str(tmp_path / value)
    script = (
        "import lamina; lamina.Sequential();from lamina.training import compilation; print(compilation.cache_folder())"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(kept and tmp_path / kept)
    assert done.stderr == ""
