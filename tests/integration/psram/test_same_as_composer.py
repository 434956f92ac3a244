"""What the engine recomputes without Composer is what Composer itself says (Debian's, run for real)."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from psram import advisories, versions
from psram.collect import composer, php_json

COMPOSER = Path("/usr/share/php/Composer/autoload.php")
LACKING = shutil.which("php") is None or not COMPOSER.exists()
pytestmark = pytest.mark.skipif(
    LACKING and "CI" not in os.environ,  # where they must be there, their absence fails
    reason="Debian's composer and php are not installed",
)

HASHES = """
require '/usr/share/php/Composer/autoload.php';
foreach (json_decode(stream_get_contents(STDIN)) as $text) {
    try { echo Composer\\Package\\Locker::getContentHash($text), "\\n"; } catch (Throwable) { echo "refused\\n"; }
}
"""
ALLOWS = """
require '/usr/share/php/Composer/autoload.php';
foreach (json_decode(stream_get_contents(STDIN)) as [$constraint, $version]) {
    try { echo Composer\\Semver\\Semver::satisfies($version, $constraint) ? '1' : '0'; } catch (Throwable) { echo '?'; }
}
"""


def php(code: str, given_values: Any) -> str:
    done = subprocess.run(
        ["php", "-d", "error_reporting=0", "-d", "display_errors=stderr", "-r", code],
        input=json.dumps(given_values).encode(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout.decode()


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**66), 2**66),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text("ab/é01", max_size=3), st.sampled_from(["0", "1", "2"])), inner, max_size=3),
    ),
    max_leaves=8,
)
KEYS = ["name", "version", "require", "require-dev", "minimum-stability", "prefer-stable", "repositories", "extra"]
MANIFESTS = st.builds(
    lambda known, platform: {**known, **({} if platform is None else {"config": {"platform": platform, "sort": 1}})},
    st.dictionaries(st.sampled_from([*KEYS, "description", "autoload"]), VALUES, max_size=5),
    st.one_of(st.none(), st.dictionaries(st.sampled_from(["php", "ext-intl"]), st.just("8.2.7"), max_size=2)),
)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.lists(MANIFESTS, min_size=30, max_size=60))
def test_the_content_hash_is_composers(manifests: list[dict[str, Any]]) -> None:
    texts = [json.dumps(m, ensure_ascii=False) for m in manifests]
    theirs = php(HASHES, texts).split()
    ours = [composer.content_hash(json.loads(text)) for text in texts]
    wrong = [(t, php_json.dumps(json.loads(t))) for t, a, b in zip(texts, ours, theirs, strict=True) if a != b]
    assert wrong == []


ODD = [
    "{}",
    '{"extra": {"1": 1, "0": 2}}',
    '{"extra": {"0": 1, "1": 2}}',
    '{"extra": {"": 1, "_empty_": 2}}',
    '{"name": "a", "name": "b"}',
    '{"extra": "a/b \\\\/ \\u00e9 é \\ud83d\\ude00 😀 \\u2028 \\u0000 \\u007f < > & \\" \\\\ud800"}',
    '{"extra": [-0, -0.0, 0e0, 1.0, 1e5, 1E+22, 0.1, 1e-7, 123456789012345678, 9223372036854775807]}',
    '{"extra": [9223372036854775808, -9223372036854775808, -9223372036854775809, 1e17, 1e16, 0.30000000000000004]}',
    '{"config": {"platform": {}}}',
    '{"config": {"platform": {"php": "8.2.0", "ext-x": false}}}',
    '{"config": {"platform": null}}',
    '{"config": "texte"}',
    '{"description": "\\u0041", "license": 1e999}',
]
REFUSED = [
    "",
    "null",
    '"texte"',
    "\ufeff{}",
    "\0{}",
    "{'a': 1}",
    "{,}",
    '{"a": 1,}',
    '{"a": 1}}',
    '{"extra": NaN}',
    '{"extra": -Infinity}',
    '{"extra": 01}',
    '{"extra": 1.}',
    '{"extra": "\t"}',
    '{"extra": "\\x41"}',
    '{"extra": "\\ud800"}',
    '{"description": "\\udc00\\ud800"}',
    '{"extra": 1e999}',
    '{"extra": ' + "9" * 400 + "}",
    '{"extra": ' + "[" * 600 + "]" * 600 + "}",
    "// commentaire\n{}",
]


def test_odd_manifests_hash_as_composer_hashes_them() -> None:
    ours = [composer.facts(text.encode(), None).content_hash for text in ODD]
    assert ours == php(HASHES, ODD).split()


def test_what_composer_refuses_is_refused_here_or_has_no_hash() -> None:
    assert php(HASHES, REFUSED).split() == ["refused"] * len(REFUSED)
    for text in REFUSED:
        assert composer.facts(text.encode(), None).manifest_problem, text


CONSTRAINTS = ["^", "~", ">=", "<", ">", "<=", "!=", "", "=="]
NUMBERS = st.lists(st.integers(0, 12), min_size=1, max_size=4).map(lambda n: ".".join(map(str, n)))
ONE = st.one_of(
    st.builds(lambda o, n: o + n, st.sampled_from(CONSTRAINTS), NUMBERS),
    NUMBERS.filter(lambda n: n.count(".") < 3).map(lambda n: n + ".*"),
    # from lower to higher: Composer itself merges reversed ranges into wrong ones
    st.tuples(NUMBERS, NUMBERS).map(lambda pair: " - ".join(sorted(pair, key=lambda n: list(map(int, n.split(".")))))),
)
MANY = st.lists(st.lists(ONE, min_size=1, max_size=2).map(" ".join), min_size=1, max_size=2).map(" || ".join)
VERSIONS = st.builds(lambda n, s: n + s, NUMBERS, st.sampled_from(["", "", "", "-beta1", "-RC2", "-dev"]))


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.lists(st.tuples(MANY, VERSIONS), min_size=50, max_size=100))
def test_constraints_allow_what_composer_allows(cases: list[tuple[str, str]]) -> None:
    theirs = php(ALLOWS, cases)
    wrong = []
    for (constraint, version), said in zip(cases, theirs, strict=True):
        ours = versions.allows(constraint, version)
        if said != "?" and ours is not None and ours is not (said == "1"):
            wrong.append((constraint, version, said))
    assert wrong == []


SAMPLE = Path(__file__).parents[3] / "sandbox/advisories/advisories.json"


def test_an_advisory_touches_the_versions_that_composer_would_say() -> None:
    """Each bound of each public advisory of the sample, the versions around it and their previews."""
    database = advisories.read(SAMPLE)
    cases = []
    for constraint in sorted({c for entries in database.packages.values() for a in entries() for c in a.affected}):
        for bound in re.findall(r"\d+(?:\.\d+)*", constraint):
            *head, last = bound.split(".")
            around = [".".join([*head, str(max(0, int(last) + step))]) for step in (-1, 0, 1)]
            cases += [(constraint, version + end) for version in around for end in ("", "-RC1", "-beta2")]
    assert len(cases) > 300
    ours = ["1" if versions.allows(*case) else "0" for case in cases]
    assert ours == list(php(ALLOWS, cases))
