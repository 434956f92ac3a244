"""The loader of every YAML file that the engine reads: plain data only, in C where the library has it."""

from __future__ import annotations

from typing import Final

import yaml

LOADER: Final[type] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
