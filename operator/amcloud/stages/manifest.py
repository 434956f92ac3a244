"""Step 1: the untrusted manifest becomes an :class:`App`, with every default filled in, or a refusal naming the field.

Nobody reads ``spec`` after this module. The same rules stand in the CRD (schema and CEL); they are checked again here,
since servers before 1.25 do not evaluate CEL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from amcloud.errors import InvalidManifestError
from amcloud.settings import INTENTION, REQUESTED_AT, ROTATE
from amcloud.stages.declared import intention
from amcloud.stages.declared.app import (
    App,
    Authority,
    ConnectorUse,
    Criticality,
    DeletionPolicy,
    Domain,
    Engine,
    Hosting,
    Lifecycle,
    Maturity,
    Organisation,
    Privacy,
    Ref,
    RefKind,
    Repository,
    Rotation,
    Schedule,
    Service,
    Size,
    Stage,
    StageName,
    Suspension,
    Track,
)
from amcloud.stages.declared.fields import DNS_LABEL, NAME_LIKE, SECRET, VERSION, Fields, shown
from amcloud.stages.declared.hosting_fields import hosting

__all__ = [
    "SYNTHETIC",
    "App",
    "ConnectorUse",
    "Criticality",
    "DeletionPolicy",
    "Domain",
    "Engine",
    "Hosting",
    "Lifecycle",
    "Maturity",
    "Organisation",
    "Privacy",
    "Ref",
    "RefKind",
    "Repository",
    "Rotation",
    "Schedule",
    "Size",
    "Stage",
    "StageName",
    "Suspension",
    "Track",
    "deletion_policy",
    "parse",
    "served",
    "suspension",
]

SYNTHETIC = (
    Organisation("991", "Organisme fictif A", "fictif-a", "fictif-a"),
    Organisation("992", "Organisme fictif B", "fictif-b", "fictif-b"),
)
"""The only organisations that a development instance serves: no real agent's data goes there."""

RESERVED = frozenset(
    {"acceptance", "api", "connexion", "development", "forge", "portail", "production", "rapports"}
) | {
    "registre",
    "store",
    "webhooks",
    "www",
}
"""Names that are host names of the platform under the same domain."""

_CODE = re.compile(r"[0-9]{3}")
_PROJECT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+")
_REF = re.compile(r"(?!/)(?!.*(//|\.\.|@\{|\.lock$))[A-Za-z0-9._/+@-]*[A-Za-z0-9_+@-]")
_TAG = re.compile(r"[A-Za-z0-9._/+*?-]+")
_REQUEST = re.compile(r"(?P<token>[A-Za-z0-9:.+-]{1,40})(?P<app_secret>/app-secret)?")

NAME_LONGEST = 40
MOST_ORGANISATIONS = 200


def parse(
    manifest: Mapping[str, Any],
    organisations: Mapping[str, Organisation],
    namespace_organisation: Callable[[str], str | None],
) -> App:
    """The application that a LocalApp asks for.

    Raises:
        InvalidManifestError: naming the first wrong field in the order of the documentation, with what was found.
    """
    metadata, spec = Fields.of("metadata", manifest.get("metadata")), Fields.of("spec", manifest.get("spec"))
    spec.only(
        *("title", "description", "keywords", "owner", "track", "lifecycle", "criticality", "maturity", "domain"),
        *("support", "privacy", "sponsor", "repository", "stages", "organisations", "hosting", "normPack", "suspend"),
        "deletionPolicy",
    )
    name = metadata.text("name", longest=NAME_LONGEST, pattern=DNS_LABEL, like=NAME_LIKE)
    if name in RESERVED:
        raise metadata.refuse("name", f"le nom {shown(name)} est réservé à la plateforme")
    _catalogue_entry(spec)
    owner = _owner(spec.child("owner"), metadata, organisations, namespace_organisation)
    track, lifecycle = spec.choice("track", Track), spec.choice("lifecycle", Lifecycle, Lifecycle.SERVICE)
    app = App(
        name=name,
        namespace=metadata.text("namespace", longest=63),
        uid=metadata.text("uid", longest=64),
        generation=metadata.number("generation", 1, least=1, most=2**62),
        title=spec.text("title", longest=120),
        owner=owner.code,
        track=track,
        lifecycle=lifecycle,
        criticality=spec.choice("criticality", Criticality, Criticality.STANDARD),
        maturity=spec.choice("maturity", Maturity, Maturity.PROTOTYPE),
        privacy=_privacy(spec.child("privacy")),
        register=spec.child("privacy").optional_text("register", longest=64) or "",
        sponsor=spec.optional_text("sponsor", longest=120),
        repository=_repository(spec, owner),
        stages=tuple(_asked(metadata, one) for one in _stages(spec)),
        organisations=_organisations(spec, owner, organisations),
        hosting=hosting(spec.child("hosting")),
        norm_pack=_norm_pack(spec.child("normPack")),
        suspension=_suspension(spec),
        deletion_policy=deletion_policy(manifest, strict=True),
        requested_at=_requested_at(metadata),
        deleting=metadata.has("deletionTimestamp"),
    )
    _agree(app, spec)
    return app


