"""What commands about one application share: finding it, its stage, its addresses, and errors told in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from amcloud.cli.completion import app_names
from amcloud.cli.exits import Exit, refuse
from amcloud.cli.options import StageName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amcloud.stages.objects.operations import Object

Name = Annotated[str, typer.Argument(metavar="APP", help="Nom de l'application.", autocompletion=app_names)]
Namespace = Annotated[
    str, typer.Option("--namespace", "-n", metavar="ESPACE", help="Espace de sa LocalApp ; cherché sans elle.")
]
OfStage = Annotated[
    StageName | None, typer.Option("--stage", help="Étape ; la seule de l'application sans elle.", show_default=False)
]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the agents of one organisation go."""

    stage: str
    code: str
    name: str
    url: str


@contextmanager
def told(command: str) -> Iterator[None]:
    """Our errors become one sentence and the exit status that says who can do something about it."""
    from amcloud.clients.errands import NotYoursError
    from amcloud.clients.kubernetes_api import ForbiddenError
    from amcloud.errors import AmcloudError, InvalidManifestError, UnavailableError

    try:
        yield
    except InvalidManifestError as error:
        refuse(command, str(error))
    except UnavailableError as error:
        refuse(command, str(error), Exit.COULD_NOT_TELL)
    except NotYoursError as error:
        refuse(command, str(error), Exit.REFUSED)
    except ForbiddenError as error:
        refuse(command, f"vous n'en avez pas le droit ({error})", Exit.REFUSED)
    except AmcloudError as error:
        refuse(command, str(error), Exit.COULD_NOT_TELL)


def find(command: str, name: str, namespace: str) -> Object:
    """The LocalApp as it is now, for those who only look; the command ends when it cannot be found."""
    from amcloud.clients import desk
    from amcloud.clients.local_apps import LocalApps

    with told(command):
        return LocalApps(desk.api()).find(name, namespace)


def stage_of(found: Object, asked: StageName | None) -> str:
    """The stage that is meant: the one asked for, else the only one.

    Raises:
        InvalidManifestError: the application has no stage, not that one, or several and none was named.
    """
    from amcloud.errors import InvalidManifestError

    spec = found.get("spec") or {}
    declared = [str(one["name"]) for one in spec.get("stages") or ()]
    if not declared or spec.get("track") == "hors-standard":
        raise InvalidManifestError(str(found["metadata"]["name"]), "cette application n'est pas hébergée")
    if asked is not None and asked.value not in declared:
        raise InvalidManifestError("--stage", f"« {asked.value} » n'est pas dans spec.stages ({', '.join(declared)})")
    if asked is None and len(declared) > 1:
        raise InvalidManifestError("--stage", f"plusieurs étapes : choisissez entre {', '.join(declared)}")
    return asked.value if asked is not None else declared[0]


def stages(found: Object) -> list[Mapping[str, Any]]:
    """What the status says of each stage."""
    return [dict(one) for one in (found.get("status") or {}).get("stages") or ()]


def addresses(found: Object, organisations: Mapping[str, Object], stage: StageName | None = None) -> list[Address]:
    """Where each organisation served goes, by stage; nothing for a stage that was never in service."""
    from amcloud.stages.manifest import SYNTHETIC

    spec = found.get("spec") or {}
    real = [(code, organisations[code]["spec"]) for code in _codes(spec) if code in organisations]
    served = [(code, str(one["name"]), str(one["label"])) for code, one in real]
    synthetic = [(one.code, one.name, one.label) for one in SYNTHETIC]
    listed = []
    for one in stages(found):
        name = str(one.get("name"))
        if one.get("url") and (stage is None or stage.value == name):
            people = synthetic if name == StageName.DEVELOPMENT else served
            listed += [Address(name, code, title, _on(str(one["url"]), label)) for code, title, label in people]
    return listed


def _codes(spec: Mapping[str, Any]) -> list[str]:
    owner = str((spec.get("owner") or {}).get("organisation", ""))
    others = [str(code) for code in spec.get("organisations") or ()]
    return [owner, *sorted(code for code in others if code != owner)] if owner in others or not others else others


def _on(url: str, label: str) -> str:
    """The same instance on the host of another organisation: the first word of the host is the organisation's."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{label}.{parts.netloc.partition('.')[2]}").geturl()
