"""What instances use now, where the cluster measures it (``metrics.k8s.io``, metrics-server)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from amcloud.clients.kubernetes_api import Api
from amcloud.settings import FIELD_MANAGER
from amcloud.stages.objects.quantities import amount
from amcloud.stages.render import MANAGED_BY

GROUP: Final = "metrics.k8s.io"


@dataclass(frozen=True, slots=True)
class Use:
    """Processor and memory of some pods together, over the last window that the cluster measured."""

    cores: float = 0.0
    memory_bytes: int = 0

    def __add__(self, other: Use) -> Use:
        """Both together."""
        return Use(self.cores + other.cores, self.memory_bytes + other.memory_bytes)


def measured(api: Api) -> Mapping[str, Use] | None:
    """Use of each instance by its namespace; ``None`` where the cluster measures nothing.

    Raises:
        BrokenInstallationError: we may not read the measures.
    """
    served = api.discovery().resources.get((GROUP, "PodMetrics"), ())
    if not served:
        return None
    found: defaultdict[str, Use] = defaultdict(Use)
    labels = f"{MANAGED_BY}={FIELD_MANAGER}"
    for one in api.items(served[0].path(), doing="lecture des mesures d'utilisation", labels=labels):
        found[one["metadata"]["namespace"]] += _of_pod(one)
    return found


def _of_pod(metrics: Mapping[str, Any]) -> Use:
    """Sum over the pod's containers; what cannot be read counts nothing."""
    used = [container.get("usage") or {} for container in metrics.get("containers") or ()]
    cores = sum(amount(str(one.get("cpu", ""))) or 0.0 for one in used)
    return Use(cores, int(sum(amount(str(one.get("memory", ""))) or 0.0 for one in used)))
