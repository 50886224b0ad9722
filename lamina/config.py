"""Settings: the default float type and the dtype policy of new layers."""

from lamina.core.dtypes import DTypePolicy, dtype_policy, floatx, set_dtype_policy, set_floatx

__all__ = ["DTypePolicy", "dtype_policy", "floatx", "set_dtype_policy", "set_floatx"]
