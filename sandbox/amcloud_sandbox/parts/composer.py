"""The sandbox's Composer repository: Debian's PHP libraries and the Starter Kit, where pipelines look for packages."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime

from amcloud_sandbox import processes
from amcloud_sandbox.composer import advisories, repository
from amcloud_sandbox.layout import COMPOSER_PORT, HOST_IP, Layout

NAME = "composer"
READY_TIMEOUT_S = 20
_ANSWER_S = 2


class ComposerPart:
    """The repository, built into the cache and served on the loopback and on the bridge."""

    name = NAME
    title = "dépôt Composer"
    # composer and the extensions serve to lock and to install on this machine (pipelines run here too).
    debian_packages = (
        "composer",
        "dpkg",
        "git",
        "unzip",
        "php8.2-cli",
        "php8.2-curl",
        "php8.2-intl",
        "php8.2-mbstring",
        "php8.2-pgsql",
        "php8.2-xml",
        "php8.2-zip",
    )

    def up(self, layout: Layout, say: Callable[[str], None]) -> None:
        """The repository answers on both addresses."""
        advisories.publish(repository.build(layout, say).root, datetime.now(UTC).date())
        folder = repository.folder(layout) / "current"
        listen = [f"{address}:{COMPOSER_PORT}" for address in ("127.0.0.1", HOST_IP)]
        processes.start(
            NAME, [sys.executable, "-m", "amcloud_sandbox.composer.server", str(folder), *listen], layout=layout
        )
        processes.wait_until(
            lambda: self.healthy(layout),
            doing=f"attente du {self.title}",
            timeout_s=READY_TIMEOUT_S,
            say=say,
            alive=(NAME,),
            layout=layout,
        )

    def down(self, layout: Layout) -> None:
        """The server has ended; what was built stays in the cache."""
        processes.stop(NAME, layout=layout)

    def healthy(self, layout: Layout) -> bool:
        """Whether ``packages.json`` is answered on the loopback."""
        request = urllib.request.Request(f"http://127.0.0.1:{COMPOSER_PORT}/{repository.INDEX}", method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_S):
                return processes.running(NAME, layout=layout)
        except (urllib.error.URLError, OSError):
            return False


PART = ComposerPart()
