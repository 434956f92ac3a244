"""What the approved CI template is made of (``pipelines/``): its jobs, its files, its inputs. A test compares the two.

The rule's data name what a project must keep at least; this names all that there is, so that nothing of it is weakened.
"""

from __future__ import annotations

from typing import Final

JOBS: Final = ("conformance", "tests", "build-image", "sbom", "deploy-feedback", "provenance")
"""Jobs that the template brings, in the order of its stages."""
INFORMATIVE: Final = frozenset({"conformance", "deploy-feedback", "provenance"})
"""Those that the template itself lets fail: the gate decides without them."""
HIDDEN: Final = (".amcloud",)
FILES: Final = frozenset(
    f"templates/{name}.yml" for name in ("common", "conformance", "feedback", "image", "sbom", "tests")
)
"""Files that the application's template is put together from, each of which could be included alone."""
FREE_INPUTS: Final = frozenset({"track"})
"""Inputs of the application's template that change no step: only what an informative job says."""
