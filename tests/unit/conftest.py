"""On how many examples a property is tried: some at each run, other ones each time; many by `make test-scenarios`."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("each-run", max_examples=40, deadline=None)
settings.register_profile("thorough", max_examples=400, deadline=None)
settings.load_profile("each-run")  # `--hypothesis-profile` comes later
