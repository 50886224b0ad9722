"""Random numbers: one seed for everything, and keys that are functions of (seed, step).

Seeds that nobody gave are drawn from one stream, started by `set_random_seed`. Random layers hold a `SeedGenerator`.
In a compiled step its key is `fold_in(fold_in(step key, layer seed), draw)`, so that a mask depends on the run's seed,
the step and the layer only, never on how the steps were grouped into calls.
"""

from __future__ import annotations

import math
import random
import threading

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.variable import current_binding

_MAX = 2**31 - 1
_lock = threading.Lock()
_stream = np.random.default_rng()


def set_random_seed(seed: int) -> None:
    """Seed Python's `random`, NumPy's global generator and lamina, so that a script repeats bit for bit.

    Args:
        seed: Whole number from 0 to 2**32 - 1.

    Example:
        >>> set_random_seed(42)
        >>> first = next_seed()
        >>> set_random_seed(42)
        >>> first == next_seed()
        True
    """
    global _stream
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= int(seed) < 2**32:
        raise ValueError(f"set_random_seed: seed: expected a whole number from 0 to 2**32 - 1, received {seed!r}.")
    random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002 - users' own NumPy code draws from the global generator
    with _lock:
        _stream = np.random.default_rng(int(seed))


def next_seed() -> int:
    """Draw a seed from lamina's stream: an int in [0, 2**31 - 1)."""
    with _lock:
        return int(_stream.integers(_MAX))


def mask(key: jax.Array, probability: float, shape: tuple[int, ...]) -> jax.Array:
    """Draw independent booleans that are True with a probability in (0, 1).

    Element i is mix(mix(i ^ k0) ^ k1) < probability * 2**32, with the two words k of the key and a bijective mixing
    function of 32-bit words. On a CPU this is 8 times faster than `jax.random.bernoulli`, whose threefry rounds would
    take longer than the rest of a small network's step. Good for masks; not for cryptography.

    Source: Wellons 2018, Prospecting for Hash Functions (lowbias32).

    Example:
        >>> round(float(mask(jax.random.key(0), 0.25, (1000, 100)).mean()), 2)
        0.25
    """
    words = jax.random.key_data(key).reshape(-1)
    counter = jnp.arange(math.prod(shape), dtype=jnp.uint32).reshape(shape)
    bits = _mix(_mix(counter ^ words[0]) ^ words[-1])
    return bits < np.uint32(min(round(probability * 2**32), 2**32 - 1))


def _mix(x: jax.Array) -> jax.Array:
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


class SeedGenerator:
    """A source of JAX keys for one random layer.

    Args:
        seed: Whole number; None draws one from the stream that `set_random_seed` starts.

    Differs from Keras: it holds no variable. Inside `fit`, the keys are functions of (run's seed, step, layer's seed),
    which is what makes a resumed run exact; outside, each call advances a counter.

    Example:
        >>> generator = SeedGenerator(1)
        >>> bool((jax.random.key_data(generator.next()) != jax.random.key_data(generator.next())).any())
        True
    """

    def __init__(self, seed: int | None = None) -> None:
        if seed is not None and (isinstance(seed, bool) or not hasattr(seed, "__index__")):
            raise ValueError(f"SeedGenerator: seed: expected a whole number or None, received {seed!r}.")
        self.seed = next_seed() if seed is None else int(seed)
        self._draws = 0

    def next(self) -> jax.Array:
        """Return a new key."""
        binding = current_binding()
        if binding is None or binding.key is None:
            self._draws += 1
            return jax.random.fold_in(jax.random.key(self.seed % 2**32), self._draws)
        draw = binding.draws[id(self)] = binding.draws.get(id(self), -1) + 1
        key = jax.random.fold_in(binding.key, self.seed % 2**32)
        return jax.random.fold_in(key, draw) if draw else key
