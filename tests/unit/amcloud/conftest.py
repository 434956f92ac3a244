"""Makes ``tests/support`` importable: the in-memory world is shared with the integration tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
