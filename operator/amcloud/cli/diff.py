"""``amcloud diff APP|FILE``: what the next pass, or applying a manifest, would change of an instance's objects."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from amcloud.cli.applications import Namespace
from amcloud.cli.exits import Exit, answer, refuse
from amcloud.cli.options import AsForm, Form, StageName

if TYPE_CHECKING:
    from amcloud.clients.cluster import KubernetesCluster
    from amcloud.clients.kubernetes_api import Api
    from amcloud.settings import Settings
    from amcloud.stages.declared.app import App, Stage
    from amcloud.stages.objects.operations import Key, Object, Operation
    from amcloud.stages.render import Place

COMMAND: Final = "diff"
_HELP: Final = (
    "Montre ce qu'un passage de l'opérateur changerait dans le cluster : pour une application déclarée (APP), ou comme "
    "si le manifeste d'un fichier était appliqué (FICHIER).\n\n"
    "Une suspension qui arrête le service, le plafond de l'organisme et un Secret absent comptent comme pour lui, et "
    "sont dits sur la sortie d'erreur.\n\n"
    "Rien n'est écrit : le serveur essaie chaque objet (dry run) et dit ce qu'il deviendrait. Les valeurs des Secrets "
    "ne sont jamais montrées. Il faut les droits de l'opérateur sur les instances : dans son pod, par kubectl exec "
    "deploy/amcloud-operator, ou en administrateur du cluster. Les réglages viennent des variables AMCLOUD_*, sinon "
    "de la ConfigMap amcloud-settings.\n\n"
    "Code de retour : 0 aucune différence, 1 il y en a (comme kubectl diff), 2 pas de réponse, 3 mauvaise commande."
)
_EXAMPLES: Final = (
    "Exemples :\n\n"
    "amcloud diff suivi-courriers --stage acceptance\n\n"
    "kubectl exec -i -n amcloud-system deploy/amcloud-operator -- amcloud diff - < localapp.yaml"
)
SYSTEM: Final = "amcloud-system"
SETTINGS: Final = "amcloud-settings"
STDIN: Final = "-"
NOTHING_YET: Final = "aucune révision n'y est encore admise : la première créera l'instance (amcloud render la montre)"


@dataclass(frozen=True, slots=True)
class Change:
    """What would become of one object: ``create``, ``update``, ``delete`` or ``scale``, with the lines that say it."""

    stage: str
    object: str
    what: str
    lines: list[str]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(diff)


def diff(
    what: Annotated[str, typer.Argument(metavar="APP|FICHIER", help="Application déclarée, ou manifeste (- : stdin).")],
    namespace: Namespace = "",
    stage: Annotated[StageName | None, typer.Option(help="Étape ; toutes sans elle.", show_default=False)] = None,
    output: AsForm = Form.TEXT,
) -> None:
    """Print what would change, and end with 1 when something would."""
    from amcloud.clients.kubernetes_api import ForbiddenError
    from amcloud.errors import AmcloudError, InvalidManifestError

    try:
        notes, changes = _changes(what, namespace, stage.value if stage else "")
    except InvalidManifestError as error:
        refuse(COMMAND, str(error))
    except ForbiddenError as error:
        who = "il faut les droits de l'opérateur (kubectl exec dans son pod) ou d'un administrateur du cluster"
        refuse(COMMAND, f"{who} : {error}", Exit.COULD_NOT_TELL)
    except AmcloudError as error:
        refuse(COMMAND, str(error), Exit.COULD_NOT_TELL)
    for note in notes:
        typer.echo(note, err=True)
    answer(_shown(changes, output).encode(), command=COMMAND)
    raise typer.Exit(Exit.REFUSED if changes else Exit.OK)


def compared(
    stage: str,
    operations: tuple[Operation, ...],
    live: Mapping[Key, Object],
    cluster: KubernetesCluster,
) -> Iterator[Change]:
    """The changes that ``operations`` would make, as the server tells them; those that change nothing are left out."""
    from amcloud.stages.objects import difference
    from amcloud.stages.objects.operations import Apply, Prune, Scale, key

    for operation in operations:
        identity = key(operation.object) if isinstance(operation, Apply) else operation.key
        before = live.get(identity)
        lines = difference.of(operation, before, cluster.preview(operation))
        match operation:
            case Apply():
                word = "update" if before else "create"
            case Prune():
                word = "delete"
            case Scale():
                word = "scale"
        if lines:
            yield Change(stage, difference.reference(identity), word, lines)


def _changes(what: str, namespace: str, stage: str) -> tuple[list[str], list[Change]]:
    from amcloud.clients import desk
    from amcloud.clients.cluster import KubernetesCluster
    from amcloud.errors import InvalidManifestError
    from amcloud.stages import manifest
    from amcloud.stages.steering import suspension

    api = desk.api()
    cluster = KubernetesCluster(api)
    found = _wanted(what, namespace, api)
    app = manifest.parse(found, cluster.organisations(), cluster.namespace_organisation)
    app = suspension.suspended_by(app, cluster.suspension(app), now=datetime.now(UTC))
    chosen = [one for one in app.stages if stage in ("", one.name)]
    if not chosen or app.track is manifest.Track.HORS_STANDARD:
        declared = ", ".join(str(one.name) for one in app.stages) or "aucune étape"
        raise InvalidManifestError("spec.stages", f"rien n'est hébergé là ({declared})")
    settings = _settings(api)
    notes: list[str] = []
    changes: list[Change] = []
    for one in chosen:
        note, made = _of_stage(app, one, found, cluster, settings)
        notes += [f"{one.name} : {note}"] if note else []
        changes += made
    given_up = [] if stage else _given_up(app, found, cluster, settings)
    return notes, [*changes, *given_up]


def _given_up(app: App, found: Object, cluster: KubernetesCluster, settings: Settings) -> list[Change]:
    """The instances of stages that the manifest does not ask for any more: they go, their data as it says."""
    from amcloud.stages import render
    from amcloud.stages.objects.operations import Key, Prune

    wanted = {render.place(app, one, domain=settings.domain).namespace for one in app.stages}
    gone = [Key("", "Namespace", "", name) for name in cluster.instances(found) if name not in wanted]
    live = cluster.live(frozenset(gone))
    return [
        change
        for key in gone
        for change in compared(key.name.removeprefix(f"{app.name}-"), (Prune(key),), live, cluster)
    ]


def _of_stage(
    app: App, stage: Stage, found: Object, cluster: KubernetesCluster, settings: Settings
) -> tuple[str, list[Change]]:
    """What would change of one instance, with a note of what stands in the way of the rest."""
    from amcloud import assets
    from amcloud.desired import Sources, desired, missing_secrets, within_budget
    from amcloud.stages import apply, gate, render
    from amcloud.stages.apply import Wave
    from amcloud.stages.outcome import StageOutcome
    from amcloud.stages.steering import suspension

    place, now = render.place(app, stage, domain=settings.domain), datetime.now(UTC)
    inventory, access = cluster.inventory(place.namespace), cluster.access(place)
    sources = Sources(cluster, settings, assets.hosting_templates())
    so_far = StageOutcome.begin(stage.name, inventory.revision)
    app, stage, so_far = within_budget(app, stage, so_far, sources, found)
    if inventory.revision is None or access is None:
        return so_far.sentence or NOTHING_YET, []
    if app.suspension is not None and gate.stops(app.suspension, now):
        live = cluster.live(inventory.keys)
        changes = compared(str(stage.name), suspension.stopping(live), live, cluster)
        return gate.suspended(app.suspension), _shown_ones(changes, place)
    want = desired(app, stage, place, inventory.revision, access, cluster.connectors(app), sources, now)
    live = cluster.live(want.keys)
    missing = missing_secrets(app, place, want.links, sources)
    waves = (Wave.FOUNDATION,) if missing else tuple(Wave)
    operations = tuple(one for wave in waves for one in apply.plan(want.objects, live, want.inventory, wave=wave))
    notes = (so_far.put_off, f"{missing} Jusque-là, rien de ce qui suit n'est appliqué." if missing else "")
    return " ".join(filter(None, notes)), _shown_ones(compared(str(stage.name), operations, live, cluster), place)


def _shown_ones(changes: Iterable[Change], place: Place) -> list[Change]:
    """All but the operator's own memory of the instance, which says the same thing again."""
    from amcloud.stages import apply
    from amcloud.stages.objects import difference
    from amcloud.stages.objects.operations import Key

    memory = difference.reference(Key("", "ConfigMap", place.namespace, apply.INVENTORY))
    return [one for one in changes if one.object != memory]


