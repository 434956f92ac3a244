"""What a walk saw: in words, in one bounded message, and remembered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from amcloud_samples import ONE, ORGANISATIONS, START, image_of, manifest
from hypothesis import given
from hypothesis import strategies as st

from amcloud import assets
from amcloud.errors import BrokenInstallationError
from amcloud.stages.jobs import walk_job
from amcloud.stages.jobs.walk_job import AGAIN_S, DEADLINE_S, WALKER, Subject
from amcloud.stages.manifest import parse
from amcloud.stages.render import Access, Place, Revision
from amcloud.stages.seen import walk
from amcloud.stages.seen.isolation import Breach, Isolation, TableProbe
from amcloud.stages.seen.walk import MESSAGE_MOST, Kind, RouteProbe, Seen, Walk

LEAK = RouteProbe("GET", "/services", Kind.LIST, Seen.LEAK, "l'agent d'un autre organisme y lit ses données")
CLOSED = RouteProbe("GET", "/courriers/{id}", Kind.DETAIL, Seen.CLOSED)
DOUBT = RouteProbe("POST", "/pieces", Kind.UPLOAD, Seen.UNCOVERED, "réponse 500")
NOTHING = RouteProbe("GET", "/aide", Kind.LIST, Seen.NOTHING)
DAY_S = 86400.0
FAILED = {"type": "Failed", "status": "True"}


@pytest.mark.parametrize(
    ("seen", "isolated", "words"),
    [
        pytest.param((CLOSED, NOTHING), True, "Isolation constatée sur 1 table et 1 route.", id="closed"),
        pytest.param((CLOSED, DOUBT), None, "routes non couvertes : POST /pieces (réponse 500)", id="not covered"),
        pytest.param((DOUBT, LEAK), False, "sur les routes. GET /services : l'agent d'un autre", id="leak"),
        pytest.param((LEAK,) * 5, False, "et 2 autres", id="many leaks"),
    ],
)
def test_routes_give_one_answer_and_one_sentence(
    seen: tuple[RouteProbe, ...], isolated: bool | None, words: str
) -> None:
    found = Isolation((TableProbe("courrier"),), Walk(seen))
    assert found.isolated is isolated
    assert words in found.sentence()


def test_a_walk_that_could_not_be_made_is_no_proof() -> None:
    found = Isolation((TableProbe("courrier"),), Walk(problem="la sonde n'a pas fini en 300 s"))
    assert found.isolated is None
    assert found.sentence() == "Isolation non prouvée. la sonde n'a pas fini en 300 s."


probes = st.builds(
    RouteProbe,
    st.sampled_from(["GET", "POST"]),
    st.from_regex(r"/[a-z0-9{}/-]{0,60}", fullmatch=True),
    st.sampled_from(Kind),
    st.sampled_from(Seen),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), max_size=60),
)


@given(st.lists(probes, max_size=40))
def test_a_walk_is_read_as_it_was_written(routes: list[RouteProbe]) -> None:
    text = walk.message(Walk(tuple(routes)))
    found = walk.read(text)
    assert len(text) <= MESSAGE_MOST
    assert len(found.routes) + found.left_out == len(routes)
    assert set(found.routes) <= set(routes)


def test_a_message_without_room_for_all_routes_keeps_the_gravest() -> None:
    many = tuple(RouteProbe("GET", f"/{hash(i):x}/{i * 7919:x}/{i}", Kind.LIST, Seen.NOTHING) for i in range(900))
    found = walk.read(walk.message(Walk((*many, LEAK, DOUBT))))
    assert found.leaks == (LEAK,) and found.uncovered == (DOUBT,)
    assert found.left_out > 0


@given(st.text(max_size=200))
def test_any_other_message_is_no_walk(text: str) -> None:
    for candidate in (text, "amcloud-walk/1 " + text):
        with pytest.raises(ValueError):
            walk.read(candidate)


def subject(image: str = image_of(ONE).reference) -> Subject:
    app = parse(manifest(), ORGANISATIONS, lambda _namespace: "671")
    return Subject(
        app, Place("suivi-courriers-acceptance", "suivi.example", "suivi_courriers_acceptance"), Revision(ONE, image)
    )


def job(**status: object) -> dict[str, object]:
    return {"metadata": {"name": "sonde-x", "creationTimestamp": START.isoformat()}, "status": status}


def pod(name: str, kind: str = "containerStatuses", **terminated: object) -> dict[str, object]:
    return {"metadata": {"name": "p"}, "status": {kind: [{"name": name, "state": {"terminated": terminated}}]}}


@pytest.mark.parametrize(
    ("found", "pods", "after_s", "words"),
    [
        pytest.param(job(), (), 1, None, id="no pod yet"),
        pytest.param(job(), (), DEADLINE_S + 1, "n'a pas démarré", id="no pod in time"),
        pytest.param(
            job(), (pod("preparation", "initContainerStatuses", exitCode=1, message="SQLSTATE[42P01]"),), 5,
            "ne se prépare pas dans la base de la sonde (SQLSTATE[42P01])", id="its migrations fail",
        ),
        pytest.param(job(), (pod(WALKER, exitCode=137, reason="OOMKilled"),), 5, "(OOMKilled)", id="killed"),
        pytest.param(job(), (pod(WALKER, exitCode=1, reason="Error", message="x"),), 5, "(1)", id="crashed"),
        pytest.param(job(conditions=[FAILED]), (), 5, "n'a pas fini en 300 s", id="over its deadline"),
    ],
)  # fmt: skip
def test_a_walk_s_job_is_under_way_or_says_why_there_is_none(
    found: dict[str, object], pods: tuple[dict[str, object], ...], after_s: float, words: str | None
) -> None:
    over = walk_job.ended(found, pods, now=START + timedelta(seconds=after_s))
    assert (over is None) if words is None else (over is not None and words in over.problem)


def test_what_the_walker_said_is_what_was_seen() -> None:
    said = pod(WALKER, exitCode=0, reason="Completed", message=walk.message(Walk((CLOSED, LEAK))))
    over = walk_job.ended(job(), (said,), now=START)
    assert over is not None and set(over.routes) == {CLOSED, LEAK}


def test_what_was_seen_is_remembered_for_the_last_revisions() -> None:
    seen = walk_job.Seen(Isolation((TableProbe("note", (Breach.READ,)),), Walk((CLOSED,))), START)
    older = {f"ancienne-{i}": walk_job.Seen(Isolation(walk=Walk()), START - timedelta(days=i + 1)) for i in range(5)}
    written = walk_job.memory(subject(), {**older, subject().key: seen})
    found = walk_job.remembered(written)
    assert found[subject().key] == seen
    assert len(found) == walk_job.REMEMBERED
    assert walk_job.remembered({**written, "data": {**written["data"], "abîmé": "{"}}) == found


def test_another_image_is_another_subject() -> None:
    assert subject().key == subject().key != subject(image_of("b" * 40).reference).key


def test_instances_are_walked_again_in_turns_and_what_failed_soon() -> None:
    whole, failed = (walk_job.Seen(Isolation(walk=w), START) for w in (Walk(), Walk(problem="x")))
    soon, late = START + timedelta(seconds=AGAIN_S + 1), START + timedelta(seconds=DAY_S * 1.3)
    assert whole.fresh(soon, every_s=DAY_S, instance="a") and not failed.fresh(soon, every_s=DAY_S, instance="a")
    assert not whole.fresh(late, every_s=DAY_S, instance="a")
    turns = {whole.fresh(START + timedelta(seconds=DAY_S), every_s=DAY_S, instance=str(i)) for i in range(20)}
    assert turns == {True, False}


def test_the_walk_s_pod_is_restricted_and_holds_no_secret_but_its_own_database() -> None:
    access = Access("postgresql://a:p@base.example/b", "postgresql://o:q@base.example/b", "secret", "oidc-secret")
    made = walk_job.job(
        subject(), ["SMTP_DSN", "mauvais nom"], "localhost:5000/operateur@sha256:" + "0" * 64,
        templates=assets.walk_templates(), hosting=assets.hosting_templates(),
    )  # fmt: skip
    given_secret = walk_job.secret(subject(), walk_job.trial_access(access, "essai_sonde"))
    pod_spec = made["spec"]["template"]["spec"]
    assert pod_spec["automountServiceAccountToken"] is False and pod_spec["securityContext"]["runAsNonRoot"] is True
    for container in (*pod_spec["initContainers"], *pod_spec["containers"]):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        named = {one["name"]: one.get("value") for one in container["env"]}
        assert container["name"] == WALKER or (named["SMTP_DSN"], named["OIDC_ISSUER"]) == (
            "sonde",
            "http://127.0.0.1:8931",
        )
        assert "mauvais nom" not in named
    assert not [v for v in pod_spec["volumes"] if "secret" in v and v["secret"]["secretName"] != subject().name]
    text = str(given_secret["data"])
    assert set(given_secret["data"]) == {"database-url", "owner-database-url", "organisations.json"}
    assert walk_job.trial_access(access, "essai_sonde").app_url.endswith("/essai_sonde")
    assert "oidc-secret" not in text


def test_a_template_that_makes_something_else_is_refused() -> None:
    with pytest.raises(BrokenInstallationError, match="un Job est attendu"):
        walk_job.job(
            subject(), [], "image", templates={"10-x.yaml.j2": "kind: Pod\nmetadata: {}\n"},
            hosting=assets.hosting_templates(),
        )  # fmt: skip
