"""Step 1: what is parsed, what is refused and in which words; any input is one or the other."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from amcloud_samples import ORGANISATIONS, manifest
from hypothesis import given
from hypothesis import strategies as st

from amcloud.errors import InvalidManifestError
from amcloud.settings import REQUESTED_AT
from amcloud.stages import manifest as stage
from amcloud.stages.declared.app import App, DeletionPolicy, Ref, RefKind, Stage, StageName, Track
from amcloud.stages.declared.cron import InvalidScheduleError, checked_schedule

NAMESPACES = {"cpam-bas-rhin": "671", "cpam-haut-rhin": "681"}


def parse(found: Any) -> App:
    return stage.parse(found, ORGANISATIONS, NAMESPACES.get)


def changed(path: str, value: Any) -> dict[str, Any]:
    """A valid manifest with one field set; ``a.b`` goes down, ``-`` as value removes it."""
    found = copy.deepcopy(manifest())
    here: Any = found
    *parents, last = path.split(".")
    for name in parents:
        here = here.setdefault(name, {})
    if value == "-":
        here.pop(last, None)
    else:
        here[last] = value
    return found


def test_defaults_are_filled_in() -> None:
    app = parse(manifest(organisations=None))
    assert app.organisations == ("671",)
    assert (app.hosting.size, app.hosting.min_replicas, app.hosting.max_replicas) == ("small", 2, 4)
    assert app.deletion_policy is DeletionPolicy.RETAIN
    assert (app.suspension, app.norm_pack, app.requested_at, app.deleting) == (None, None, None, False)


def test_stages_come_in_the_order_of_delivery_and_organisations_sorted() -> None:
    stages = [{"name": "production", "ref": {"tag": "v*"}}, {"name": "acceptance", "ref": {"branch": "main"}}]
    app = parse(manifest(stages=stages, organisations=["681", "671"]))
    assert app.stages == (
        Stage(StageName.ACCEPTANCE, Ref(RefKind.BRANCH, "main")),
        Stage(StageName.PRODUCTION, Ref(RefKind.TAG, "v*")),
    )
    assert app.organisations == ("671", "681")


def test_a_project_may_be_declared_with_neither_repository_nor_stages_nor_sponsor() -> None:
    app = parse(manifest(track="labellisation", lifecycle="projet", repository=None, stages=None))
    assert (app.track, app.repository, app.stages) == (Track.LABELLISATION, None, ())


def test_the_request_annotation_is_kept_when_it_is_decent() -> None:
    found = manifest()
    found["metadata"]["annotations"] = {REQUESTED_AT: "2026-03-02T08:00:00Z"}
    assert parse(found).requested_at == "2026-03-02T08:00:00Z"
    found["metadata"]["annotations"] = {REQUESTED_AT: "x" * 65}
    assert parse(found).requested_at is None


def test_development_serves_synthetic_organisations_alone() -> None:
    app = parse(manifest())
    development = Stage(StageName.DEVELOPMENT, Ref(RefKind.BRANCH, "develop"))
    assert stage.served(app, development, ORGANISATIONS) == stage.SYNTHETIC
    assert [o.code for o in stage.served(app, app.stages[0], ORGANISATIONS)] == ["671", "681"]


@pytest.mark.parametrize(
    ("path", "value", "field", "words"),
    [
        pytest.param("spec", [], "spec", "un objet est attendu", id="a list for the spec"),
        pytest.param("spec.titel", "x", "spec", "vouliez-vous dire « title »", id="a misspelt field"),
        pytest.param("spec.nimportequoi", 1, "spec", "champ inconnu", id="an unknown field"),
        pytest.param("spec.title", "-", "spec.title", "obligatoire", id="no title"),
        pytest.param("spec.title", 3, "spec.title", "un texte est attendu, trouvé un nombre entier", id="a number"),
        pytest.param("spec.title", "a\x00b", "spec.title", "caractère interdit", id="a control character"),
        pytest.param("spec.title", "x" * 121, "spec.title", "120 caractères au plus", id="too long a title"),
        pytest.param("spec.track", "nationale", "spec.track", "labellisation, homologation", id="an unknown track"),
        pytest.param("spec.track", ["homologation"], "spec.track", "un de ces mots", id="a list for a word"),
        pytest.param(
            "spec.owner.organisation", "999", "spec.owner.organisation", "n'est pas connu", id="unknown owner"
        ),
        pytest.param(
            "spec.owner.organisation", 671, "spec.owner.organisation", "un texte est attendu", id="a bare code"
        ),
        pytest.param(
            "spec.owner.organisation",
            "681",
            "spec.owner.organisation",
            "appartient à l'organisme",
            id="another's namespace",
        ),
        pytest.param(
            "metadata.namespace", "default", "spec.owner.organisation", "aucun organisme", id="a foreign namespace"
        ),
        pytest.param("metadata.name", "x" * 41, "metadata.name", "40 caractères", id="too long a name"),
        pytest.param("metadata.name", "Suivi", "metadata.name", "minuscules", id="capital letters"),
        pytest.param("metadata.name", "rapports", "metadata.name", "réservé", id="a host name of the platform"),
        pytest.param(
            "spec.repository.project",
            "cpam-haut-rhin/x",
            "spec.repository.project",
            "n'est pas sous le groupe",
            id="another's project",
        ),
        pytest.param(
            "spec.repository.project",
            "cpam-bas-rhin-2/x",
            "spec.repository.project",
            "n'est pas sous",
            id="a group's prefix",
        ),
        pytest.param(
            "spec.repository.project", "cpam-bas-rhin/../x", "spec.repository.project", "attendu", id="a path upwards"
        ),
        pytest.param("spec.repository", "-", "spec.repository", "obligatoire", id="stages without repository"),
        pytest.param("spec.stages", [], "spec.stages", "au moins une étape", id="a service without stage"),
        pytest.param(
            "spec.stages",
            [{"name": "recette", "ref": {"branch": "m"}}],
            "spec.stages[0].name",
            "development",
            id="unknown stage",
        ),
        pytest.param(
            "spec.stages",
            [{"name": "acceptance", "ref": {}}],
            "spec.stages[0].ref",
            "soit branch, soit tag",
            id="no ref",
        ),
        pytest.param(
            "spec.stages",
            [{"name": "acceptance", "ref": {"branch": "a..b"}}],
            "spec.stages[0].ref.branch",
            "branche",
            id="a bad branch",
        ),
        pytest.param(
            "spec.stages",
            [{"name": "acceptance", "ref": {"branch": "m"}}] * 2,
            "spec.stages",
            "deux fois",
            id="a stage twice",
        ),
        pytest.param(
            "spec.organisations", ["671", "999"], "spec.organisations[1]", "n'est pas connu", id="unknown tenant"
        ),
        pytest.param("spec.organisations", ["671", "671"], "spec.organisations", "deux fois", id="a tenant twice"),
        pytest.param(
            "spec.organisations", "671", "spec.organisations", "une liste est attendue", id="a text for a list"
        ),
        pytest.param(
            "spec.organisations", ["671"] * 201, "spec.organisations", "200 éléments au plus", id="too many tenants"
        ),
        pytest.param("spec.hosting.replicas.min", 0, "spec.hosting.replicas.min", "de 1 à 20", id="no replica"),
        pytest.param(
            "spec.hosting.replicas", {"min": 5, "max": 2}, "spec.hosting.replicas.max", "de 5 à 20", id="max below min"
        ),
        pytest.param(
            "spec.hosting.replicas.min", True, "spec.hosting.replicas.min", "trouvé un booléen", id="a boolean"
        ),
        pytest.param("spec.hosting.database.storage", "5G", "spec.hosting.database.storage", "5Gi", id="a bad size"),
        pytest.param(
            "spec.hosting.schedules",
            [{"name": "a", "schedule": "0 25 * * *", "command": ["x"]}],
            "spec.hosting.schedules[0].schedule",
            "heure",
            id="a 25th hour",
        ),
        pytest.param(
            "spec.hosting.schedules",
            [{"name": "a", "schedule": "0 6 * * *", "command": []}],
            "spec.hosting.schedules[0].command",
            "obligatoire",
            id="no command",
        ),
        pytest.param(
            "spec.suspend", {"reason": "x", "until": "demain"}, "spec.suspend.until", "2026-12-31", id="a bad date"
        ),
        pytest.param(
            "spec.suspend", {"reason": "x", "until": "2026-12-31"}, "spec.suspend.until", "2026-12-31", id="no zone"
        ),
        pytest.param("spec.suspend", {}, "spec.suspend.reason", "obligatoire", id="a suspension without reason"),
        pytest.param(
            "spec.track", "labellisation", "spec.sponsor", "commanditaire", id="labellisation without sponsor"
        ),
        pytest.param("spec.deletionPolicy", "delete", "spec.deletionPolicy", "Retain, Delete", id="a wrong policy"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_found(path: str, value: Any, field: str, words: str) -> None:
    with pytest.raises(InvalidManifestError) as caught:
        parse(changed(path, value))
    assert caught.value.field == field
    assert words in caught.value.problem


def test_a_hostile_value_is_quoted_short_and_on_one_line() -> None:
    with pytest.raises(InvalidManifestError) as caught:
        parse(manifest(track="x\n\x1b[31m" + "y" * 5000))
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


def test_data_is_kept_when_the_policy_cannot_be_read() -> None:
    assert stage.deletion_policy({"spec": {"deletionPolicy": 3}}) is DeletionPolicy.RETAIN
    assert stage.deletion_policy({"spec": None}) is DeletionPolicy.RETAIN
    assert stage.deletion_policy({"spec": {"deletionPolicy": "Delete"}}) is DeletionPolicy.DELETE


@pytest.mark.parametrize("text", ["0 6 * * 1-5", "*/5 * * * *", "0 0 1 jan sun", "1,2,3 0-4/2 ? * mon-fri"])
def test_a_schedule_as_kubernetes_reads_them_is_kept(text: str) -> None:
    assert checked_schedule(f" {text} ") == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@daily",
        "* * * *",
        "60 * * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 7",
        "5-1 * * * *",
        "*/0 * * * *",
        "² * * * *",
    ],
)
def test_any_other_schedule_is_refused(text: str) -> None:
    with pytest.raises(InvalidScheduleError):
        checked_schedule(text)


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["671", "main", "v*"])
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
_FIELDS = [
    "title",
    "description",
    "keywords",
    "owner",
    "track",
    "lifecycle",
    "criticality",
    "maturity",
    "domain",
    "support",
    "privacy",
    "sponsor",
    "repository",
    "stages",
    "organisations",
    "hosting",
    "normPack",
    "suspend",
    "deletionPolicy",
]
_NESTED = st.fixed_dictionaries(
    {},
    optional={
        "hosting": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("size", "replicas", "database", "schedules", "connectors", "secrets"), _JSON)
        ),
        "stages": st.lists(st.fixed_dictionaries({}, optional={"name": _JSON, "ref": _JSON}), max_size=3),
        "suspend": st.fixed_dictionaries({}, optional={"reason": _JSON, "until": _JSON}),
        "repository": st.fixed_dictionaries({}, optional={"project": _JSON, "credentialsRef": _JSON}),
    },
)


@given(st.dictionaries(st.sampled_from(_FIELDS), _JSON, max_size=5), _NESTED)
def test_any_spec_is_parsed_or_refused_and_never_crashes(replaced: dict[str, Any], nested: dict[str, Any]) -> None:
    found = manifest()
    found["spec"] |= replaced | nested
    _parsed_or_refused(found)


@given(_JSON, _JSON)
def test_any_manifest_is_parsed_or_refused_and_never_crashes(metadata: Any, spec: Any) -> None:
    _parsed_or_refused({"metadata": metadata, "spec": spec})


def _parsed_or_refused(found: dict[str, Any]) -> None:
    try:
        app = parse(found)
    except InvalidManifestError as error:
        assert error.field and str(error).isprintable()
    else:
        assert app.stages == () or app.source is not None
