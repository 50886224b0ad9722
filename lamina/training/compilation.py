"""How programs are compiled: the cache on disk, and options that were measured."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

_SMALL_MODEL = 50_000  # weights


def cache_folder() -> str | None:
    """Folder of the compiled programs on disk, or None while nothing is kept."""
    return jax.config.values["jax_compilation_cache_dir"]


def enable_cache() -> None:
    """Keep compiled programs on disk between processes, in the user's cache folder.

    A cache that the user set up (JAX_COMPILATION_CACHE_DIR or jax.config) is left as it is; LAMINA_COMPILATION_CACHE
    names another folder, and "off" switches ours off.
    """
    where = os.environ.get("LAMINA_COMPILATION_CACHE", "")
    if where == "off" or cache_folder():
        return
    base = Path(os.environ.get("LAMINA_CACHE") or Path.home() / ".cache" / "lamina")
    folder = Path(where) if where else base / "compiled"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # a read-only home: compiling anew each time is all that is lost
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def transposes_kernels(size: int) -> bool:
    """Whether the training loop holds the kernels of matrix products transposed, see `Program._turned`."""
    return jax.default_backend() == "cpu" and size >= _SMALL_MODEL


def compiler_options(size: int) -> dict[str, Any] | None:
    """XLA options for a model of `size` weights.

    On a CPU, convolutions go to Eigen's kernels instead of YNNPACK's: 10 to 20 % faster, gradients of kernels nearly
    twice; matrix products and sums stay with YNNPACK, as is XLA's default. Small models are bound by the number of
    kernels that a step starts; the memory-optimized order of them runs about 10 % faster (and 3 % slower on models
    bound by matrix products), with the same bits.
    """
    if jax.default_backend() != "cpu":
        return None
    options = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"}
    if size < _SMALL_MODEL:
        options["xla_cpu_scheduler_type"] = "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"
    return options


def jit(
    function: Callable[..., Any], size: int, further: dict[str, Any] | None = None, **arguments: Any
) -> Callable[..., Any]:
    """`jax.jit` with the options for a model of `size` weights, and on a CPU further ones; an XLA that does not know
    them compiles without.
    """
    options = compiler_options(size)
    if options is None:
        return jax.jit(function, **arguments)
    options = options | (further or {})
    chosen = jax.jit(function, compiler_options=options, **arguments)

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal chosen
        try:
            return chosen(*args, **kwargs)
        except Exception as error:
            if not any(name in str(error) for name in options):
                raise
        chosen = jax.jit(function, **arguments)
        return chosen(*args, **kwargs)

    return call
