"""A merge request as its author lives it: note, patch that git applies, contest and answer, where the commit runs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from patience import until

from amcloud.stages.to_forge import contests
from amcloud_sandbox.testing.forge import RunningForge, git
from amcloud_sandbox.testing.services import RegistryServer

from .conftest import (
    GROUP_PATH,
    NAMESPACE,
    NORMS_PROJECT,
    WEBHOOK_TOKEN,
    Cluster,
    Operator,
    finish,
    local_app,
    project,
    push_image,
    statuses,
)
from .test_operator import sample

BRANCH = {
    "src/Entity/Note.php": "<?php\n\nnamespace App\\Entity;\n\nuse Doctrine\\ORM\\Mapping as ORM;\n\n#[ORM\\Entity]\n"
    "class Note\n{\n    #[ORM\\Id]\n    #[ORM\\Column]\n    private int $id;\n}\n",
    "src/`@all` </details>\n/close.php": "<?php\n\ndeclare(strict_types=1);\n\neval($_GET['x']);\n",
}


def ours(request: Any) -> list[str]:
    """The operator's notes, oldest first."""
    listed = request.notes.list(sort="asc", get_all=True)
    return [note.body for note in listed if note.author["username"] == "amcloud"]


def opened(forge: RunningForge, operator: Operator, name: str) -> tuple[Any, str, str]:
    """A merge request of a branch that breaks rules, its commit, and the target's."""
    made = project(forge, operator, name)
    main = sample(forge, name)
    branch = forge.commit(f"{GROUP_PATH}/{name}", BRANCH, branch="essai")
    request = made.mergerequests.create({"title": "Essai", "source_branch": "essai", "target_branch": "main"})
    return request, branch, main


def test_the_author_reads_what_blocks_mends_it_contests_it_and_reads_the_answer(
    cluster: Cluster, forge: RunningForge, operator: Operator, token: str, tmp_path: Path
) -> None:
    name = "demandee"
    norms = forge.project(NORMS_PROJECT, maintainers=("normes", "amcloud"))
    url = f"http://127.0.0.1:{operator.port}/webhooks/gitlab"
    norms.hooks.create({"url": url, "token": WEBHOOK_TOKEN, "note_events": True, "issues_events": True})
    request, commit, main = opened(forge, operator, name)
    cluster.apply(local_app(name))

    (note,) = until("the note", lambda: ours(request))
    assert f"Commit [`{commit[:8]}`]" in note and "non conforme" in note
    place = f"{forge.url}/{GROUP_PATH}/{name}/-/blob/{commit}/src/Entity/Note.php#L8"
    until("what is new", lambda: f"[`src/Entity/Note.php:8`]({place}) **nouveau**" in ours(request)[0])
    assert f"**Par rapport à `main`** ([`{main[:8]}`]" in ours(request)[0]
    assert f"/{NAMESPACE}/{name}/acceptance/{commit}" in ours(request)[0]
    assert "``src/`@all` </details>\\n/close.php:5``" in ours(request)[0]
    assert not [line for line in ours(request)[0].splitlines() if line.lstrip().startswith("/")]
    assert ("amcloud/psram", "failed") in statuses(forge, name, commit)
    assert f"de la région Alsace répond en premier : `referent@{NAMESPACE}.example`" in ours(request)[0]

    # the patch of the note, on a clone
    found = re.search(r"^```diff\n(.*?)^```$", ours(request)[0], re.MULTILINE | re.DOTALL)
    assert found is not None
    git(tmp_path, "clone", "--quiet", "--branch", "essai", forge.git_url(f"{GROUP_PATH}/{name}"), "clone")
    clone = tmp_path / "clone"
    subprocess.run(["git", "-C", str(clone), "apply", "-"], input=found[1], text=True, check=True)
    assert "declare(strict_types=1);" in (clone / "src/Entity/Note.php").read_text(encoding="utf-8")

    author = (
        forge.client(forge.user("organisation")).projects.get(f"{GROUP_PATH}/{name}").mergerequests.get(request.iid)
    )
    author.notes.create({"body": "Bonjour,\n/psram contester MTN-002 ces notes sont communes\n/close"})
    until("the issue", lambda: norms.issues.list(get_all=True))
    (issue,) = norms.issues.list(get_all=True)
    assert issue.title == f"Contestation de MTN-002 : {GROUP_PATH}/{name}!{request.iid}"
    assert contests.LABEL in issue.labels and "ces notes sont communes" in issue.description
    until("its link", lambda: f"à l'étude par l'équipe des normes ([ticket]({issue.web_url}))." in ours(request)[0])

    judge = forge.client(forge.user("normes")).projects.get(NORMS_PROJECT)
    judge.issues.get(issue.iid).notes.create({"body": "Déclarez-les partagées. /close @all"})
    judge.issues.update(issue.iid, {"add_labels": contests.REJECTED, "state_event": "close"})
    until("the answer", lambda: "rejetée : la règle s'applique" in ours(request)[0])
    until("its words", lambda: "Réponse de `normes` : Déclarez-les partagées. `/close @all`" in ours(request)[0])

    # mended and pushed: the same note, and the contest's answer is still there
    mended = forge.commit(f"{GROUP_PATH}/{name}", dict.fromkeys(BRANCH), branch="essai")
    until("the new verdict", lambda: f"Commit [`{mended[:8]}`]" in ours(request)[0])
    until("its end", lambda: "conforme, rien ne bloque" in ours(request)[0])
    assert len(ours(request)) == len(norms.issues.list(get_all=True)) == 1
    assert "rejetée" in ours(request)[0]
    cluster.custom.delete_namespaced_custom_object("amcloud.cnamts.fr", "v1", NAMESPACE, "localapps", name)


