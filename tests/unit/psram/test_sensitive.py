"""Secrets and personal data: found, told apart from what looks like them, and never kept."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram import checks, examples, fictitious, packs
from psram.collect import contents, personal_data, sensitive
from psram.collect.memory import collect_files
from psram.facts import Facts, History, Mark, PastSecret
from psram.model import Context, Finding, Outcome, Stage, Track, Verdict
from psram.roles import Role

CONTEXT = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))
PACK = packs.load()
KEY = examples.composed("a8F3kLq92@@MzXv7TbR4nYw1")
NUMBERS = {
    name: examples.composed(f"@{name}@")
    for name in ("NIR", "NIR_ESPACES", "NIR_TIRETS", "NIR_INSECABLES", "NIR_CORSE", "IBAN", "IBAN_ESPACES")
}


def judged(rule_id: str, files: dict[str, str], history: tuple[PastSecret, ...] | None = None) -> Outcome:
    facts = collect_files({path: text.encode() for path, text in files.items()})
    if history is not None:
        facts = replaced(facts, history)
    rule = PACK.rule(rule_id)
    assert rule is not None
    return checks.find(rule_id)(facts, rule.params, CONTEXT)


def replaced(facts: Facts, secrets: tuple[PastSecret, ...]) -> Facts:
    import msgspec

    return msgspec.structs.replace(facts, history=History("1" * 40, 3, 9, secrets=secrets))


def said(outcome: Outcome) -> list[str]:
    return [finding.message for finding in outcome.findings]


@pytest.mark.parametrize("value", [KEY, *NUMBERS.values()])
def test_no_value_is_kept_anywhere_in_facts(value: str) -> None:
    import msgspec

    line = f"api_key = '{value}' # {value}\n" if value != KEY else f"api_key = '{value}'\n"
    php = f"<?php\neval($apiKey = '{value}'); $c->executeQuery(\"SELECT '{value}' . $x\");\n"
    facts = collect_files(
        {
            "tests/a.txt": line.encode(),
            "src/A.php": (php if value != KEY else "<?php\neval($apiKey = '" + value + "');\n").encode(),
            "config/a.yaml": f"a:\n  api_key: '{value}'\n".encode(),
            ".env": f"API_KEY={value}\n".encode(),
            "Dockerfile": f"ENV API_KEY={value}\n".encode(),
        }
    )
    kept = msgspec.json.encode(facts.blobs)
    assert any(b.secrets or b.personal for b in facts.blobs.values())
    assert value.encode() not in kept
    assert value.replace(" ", "").encode() not in kept


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_a_number_whose_key_is_right_is_found_and_one_digit_off_is_not(name: str) -> None:
    value = NUMBERS[name]
    assert len(personal_data.personal(f"x;{value};y".encode())) == 1
    wrong = value[:-1] + str((int(value[-1]) + 1) % 10)
    assert personal_data.personal(f"x;{wrong};y".encode()) == ()


def test_the_same_number_has_the_same_print_with_and_without_spaces() -> None:
    one, other = (personal_data.personal(NUMBERS[n].encode())[0].detail for n in ("NIR", "NIR_ESPACES"))
    hyphens, words = (personal_data.personal(NUMBERS[n].encode())[0].detail for n in ("NIR_TIRETS", "NIR_INSECABLES"))
    assert one == other == hyphens == words


def test_a_nir_of_order_000_belongs_to_nobody() -> None:
    number = "1840567482000"
    value = f"{number}{personal_data.nir_key(number):02d}"
    assert len(personal_data.personal(value.encode())) == 1
    assert judged("RGPD-003", {"tests/a.csv": value}).verdict is Verdict.CONFORMING


@pytest.mark.parametrize(
    "line",
    [
        "$dummyApiKey = '{key}';",
        "'token_name' => '{key}',",
        "'secret_error': '{key}'",
        "action=login&lgpassword={key}",
        "PASSWORD = PASSWORD_ARGON2ID_X9",
        "postgresql://app:{key}@localhost:5432/a",
        "https://u:{key}@host.example/",
        "'https://(?:{key}:x@)?forge.test/'",
        "APP_SECRET={key}",
        "password = '%env(MOT_DE_PASSE)%'",
        "scheme://user[:motdepasse@host]/",
        "$compass = '{key}'; $bypass = '{key}';",
        '"resetpass-submit-cancel": "{key}",',
        '"botpasswords-label-needsreset": "（密碼需要重gk4）",',
        '"a": "mot de passe",\n"{key}": "b"',
        "['a' => 'jeton', '{key}' => 'b']",
        "<p class='token'>{key}</p>",
        "['PASSWORD', 'CRYPTO_PWHASH_SALSA208SHA256_BYTES']",
        "password({key})",
        "curl -u $UTILISATEUR:$MOT_DE_PASSE_2023 https://forge.test/",
        "mysql -p$MOT_DE_PASSE_2023 base",
        "PWD=/srv/Appli2/public/V3",
        "define('PASSWORD', getenv('PASSWORD_V2_3'));",
        "${{PASSWORD:-changez-moi-2024}}",
    ],
)
def test_what_looks_like_a_secret_and_is_none(line: str) -> None:
    assert sensitive.secrets(line.format(key=KEY).encode()) == ()


@pytest.mark.parametrize(
    "line",
    [
        "$apiKey = '{key}';",
        "PASSWORD={key}",
        '"mot_de_passe": "{key}"',
        "mdp: {key}",
        "https://forge.test/x?token={key}",
        "amqp://u:{key}@file.interne.test:5672",
        "Authorization: Bearer {key}",
        "private_key => '{key}'",
        "define('DB_PASSWORD', '{key}');",
        "$c['db']['password'] = '{key}';",
        "$_ENV['DB_PASS'] ?? '{key}'",
        "process.env.JETON || `{key}`",
        '"{{\\"pwd\\": \\"{key}\\"}}"',
        "<entry key='mdp'>{key}</entry>",
        "ENV DB_PASS {key}",
        "sshpass -p '{key}' ssh hote",
        "mysqldump -u root -p{key} base",
        "pg_dump --password {key}",
        "GRANT ALL ON a.* TO u IDENTIFIED BY '{key}'",
        "token = base64_decode('{key}')",
    ],
)
def test_what_is_a_secret(line: str) -> None:
    found = sensitive.secrets(line.format(key=KEY).encode())
    assert [mark.line for mark in found] == [1]
    assert found[0].detail == fictitious.salted(KEY.encode())


FORMS = {
    "slack": "https://hooks.sl@@ack.com/services/T01ABCDEF/B02ABCDEF/x8Jq2LmT5vRz9WcY4bNdQ1aF",
    "discord": "https://discord.com/api/web@@hooks/123456789012345678/" + "aB3_" * 15,
    "office": "https://a.web@@hook.office.com/webhookb2/{0}@{0}/IncomingWebhook/".format("0a1b2c3d-" * 4) + "0a" * 16,
    "sendgrid": "SG@@." + "aB3dE5fG7hJ9kL1mN3pQ5r" + "." + "aB3dE5fG7h" * 4 + "xyz",
    "brevo": "xkey@@sib-" + "0a1b2c3d" * 8 + "-aB3d",
    "npm": "npm@@_" + "aB3dE5" * 6,
    "docker": "dckr@@_pat_" + "aB3dE5fG7h" * 3,
    "azure": "DefaultEndpointsProtocol=https;Account@@Key=" + "aB3dE5fG7h" * 8 + "aB3dE5==",
    "google": "GOC@@SPX-" + "aB3dE5f" * 4,
    "vault": "hvs@@." + "aB3dE5" * 8,
    "model": "sk-@@ant-" + "aB3dE5" * 8,
    "age": "AGE-SECRET-@@KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2,
}


@pytest.mark.parametrize("value", FORMS.values(), ids=FORMS)
def test_a_known_form_is_a_secret_under_any_name_and_its_beginning_is_none(value: str) -> None:
    written = examples.composed(value)
    assert len(sensitive.secrets(f"a: {written}\n".encode())) == 1
    assert sensitive.secrets(f"a: {written[: len(written) // 3]}…\n".encode()) == ()


DRAWN = {
    "base64": examples.composed("wJalrXUt@@nF9MI/K7MDENG/bPxRfiCYzK3pQaT7uV"),
    "base64 to its end": examples.composed("q3Xv/8TbR4n@@+Yw1aF3kLq92MzXv7TbR4nYw1w=="),
    "signs": examples.composed("Kp7#vR2@@mLq9$Xz4T"),
    "more signs": examples.composed("Kp7,vR2@@*Lq9^Xz4;T!"),
    "no capital": examples.composed("m8#kq2v@@,zt5$xw9p"),
}
ENDED = [
    "'secret_access_key' => '{value}',",
    "AWS_SECRET_ACCESS_KEY='{value}'",
    'DATABASE_PASSWORD="{value}"',
    "DATABASE_PASSWORD={value}",
    "  export API_TOKEN={value}",
    "ENV API_KEY={value}",
    'secret: "{value}"',
]


def test_an_authorization_is_known_to_its_end() -> None:
    line = f"Authorization: Basic {DRAWN['base64 to its end']}"
    assert [mark.line for mark in sensitive.secrets(line.encode())] == [1]


@pytest.mark.parametrize("line", ENDED)
@pytest.mark.parametrize("value", [pytest.param(value, id=name) for name, value in DRAWN.items()])
def test_a_value_whose_end_is_known_may_hold_any_sign(line: str, value: str) -> None:
    found = sensitive.secrets(f"premier\n{line}\n".format(value=value).encode())
    assert [(mark.line, mark.detail) for mark in found] == [(2, fictitious.salted(value.encode()))]
    assert value not in found[0].excerpt


@pytest.mark.parametrize(
    "line",
    [
        "'token' => '/api/v2/jetons/{id}',",
        "'token' => '/^[a-zA-Z0-9]{8,20}$/',",
        "'token' => '2026-01-01T00:00:00Z',",
        "$secret = 'config/Secrets2/prod.php';",
        "$password = '#user_pass1-text';",
        "$tokenFormat = '%1$s:%2$s/%3$d';",
        "$secret = 'App\\Security\\V2Secret';",
        "'password' => 'md5(Salt2.$mot1)',",
        "$apiKey = '$this->cle2';",
        "'api_key' => 'https://forge.test/Api2/Cle9'",
        "PASSWORD_BASE=/run/secrets/Base2.txt",
        "TOKEN=$AUTRE_JETON1/x2",
        "TOKEN=soleil/printemps/2026",
        "token = Soleil2#printemps",
        "secret=a1,b2,c3,d4,e5,f6,g7",
    ],
)
def test_what_is_written_between_quotes_and_is_no_secret(line: str) -> None:
    assert sensitive.secrets(line.encode()) == ()


DECLARED = "valeurs_fictives:\n  - valeur: {value}\n    justification: {why}\n"


@pytest.mark.parametrize(
    ("path", "why", "accepted"),
    [
        ("tests/a.php", "clé d'un serveur d'essai", True),
        ("docs/lisez-moi.md", "clé d'un serveur d'essai", True),
        ("src/A.php", "clé d'un serveur d'essai", False),
        ("tests/a.php", "oui", False),
    ],
)
def test_a_declared_value_is_accepted_where_samples_live_and_with_a_reason(path: str, why: str, accepted: bool) -> None:
    files = {".psram.yml": DECLARED.format(value=KEY, why=why), path: f"<?php\n$apiKey = '{KEY}';\n"}
    outcome = judged("SEC-001", files)
    assert (outcome.verdict is Verdict.CONFORMING) is accepted
    if not accepted:
        assert any("fictive" in message for message in said(outcome))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("valeurs_fictives: [\n", "ligne 2 : YAML illisible"),
        ("fictitious:\n  - valeur: x\n", "ligne 2 : « fictitious[0].valeur » ne compte pas"),
        ("valeurs_fictives:\n  - valeur: x\n    raison: parce que\n", "« valeurs_fictives[0].raison » ne compte pas"),
        ("valeurs_fictives:\n  valeur: x\n", "« valeurs_fictives.valeur » ne compte pas"),
        (DECLARED.format(value="x", why="valeur de test convenue"), ""),
        ("valeurs_fictives: []\nsecrets_revoques:\n", ""),
    ],
)
def test_a_file_of_declarations_that_is_not_understood_is_said(text: str, problem: str) -> None:
    """Beside what it would have covered, and as a note where nothing was found."""
    red = {".psram.yml": text, "tests/a.php": f"<?php\n$apiKey = '{KEY}';\n"}
    (message,) = said(judged("SEC-001", red))
    assert (problem in message) if problem else ("psram" not in message)
    note = judged("RGPD-003", {".psram.yml": text}).note
    assert (problem in note) if problem else not note


@pytest.mark.parametrize(
    "text", ["", "[", "valeurs_fictives: 3\n", "valeurs_fictives: [{valeur: [1]}]\n", "- a\n", "\0"]
)
def test_a_declaration_that_cannot_be_read_declares_nothing(text: str) -> None:
    files = {".psram.yml": text, "tests/a.php": f"<?php\n$apiKey = '{KEY}';\n"}
    assert judged("SEC-001", files).verdict is Verdict.VIOLATED


PAST = PastSecret("2" * 40, "src/Ancien.php", Mark(4, "secret", "secret en clair", "0a1b2c3d", "$cle='#';"))
REVOKED = "secrets_revoques:\n  - empreinte: 0a1b2c3d\n    revoque_le: {day}\n    justification: {why}\n"


def test_a_secret_of_an_earlier_commit_is_told_with_its_commit_and_path() -> None:
    outcome = judged("SEC-001", {"a.txt": "a"}, (PAST,))
    assert outcome.verdict is Verdict.VIOLATED
    assert [(f.path, f.line) for f in outcome.findings] == [("src/Ancien.php", 4)]
    assert "222222222222" in said(outcome)[0]
    assert "0a1b2c3d" in said(outcome)[0]


@pytest.mark.parametrize(
    ("day", "why", "accepted"),
    [
        ("2026-01-15", "remplacée chez le fournisseur", True),
        ("2026-06-02", "remplacée chez le fournisseur", False),
        ("hier", "remplacée chez le fournisseur", False),
        ("2026-01-15", "ok", False),
    ],
)
def test_a_secret_of_the_past_counts_until_it_is_revoked(day: str, why: str, accepted: bool) -> None:
    outcome = judged("SEC-001", {".psram.yml": REVOKED.format(day=day, why=why)}, (PAST,))
    assert (outcome.verdict is Verdict.CONFORMING) is accepted


def test_a_revocation_says_nothing_of_a_secret_that_is_still_there() -> None:
    present = fictitious.salted(KEY.encode())
    declared = REVOKED.format(day="2026-01-15", why="remplacée chez le fournisseur").replace("0a1b2c3d", present)
    files = {".psram.yml": declared, "src/A.php": f"<?php\n$apiKey = '{KEY}';\n"}
    assert judged("SEC-001", files).verdict is Verdict.VIOLATED


def test_only_addresses_of_people_in_samples_are_personal() -> None:
    lines = "a@b.fr\njeanne.martin@cpam.fr\n * @author Paul Durand <paul.durand@editeur.fr>\nx.y@sous.example.org\n"
    assert [m.name for m in personal_data.emails(lines.encode())] == ["cpam.fr", "sous.example.org"]
    assert judged("RGPD-003", {"src/a.txt": lines}).findings == ()
    found: tuple[Finding, ...] = judged("RGPD-003", {"tests/a.txt": lines}).findings
    assert [f.line for f in found] == [2]


@given(
    st.one_of(
        st.binary(max_size=400),
        st.lists(
            st.sampled_from(["password", "=", "'", KEY, "://", ":", "@", "\n", NUMBERS["NIR"], " ", "é"]), max_size=40
        )
        .map("".join)
        .map(str.encode),
    )
)
def test_any_text_is_read_and_marks_are_bounded(content: bytes) -> None:
    found = contents.extract(content, frozenset(set(Role)))
    for marks in (found.secrets, found.personal, found.emails):
        assert len(marks) <= 200
        assert all(1 <= mark.line <= content.count(b"\n") + 1 for mark in marks)
    if f"password='{KEY}'".encode() in content:
        assert all(KEY not in mark.excerpt for mark in (*found.secrets, *found.personal, *found.emails))


@pytest.mark.parametrize("form", ["NIR_TIRETS", "NIR_INSECABLES", "NIR_COLONNES", "NIR_NOMBRE"])
def test_a_number_is_seen_and_can_be_declared_in_every_form(form: str) -> None:
    written = examples.composed(f"@{form}@")
    declared = f'valeurs_fictives:\n  - {{valeur: "{written}", justification: calcul de la clé}}\n'

    assert judged("RGPD-003", {"tests/a.csv": written}).verdict is Verdict.VIOLATED
    assert judged("RGPD-003", {"tests/a.csv": written, ".psram.yml": declared}).verdict is Verdict.CONFORMING
    assert judged("RGPD-003", {"tests/a.csv": written, ".psram.yml": declared.replace("calcul de la clé", "")}).findings


@pytest.mark.parametrize(
    "text",
    [
        *("1850578006084,91", "1850578006084;91.5", "1850578006084;91-12", "1850578006084;911", "x1850578006084;91"),
        *(
            "1850578006084;90",
            "1-85-05-78-006-084-90",
            "185_057800_608490",
            "1651234567890;42",
            "3400935955838;96",
            "1_000_000;12",
        ),
    ],
)
def test_a_number_of_another_form_or_key_is_nobody_s(text: str) -> None:
    assert judged("RGPD-003", {"tests/a.csv": text}).verdict is Verdict.CONFORMING