def served(
    app: App, stage: Stage, organisations: Mapping[str, Organisation], subscribed: Iterable[str] = ()
) -> tuple[Organisation, ...]:
    """Organisations that the instance of a stage serves: the manifest's, then those of approved subscriptions, by code.

    In development, synthetic ones alone.
    """
    if stage.name is StageName.DEVELOPMENT:
        return SYNTHETIC
    codes = dict.fromkeys((*app.organisations, *sorted(subscribed)))
    return tuple(organisations[code] for code in codes if code in organisations)


def deletion_policy(manifest: Mapping[str, Any], *, strict: bool = False) -> DeletionPolicy:
    """What becomes of the data; a manifest that is wrong keeps them, unless ``strict`` makes that an error."""
    try:
        return Fields.of("spec", manifest.get("spec")).choice("deletionPolicy", DeletionPolicy, DeletionPolicy.RETAIN)
    except InvalidManifestError:
        if strict:
            raise
        return DeletionPolicy.RETAIN


def _catalogue_entry(spec: Fields) -> None:
    """Fields that only the catalogue shows: checked, not kept."""
    spec.text("title", longest=120)
    spec.optional_text("description", longest=2000)
    spec.texts("keywords", most=20, longest=40)
    spec.choice("domain", Domain, Domain.AUTRE)
    support = spec.child("support")
    support.only("level1", "level2", "userClub")
    for name in support.values:
        support.optional_text(name, longest=254)


def _owner(
    owner: Fields,
    metadata: Fields,
    organisations: Mapping[str, Organisation],
    namespace_organisation: Callable[[str], str | None],
) -> Organisation:
    owner.only("organisation", "contact")
    code = owner.text("organisation", longest=3, pattern=_CODE, like="un code à 3 chiffres")
    owner.optional_text("contact", longest=254)
    if code not in organisations:
        raise owner.refuse("organisation", f"l'organisme {shown(code)} n'est pas connu (kubectl get organisations)")
    namespace = metadata.text("namespace", longest=63)
    belongs_to = namespace_organisation(namespace)
    if belongs_to != code:
        whose = f"appartient à l'organisme {shown(belongs_to)}" if belongs_to else "n'appartient à aucun organisme"
        raise owner.refuse("organisation", f"l'espace de noms {shown(namespace)} {whose}, pas à {shown(code)}")
    return organisations[code]


def _privacy(privacy: Fields) -> Privacy:
    privacy.only("classification", "register")
    return privacy.choice("classification", Privacy, Privacy.NONE)


def _repository(spec: Fields, owner: Organisation) -> Repository | None:
    if not spec.has("repository"):
        return None
    repository = spec.child("repository")
    repository.only("project", "credentialsRef")
    project = repository.text("project", longest=255, pattern=_PROJECT, like="un chemin comme groupe/projet")
    if not project.startswith(f"{owner.forge_group}/"):
        raise repository.refuse(
            "project", f"{shown(project)} n'est pas sous le groupe « {owner.forge_group} » de l'organisme {owner.code}"
        )
    if not repository.has("credentialsRef"):
        return Repository(project)
    reference = repository.child("credentialsRef")
    reference.only("name")
    return Repository(project, reference.text("name", longest=253, pattern=SECRET, like="un nom de Secret"))


