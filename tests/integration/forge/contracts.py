"""The contracts of ``contract/``, one file a page of GitLab's documentation: answers' shapes, and the requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

CONTRACT: Final = Path(__file__).parent / "contract"
PAGES: Final[dict[str, Any]] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(CONTRACT.glob("*.yaml"))
}
SHAPES: Final = {f"{page}.{name}": shape for page, found in PAGES.items() for name, shape in found["shapes"].items()}
ENDPOINTS: Final = {one["request"]: (page, one) for page, found in PAGES.items() for one in found["endpoints"]}
