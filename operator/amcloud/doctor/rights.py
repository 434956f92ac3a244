"""May the operator's account do all that it needs, and no more than ``deploy/`` gives it?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import yaml

from amcloud import assets
from amcloud.clients import installation
from amcloud.clients.installation import Right
from amcloud.doctor.findings import Finding, error, ok
from amcloud.doctor.ground import Ground

_APPLY: Final = "kubectl apply -k de votre recouvrement de deploy/ : ClusterRole, Role et leurs liaisons."
_TOO_MUCH: Final = (
    Right("create", "rbac.authorization.k8s.io", "clusterrolebindings"),
    Right("create", "", "pods/exec"),
    Right("patch", "", "nodes"),
    Right("delete", "", "persistentvolumes"),
)
"""What nobody gave: an account that may is bound to more than ours."""
_SHOWN: Final = 6


def examine(ground: Ground) -> Iterator[Finding]:
    """What is missing, then what is too much."""
    account = "" if ground.inside else f"{ground.namespace}:{installation.ACCOUNT}"

    def may(right: Right) -> bool:
        return installation.allowed(ground.api, right, account=account)

    wanted = expected(ground.namespace)
    missing = [str(right) for right in sorted(wanted) if not may(right)]
    if missing:
        shown = ", ".join(missing[:_SHOWN]) + (" …" if len(missing) > _SHOWN else "")
        yield error("rights-missing", f"{len(missing)} droit(s) manquent à l'opérateur : {shown}.", _APPLY)
    else:
        yield ok("rights-missing", f"L'opérateur a les {len(wanted)} droits que deploy/ lui donne.")
    excess = [str(right) for right in _TOO_MUCH if may(right)]
    if excess:
        remedy = (
            "Retirez les liaisons de ce compte qui ne viennent pas de deploy/ (kubectl get clusterrolebinding -o wide)."
        )
        yield error("rights-excess", f"Le compte de l'opérateur a des droits de trop : {', '.join(excess)}.", remedy)
    else:
        yield ok("rights-excess", "Aucun droit de trop parmi ceux qui comptent (rôles, nœuds, exécution dans un pod).")


def expected(namespace: str) -> frozenset[Right]:
    """The rights that ``deploy/base/rbac-operator.yaml`` gives to the operator."""
    text = (assets.folder("deploy") / "base" / "rbac-operator.yaml").read_text(encoding="utf-8")
    found: frozenset[Right] = frozenset()
    for document in yaml.load_all(text, Loader=yaml.CSafeLoader):
        if document["metadata"]["name"] != installation.ACCOUNT:
            continue
        if document["kind"] == "ClusterRole":
            found |= installation.granted(document["rules"])
        elif document["kind"] == "Role":
            found |= installation.granted(document["rules"], namespace=namespace)
    return found
