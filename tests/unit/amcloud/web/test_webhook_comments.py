"""Comments and issues that a note waits for ask for a pass; all others ask for nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from amcloud.stages.to_forge import contests
from amcloud.web import webhook

PROJECT, NORMS = "cpam-bas-rhin/suivi-courriers", "normes/psram"
MARKER = contests.marker(PROJECT, 12, 3, "SEC-001")


def answered(body: dict[str, Any], project: str) -> tuple[str, list[str]]:
    asked: list[str] = []

    def ask(named: str) -> Sequence[object]:
        asked.append(named)
        return ("cpam-bas-rhin/suivi-courriers",)

    found = webhook.answer(json.dumps({**body, "project": {"path_with_namespace": project}}).encode(), ask)
    assert found.status in {200, 202}
    return found.result, asked


def comment(text: object, on: str = "MergeRequest", **more: Any) -> dict[str, Any]:
    return {"object_kind": "note", "object_attributes": {"note": text, "noteable_type": on}, **more}


@pytest.mark.parametrize(
    ("body", "project", "asked"),
    [
        pytest.param(comment("/psram contester SEC-001 non"), PROJECT, [PROJECT], id="a contest"),
        pytest.param(comment("Bien vu."), PROJECT, [], id="another comment"),
        pytest.param(comment(None), PROJECT, [], id="a comment without text"),
        pytest.param(comment("/psram contester SEC-001 non", "Commit"), PROJECT, [], id="on a commit"),
        pytest.param(comment("Retenue.", "Issue", issue={"description": MARKER}), NORMS, [PROJECT], id="an answer"),
        pytest.param(comment("Retenue.", "Issue", issue={"description": None}), NORMS, [], id="on another issue"),
        pytest.param(comment("Retenue.", "Issue", issue="x"), NORMS, [], id="on no issue"),
        pytest.param(
            {"object_kind": "issue", "object_attributes": {"description": MARKER}}, NORMS, [PROJECT], id="closed"
        ),
        pytest.param({"object_kind": "issue", "object_attributes": []}, NORMS, [], id="an issue without attributes"),
    ],
)
def test_only_what_changes_a_note_asks_for_a_pass(body: dict[str, Any], project: str, asked: list[str]) -> None:
    assert answered(body, project) == ("accepted" if asked else "ignored", asked)
