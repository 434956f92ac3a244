"""A person at their desk: how they reach the cluster, and who they are there. Loads none of the operator's services."""

from __future__ import annotations

import os

from amcloud.clients import connection, identity
from amcloud.clients.kubernetes_api import Api


def api() -> Api:
    """The API of the cluster that KUBECONFIG or ``~/.kube/config`` names.

    Raises:
        BrokenInstallationError: there is none.
    """
    return Api(connection.of(os.environ), connections=1)


def seat() -> tuple[Api, str]:
    """The same, and who the caller is there."""
    cluster = connection.of(os.environ)
    reached = Api(cluster, connections=1)
    return reached, identity.who(reached, cluster)
