"""The identity provider: oidc-provider-mock, with sample agents. On the bridge's address alone, which is its issuer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import requests

from amcloud_sandbox import processes
from amcloud_sandbox.layout import HOST_IP, IDENTITY_PORT, Layout

START_TIMEOUT_S = 30
PROBE_TIMEOUT_S = 2


@dataclass(frozen=True, slots=True)
class Identity:
    """The provider at ``http://host:port``."""

    host: str = HOST_IP
    port: int = IDENTITY_PORT
    launcher: tuple[str, ...] = ()  # put before the program's command line
    name: str = "identity"
    title: str = "fournisseur d'identité"
    debian_packages: tuple[str, ...] = ()

    @property
    def issuer(self) -> str:
        """Address of the provider, and the issuer in its tokens."""
        return f"http://{self.host}:{self.port}"

    def up(self, layout: Layout, say: Callable[[str], None]) -> None:
        """The provider answers."""
        options = ("--host", self.host, "--port", str(self.port))
        argv = (*self.launcher, sys.executable, "-m", "amcloud_sandbox.identity", *options)
        processes.start(self.name, argv, layout=layout)
        processes.wait_until(
            lambda: self.healthy(layout),
            doing="démarrage du fournisseur d'identité",
            timeout_s=START_TIMEOUT_S,
            say=say,
            alive=(self.name,),
            layout=layout,
        )

    def down(self, layout: Layout) -> None:
        """The provider no longer runs; it kept nothing."""
        processes.stop(self.name, layout=layout)

    def healthy(self, layout: Layout) -> bool:
        """Whether the provider describes itself with the right issuer."""
        del layout
        try:
            answer = requests.get(f"{self.issuer}/.well-known/openid-configuration", timeout=PROBE_TIMEOUT_S)
            return bool(answer.json()["issuer"] == self.issuer)
        except (requests.RequestException, ValueError, LookupError):
            return False


PART = Identity()
