"""Nodes found where they stand are those that a visit of the whole tree finds: the facts are the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_sitter import Node, Parser
from written_php import statements

from psram.collect import php, php_located
from psram.collect.php_below import language
from psram.collect.php_located import ANCHORS, COMPUTED_CALL, DECLARED, Asked
from psram.facts import PhpFacts

ROOT = Path(__file__).parents[3]
NAMED = ("name", "qualified_name", "relative_name")
AROUND = (
    # a declaration can stand in each of these places, and all else in each of these declarations
    "{}",
    "namespace A;\n{}",
    "namespace A {{ {} }}",
    "if (true) {{ {} }}",
    "if (true): {} endif;",
    "function outer() {{ {} }}",
    "$c = function () {{ {} }};",
    "declare(ticks=1) {{ {} }}",
    "class Outer {{ function m() {{ {} }} }}",
    "$o = new class {{ private $p; function m() {{ {} }} }};",
    "foo(new #[A] class(1) extends B {{ use T; public ?int $p = 1; static function s() {{ {} }} }});",
    "match ($x) {{ 1 => fn() => new class {{ public $q; function n() {{ {} }} }}, default => 2 }};",
)
DECLARATIONS = (
    "class A { private $p; function m($a) {} }",
    "class A { public int $p; }",
    "final class A extends \\B implements C, \\D\\E { abstract protected function &m(); }",
    "interface I extends J { const X = 1; function m(): void; }",
    "trait T { protected static ?array $p = []; }",
    "enum E: string { case A = 'a'; public function label(): string { return 'x'; } }",
    *("class A {}", "interface I {}", "trait T {}", "enum E { case A; }"),
    "function f() {}",
    "function &f ( int $a ) {}",
    "function /* class X { */ f # (\n () {}",
    "FUNCTION//\nf(){}",
    "class/**/A{var $p;}",
    "class A /* { */ { var $p; }",
    "// class\nfunction f() {}",
    "// this class\nclass A { private $p; }",
    "/* function */ class A { private $p; }",
    "$x = [A::class, B::class]; class A { private $p; }",
    "$x = new class { private $p; };",
    "$x = new class(1) { private $p; };",
    "$x = new /**/ class/**/ { private $p; };",
    "$x = new readonly class { private $p; };",
    "$f = function () {}; $g = static fn() => 1;",
    "abstract class A { public function __construct(private readonly int $x, protected $y = 1) {} }",
    "#[ORM\\Entity] class A { #[ORM\\Column] private $p; }",
    "class A { use T { a as b; } private $p; }",
)
EVERYWHERE = (
    *("@$a;", "@f();", "$x = @file($y) ?: @$z;", "`ls $x`;", "exit;", "EXIT(1);", "global $a, $b;", "goto a; a:"),
    *("include 'x.php';", "REQUIRE_ONCE($x);", "include_once/**/$x;", "return require __DIR__ . '/x.php';"),
    *("$$a;", "${'a' . $b} = 1;", "$ /**/ $a;", "$/**/{'_GET'};", '"${a} ${$b}";', "A::$$x;", "$o->$$y;"),
    *("$f(1);", "$f/* ( */(1);", "$f // (\n (1);", "($f)(1);", "$a['f'](1);", "f()(1)(2);", "'exec'(1);"),
    *('"ex{$c}"(1);', '"$a[0]"($x);', "[$a, 'b'](1);", "$o->f()(1);", "new A()(1);", "(new A)(1);", "(fn() => 1)();"),
    *("A::f()()(1);", "$o->{'f'}(1);", "$o?->f(1);", "$o::f(1);", "$f = '('; ($f)(1);", "${'f'}(1);"),
    *("<<<X\nexec\nX\n(1);", "<<<'X'\nexec\nX(1);", "array('exec')(1);", "(clone $f)(1);"),
    *(
        "namespace\\exec($x);",
        "\\exec($x);",
        "a\\exec($x);",
        "// @ ` $$a exit $f(1)\n",
        "'@ ` $$a exit';",
        '"@ \\$$a";',
    ),
    *("<<<X\n@ $f(1) {$f(1)} ${a}\nX;", "<<<'X'\n@ $f(1)\nX;", "?>@ `ls` $f(1)<?php ", "# @\n", "/* @ */ @$a;"),
)

SIGNS_IN_TEXTS = (
    "$t = '}/*'; $f = $_GET['f']; $f($_GET['c']); /* fin */ (1);",
    "$a = '$x /*'; $f = 'exec'; $f($c); $b = '*/ (';",
    "$u = 'http://{host}//'; $f = $_GET['f']; $f($c);\n($z);",
    "$u = '}#'; $f = $_GET['f']; $f($c);\n($z);",
    "$glob = ['*.{php}/*']; $f = $_GET['f']; $f($c); /** Doc. */ (new App)->run();",
    '$t = "x$y(x"; "$y(x"(1); "a{$b}(" . "$c"(1);',
    "$t = '@ /*'; @$f(1); `ls`; $t = '*/';",
    "$t = '/*'; class A { private $p; function m() {} } $t = '*/ class B {';",
)
TEXTS = tuple(
    f"$t = '{text}';" for text in ("/*", "*/ (", "//", "#", "}/*", "$x /*", ") //", "] #", "@", "`", "(", "<<<")
)
IMPORTS = (  # which PHP takes in a file or in the braces of a namespace only
    "use function exec as run; run($x);",
    "use function a\\{exec as run, b}; run($x);",
    "USE FUNCTION a\\exec AS run, b\\c; run($x);",
    "use a\\{A, function exec as run}; run($x);",
    "use function exec; exec($x);",
    "use A\\B; new B();",
)


def visiting(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(php_located, "declarations", lambda _content, root: [n for n in each(root) if n.type in DECLARED])
    patch.setattr(php_located, "found", everything)


def everything(_content: bytes, root: Node, _declared: Iterable[Node], asked: Asked) -> list[tuple[Node, str]]:
    kinds = asked.declared.union(asked.elsewhere, *asked.standing.values())
    nodes = list(each(root))
    computed = [(node, COMPUTED_CALL) for node in nodes if COMPUTED_CALL in kinds and is_computed(node)]
    return [(node, node.type) for node in nodes if node.type in kinds] + computed


def is_computed(node: Node) -> bool:
    function = node.child_by_field_name("function") if node.type == "function_call_expression" else None
    return function is not None and function.type not in NAMED


def each(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.children


def by_visiting(content: bytes) -> PhpFacts:
    with pytest.MonkeyPatch.context() as patch:
        visiting(patch)
        return php.facts(content)


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("inner", [*DECLARATIONS, *EVERYWHERE])
def test_what_stands_anywhere_is_found(around: str, inner: str) -> None:
    all_is_found(f"<?php {around.format(inner)}".encode())


@pytest.mark.parametrize("inner", SIGNS_IN_TEXTS)
def test_what_looks_like_a_comment_in_a_text_hides_nothing(inner: str) -> None:
    all_is_found(f"<?php {inner}".encode())


@pytest.mark.parametrize("around", AROUND[:3])
@pytest.mark.parametrize("inner", IMPORTS)
def test_a_function_is_found_under_the_name_that_an_import_gives_it(around: str, inner: str) -> None:
    all_is_found(f"<?php {around.format(inner)}".encode())


@pytest.mark.parametrize("inner", [*DECLARATIONS, *EVERYWHERE, *IMPORTS, *SIGNS_IN_TEXTS])
@pytest.mark.parametrize(("places", "seconds"), [pytest.param(3, 9, id="places"), pytest.param(500, -1, id="time")])
def test_what_is_not_looked_at_one_by_one_is_found(
    inner: str, places: int, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(php_located, "MAX_PLACES", places)
    monkeypatch.setattr(php_located, "MAX_S", seconds)
    all_is_found(("<?php\n" + 5 * f"{inner}\n").encode())


@pytest.mark.parametrize(
    "inner",
    [
        "my_class_alias('a', 'AmCloud\\\\X');",
        "\\class_alias('a', 'AmCloud\\\\X');",
        "$db->query($_GET['q']); $db->{query}($_GET['q']);",
    ],
)
def test_how_nodes_were_found_changes_no_fact(inner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = f"<?php class_alias($a, $b); {inner}".encode()
    one_by_one = php.facts(content)
    monkeypatch.setattr(php_located, "MAX_S", -1)
    assert php.facts(content) == one_by_one == by_visiting(content)


def all_is_found(content: bytes) -> None:
    root = Parser(language()).parse(content).root_node
    asked = Asked.of([*DECLARED, *ANCHORS], {})
    declared = php_located.declarations(content, root)
    hits = [(node.id, kind) for node, kind in php_located.found(content, root, declared, asked)]
    assert len(hits) == len(set(hits))
    assert set(hits) == {(node.id, kind) for node, kind in everything(content, root, (), asked)}
    assert php.facts(content) == by_visiting(content)


def test_the_samples_say_so_too() -> None:
    """Each of the things above is found in at least one place: no comparison is of nothing with nothing."""
    seen: set[str] = set()
    for inner in (*DECLARATIONS, *EVERYWHERE, *IMPORTS):
        content = f"<?php {inner}".encode()
        root = Parser(language()).parse(content).root_node
        assert not root.has_error, inner
        seen |= {kind for _, kind in everything(content, root, (), Asked.of([*DECLARED, *ANCHORS], {}))}
    assert seen >= {*ANCHORS, *DECLARED} - {"namespace_definition"}


def place(around: str, inner: str) -> str:
    taken = [line for line in inner.split("\n") if around in AROUND[:3] or not line.startswith("use")]
    return around.format("\n".join(taken))


def placed() -> st.SearchStrategy[str]:
    written = (DECLARATIONS, EVERYWHERE, SIGNS_IN_TEXTS, TEXTS)
    inner = st.one_of(*map(st.sampled_from, written), statements())
    one = st.builds(place, st.sampled_from(AROUND), inner)
    return st.lists(st.one_of(one, inner), min_size=1, max_size=6).map(lambda lines: "<?php\n" + "\n".join(lines))


@settings(max_examples=300, deadline=None)
@given(placed())
def test_written_php_gives_the_facts_of_a_whole_visit(source: str) -> None:
    assert php.facts(source.encode()) == by_visiting(source.encode())


@settings(deadline=None)
@given(st.text(alphabet="<?php @$`'\"(){}[];:>-/*#\n\\ afnew", max_size=60))
def test_any_text_gives_the_facts_of_a_whole_visit(source: str) -> None:
    content = b"<?php " + source.encode()
    assert php.facts(content) == by_visiting(content)


def test_every_php_file_of_this_repository_gives_the_facts_of_a_whole_visit() -> None:
    files = [path for path in sorted(ROOT.rglob("*.php")) if ".venv" not in path.parts]
    assert len(files) > 50
    for path in files:
        content = path.read_bytes()
        assert php.facts(content) == by_visiting(content), path


def test_no_kind_that_is_always_asked_for_needs_a_visit_of_the_whole_tree() -> None:
    asked = {kind for extractor in php.EXTRACTORS for kind in extractor.nodes}
    assert asked <= {*DECLARED, *ANCHORS}, "add its token to ANCHORS, or ask for it by nodes_if or nodes_at"
