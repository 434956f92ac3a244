"""Isolation: what migrations leave at the end, what code can show, what tests prove, and the matrix of it all."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram import checks, packs
from psram.collect import php
from psram.collect.memory import collect_files
from psram.facts import Facts
from psram.judge import judge
from psram.model import Context, Evidence, PipelineEvidence, Stage, TestSummary, Track, Verdict
from psram.proofs import TestCase
from psram.reports import canonical, canonical_json
from psram.tenancy.access import Danger
from psram.tenancy.analysis import of
from psram.tenancy.guards import problems
from psram.tenancy.matrix import matrix
from psram.tenancy.report import CellVerdict, Column, Nature, Row, Tenancy
from psram.tenancy.schema import replay
from psram.tenancy.trials import Run, Runs
from psram.tenancy.vocabulary import Vocabulary
from psram.tenancy.vocabulary import of as words_of

ROOT = Path(__file__).parents[3]
APPS = ROOT / "sandbox/apps"
PACK = packs.load("psram-2026.1")
WORDS = Vocabulary()
COMMIT = "1" * 40
CONTEXT = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))
RLS = (
    "ALTER TABLE {t} ENABLE ROW LEVEL SECURITY; ALTER TABLE {t} FORCE ROW LEVEL SECURITY;"
    "CREATE POLICY p ON {t} USING (organisation = current_setting('amcloud.organisation', true));"
)
TABLE = "CREATE TABLE courrier (id int, organisation char(3) NOT NULL);" + RLS.format(t="courrier")
ENTITY = (
    "<?php\nnamespace App\\Entity;\n#[\\Doctrine\\ORM\\Mapping\\Entity]\n"
    "class Courrier { use \\AmCloud\\StarterKit\\Tenancy\\TenantScoped; }\n"
)
GUARDED = {"src/Entity/Courrier.php": ENTITY, "migrations/0001_a.sql": TABLE}


def facts_of(files: dict[str, str]) -> Facts:
    return collect_files({path: text.encode() for path, text in files.items()}, commit=COMMIT)


def sample(*folders: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for folder in folders:
        root = APPS / folder
        found |= {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}
    return found


def passed_by(*cases: TestCase) -> Context:
    tests = TestSummary(len(cases), 0, 0, 0, cases=cases, cases_total=len(cases))
    return msgspec.structs.replace(CONTEXT, evidence=Evidence(PipelineEvidence(COMMIT, "success", tests=tests)))


def lacking(*migrations: str) -> list[str]:
    schema = replay(facts_of({f"migrations/{i:04}_m.sql": text for i, text in enumerate(migrations, 1)}), WORDS)
    return [p for n in sorted(schema.tenant_tables()) for p in problems(schema.tables[n], WORDS, tenant=True)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("SELECT 1;", ""),
        ("ALTER TABLE courrier DISABLE ROW LEVEL SECURITY;", "ENABLE ROW LEVEL SECURITY manque"),
        ("ALTER TABLE courrier NO FORCE ROW LEVEL SECURITY;", "FORCE ROW LEVEL SECURITY manque"),
        ("DROP POLICY p ON courrier;", "aucune politique"),
        ("ALTER POLICY p ON courrier RENAME TO q; DROP POLICY q ON public.courrier;", "aucune politique"),
        ("ALTER POLICY p ON courrier USING (true);", "la politique « p » ne limite pas"),
        ("CREATE POLICY q ON courrier FOR INSERT WITH CHECK (true);", "la politique « q » ne limite pas"),
        ("CREATE POLICY q ON courrier USING (true) WITH CHECK (true);", "la politique « q » ne limite pas"),
        ("DROP TABLE courrier; CREATE TABLE courrier (organisation char(3));", "ENABLE ROW LEVEL SECURITY manque"),
        ("ALTER TABLE courrier RENAME TO lettre; CREATE TABLE courrier (x int);", ""),
        ("CREATE TABLE copie AS SELECT * FROM courrier;", "ENABLE ROW LEVEL SECURITY manque"),
        ("CREATE TABLE copie (LIKE courrier INCLUDING ALL);", "ENABLE ROW LEVEL SECURITY manque"),
        ("CREATE TABLE partie PARTITION OF courrier FOR VALUES IN ('1');", "ENABLE ROW LEVEL SECURITY manque"),
        ("CREATE TABLE IF NOT EXISTS courrier (x int);", ""),
        ("CREATE TABLE leurre.courrier (organisation char(3));" + RLS.format(t="leurre.courrier"), ""),
        ("ALTER POLICY p ON leurre.courrier USING (true);", ""),
        ("CREATE POLICY q ON courrier AS RESTRICTIVE USING (true);", ""),
    ],
)
def test_what_a_later_migration_undoes_is_undone(change: str, expected: str) -> None:
    found = lacking(TABLE, change)
    assert found == [] if not expected else any(p.startswith(expected) for p in found)


def test_a_policy_that_is_open_does_not_matter_behind_a_restrictive_one_that_limits() -> None:
    closed = (
        "CREATE POLICY r ON courrier AS RESTRICTIVE USING (organisation = current_setting('amcloud.organisation'));"
    )
    assert lacking(TABLE, "CREATE POLICY q ON courrier USING (true);", closed) == []
    narrow = closed.replace("RESTRICTIVE", "RESTRICTIVE FOR SELECT")
    assert lacking(TABLE, "CREATE POLICY q ON courrier USING (true);", narrow) != []


def test_only_files_that_the_migration_command_applies_count() -> None:
    bare, rls = "CREATE TABLE courrier (organisation char(3));", RLS.format(t="courrier")
    for path in ("migrations/sous/0002_rls.sql", "migrations/0002-RLS.sql", "sql/0002_rls.sql"):
        schema = replay(facts_of({"migrations/0001_a.sql": bare, path: rls}), WORDS)
        assert schema.tables["courrier"].enabled is None, path


def test_a_migration_that_was_not_read_leaves_a_doubt() -> None:
    facts = collect_files({"migrations/0001_a.sql": TABLE.encode()}, oversize=["migrations/0002_b.sql"])
    assert [said.place.path for said in replay(facts, WORDS).doubts] == ["migrations/0002_b.sql"]


def dangers(body: str) -> list[tuple[Danger, int]]:
    source = (
        "<?php\nnamespace App;\nuse App\\Entity\\Courrier;\nclass Depot {\n const SQL = 'SELECT * FROM courrier';\n"
    )
    files = {**GUARDED, "src/Depot.php": f"{source} function f($em, $c, $o, string $sql) {{\n{body}\n }}\n}}\n"}
    return [(site.danger, site.site.line) for site in of(facts_of(files), WORDS).sites]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("$c->fetchOne('SELECT 1 FROM courrier');", Danger.LEAK),
        ("$c->executeQuery(self::SQL);", Danger.LEAK),
        ("$em->createNativeQuery('SELECT c.* FROM courrier c', $m);", Danger.LEAK),
        ("$x = 'courrier'; $c->fetchOne('SELECT 1 FROM ' . $x);", Danger.LEAK),
        ("$c->fetchOne('SELECT 1 FROM courrier WHERE organisation = :o', [$o]);", Danger.BOUND),
        ("$c->fetchOne(<<<SQL\nSELECT 1 FROM courrier\nSQL);", Danger.LEAK),
        ("$pdo = $c->getNativeConnection();", Danger.UNSURE),
        ("$c->executeStatement($sql);", Danger.UNSURE),
        ("$c->fetchOne('SELECT 1 FROM ' . $o);", Danger.UNSURE),
        ("$em->createQuery('DELETE FROM App\\Entity\\Courrier c')->execute();", Danger.UNSURE),
        ("$em->createQuery('UPDATE App\\Entity\\Courrier c SET c.organisation = 1')->execute();", Danger.LEAK),
        ("$em->createQueryBuilder()->update(Courrier::class, 'c')->set('c.x', 1);", Danger.UNSURE),
        ("$c->createQueryBuilder()->select('*')->from('courrier');", Danger.LEAK),
        ("$q = $c->createQueryBuilder(); $q->from('courrier'); $q->where('organisation = :o');", Danger.BOUND),
        ("$this->connection->insert('courrier', ['x' => 1]);", Danger.LEAK),
        ("$this->connection->delete('courrier', ['organisation' => $o]);", Danger.BOUND),
        ("$em->getFilters()->disable('amcloud_organisation');", Danger.SWITCH),
        ("$f = $em->getFilters(); $f->suspend('amcloud_organisation');", Danger.SWITCH),
        ("$em->getFilters()->getFilter('a')->setParameter('organisation', $o);", Danger.SWITCH),
        ("new \\Doctrine\\ORM\\EntityManager($c, $o);", Danger.SWITCH),
        ('$c->executeStatement("SET ROLE proprietaire");', Danger.SWITCH),
        ("$c->executeStatement(\"SELECT set_config('amcloud.organisation', ?, false)\");", Danger.SWITCH),
        ("$t = \\AmCloud\\StarterKit\\Tenancy\\Tenancy::class;", Danger.SWITCH),
    ],
)
def test_a_place_is_told_by_what_it_can_show(body: str, expected: Danger) -> None:
    assert [danger for danger, _line in dangers(body)] == [expected]


@pytest.mark.parametrize(
    "body",
    [
        "$c->fetchOne('SELECT now()');",
        "$c->fetchOne('SELECT nom FROM commune');",
        "$em->createQuery('SELECT c FROM App\\Entity\\Courrier c');",
        "$em->createQueryBuilder()->select('c')->from(Courrier::class, 'c')->join('c.service', 's');",
        "$cache->delete('courrier'); $mail->from('courrier'); $this->update('courrier', $o);",
        "$form->disable('nom'); $requete->setParameter('organisation', $o);",
        "$x = '$c->executeQuery($sql)'; // $c->executeQuery($sql)",
        "$resultat->fetchAllAssociative(); $xpath->query('//a'); $reponse->prepare($o);",
        "$em->createQuery('DELETE FROM App\\Entity\\Commune c');",
        "$code = \\AmCloud\\StarterKit\\Tenancy\\TenantContext::class;",
        "$c->executeStatement('SET SESSION sql_mode = 1'); $c->executeStatement('SET CHARACTER SET utf8mb4');",
    ],
)
def test_what_only_looks_like_a_way_around_is_left_alone(body: str) -> None:
    assert dangers(body) == []


def test_a_folder_of_tests_that_production_loads_is_not_left_out() -> None:
    files = {**GUARDED, "tests/outil/A.php": "<?php\n$c->fetchOne('SELECT 1 FROM courrier');\n"}
    assert of(facts_of(files), WORDS).sites == ()
    loaded = '{"autoload": {"psr-4": {"App\\\\Outil\\\\": "tests/outil/"}}}'
    assert [s.danger for s in of(facts_of({**files, "composer.json": loaded}), WORDS).sites] == [Danger.LEAK]


def test_a_flood_of_calls_never_hides_what_follows() -> None:
    many = "<?php\n" + "\n".join("$c->executeStatement($this->sql);" for _ in range(600))
    kinds = {site.site.kind for site in of(facts_of({**GUARDED, "src/A.php": many}), WORDS).sites}
    assert kinds == {"opaque", "flood"}


PHP_PIECES = [
    *(
        "$c->executeQuery(",
        "->from('courrier')",
        "$em->getFilters()",
        "->disable(",
        "'SELECT 1 FROM courrier'",
        ")",
        ";",
    ),
    *("$q = ", "class ATest extends TestCase {", "function testA() {", "}", "/** @covers A */", "self::X", "new PDO("),
    *("\n", "// isolation : x"),
]


@given(st.lists(st.sampled_from(PHP_PIECES), max_size=25).map("".join))
def test_any_php_gives_sites_and_tests_with_lines(body: str) -> None:
    found = php.facts(b"<?php\n" + body.encode())
    assert all(site.line >= 1 for site in found.access)
    assert all(method.line >= 1 for suite in found.tests for method in suite.methods)


def row(found: Tenancy | None, name: str) -> Row:
    assert found is not None
    return next(r for r in found.rows if r.name == name)


def verdicts(found: Row) -> dict[str, str]:
    return {cell.column.value: cell.verdict.value for cell in found.cells}


ISOLATED = TestCase("App\\Tests\\IsolationTest", "testPostgresqlCloisonneChaqueTableSansLeFiltreDeDoctrine")


def test_every_cell_of_the_conforming_sample_has_its_proof() -> None:
    found = matrix(collect_files(sample("suivi-courriers"), commit=COMMIT), PACK, passed_by(ISOLATED))
    assert found is not None
    assert [r.name for r in found.rows] == ["Courrier", "PieceJointe", "Relance", "Service"]
    assert found.count(CellVerdict.VIOLATED) == found.count(CellVerdict.UNKNOWN) == 0
    for cell in (c for r in found.rows for c in r.cells if c.verdict is CellVerdict.CONFORMING):
        assert cell.proofs, cell
        assert all(proof.path and proof.line for proof in cell.proofs), cell
    statements = [proof.said for proof in row(found, "Courrier").cell(Column.POLICY).proofs]  # type: ignore[union-attr]
    assert statements[0] == "alter table courrier enable row level security"
    assert "current_setting('amcloud.organisation', true)" in statements[2]


def test_the_leak_of_the_refused_sample_is_a_red_row_and_the_mended_one_is_not() -> None:
    refused = matrix(collect_files(sample("annuaire-local"), commit=COMMIT), PACK, CONTEXT)
    leak = row(refused, "Fiche")
    assert leak.nature is Nature.UNDECLARED
    assert leak.cells[0].verdict is CellVerdict.VIOLATED
    assert refused is not None
    assert refused.rows[0].name == "Fiche"
    files = sample("annuaire-local", "annuaire-local.revisions/r2-corrigee")
    mended = matrix(collect_files(files, commit=COMMIT), PACK, passed_by(ISOLATED))
    assert mended is not None
    assert mended.count(CellVerdict.VIOLATED) == 0
    assert row(mended, "TypeNumero").nature is Nature.SHARED


def test_a_red_cell_names_the_query_that_could_leak() -> None:
    files = {**GUARDED, "src/Stat.php": "<?php\n$n = $connexion->fetchOne('SELECT count(*) FROM courrier');\n"}
    cell = row(matrix(facts_of(files), PACK, CONTEXT), "Courrier").cell(Column.NATIVE_SQL)
    assert cell is not None
    assert (cell.verdict, cell.proofs[0].path, cell.proofs[0].line) == (CellVerdict.VIOLATED, "src/Stat.php", 2)
    assert "SELECT count(*) FROM courrier" in cell.said


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (CONTEXT, "indetermine"),
        (passed_by(ISOLATED), "conforme"),
        (passed_by(TestCase(ISOLATED.class_name, ISOLATED.name, "failed")), "non_conforme"),
        (passed_by(TestCase(ISOLATED.class_name, ISOLATED.name, "skipped")), "non_conforme"),
        (passed_by(TestCase("App\\Tests\\AutreTest", "testA")), "non_conforme"),
    ],
    ids=["no report", "passed", "failed", "skipped", "not run"],
)
def test_an_isolation_test_proves_only_what_ran_on_this_commit(context: Context, expected: str) -> None:
    facts = collect_files(sample("suivi-courriers"), commit=COMMIT)
    assert verdicts(row(matrix(facts, PACK, context), "Relance"))["test"] == expected
    other = msgspec.structs.replace(facts, commit="2" * 40)
    assert verdicts(row(matrix(other, PACK, context), "Relance"))["test"] == "indetermine"


def test_a_report_that_is_cut_short_leaves_the_test_untold() -> None:
    cut = TestSummary(9000, 0, 0, 0, cases=(TestCase("A", "t"),), cases_total=9000)
    trial = of(collect_files(sample("suivi-courriers")), WORDS).trials[0]
    assert Runs(cut).of(trial) is Run.UNTOLD
    assert Runs(None).of(trial) is Run.UNTOLD


def test_a_single_table_hierarchy_is_guarded_by_its_root() -> None:
    head = "<?php\nnamespace App\\Entity;\n#[\\Doctrine\\ORM\\Mapping\\Entity]\n"
    files = {
        **GUARDED,
        "src/Entity/Courrier.php": ENTITY.replace(
            "class", "#[\\Doctrine\\ORM\\Mapping\\InheritanceType('SINGLE_TABLE')]\nclass"
        ),
        "src/Entity/Recommande.php": head + "class Recommande extends Courrier {}\n",
    }
    assert row(matrix(facts_of(files), PACK, CONTEXT), "Recommande").table == "courrier"
    rule = PACK.rule("MTN-003")
    assert rule is not None
    assert checks.find("MTN-003")(facts_of(files), rule.params, CONTEXT).findings == ()


def test_an_application_without_data_has_no_matrix() -> None:
    assert matrix(facts_of({"src/A.php": "<?php\nclass A {}\n"}), PACK, CONTEXT) is None


def pdo_application() -> Facts:
    root = ROOT / "tests/data/applications/courrier-pdo"
    return collect_files({str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()})


def test_an_application_without_the_kit_is_told_its_tables_not_each_query() -> None:
    report = judge(pdo_application(), PACK, CONTEXT)
    found = {r.rule_id: [f.message for f in r.findings] for r in report.results}
    assert found["MTN-001"] == ["new PDO ouvre une connexion hors du Starter Kit"]
    assert [m.split(" »")[0] for m in found["MTN-002"]] == [
        f"la table « {name}" for name in ("courriers", "services", "pieces", "journal")
    ]
    assert found["MTN-002"][0].endswith("sans entité : 4 requêtes directes")
    assert found["MTN-003"] == ["aucune table n'est cloisonnée par organisme (0 entité, 4 tables sans entité)"]
    assert sum(r.findings_total for r in report.results if r.family == "MTN") < 12
    assert report.tenancy is not None
    assert {r.nature for r in report.tenancy.rows} == {Nature.UNDECLARED, Nature.QUERIES}


@pytest.mark.parametrize("opened", ["mysqli_connect('a')", "mysqli_init()", "mysqli_real_connect($link, 'a')"])
def test_each_way_to_open_a_connection_by_hand_is_told(opened: str) -> None:
    facts = collect_files({"src/a.php": f"<?php\n$link = {opened};\n".encode()})
    rule = PACK.rule("MTN-001")
    assert rule is not None
    assert [f.line for f in checks.find(rule.id)(facts, rule.params, CONTEXT).findings] == [2]


def test_the_matrix_is_the_same_whatever_the_order_of_files_and_survives_json() -> None:
    files = sample("annuaire-local")
    one = judge(collect_files(files, commit=COMMIT), PACK, CONTEXT)
    two = judge(collect_files(dict(reversed(files.items())), commit=COMMIT), PACK, CONTEXT)
    assert canonical_json(one) == canonical_json(two)
    assert canonical.parse(canonical_json(one)) == one


def test_the_rules_of_isolation_share_their_words() -> None:
    shared = {words_of(rule.params) for rule in PACK.rules if rule.id in ("MTN-003", "MTN-004")}
    assert shared == {WORDS}


def test_an_entity_that_loses_its_trait_leaves_nothing_to_prove_rather_than_everything_proven() -> None:
    files = {
        **GUARDED,
        "src/Entity/Courrier.php": ENTITY.replace("use \\AmCloud\\StarterKit\\Tenancy\\TenantScoped;", ""),
    }
    found = {r.rule_id: r for r in judge(facts_of(files), PACK, CONTEXT).results}
    assert found["MTN-002"].verdict is Verdict.VIOLATED
    assert found["MTN-004"].verdict is Verdict.UNKNOWN
    assert "MTN-002" in found["MTN-004"].missing_evidence
