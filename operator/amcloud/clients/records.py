"""Kubernetes objects ⇄ our values: what the cluster's client reads and writes besides rendered objects. Pure."""

from __future__ import annotations

import base64
import binascii
import copy
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from amcloud.masking import last_lines, one_line
from amcloud.settings import FIELD_MANAGER, GROUP, VERSION
from amcloud.stages.conditions import Event
from amcloud.stages.declared.app import SYNTHETIC_CODES, Allowance, App, Organisation, Stage, StageName
from amcloud.stages.declared.connectors import Connector, Consumer, Version
from amcloud.stages.declared.norms import NormPack
from amcloud.stages.objects.operations import Object
from amcloud.stages.render import MANAGED_BY, Access
from amcloud.stages.to_cluster import judgement
from psram.model import Report, ReportVerdict

CORRELATION: Final = f"{GROUP}/correlation"
DEBTS: Final = f"{MANAGED_BY}={FIELD_MANAGER},app.kubernetes.io/component=data-to-remove"
BLOCKING_MAX: Final = 10
_USERINFO: Final = re.compile(r"://[^\s:/@]{0,200}:(?P<password>[^\s/@]{1,400})@")
DEROGATIONS_MAX: Final = 50


def organisation(found: Object) -> Organisation | None:
    """An ``Organisation`` resource, ``None`` when it lacks what every use needs."""
    spec = found.get("spec")
    if not isinstance(spec, dict):
        return None
    code, name, label = (spec.get(field) for field in ("code", "name", "label"))
    if not (isinstance(code, str) and isinstance(name, str) and isinstance(label, str)):
        return None
    group, allowance = str(spec.get("forgeGroup") or label), _allowance(spec.get("quota"))
    if code.startswith(SYNTHETIC_CODES):
        return None  # no fund may be taken for one of the synthetic ones
    region = spec.get("region")
    near = {key: str(region.get(key) or "") for key in ("name", "referent")} if isinstance(region, dict) else {}
    return Organisation(
        code=code,
        name=name,
        label=label,
        forge_group=group,
        allowance=allowance,
        region=near.get("name", ""),
        referent=near.get("referent", ""),
    )


def _allowance(quota: Any) -> Allowance | None:
    """The bounds that can be read; one that cannot is none: the schema refuses it."""
    if not isinstance(quota, dict):
        return None
    known = {name: bound for name in ("yearlyEuros", "instances") if isinstance(bound := quota.get(name), int)}
    return Allowance(known.get("yearlyEuros"), known.get("instances")) if known else None


