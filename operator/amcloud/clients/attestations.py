"""Attestations beside the images, and the attestor that makes them (:class:`amcloud.ports.Provenance`).

An attestation is one more manifest of the image's repository, tagged ``sha256-<digest>.att`` as cosign has it: any
registry keeps it, and retention removes it with its image.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from amcloud.clients.registry import OciRegistry
from amcloud.clients.signing import Signer
from amcloud.errors import BrokenInstallationError
from amcloud.ports import Question
from amcloud.stages import provenance
from amcloud.stages.build import GoOn
from amcloud.stages.declared.app import StageName
from amcloud.stages.provenance import Answer, Attestation, Case, Origin, Proven, Sign
from psram.model import Report

REMEMBERED: Final = 5000


def tag(digest: str) -> str:
    """Where the attestation of an image is, in its repository."""
    return f"{digest.replace(':', '-')}.att"


class Attestor:
    """Reads, verifies and makes attestations. The key is the operator's alone: no job and no registry has it."""

    def __init__(self, registry: OciRegistry, signer: Signer, *, forge_url: str) -> None:
        self._registry = registry
        self._signer = signer
        self._forge_url = forge_url
        self._known: OrderedDict[str, Attestation] = OrderedDict()

    def prove(self, question: Question, built: GoOn, said: Origin | None, report: Report) -> Answer:
        """Whether the image comes from the commit's pipeline; signed now if it does and nobody had signed yet."""
        project, reference = question.app.source.project, built.image.reference
        attestation = self.found(project, reference)
        case = Case(project, question.commit, question.stage.name, built, attestation, said, report)
        answer = provenance.decide(case, forge_url=self._forge_url)
        if not isinstance(answer, Sign):
            return answer
        if not self._signer.can_sign and question.stage.name is not StageName.PRODUCTION:
            return Proven(signed=False)
        envelope = self._signer.envelope(answer.statement)
        try:
            self._registry.attach(project, tag(reference.rpartition("@")[2]), envelope)
        except BrokenInstallationError:  # a registry that lets us read only: what does not need a signature goes on
            if question.stage.name is StageName.PRODUCTION:
                raise
            return Proven(signed=False)
        return Proven(signed=True)

    def found(self, project: str, reference: str) -> Attestation | None:
        """The attestation beside an image, verified; ``None`` when there is none. A verified one is remembered."""
        known = self._known.get(reference)
        if known is not None:
            return known
        envelope = self._registry.attached(project, tag(reference.rpartition("@")[2]))
        if envelope is None:
            return None
        attestation = self._signer.opened(envelope)
        if not attestation.problem:
            self._known[reference] = attestation
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return attestation
