"""What SEC-002 sees in one statement: values pasted into SQL, sinks, output of Twig; and what looks like it."""

from __future__ import annotations

import pytest

from psram import checks, packs
from psram.collect import flat_data, php
from psram.collect.memory import collect_files
from psram.facts import PhpFacts
from psram.model import Context, Stage, Track, Verdict

HEAD = (
    "<?php\nclass A { const TRIS = ['a' => 'b']; const L = ['nom', 'date'];"
    " function f($c, string $v, int $n, QueryBuilder $b, $l, $d, $r) { $qb = $this->createQueryBuilder('c');\n%s\n} }"
)
PASTED = (
    "$qb->orderBy($v);",
    "$qb->addOrderBy('s.' . $v);",
    "$qb->groupBy($v);",
    "$qb->select($v);",
    "$b->set('nom', \"'\" . $v . \"'\");",
    "$qb->innerJoin('s','t','c',\"c.objet = '$v'\");",
    "$qb->orderBy('nom', $v);",
    "$c->createQueryBuilder()->update('t')->set('nom', $v);",
    "$qb->insert('t')->values(['nom' => $v]);",
    "$qb->setValue('nom', $v);",
    "$c->executeQuery(str_replace('@n@', $v, 'SELECT 1 WHERE a = @n@'));",
    "$c->executeQuery(strtr(\"SELECT '%n'\", ['%n' => $v]));",
    "$c->executeQuery(vsprintf(\"SELECT '%s'\", [$v]));",
    "mysqli_query($c, \"SELECT 1 WHERE 'a' = '$v'\");",
    "pg_query(\"SELECT '$v'\");",
    'mysql_query("DELETE FROM t WHERE a = $v");',
    'DB::query("SELECT * FROM t WHERE a = $v");',
    "$c->multi_query(\"SELECT '$v'\");",
    "$c->executeQuery($_GET['q']);",
    "$qb->where($r->request->get('w'));",
    "$q='SELECT 1 WHERE a='; $q .= $v; odbc_exec($c, $q);",
    "$s=sprintf('SELECT %s', $v); $c->query($s);",
    "$c->query('SELECT ' . implode(',', $l));",
    "$c->query('SELECT 1 IN (' . implode(',', array_map(fn($x) => \"'$x'\", $l)) . ')');",
    "if (in_array($v, $l)) { $qb->orderBy($v); }",
    "if (!in_array($v, self::L)) { log(); } $qb->orderBy($v);",
    "if (!in_array($v, self::L)) { $v='nom'; } $v = $r; $qb->orderBy($v);",
    "$n = $v; $c->query('SELECT 1 LIMIT ' . $n);",
    "$x = $r->query->get('tri'); $qb->orderBy('c.' . $x);",
    "$qb->orderBy(in_array($v, self::L) ? 'nom' : $v);",
    "$qb->rightJoin('c.' . $v, 'x');",
    "$qb->andWhere('a = 1', \"b = '$v'\");",
    '$c->query("SELECT 1 WHERE d = \'" . $d->format($v) . "\'");',
    "$c->prepare(\"SELECT * FROM t WHERE a = '{$d->a}'\");",
    "$this->pdo->query('SELECT ' . addslashes($v));",
    "pg_query_params($c, \"SELECT '$v'\", []);",
    '$qb->addSelect("($v) AS x");',
    "$qb->orderBy($r->query->get('tri'));",
    "$c->executeQuery(\"SELECT 1 ORDER BY {$r->get('x')}\");",
    "foreach ($l as $i => $x) { $qb->andWhere('a LIKE :m' . $i); }",
    "$qb->andWhere(\"a = '{$b->value}'\");",
)
FIXED = (
    "$qb->orderBy('c.nom', 'DESC');",
    "$qb->orderBy(self::TRIS[$v] ?? 'nom');",
    "$qb->orderBy('c.' . match ($v) { 'a' => 'nom', default => throw new \\E() });",
    "if (!in_array($v, self::L, true)) { throw new \\E(); } $qb->orderBy('c.' . $v);",
    "if (!\\in_array($v, ['nom','date'], true)) { $v = 'nom'; } $qb->orderBy('c.' . $v);",
    "$qb->orderBy(in_array($v, self::L, true) ? $v : 'nom');",
    "if (isset(self::TRIS[$v])) { $qb->orderBy($v); }",
    "$t = $r->query->get('tri'); if (!array_key_exists($t, self::TRIS)) { return []; } $qb->addOrderBy('c.' . $t);",
    "$qb->orderBy('c.nom', $v === 'desc' ? 'DESC' : 'ASC');",
    "$qb->groupBy('c.service')->select('c.service, COUNT(c.id)');",
    "$qb->set('c.nom', ':nom')->setParameter('nom', $v);",
    "$c->createQueryBuilder()->insert('t')->values(['nom' => '?']);",
    "$x = $qb->createNamedParameter($v); $qb->where('nom = ' . $x);",
    "$qb->where('nom = ' . $qb->createNamedParameter($v));",
    "$qb->andWhere('c.id IN (' . $b->getDQL() . ')');",
    '$a = $qb->getRootAliases()[0]; $qb->andWhere("$a.nom = :n");',
    "$c->executeQuery('SELECT 1 LIMIT ' . $n);",
    "$c->query('SELECT 1 IN (' . implode(',', array_map('intval', $l)) . ')');",
    "$c->query('SELECT 1 IN (' . implode(',', array_map(fn ($x) => (int) $x, $l)) . ')');",
    "$c->query('SELECT 1 IN (' . substr(str_repeat(',?', count($l)), 1) . ')', $l);",
    "$c->executeQuery(str_replace('@t@', self::T, 'SELECT 1 FROM @t@'));",
    "$c->executeQuery($v);",
    "$container->set('x', $v); $cache->select($v); $r->query->set('a', $v);",
    "$qb->where($qb->expr()->eq('a', ':b'));",
    "$qb->orderBy($qb->expr()->asc('a'));",
    "mysqli_query($c, $v);",
    "$st = mysqli_prepare($c, 'SELECT 1 WHERE a = ?');",
    "$c->query(\"SELECT 1 WHERE d > '\" . $d->format('Y-m-d') . \"'\");",
    "$c->query(\"SELECT 1 WHERE d > '\" . date('Y-m-d') . \"'\");",
    "$t = Tri::from($v); $qb->orderBy('c.' . $t->value);",
    "$qb->orderBy('c.' . (Tri::tryFrom($v)?->value ?? 'nom'));",
    "$qb->orderBy(['a' => $v]);",
    "$crit->orderBy(['nom' => 'ASC']);",
    "$q = $c->getClassMetadata(X::class)->getTableName(); $c->query('SELECT 1 FROM ' . $q);",
    "if (false === in_array($v, self::L, true)) { throw new \\E(); } $qb->orderBy('c.' . $v);",
    "$qb->select($qb->expr()->count('c'));",
    "$o = ['a','b']; if (!in_array($v, $o, true)) return []; $qb->groupBy(\"c.$v\");",
    "pg_query_params($c, 'SELECT $1', [$v]);",
    "$l2 = array_keys(self::TRIS); if (!in_array($v, $l2)) { throw new \\E(); } $qb->orderBy($v);",
    "foreach (self::L as $x) { $qb->addOrderBy('c.' . $x); }",
    "$qb->orderBy(self::TRIS[$v] ?? throw new \\E());",
    "$i = 0; $p = 'm' . $i++; $qb->andWhere('a = :' . $p);",
    "foreach (array_values($l) as $i => $x) { $qb->andWhere('a LIKE :m' . $i); }",
)
SINKS = (
    "unserialize($v, ['allowed_classes' => true]);",
    "unserialize($v, ['allowed_classes' => $c]);",
    "unserialize($v, ['max_depth' => 3 /* allowed_classes */]);",
    "unserialize($v, options: ['allowed_classes' => 1]);",
    "mail('a','s','m','','-O'.$v);",
    "new Process(['sh','-c',$v]);",
    "new \\Symfony\\Component\\Process\\Process(['/bin/bash', '-c', \"ls $v\"]);",
    "new Environment($c, ['autoescape' => false]);",
    "$t->setDefaultStrategy(false);",
    "$twig->autoescape(false);",
    "$o = ['allowed_classes'=>true]; unserialize($v, $o);",
    "$x->extension('twig', ['autoescape' => null]);",
)
HARMLESS = (
    "unserialize($v, ['allowed_classes' => false]);",
    "unserialize($v, ['allowed_classes' => [A::class, 'B']]);",
    "unserialize($v, ['max_depth'=>2,'allowed_classes' => FALSE]);",
    "unserialize($v, options: ['allowed_classes' => self::L]);",
    "$o = ['allowed_classes'=>false]; unserialize($v, $o);",
    "mail('a','s',$v,'','-fa@b.test');",
    "new Process(['git','log','-c',$v]);",
    "new Process(['sh','-c','ls']);",
    "new Process($v);",
    "new Environment($c, ['autoescape' => 'html']);",
    "$x = ['autoescape' => false ? 1 : 2];",
    "// 'autoescape' => false,\n1;",
)
UNESCAPED = (
    "{{ x|raw }}",
    "{{ 'a'|trans({'%n%': nom})|raw }}",
    "{%~ autoescape false %}",
    "{% autoescape(false) %}",
    "{% AUTOESCAPE %}{% autoescape NULL %}",
    "{% apply raw %}{{ x }}{% endapply %}",
    "{% apply upper|raw %}",
    "{{ include(template_from_string(x)) }}",
    '{{ "\'" ~ x|raw ~ "\'"|raw }}',
    "{{ x|e('js')|raw }}",
    "{{ 'a#{x}'|raw }}{{ \"a#{x}\"|raw }}",
    "{% filter raw %}",
    "{{ (x ~ 'a')|raw }}",
    "{{ x ? y|raw : '' }}",
)
ESCAPED = (
    "{{ 'a'|raw }}",
    "{{ 'a'|trans({'%n%': '3'})|raw }}",
    "{{ c ? '<b>x</b>'|raw : '' }}",
    "{{ x|e|raw }}",
    "{{ x|escape|raw }}",
    "{% autoescape 'html' %}",
    "{% apply upper %}",
    "{{ '|raw' }}",
    "{{ rawdata }}",
    '{{ "it\'s"|trans|raw }}',
    "{{ template_from_string('a') }}",
    "{{ 'a'|trans|raw ~ x }}",
    "{{ 'l\\'été'|raw }}",
    "{{ include('a.html.twig')|raw }} {{ block('x')|raw }} {{ form_row(f)|raw }} {{ path('a', {b: c})|raw }}",
)


