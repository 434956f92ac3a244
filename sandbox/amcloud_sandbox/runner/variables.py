"""Variables of a pipeline as its jobs see them. Pure: the forge's description in, names and texts out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

Work = Mapping[str, Any]


def slug(text: str) -> str:
    """``text`` as GitLab writes it in ``…_SLUG`` variables."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:63].strip("-")


def predefined(work: Work, *, registry: str, message: str) -> dict[str, str]:
    """GitLab's own variables (https://docs.gitlab.com/ci/variables/predefined_variables/), the ones that we know."""
    url, path, sha, ref = work["url"], work["project_path"], work["sha"], work["ref"]
    server = urlsplit(url)
    namespace, _, name = path.rpartition("/")
    port = str(server.port or (443 if server.scheme == "https" else 80))
    found = {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_API_V4_URL": f"{url}/api/v4",
        "CI_COMMIT_BEFORE_SHA": work["before_sha"],
        "CI_COMMIT_MESSAGE": message,
        "CI_COMMIT_REF_NAME": ref,
        "CI_COMMIT_REF_SLUG": slug(ref),
        "CI_COMMIT_SHA": sha,
        "CI_COMMIT_SHORT_SHA": sha[:8],
        "CI_COMMIT_TITLE": message.split("\n", 1)[0],
        "CI_DEFAULT_BRANCH": work["default_branch"] or "",
        "CI_JOB_TOKEN": work["token"],
        "CI_PIPELINE_ID": str(work["id"]),
        "CI_PIPELINE_IID": str(work["iid"]),
        "CI_PIPELINE_SOURCE": work["source"],
        "CI_PIPELINE_URL": f"{url}/{path}/-/pipelines/{work['id']}",
        "CI_PROJECT_ID": str(work["project_id"]),
        "CI_PROJECT_NAME": name,
        "CI_PROJECT_NAMESPACE": namespace,
        "CI_PROJECT_PATH": path,
        "CI_PROJECT_PATH_SLUG": slug(path),
        "CI_PROJECT_ROOT_NAMESPACE": path.partition("/")[0],
        "CI_PROJECT_TITLE": work["project_name"],
        "CI_PROJECT_URL": f"{url}/{path}",
        "CI_REGISTRY": registry,
        "CI_REGISTRY_IMAGE": f"{registry}/{path}",
        "CI_SERVER": "yes",
        "CI_SERVER_FQDN": server.netloc,
        "CI_SERVER_HOST": server.hostname or "",
        "CI_SERVER_PORT": port,
        "CI_SERVER_PROTOCOL": server.scheme,
        "CI_SERVER_URL": url,
        "GITLAB_USER_EMAIL": work["user"]["email"],
        "GITLAB_USER_ID": str(work["user"]["id"]),
        "GITLAB_USER_LOGIN": work["user"]["username"],
        "GITLAB_USER_NAME": work["user"]["name"],
    }
    return {**found, "CI_COMMIT_TAG" if work["tag"] else "CI_COMMIT_BRANCH": ref}


def home_file(work: Work, variables: Mapping[str, str]) -> dict[str, Any]:
    """gitlab-ci-local's ``variables.yml``: predefined ones, then those of instance, groups, project and pipeline."""
    found: dict[str, Any] = {name: {"type": "variable", "values": {"*": text}} for name, text in variables.items()}
    for item in work["variables"]:
        kind = "file" if item["type"] == "file" else "variable"
        found[item["key"]] = {"type": kind, "values": {"*": item["value"]}}
    return {"global": found}


def secrets(work: Work) -> tuple[str, ...]:
    """Texts that no trace may show: the job's token and masked variables, longest first."""
    masked: Sequence[str] = [item["value"] for item in work["variables"] if item["masked"] and item["value"]]
    return tuple(sorted({work["token"], *masked}, key=len, reverse=True))
