"""SQL as PostgreSQL's lexer cuts it: what hides, what only looks like a statement, what cannot be read for sure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram.collect import php, sql_data, sql_queries
from psram.collect.sql_tokens import shown, statements
from psram.facts import SqlPolicy, SqlRead

WANTED = "organisation = current_setting('amcloud.organisation')"
PIECES = [
    *("create table t (organisation char(3)", ")", "alter table", "enable row level security", "create policy p on t"),
    *("using (", "with check (", "current_setting('a', true)", "or", "and", "=", "select", "from", "join", "where"),
    *(
        "$$",
        "$a$",
        "'",
        '"',
        "`",
        ";",
        "--",
        "/*",
        "*/",
        "\n",
        "E'\\'",
        "U&'",
        "::text",
        ":o",
        "?",
        "do",
        "copy t from stdin",
    ),
]


def kinds(sql: str) -> list[tuple[str, str]]:
    return [(s.kind, s.table) for s in sql_data.facts(sql.encode())]


def policy(condition: str) -> SqlPolicy:
    found = sql_data.facts(f"CREATE POLICY p ON t USING ({condition});".encode())
    assert found[0].policy is not None
    return found[0].policy


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param("/* /* */ DROP TABLE a; */", [], id="comments nest"),
        pytest.param("-- DROP TABLE a;\n", [], id="a line comment"),
        pytest.param("SELECT 'x; DROP TABLE a; y';", [], id="a string"),
        pytest.param(r"SELECT E'it\'s; DROP TABLE a; ';", [], id="an escaped string"),
        pytest.param("SELECT $x$ ; DROP TABLE a; $$ $x$;", [], id="a dollar quote"),
        pytest.param("SELECT a$b$ FROM c; DROP TABLE a$b$;", [("drop_table", "a$b$")], id="a dollar inside a name"),
        pytest.param('SELECT "a; DROP TABLE b;"; DROP TABLE "c;d";', [("drop_table", '"c;d"')], id="a quoted name"),
        pytest.param(
            'DROP TABLE "Courrier", courrier, Public.COURRIER;',
            [
                ("drop_table", '"Courrier"'),
                ("drop_table", "courrier"),
                ("drop_table", "courrier"),
            ],
            id="names are folded as PostgreSQL does",
        ),
        pytest.param(
            "DROP TABLE autre.courrier;", [("drop_table", "autre.courrier")], id="another schema is another table"
        ),
        pytest.param("COPY a FROM stdin;\nit's\n\\.\nDROP TABLE b;", [("drop_table", "b")], id="rows of a dump"),
        pytest.param("ALTER TABLE a ALTER b SET DEFAULT 'enable row level security';", [], id="words in a default"),
        pytest.param(
            'ALTER TABLE a RENAME b TO "force row level security";', [("rename_column", "a")], id="words in a name"
        ),
        pytest.param("CREATE TEMP TABLE a (organisation char(3));", [], id="a temporary table"),
        pytest.param("DO 'begin execute ''x''; end';", [("dynamic", "")], id="a block in plain quotes"),
        pytest.param("DO $$ BEGIN UPDATE a SET b = 1 WHERE c; END $$;", [], id="a block that changes some rows"),
        pytest.param(
            "DO $$ BEGIN UPDATE a SET b = 1; END $$;", [("block_destroys", "")], id="a block that changes all"
        ),
        pytest.param(
            "DO $$ BEGIN ALTER TABLE a DROP CONSTRAINT c; END $$;", [("dynamic", "")], id="a block that loses no row"
        ),
        pytest.param("UPDATE a SET b = 1 WHERE (TRUE) OR c = 2;", [("update_all", "a")], id="a condition that is none"),
        pytest.param("UPDATE a SET b = 1 WHERE 1 = 1 AND c = 2;", [], id="a condition beside one that is none"),
        pytest.param(
            "UPDATE a SET b = (SELECT 1 FROM c WHERE d);", [("update_all", "a")], id="a condition of another query"
        ),
        pytest.param("DELETE FROM a WHERE b = 1 RETURNING c = c;", [], id="what is given back is no condition"),
        pytest.param("WITH x AS (SELECT 1) DELETE FROM a;", [("delete_all", "a")], id="a deletion after WITH"),
        pytest.param(
            "WITH x AS (SELECT 1) INSERT INTO a SELECT * FROM x ON CONFLICT DO UPDATE SET b = 1;",
            [],
            id="an insertion that changes what is there",
        ),
        pytest.param("WITH x AS (SELECT 1) SELECT * FROM a FOR UPDATE;", [], id="rows that are locked"),
        pytest.param("DROP SCHEMA a, b CASCADE;", [("drop_schema", "a"), ("drop_schema", "b")], id="schemas of a list"),
        pytest.param("ALTER TABLE a ADD CHECK (b > 0) NOT VALID;", [], id="a check that rows are left out of"),
        pytest.param("ALTER TABLE a ADD CONSTRAINT k UNIQUE USING INDEX i;", [], id="an index that exists"),
        pytest.param(
            "ALTER TABLE a ADD CHECK (b > 0), ADD FOREIGN KEY (c) REFERENCES d (e);",
            [("add_constraint", "a"), ("add_constraint", "a")],
            id="rules on rows that are there",
        ),
        pytest.param("CREATE UNIQUE INDEX IF NOT EXISTS i ON a (b);", [("add_constraint", "a")], id="a unique index"),
        pytest.param("SET standard_conforming_strings = off;", [("doubtful", "")], id="another string syntax"),
        pytest.param(
            'ALTER TABLE U&"\\0061" ENABLE ROW LEVEL SECURITY;',
            [("doubtful", ""), ("enable_rls", '"\\0061"')],
            id="a name in Unicode escapes",
        ),
        pytest.param("SET search_path TO leurre, public;", [("search_path", "")], id="a changed search path"),
        pytest.param(
            "SELECT set_config('row_security', 'off', false);", [("row_security_off", "")], id="security suspended"
        ),
        pytest.param("CREATE ROLE a NOBYPASSRLS NOSUPERUSER;", [], id="a role that is held back"),
        pytest.param("INSERT INTO a SELECT * FROM b;", [], id="an insertion"),
        pytest.param(
            "SELECT * INTO copie FROM courrier;", [("create_table", "copie")], id="a table made by SELECT INTO"
        ),
        pytest.param(
            "ALTER TABLE a DISABLE TRIGGER ALL, NO FORCE ROW LEVEL SECURITY;", [("no_force_rls", "a")], id="a list"
        ),
    ],
)
def test_statements_are_told_as_postgresql_reads_them(sql: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(sql) == expected


@pytest.mark.parametrize(
    "condition",
    [
        "organisation = current_setting('amcloud.organisation', true)",
        "current_setting('amcloud.organisation') = organisation",
        "((t.\"organisation\")::bpchar = (SELECT current_setting('amcloud.organisation'::text, true))::character(3))",
        "organisation = nullif(current_setting('amcloud.organisation', true), '')",
        "pg_catalog.current_setting('amcloud.organisation', false) = (organisation)",
    ],
)
def test_conditions_that_mean_the_same_are_written_the_same(condition: str) -> None:
    assert policy(condition).using == ((WANTED,),)


@pytest.mark.parametrize(
    "condition",
    [
        "true",
        "organisation <> current_setting('amcloud.organisation', true)",
        "organisation = coalesce(current_setting('amcloud.organisation', true), organisation)",
        "organisation = current_setting('amcloud.autre', true)",
        "organisation = 'current_setting(''amcloud.organisation'')'",
        "organisation = current_setting('amcloud.organisation', true) IS NOT TRUE",
        "NOT (organisation = current_setting('amcloud.organisation', true))",
        "autre.organisation = current_setting('amcloud.organisation', true)",
        "organisation = current_setting('amcloud.organisation', true) || ''",
        "\"organisation = current_setting('amcloud.organisation')\"",
    ],
)
def test_conditions_that_only_look_alike_are_not(condition: str) -> None:
    assert all(WANTED not in conditions for conditions in policy(condition).using)


def test_alternatives_and_conditions_are_told_apart() -> None:
    found = policy("(a = 1 AND organisation = current_setting('amcloud.organisation', true)) OR (b = 2)")
    assert found.using == (("a = 1", WANTED), ("b = 2",))


def test_a_policy_keeps_its_command_its_roles_and_its_check() -> None:
    (found,) = sql_data.facts(b'CREATE POLICY "P q" ON t AS RESTRICTIVE FOR UPDATE TO app, PUBLIC WITH CHECK (x = 1);')
    assert found.policy == SqlPolicy(
        '"P q"', restrictive=True, command="update", roles=("app", "public"), checks=(("x = 1",),)
    )


def test_columns_carry_what_migrations_are_judged_on() -> None:
    (found,) = sql_data.facts(
        b"CREATE TABLE IF NOT EXISTS t (id serial PRIMARY KEY, \"A b\" text DEFAULT 'x,y',"
        b" c int NOT NULL REFERENCES u (id), CONSTRAINT k CHECK (c > 0, 1), UNIQUE (c));"
    )
    told = [(c.name, c.not_null, c.default, c.references) for c in found.columns]
    assert told == [("id", True, True, ""), ('"A b"', False, True, ""), ("c", True, False, "u")]


def test_a_comment_declares_on_purpose_and_nothing_else_does() -> None:
    reasons = [
        s.reason
        for s in sql_data.facts(
            b"-- destructif : plus lue depuis la revision 12\nDROP TABLE a;\n-- menage\nDROP TABLE b;\n"
            b"SELECT '-- destructif : dans un texte'; DROP TABLE c;"
        )
    ]
    assert reasons == ["plus lue depuis la revision 12", "", ""]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM a WHERE organisation = :o", [("a", True)]),
        ("SELECT * FROM a WHERE :o = a.organisation::text AND x = 1", [("a", True)]),
        ("SELECT * FROM a WHERE organisation = ? OR 1 = 1", [("a", False)]),
        ("SELECT * FROM a WHERE organisation <> :o", [("a", False)]),
        ("SELECT organisation FROM a GROUP BY organisation", [("a", False)]),
        ("SELECT * FROM a WHERE organisation = :o UNION ALL SELECT * FROM b", [("a", True), ("b", False)]),
        ("SELECT * FROM a WHERE id IN (SELECT i FROM b WHERE organisation = :o)", [("a", False), ("b", True)]),
        ("SELECT * FROM a LEFT JOIN b ON b.organisation = :o", [("a,b", False)]),
        ("SELECT * FROM a JOIN b ON b.organisation = :o", [("a,b", True)]),
        ("INSERT INTO a (organisation, x) VALUES (?, ?)", [("a", True)]),
        ("INSERT INTO a (x) VALUES (?) ON CONFLICT DO UPDATE SET x = 1", [("a", False)]),
        ("UPDATE a SET x = 1 WHERE organisation = current_setting('s')", [("a", True)]),
        ("DELETE FROM a USING b WHERE a.organisation = $1", [("a,b", True)]),
        ("WITH r AS (SELECT * FROM a) SELECT * FROM r WHERE organisation = :o", [("a", False)]),
        ("SELECT extract(year FROM d), now() FROM generate_series(1, 3), a", [("a", False)]),
        ("SELECT * FROM ?", [("?", False)]),
        ("SELECT * FROM %s", [("?", False)]),
        ("SELECT * FROM `?users`", [("?", False)]),
        ("SHOW TABLE STATUS", []),
    ],
)
def test_each_block_of_a_query_is_bound_or_not(sql: str, expected: list[tuple[str, bool]]) -> None:
    found = sql_queries.reads(sql)
    assert sorted((",".join(r.tables), "organisation" in r.bound) for r in found) == sorted(expected)


@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join).map(str.encode)))
def test_any_sql_is_read_and_any_query_is_cut(content: bytes) -> None:
    found = sql_data.facts(content)
    assert all(statement.line >= 1 for statement in found)
    assert all(isinstance(read, SqlRead) for read in sql_queries.reads(content.decode("utf-8", "replace")))


@given(st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join))
def test_whatever_stands_in_a_comment_is_no_statement(text: str) -> None:
    inside = text.replace("*/", "").replace("/*", "")
    assert kinds(f"/* {inside} */ DROP TABLE t;") == [("drop_table", "t")]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join))
def test_whatever_stands_in_quotes_is_no_statement(text: str) -> None:
    assert kinds("SELECT '" + text.replace("'", "''") + "'; DROP TABLE t;") == [("drop_table", "t")]
    assert kinds("SELECT $q9$" + text + "$q9$; DROP TABLE t;") == [("drop_table", "t")]


def test_statements_are_shown_as_readable_sql() -> None:
    (one,) = statements("create policy \"A b\" on t using ( organisation=current_setting( 'x' ,true ) )")
    assert shown(one.tokens) == "create policy \"A b\" on t using (organisation = current_setting('x', true))"


@pytest.mark.parametrize(
    ("call", "sites"),
    [
        pytest.param('$q->where("c.code = $code");', 1, id="Doctrine's builder takes a text"),
        pytest.param('$q->where(["code" => $code]);', 0, id="a builder that takes a table quotes its values"),
        pytest.param('$q->join("c.service", "s", "WITH", "s.code = $code");', 1, id="the condition of a join"),
    ],
)
def test_a_value_pasted_into_a_builder_s_text_is_seen(call: str, sites: int) -> None:
    found = php.facts(f"<?php\nfunction f($q, $code) {{ {call} }}\n".encode())
    assert len([site for site in found.sql if site.method == "builder"]) == sites