def read(statement: str) -> PhpFacts:
    facts = php.facts((HEAD % statement).encode())
    assert not facts.has_error, "the case itself is not PHP"
    return facts


def sinks(facts: PhpFacts) -> list[str]:
    opened = [m.name for m in facts.marks if m.name == "unserialize" and m.detail not in ("own", "allowed_classes")]
    return [*opened, *(m.name for m in facts.marks if m.kind == "sink")]


def unescaped(template: str) -> list[str]:
    return [m.name for m in flat_data.twig(template.encode()) if m.kind == "twig-raw"]


@pytest.mark.parametrize("statement", PASTED)
def test_a_value_pasted_into_sql_is_seen(statement: str) -> None:
    assert [site.line for site in read(statement).sql if site.dynamic] == [3]


@pytest.mark.parametrize("statement", FIXED)
def test_what_can_only_be_fixed_is_not_a_pasted_value(statement: str) -> None:
    assert [site for site in read(statement).sql if site.dynamic] == []


@pytest.mark.parametrize("statement", SINKS)
def test_a_sink_is_seen(statement: str) -> None:
    assert sinks(read(statement))


@pytest.mark.parametrize("statement", HARMLESS)
def test_what_looks_like_a_sink_is_none(statement: str) -> None:
    assert sinks(read(statement)) == []


