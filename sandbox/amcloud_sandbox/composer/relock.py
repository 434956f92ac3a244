"""``python -m amcloud_sandbox.composer.relock``: the committed locks follow the Starter Kit and Debian's packages."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from amcloud_sandbox import apps
from amcloud_sandbox.composer import lock, repository
from amcloud_sandbox.layout import COMPOSER_URL, Layout

_TEMPLATE = Path(__file__).resolve().parents[3] / "templates" / "new"
_TEMPLATE_URL = "__DEPOT_COMPOSER__"


def main() -> None:
    """Locks every sample and the template of ``amcloud new`` again where that changes something."""
    served = repository.build(Layout(), _say)
    with_lock = sorted(path.parent for path in apps.HOME.glob(f"*/{lock.LOCK}"))
    with_lock += sorted(path.parent for path in apps.HOME.glob(f"*.revisions/*/{lock.LOCK}"))
    for folder in with_lock:
        _say(f"{folder.name} : {'verrouillé à nouveau' if lock.refresh(folder, served) else 'à jour'}")
    _relock_template(served)


def _relock_template(served: repository.Repository) -> None:
    """The template's lock is that of its ``composer.json`` with the sandbox's address, the address taken out again."""
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary)
        for name in (lock.MANIFEST, lock.LOCK):
            text = (_TEMPLATE / name).read_text(encoding="utf-8").replace(_TEMPLATE_URL, COMPOSER_URL)
            (project / name).write_text(text.replace("__ESPACE__/__NOM__", "modele/modele"), encoding="utf-8")
        if lock.refresh(project, served):
            text = (project / lock.LOCK).read_text(encoding="utf-8").replace(COMPOSER_URL, _TEMPLATE_URL)
            (_TEMPLATE / lock.LOCK).write_text(text, encoding="utf-8")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