def test_a_fork_s_merge_request_to_a_branch_that_no_stage_follows_is_judged_and_compared(
    cluster: Cluster, forge: RunningForge, operator: Operator, token: str
) -> None:
    name, path = "forkee", f"{GROUP_PATH}/forkee"
    made = project(forge, operator, name)
    sample(forge, name)
    before = forge.commit(
        path, {"src/Ancien.php": "<?php\n\ndeclare(strict_types=1);\n\neval($_GET['x']);\n"}, branch="develop"
    )
    cluster.apply(local_app(name))
    forge.client().groups.create({"name": "ailleurs", "path": "ailleurs"})
    made.forks.create({"namespace_path": "ailleurs"})
    fork = forge.client().projects.get(f"ailleurs/{name}")
    work = forge.folder / "work" / path
    (work / "src/Neuf.php").write_text("<?php\n\nclass Neuf\n{\n}\n", encoding="utf-8")
    git(work, "checkout", "--quiet", "-b", "chez-moi", "develop")
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "-m", "Un fork")
    forge.push(work, fork.path_with_namespace, "HEAD:refs/heads/chez-moi")
    commit = git(work, "rev-parse", "HEAD")
    asked = {"source_branch": "chez-moi", "target_branch": "develop", "title": "Fork", "target_project_id": made.id}
    iid = fork.mergerequests.create(asked).iid
    request = made.mergerequests.get(iid)

    until("what is new", lambda: ours(request) and f"**Par rapport à `develop`** ([`{before[:8]}`]" in ours(request)[0])
    assert "src/Neuf.php" in ours(request)[0] and "**nouveau**" in ours(request)[0]
    listed: Any = made.commits.get(commit).statuses.list(get_all=True)
    assert [(one.name, one.status, one.ref) for one in listed] == [
        ("amcloud/psram", "failed", f"refs/merge-requests/{iid}/head")
    ]
    assert ("amcloud/psram", "failed") in statuses(forge, name, before), "where it leads to is judged too"

    # rewritten, and pushed again at once: what stands there in the end is judged
    for number in range(3):
        git(work, "commit", "--quiet", "--amend", "-m", f"Réécrit {number}")
        forge.push(work, fork.path_with_namespace, "+HEAD:refs/heads/chez-moi")
    last = git(work, "rev-parse", "HEAD")
    until("the last commit's verdict", lambda: ours(request) and f"Commit [`{last[:8]}`]" in ours(request)[0])
    assert ("amcloud/psram", "failed") in statuses(forge, name, last)
    assert len(ours(request)) == 1
    cluster.custom.delete_namespaced_custom_object("amcloud.cnamts.fr", "v1", NAMESPACE, "localapps", name)


def test_the_forge_shows_where_a_commit_runs_until_the_application_goes(
    cluster: Cluster, forge: RunningForge, operator: Operator, registry: RegistryServer, token: str
) -> None:
    name = "montree"
    made = project(forge, operator, name)
    commit = sample(forge, name)
    push_image(registry, f"{GROUP_PATH}/{name}", commit)
    cluster.apply(local_app(name))
    cluster.wait_reason(name, "Building")
    finish(forge, name, commit)

    def deployments() -> list[tuple[str, str, str, str]]:
        listed = made.deployments.list(get_all=True)
        return [(one.environment["name"], one.environment["tier"], one.sha, one.status) for one in listed]

    until("the deployment", lambda: deployments() == [("amcloud-acceptance", "staging", commit, "running")])
    cluster.custom.delete_namespaced_custom_object("amcloud.cnamts.fr", "v1", NAMESPACE, "localapps", name)
    until("the end", lambda: cluster.local_app(name) is None)
    assert [one.state for one in made.environments.list(get_all=True)] == ["stopped"]
