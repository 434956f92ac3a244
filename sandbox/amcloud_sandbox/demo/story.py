"""The story on one screen: what is shown, in order."""

from __future__ import annotations

from amcloud_sandbox.demo import auditor, developer, ending, exploitant, revisions, samples
from amcloud_sandbox.demo.scene import Scene


def tell(scene: Scene) -> None:
    """All acts on the three sample applications.

    Raises:
        ObservationFailedError: something that is promised was not observed.
    """
    samples.push_and_declare(scene)
    developer.reads_the_verdicts(scene)
    exploitant.sees_one_instance_for_many(scene)
    exploitant.adds_an_organisation(scene)
    exploitant.sees_drift_put_back(scene)
    auditor.recomputes_the_report(scene)
    revisions.the_next_ones_get_hosted(scene)
    revisions.the_broken_one_is_refused(scene)
    ending.summary(scene)
