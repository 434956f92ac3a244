"""What people read of a change: only what changes, never a secret's value."""

from __future__ import annotations

from typing import Any

from amcloud.stages.objects import difference
from amcloud.stages.objects.operations import Apply, Key, Prune, Scale, key


def secret(**data: str) -> dict[str, Any]:
    metadata = {"name": "acces", "namespace": "x", "resourceVersion": "7", "managedFields": [{}], "uid": "u",
                "annotations": {difference.LAST_APPLIED: str(data), "a": "b"}}  # fmt: skip
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def config(text: str, **more: Any) -> dict[str, Any]:
    metadata = {"name": "reglage", "namespace": "x", **more}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"valeur": text}, "status": {"a": 1}}


def test_a_value_that_changes_is_shown_before_and_after() -> None:
    lines = difference.of(Apply(config("deux")), config("un", generation=3), config("deux", generation=4))
    assert [line for line in lines if line[:1] in "+-"] == [
        "--- ConfigMap/reglage (x)", "+++ ConfigMap/reglage (x)", "-  valeur: un", "+  valeur: deux",
    ]  # fmt: skip


def test_what_the_server_alone_writes_is_no_change() -> None:
    assert (
        difference.of(Apply(config("un")), config("un", resourceVersion="1"), config("un", resourceVersion="2")) == []
    )


def test_a_new_object_comes_from_nothing_and_a_pruned_one_goes_to_nothing() -> None:
    made = difference.of(Apply(config("un")), None, None)
    assert made[:2] == ["--- /dev/null", "+++ ConfigMap/reglage (x)"] and "+  valeur: un" in made
    gone = difference.of(Prune(key(config("un"))), config("un"), None)
    assert gone[:2] == ["--- ConfigMap/reglage (x)", "+++ /dev/null"] and "-  valeur: un" in gone


def test_a_scale_is_one_number() -> None:
    live = {"metadata": {"name": "a"}, "spec": {"replicas": 1}}
    lines = difference.of(Scale(Key("apps", "Deployment", "x", "a"), 2), live, None)
    assert lines[-2:] == ["-replicas: 1", "+replicas: 2"]


def test_no_value_of_a_secret_is_ever_shown_only_that_it_is_another() -> None:
    lines = difference.of(
        Apply(secret(cle="bm91dmVhdQ==", autre="aWRlbQ==")),
        secret(cle="YW5jaWVu", autre="aWRlbQ==", partie="dmEgcGFydGly"),
        secret(cle="bm91dmVhdQ==", autre="aWRlbQ=="),
    )
    text = "\n".join(lines)
    for value in ("bm91dmVhdQ==", "YW5jaWVu", "aWRlbQ==", "dmEgcGFydGly"):
        assert value not in text
    assert "+  cle: '*** (autre valeur)'" in lines and "-  partie: '***'" in lines
    assert not any(line.startswith(("+  autre", "-  autre")) for line in lines)


def test_colours_mark_what_goes_and_what_comes() -> None:
    assert list(difference.painted(["--- a", "-x", "+y", " z"])) == [
        "\x1b[1m--- a\x1b[0m", "\x1b[31m-x\x1b[0m", "\x1b[32m+y\x1b[0m", " z",
    ]  # fmt: skip


def test_a_very_long_line_is_cut() -> None:
    (line,) = [one for one in difference.of(Apply(config("é" * 5000)), None, None) if "valeur" in one]
    assert len(line) < 500 and line.endswith("…")
