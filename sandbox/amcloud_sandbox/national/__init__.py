"""A national service as local applications meet one: sample persons, versions, credentials that it checks itself.

It knows nothing of AM Cloud: who may call it is its own business, whatever the network lets through.
"""

from amcloud_sandbox.national.access import Register, State

__all__ = ["CONNECTOR", "Register", "State"]

CONNECTOR = "referentiel-assures"
"""Name of the Connector that describes it."""
