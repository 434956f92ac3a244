"""Act 6: the table, the addresses of the reports, and what to try next."""

from __future__ import annotations

from amcloud_sandbox.demo.record import HEADER
from amcloud_sandbox.demo.scene import Scene


def summary(scene: Scene) -> None:
    """What happened, where to read it, three commands to go on."""
    narrator = scene.narrator
    narrator.title("En résumé")
    narrator.table(HEADER, [cast.line.cells() for cast in scene.casts.values()])
    narrator.title("Rapports")
    for cast in scene.casts.values():
        narrator.say(f"{cast.name} : {cast.line.report_url}")
    narrator.title("À essayer maintenant")
    for command in (
        'eval "$(.venv/bin/amcloud sandbox env)" && kubectl get lapp -A -o wide',
        ".venv/bin/amcloud new mon-application",
        "make demo-down",
    ):
        narrator.say(command)
