"""The Jenkinsfile is Groovy, as Jenkins (Groovy 2.4) reads it, and each step that it calls is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from amcloud import assets

GROOVY, JAVA = shutil.which("groovy"), shutil.which("java")
PARSE = """
import org.codehaus.groovy.control.*
def unit = new CompilationUnit()
unit.addSource('Jenkinsfile', System.in)
try { unit.compile(Phases.CONVERSION) }
catch (CompilationFailedException e) { System.err.println(e.message); System.exit(1) }
"""


def text() -> str:
    return (assets.folder("pipelines") / "Jenkinsfile").read_text(encoding="utf-8")


def complaint(jenkinsfile: str, folder: Path) -> str:
    """What Groovy finds wrong, ``""`` for nothing."""
    assert GROOVY and JAVA
    (folder / "parse.groovy").write_text(PARSE, encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "JAVA_HOME": str(Path(JAVA).resolve().parents[1]), "HOME": str(folder)}
    done = subprocess.run(
        [GROOVY, str(folder / "parse.groovy")], input=jenkinsfile, env=environment, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stderr


@pytest.mark.skipif(not (GROOVY and JAVA), reason="groovy (paquet Debian, 2.4 comme Jenkins) n'est pas installé ici")
@pytest.mark.parametrize(
    ("found", "put", "well"),
    [
        pytest.param("", "", True, id="as it is"),
        pytest.param("stage('Tests') {", "stage('Tests' {", False, id="a parenthesis is missing"),
        pytest.param("sh 'sh \"$AMCLOUD_PIPELINES/steps/sbom.sh\"'", "sh 'sh", False, id="a quotation mark is missing"),
    ],
)
def test_groovy_reads_it(tmp_path: Path, found: str, put: str, well: bool) -> None:
    assert found in text()
    said = complaint(text().replace(found, put, 1) if found else text(), tmp_path)
    assert (said == "") is well, said


def test_every_step_that_it_calls_is_there_and_every_variable_that_the_steps_want_is_given() -> None:
    folder = assets.folder("pipelines") / "steps"
    called = re.findall(r"steps/(\w+\.sh)", text())
    assert called and all((folder / name).is_file() for name in called)
    given = set(re.findall(r"^\s*([A-Z][A-Z0-9_]+) = ", text(), re.MULTILINE)) | set(
        re.findall(r"'([A-Z_]{6,})'", text())
    )
    said = set(re.findall(r"[A-Z][A-Z0-9_]{5,}", text().partition("environment {")[2].partition("CI_COMMIT_SHA =")[0]))
    wanted = {
        name
        for step in called
        for name in re.findall(r"\$\{?(CI_[A-Z_]+|AMCLOUD_[A-Z_]+)\}?", (folder / step).read_text(encoding="utf-8"))
        if f"{name}:-" not in (folder / step).read_text(encoding="utf-8")
    }
    assert wanted <= given | said, wanted - given - said