@pytest.mark.parametrize("template", UNESCAPED)
def test_output_that_twig_does_not_escape_is_seen(template: str) -> None:
    assert unescaped(template)


@pytest.mark.parametrize("template", ESCAPED)
def test_output_that_is_escaped_or_fixed_is_calm(template: str) -> None:
    assert unescaped(template) == []


@pytest.mark.parametrize(("kind", "verdict"), [("enum", Verdict.CONFORMING), ("final class", Verdict.VIOLATED)])
def test_the_value_of_a_parameter_is_fixed_when_its_type_is_an_enumeration(kind: str, verdict: Verdict) -> None:
    body = "case A = 'a';" if kind == "enum" else "public string $value = '';"
    suffix = ": string" if kind == "enum" else ""
    files = {
        "src/Tri.php": f"<?php\nnamespace App;\n{kind} Tri{suffix} {{ {body} }}\n",
        "src/A.php": "<?php\nuse App\\Tri;\nfunction f($qb, Tri $t) { $qb->orderBy('c.' . $t->value); }\n",
    }
    rule = packs.load().rule("SEC-002")
    assert rule is not None
    context = Context(Track.HOMOLOGATION, Stage.PRODUCTION, packs.load().effective_on)
    facts = collect_files({path: source.encode() for path, source in files.items()})
    assert checks.find("SEC-002")(facts, rule.params, context).verdict is verdict