def connector(found: Object) -> Connector | None:
    """A ``Connector`` resource, ``None`` when it cannot be read."""
    try:
        spec = found["spec"]
        return Connector(
            name=str(found["metadata"]["name"]),
            title=str(spec["title"]),
            recommended=str(spec.get("recommended") or ""),
            versions=tuple(map(_version, spec["versions"])),
            consumers=tuple(map(_consumer, spec.get("authorised") or ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _version(found: Mapping[str, Any]) -> Version:
    ends = found.get("endOfLifeTime")
    moment = None if ends is None else datetime.fromisoformat(str(ends))
    if moment is not None and moment.tzinfo is None:
        raise ValueError(ends)
    return Version(
        name=str(found["name"]),
        endpoint=str(found["endpoint"]),
        test_endpoint=str(found.get("testEndpoint") or ""),
        addresses=tuple(map(str, found.get("addresses") or ())),
        ends_at=moment,
    )


def _consumer(found: Mapping[str, Any]) -> Consumer:
    test = found.get("testCredentialsRef")
    return Consumer(str(found["app"]), str(found["credentialsRef"]["name"]), str(test["name"]) if test else "")


def norm_pack(found: Object) -> NormPack | None:
    """A ``NormPack`` resource, ``None`` when it cannot be read."""
    try:
        spec = found["spec"]
        enforced = frozenset(StageName(s) for s, mode in spec["enforcement"].items() if mode == "Enforce")
        return NormPack(
            version=str(spec["version"]),
            digest=str(spec["digest"]),
            effective_at=datetime.fromisoformat(spec["effectiveTime"]),
            enforced=enforced,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def secret_value(secret: Object, name: str) -> str | None:
    """The decoded text under ``name``, ``None`` when absent or not text."""
    encoded = (secret.get("data") or {}).get(name)
    try:
        return None if encoded is None else base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, TypeError):
        return None


def secret_values(secret: Object) -> dict[str, str]:
    """Every decoded text of a Secret."""
    found = {name: secret_value(secret, name) for name in secret.get("data") or {}}
    return {name: value for name, value in found.items() if value is not None}


def hidden(secret: Object) -> tuple[str, ...]:
    """What a Secret holds that no journal may show: its values, their lines, and passwords inside addresses."""
    found: list[str] = []
    for value in secret_values(secret).values():
        lines = [line.strip() for line in value.splitlines()]
        passwords = [unquote(userinfo["password"]) for userinfo in _USERINFO.finditer(value)]
        found += [value.strip(), *lines, *passwords]
    return tuple(dict.fromkeys(found))


def access(secret: Object) -> Access | None:
    """An instance's credentials, ``None`` when one is missing."""
    names = ("database-url", "owner-database-url", "app-secret", "oidc-client-secret")
    values = [secret_value(secret, name) for name in names]
    found = [value for value in values if value]
    rotation = secret_value(secret, "rotation") or ""
    return replace(Access(*found), rotation=rotation) if len(found) == len(names) else None


def masked_pod(pod: Object) -> Object:
    """``pod`` with the messages of its containers bounded and without credentials."""
    safe = copy.deepcopy(dict(pod))
    status = safe.get("status") or {}
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        for moment in ("state", "lastState"):
            for state in (container.get(moment) or {}).values():
                if state.get("message"):
                    state["message"] = last_lines(str(state["message"]), joined="\n")
    return safe


def debt(operator_namespace: str, instance: str) -> dict[str, Any]:
    """The ConfigMap that remembers that an instance's data have yet to be removed."""
    labels = {MANAGED_BY: FIELD_MANAGER, "app.kubernetes.io/component": "data-to-remove"}
    metadata = {"name": f"data-to-remove-{instance}", "namespace": operator_namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"instance": instance}}


def event(manifest: Object, said: Event, *, name: str, now: str) -> dict[str, Any]:
    """A core Event about ``manifest``."""
    metadata = manifest["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": metadata["namespace"], **_correlated(said.correlation)},
        "involvedObject": {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "LocalApp",
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata.get("uid", ""),
        },
        "type": said.type,
        "reason": said.reason,
        "message": one_line(said.message, chars=1024),
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
    }


def _correlated(correlation: str) -> dict[str, Any]:
    """Metadata that name what brought the commit; none when that is not known."""
    return {"annotations": {CORRELATION: correlation}} if correlation else {}


def conformance_report(
    app: App, stage: Stage, report: Report, url: str, *, api_version: str, correlation: str = ""
) -> dict[str, Any]:
    """The ``ConformanceReport`` of a verdict. Its name says app, stage, commit and content, the day left out.

    ``correlation`` is beside the content, so that the same verdict found again is the same report.
    """
    spec = _report_spec(app, stage, report, url)
    told = {name: value for name, value in spec.items() if name != "evaluatedOn"}
    digest = sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]
    return {
        "apiVersion": api_version,
        "kind": "ConformanceReport",
        "metadata": {
            "name": f"{app.name}-{stage.name}-{report.commit[:12]}-{digest}",
            "namespace": app.namespace,
            **_correlated(correlation),
            "labels": {
                "app.kubernetes.io/name": app.name,
                MANAGED_BY: FIELD_MANAGER,
                f"{GROUP}/app": app.name,
                f"{GROUP}/stage": stage.name.value,
            },
            "ownerReferences": [
                {
                    "apiVersion": f"{GROUP}/{VERSION}",
                    "kind": "LocalApp",
                    "name": app.name,
                    "uid": app.uid,
                    "blockOwnerDeletion": False,
                    "controller": False,
                }
            ],
        },
        "spec": spec,
    }


def _report_spec(app: App, stage: Stage, report: Report, url: str) -> dict[str, Any]:
    until = judgement.conforming_until(report) if report.verdict is ReportVerdict.CONFORMING else None
    return {
        "app": app.name,
        "stage": stage.name.value,
        "track": app.track.value,
        "commit": report.commit,
        "pack": msgspec.to_builtins(report.pack),
        "engine": report.engine,
        "evaluatedOn": report.evaluated_on.isoformat(),
        "verdict": report.verdict.value,
        "sentence": one_line(report.sentence),
        "counts": dict.fromkeys(judgement.COUNTED.values(), 0) | judgement.counts(report),
        "blocking": [_blocking(result) for result in report.blocking()[:BLOCKING_MAX]],
        "derogations": list(report.derogations_used[:DEROGATIONS_MAX]),
        "reportURL": url,
        **({"conformingUntilTime": until} if until else {}),
        **({"horizon": one_line(report.horizon.sentence, chars=500)} if report.horizon else {}),
        **_advisories(report),
    }


def _advisories(report: Report) -> dict[str, Any]:
    """Which advisory database was asked, if one was."""
    if not report.advisories_digest or report.advisories_dated is None:
        return {}
    return {"advisories": {"digest": report.advisories_digest, "dated": report.advisories_dated.isoformat()}}


def _blocking(result: Any) -> dict[str, Any]:
    first = result.findings[0] if result.findings else None
    message = first.message if first else (result.missing_evidence or result.reason)
    said = {
        "rule": result.rule_id,
        "title": one_line(result.title, chars=200),
        "path": one_line(first.path, chars=300) if first else "",
        "line": first.line if first else 0,
        "message": one_line(message, chars=500),
        "remedy": one_line(result.remedy, chars=1000),
    }
    # absent rather than empty: a 1.20 server compiled by a recent Go takes "" for null
    return {name: value for name, value in said.items() if value}
