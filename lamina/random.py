"""Seeds: one for everything, and the generators of random layers."""

from lamina.core.random import SeedGenerator, set_random_seed

__all__ = ["SeedGenerator", "set_random_seed"]
