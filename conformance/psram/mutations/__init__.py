"""The norm tested by mutation: violations and look-alikes injected into a conforming application, as data.

``conformance/mutations/<RULE>.yaml`` holds ``violations`` and ``lookalikes`` of one rule; ``context.yaml`` the evidence
of a conforming application. ``python -m psram.mutations`` judges them all and writes the kill matrix.
"""

from __future__ import annotations

from psram.mutations.data import Edit, Mutation, Mutations, load, load_all

__all__ = ["Edit", "Mutation", "Mutations", "load", "load_all"]
