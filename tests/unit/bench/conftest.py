"""Makes the measurements importable, as ``python -m bench.check`` does from the root; after everything installed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[3]))
