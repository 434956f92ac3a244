"""Statements of PHP that any extractor looks at, written in the ways that a pattern could miss."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = (
    *("exec", "hash", "md5", "file", "getenv", "filter_input", "array_map", "usort", "query", "executeQuery", "where"),
    *("disable", "error", "createTemplate", "cdef", "getConnection", "PDO", "Kernel", "ReflectionFunction", "die"),
    *("fromCallable", "fromShellCommandline", "class_alias", "pg_query", "mcrypt_encrypt", "set", "create", "f"),
)
BETWEEN = ("", " ", "\n", "\x0b", "\u00a0", " /* ( */ ", " // (\n", " #(\n")
ARGUMENTS = ("", "$password", "'DELETE FROM t WHERE x = ' . $_GET['a']", "'exec', $x", "fn() => 1", "'671'", "$token")
SHAPES = (
    "{0}{1}({2});",
    "\\{0}{1}({2});",
    "$a >{0}{1}({2});",
    "$a ?1:{0}{1}({2});",
    "use function x\\{{ {0} }};",
    "use function {0} {1}as f; f({2});",
    "use{1} function {1}{0}{1};",
    "use x\\{{a,{1} function {1}{0}{1}as f}}; f({2});",
    "$this->{1}{0}{1}({2});",
    "$this->logger{1}?->{1}{0}{1}({2}, ['nir' => $n]);",
    "$db->getFilters(){1}->{1}{0}({2});",
    "A::{1}{0}{1}({2});",
    "new{1} \\A\\{0}({2});",
    "$f = '{0}'; $f{1}({2});",
    "private $f = '{0}';",
    "('{0}'){1}({2});",
    "['{0}'][0]{1}({2});",
    "if ($token{1}==={1}$request->get('{0}')) {{}}",
    "return [{0}::class => ['all' => true]];",
    "$x = ['verify_peer'{1}=>{1}false, 'cost' => 4];",
    "echo '<script src=\"//{0}.example.org/x.js\"></script>';",
    'header("Content-Security-Policy: script-src{1} https://{0}.example.org");',
    "$secret{1}={1}'a8F3kLq92MzXv7TbR4nYw1';",
    "define('A_PASS'{1},{1}'a8F3kLq92MzXv7TbR4nYw1'); setPassword({1}'a8F3kLq92MzXv7TbR4nYw1'{1});",
    "$c['mdp']{1}={1}\"a8F3kLq92MzXv7TbR4nYw1\"; getenv('{0}_PWD'){1}?:{1}'a8F3kLq92MzXv7TbR4nYw1';",
    "<password {0}>{1}a8F3kLq92MzXv7TbR4nYw1{1}</password> PASSWORD{1}'a8F3kLq92MzXv7TbR4nYw1'",
    "curl --user {0}:a8F3kLq92MzXv7TbR4nYw1; mysql -p{1}a8F3kLq92MzXv7TbR4nYw1 --token a8F3kLq92MzXv7TbR4nYw1",
    "connect('pgsql://{0}:a8F3kLq92MzX@db.example.net/x');",
    "// 1 85 05 78 006 084 91, 185057800608436",
    "class {0}Test{1}extends{1} TestCase {{ function testIsolation() {{}} }}",
    "/** @ORM\\Column */ class B {{ #[ORM\\Column] private ?string $a; }}",
    "global $x; goto {0}; @{0}(); include $y; `ls`; exit(1);",
)


def statements() -> st.SearchStrategy[str]:
    """One to six lines, each of a shape with a watched name, what may stand between two tokens, and arguments."""
    cased = st.sampled_from(NAMES).flatmap(lambda name: st.sampled_from((name, name.upper(), name.capitalize())))
    line = st.builds(str.format, st.sampled_from(SHAPES), cased, st.sampled_from(BETWEEN), st.sampled_from(ARGUMENTS))
    return st.lists(line, min_size=1, max_size=6).map("\n".join)