def _stages(spec: Fields) -> tuple[Stage, ...]:
    stages = spec.distinct("stages", spec.items("stages", _stage, most=len(StageName)), key=lambda stage: stage.name)
    return tuple(sorted(stages, key=lambda stage: list(StageName).index(stage.name)))


def _stage(path: str, value: object) -> Stage:
    stage = Fields.of(path, value)
    stage.only("name", "ref", "size")
    name, ref = stage.choice("name", StageName), stage.child("ref")
    size = stage.choice("size", Size) if stage.has("size") else None
    ref.only("branch", "tag")
    if ref.has("branch") == ref.has("tag"):
        raise stage.refuse("ref", "il faut soit branch, soit tag")
    if ref.has("branch"):
        branch = ref.text("branch", longest=200, pattern=_REF, like="un nom de branche")
        return Stage(name, Ref(RefKind.BRANCH, branch), size=size)
    tag = ref.text("tag", longest=200, pattern=_TAG, like="un motif d'étiquettes")
    return Stage(name, Ref(RefKind.TAG, tag), size=size)


def _organisations(spec: Fields, owner: Organisation, known: Mapping[str, Organisation]) -> tuple[str, ...]:
    codes = spec.texts("organisations", most=MOST_ORGANISATIONS, longest=3, pattern=_CODE, like="un code à 3 chiffres")
    for index, code in enumerate(codes):
        if code not in known:
            raise spec.refuse(
                f"organisations[{index}]", f"l'organisme {shown(code)} n'est pas connu (kubectl get organisations)"
            )
    return tuple(sorted(codes)) or (owner.code,)


def _norm_pack(pack: Fields) -> str | None:
    pack.only("version")
    return pack.optional_text("version", longest=63, pattern=VERSION, like="une version comme psram-2026.2")


def _suspension(spec: Fields) -> Suspension | None:
    if not spec.has("suspend"):
        return None
    return suspension(spec.child("suspend"), Authority.ORGANISATION)


def suspension(written: Fields, by: Authority) -> Suspension:
    """A suspension as somebody wrote it, in ``spec.suspend`` or in a ``Suspension`` of its own."""
    written.only("reason", "until", "author", "service")
    return Suspension(
        written.text("reason", longest=500),
        written.moment("until"),
        author=written.optional_text("author", longest=100) or "",
        service=written.choice("service", Service, Service.KEEP),
        by=by,
    )


def _requested_at(metadata: Fields) -> str | None:
    annotations = metadata.child("annotations")
    value = annotations.values.get(REQUESTED_AT)
    return value if isinstance(value, str) and len(value) <= 64 and value.isprintable() else None  # noqa: PLR2004


def _asked(metadata: Fields, stage: Stage) -> Stage:
    """The stage with what people asked of it by annotations."""
    wanted = intention.read(metadata.child("annotations").values.get(INTENTION + stage.name))
    return replace(stage, rotation=_rotation(metadata, stage.name), intention=wanted)


def _rotation(metadata: Fields, stage: StageName) -> Rotation | None:
    """The request for new credentials; one that is not written as ``amcloud rotate-credentials`` does is none."""
    value = metadata.child("annotations").values.get(ROTATE + stage)
    found = _REQUEST.fullmatch(value) if isinstance(value, str) else None
    return Rotation(found["token"], found["app_secret"] is not None) if found else None


def _agree(app: App, spec: Fields) -> None:
    """Rules between fields."""
    undeclared = app.lifecycle is Lifecycle.PROJET or app.track is Track.HORS_STANDARD
    if app.repository is None and (app.stages or not undeclared):
        raise spec.refuse("repository", "ce champ est obligatoire pour un service hébergé, et dès qu'il y a des stages")
    if not app.stages and not undeclared:
        raise spec.refuse("stages", "au moins une étape est obligatoire pour un service hébergé")
    if app.track is Track.LABELLISATION and app.lifecycle is Lifecycle.SERVICE and app.sponsor is None:
        raise spec.refuse("sponsor", "la filière labellisation demande un commanditaire (direction de la Cnam)")