def _wanted(what: str, namespace: str, api: Api) -> Object:
    """The LocalApp as it would be: the declared one, or the file's with the identity of the declared one."""
    from amcloud.cli import render
    from amcloud.clients.local_apps import LocalApps
    from amcloud.errors import InvalidManifestError
    from amcloud.stages.conditions import rfc3339

    apps, file = LocalApps(api), Path(what)
    if what != STDIN and not file.is_file():
        return apps.find(what, namespace)
    content = sys.stdin.buffer.read(render.MANIFEST_MAX_BYTES + 1) if what == STDIN else file.read_bytes()
    found = render.local_app(render.documents(content, what), what)
    given = found.get("metadata")
    metadata = given if isinstance(given, dict) else {}
    where = namespace or str(metadata.get("namespace", ""))
    if not where:
        raise InvalidManifestError("metadata.namespace", "ce champ manque : dites-le dans le fichier, ou --namespace")
    before = apps.get(where, str(metadata.get("name", ""))) or {}
    declared = before.get("metadata", {})
    annotations = {**(declared.get("annotations") or {}), **(metadata.get("annotations") or {})}
    identity = {
        "uid": declared.get("uid", "nouvelle"),
        "generation": declared.get("generation", 1),
        "creationTimestamp": declared.get("creationTimestamp") or rfc3339(datetime.now(UTC)),
    }
    whole = {**metadata, **identity, "namespace": where, "annotations": annotations}
    return {**found, "metadata": whole, "status": before.get("status") or {}}


def _settings(api: Api) -> Settings:
    """The operator's own: from its environment when this runs in its pod, else from its ConfigMap.

    Raises:
        BrokenInstallationError: neither tells them all.
    """
    from amcloud.settings import Settings

    if "AMCLOUD_DATABASE_URL" in os.environ:  # a desk may know the domain, never this one
        return Settings.from_environment(os.environ)
    path = api.resource("", "ConfigMap").path(SYSTEM, SETTINGS)
    found = api.get(path, doing=f"lecture des réglages ({SYSTEM}/{SETTINGS})") or {}
    unused = dict.fromkeys(("AMCLOUD_FORGE_TOKEN", "AMCLOUD_DATABASE_URL", "AMCLOUD_WEBHOOK_TOKEN"), "")
    return Settings.from_environment({**unused, **(found.get("data") or {})})


def _shown(changes: list[Change], output: Form) -> str:
    from amcloud.cli import terminals
    from amcloud.stages.objects import difference

    if output is Form.JSON:
        found = [
            {"stage": one.stage, "object": one.object, "change": one.what, "diff": "\n".join(one.lines)}
            for one in changes
        ]
        return json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    if not changes:
        return "Aucune différence.\n"
    lines = [line for one in changes for line in one.lines]
    if terminals.coloured(sys.stdout):
        lines = list(difference.painted(lines))
    return "\n".join(lines) + "\n"
