"""Grammar: texts to trees and back, problems with their place, and any text at all."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eilbote.sieve.parse import parse_script
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.tree import Argument, Command, Number, Tag, Text, TextList, Tree
from eilbote.sieve.tree import Test as Asked
from eilbote.sieve.values import Limits, Position
from eilbote.sieve.write import write_script

AT = Position(1, 1)

# What is written and what it is in the form that we write.
GOOD = [
    ("", ""),
    ("\r\n\t ", ""),
    ("\ufeffkeep;", "keep;\n"),
    ("KEEP ;", "keep;\n"),
    ("keep;stop;", "keep;\nstop;\n"),
    ("# one\n#two\nkeep;", "# one\n#two\nkeep;\n"),
    ("keep; # behind", "keep;\n# behind\n"),
    ("/* a * / ** b\n*/keep/* c */;", "keep;\n"),
    ('redirect "a@example.org";', 'redirect "a@example.org";\n'),
    ('a "x\\"y\\\\z\\q";', 'a "x\\"y\\\\zq";\n'),
    ('a "zwei\nZeilen";', 'a "zwei\nZeilen";\n'),
    ('a "";', 'a "";\n'),
    ('a ["x"];', 'a ["x"];\n'),
    ('a [ "x" , "y" ] ;', 'a ["x", "y"];\n'),
    ("a 1 2K 3m 4G 1024 2048k 0;", "a 1 2K 3M 4G 1K 2M 0;\n"),
    ("a :Tag :b_2 1;", "a :tag :b_2 1;\n"),
    ("a text:\nEins\n..Zwei\n...\n.\n;", "a text:\nEins\n..Zwei\n...\n.\n;\n"),
    ("a text: # warum\r\nEins\r\n.\r\n;", "a text:\nEins\n.\n;\n"),
    ("a text:\n.\n;", "a text:\n.\n;\n"),
    ('a ["x", text:\ny\n.\n, "z"];', 'a ["x", text:\ny\n.\n, "z"];\n'),
    ("if true { keep; }", "if true {\n    keep;\n}\n"),
    ("if true {}", "if true {\n}\n"),
    (
        "if not anyof(a, b :x 1) {a;} elsif c {if d {e;}} else {f;}",
        "if not anyof (a, b :x 1) {\n    a;\n}\nelsif c {\n    if d {\n        e;\n    }\n}\n"
        "else {\n    f;\n}\n",
    ),
    ('if\nheader\n:is\n"a"\n"b"\n{stop;}', 'if header :is "a" "b" {\n    stop;\n}\n'),
    ("if true { # why\nkeep; }", "if true {\n    # why\n    keep;\n}\n"),
]


@pytest.mark.parametrize(("text", "written"), GOOD)
def test_what_is_written_is_read(text: str, written: str) -> None:
    tree, problems = parse_script(text)
    assert problems == ()
    assert write_script(tree) == written
    again, problems = parse_script(written)
    assert problems == ()
    assert write_script(again) == written


def test_places_are_those_of_the_text() -> None:
    tree, _ = parse_script('keep;\n  if anyof (true,\n\theader "ä" [ "b" ]) { stop; }')
    keep, choice = tree.commands
    assert (keep.at, choice.at) == (Position(1, 1), Position(2, 3))
    header = choice.tests[0].tests[1]
    assert header.at == Position(3, 2)
    field, keys = header.arguments
    assert (field.at, keys.at) == (Position(3, 9), Position(3, 13))
    assert isinstance(keys, TextList) and keys.items[0].at == Position(3, 15)
    assert choice.block is not None and choice.block[0].at == Position(3, 24)


# What is wrong, and what is said of it where.
BAD = [
    ("keep", [(1, 1, "missing_semicolon")]),
    ("keep\nstop;", [(1, 1, "missing_semicolon")]),
    ('redirect "a"\nkeep;\nstop', [(1, 10, "missing_semicolon"), (3, 1, "missing_semicolon")]),
    ("if true { keep }", [(1, 11, "missing_semicolon")]),
    ("if true { keep;", [(1, 9, "open_block")]),
    ("if true {\nif true {\nkeep;\n", [(1, 9, "open_block"), (2, 9, "open_block")]),
    ("}", [(1, 1, "unexpected")]),
    (";", [(1, 1, "unexpected")]),
    ("keep;}keep;;", [(1, 6, "unexpected"), (1, 12, "unexpected")]),
    ('"text";', [(1, 1, "unexpected")]),
    ("keep ) ;", [(1, 6, "unexpected")]),
    ('a "open', [(1, 1, "missing_semicolon"), (1, 3, "open_text")]),
    ("a text:\nopen\n", [(1, 1, "missing_semicolon"), (1, 3, "open_text")]),
    ("keep; /* open", [(1, 7, "open_comment")]),
    ('a ["x";', [(1, 7, "comma_missing")]),
    ('a ["x" "y"];', [(1, 8, "comma_missing")]),
    ('a ["x",];', [(1, 8, "list_of_texts")]),
    ("a [];", [(1, 4, "list_of_texts")]),
    ('a ["x", 1];', [(1, 9, "list_of_texts")]),
    ('a ["x"', [(1, 3, "open_bracket")]),
    ("if anyof (true", [(1, 10, "open_bracket")]),
    ("if anyof () {}", [(1, 11, "no_test_here")]),
    ("if anyof (true,) {}", [(1, 16, "no_test_here")]),
    ("keep ?;", [(1, 6, "bad_character")]),
    ("keep;\n§§§ stop;", [(2, 1, "bad_character")]),
    ('a "x\x00y";', [(1, 5, "bad_character")]),
    ("a 1x;", [(1, 3, "bad_character")]),
    ("a : b;", [(1, 3, "bad_character")]),
    ("a 99999999999999999999;", [(1, 3, "number_too_large")]),
    ("a 9999999999G;", [(1, 3, "number_too_large")]),
    ("kep ?; keep ; if { stop; } stop", [(1, 5, "bad_character"), (1, 28, "missing_semicolon")]),
]


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_problems_are_named_with_their_place(text: str, expected: list[tuple[int, int, str]]) -> None:
    _, problems = parse_script(text)
    assert [
        (found.at.line, found.at.column, found.problem.code.removeprefix("sieve.")) for found in problems
    ] == expected


@pytest.mark.parametrize("around", ["if true {{{}}}", "if not {} {{}}", "if allof ({}, true) {{}}"])
def test_nesting_is_bounded(around: str) -> None:
    inner = "not not true" if "not" in around or "allof" in around else ""
    deep = inner
    for _ in range(20):
        deep = around.format(deep) if around.startswith("if true") else f"allof (not {deep}, true)"
    text = deep if around.startswith("if true") else f"if {deep} {{}}"
    assert parse_script(text, Limits(nesting=15))[1][0].problem.code == "sieve.too_deep"
    assert parse_script(text, Limits(nesting=60))[1] == ()


def test_a_bomb_of_brackets_is_refused() -> None:
    for bomb in ("if anyof (", "if true {"):
        assert "sieve.too_deep" in [each.problem.code for each in parse_script(bomb * 20_000)[1]]
    assert parse_script("a [" * 20_000)[1][0].problem.code == "sieve.list_of_texts"


def test_size_is_bounded() -> None:
    assert parse_script("#" * 2000, Limits(script_bytes=1000))[1][0].problem.code == "sieve.too_long"
    assert parse_script("#" + "ä" * 900, Limits(script_bytes=1000))[1][0].problem.code == "sieve.too_long"
    assert parse_script("keep;" * 101, Limits(commands=100))[1][0].problem.code == "sieve.too_many_commands"
    assert parse_script("keep;" * 100, Limits(commands=100))[1] == ()


def test_no_more_problems_are_named_than_anybody_reads() -> None:
    assert len(parse_script("?;" * 10_000)[1]) == 50
    assert len(read_problems("kep;" * 10_000)) == 50


def read_problems(text: str) -> tuple[str, ...]:
    found = read_script(text)
    return () if isinstance(found, Script) else tuple(each.problem.code for each in found)


@given(st.text())
def test_any_text_is_a_script_or_has_problems(text: str) -> None:
    found = read_script(text)
    assert isinstance(found, Script) or found


PIECES = [
    "if", "elsif", "else", "keep", "stop", "require", "header", "anyof", "not", "true", "fileinto", "set",
    "foreverypart", "vacation", '"a"', '"${a.b}"', '"\\Seen"', "text:\n.a\n.\n", "[", "]", "(", ")", "{", "}",
    ",", ";", ":is", ":count", ":flags", ":copy", "1", "7G", "# c\n", "/*", "*/", "\n", "§", '"variables"',
    '"fileinto"', '"gt"', ":comparator", '"i;octet"', ":regex", '"(a"',
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join))
def test_any_pieces_of_scripts_are_a_script_or_have_problems(text: str) -> None:
    found = read_script(text)
    assert isinstance(found, Script) or found
    for problem in () if isinstance(found, Script) else found:
        assert problem.at.line >= 1 and problem.at.column >= 1


names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name != "text")
values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
texts = st.builds(Text, st.just(AT), values) | st.builds(
    lambda lines: Text(AT, "".join(line + "\n" for line in lines), True),
    st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc"))), max_size=3),
)
arguments: st.SearchStrategy[Argument] = (
    texts
    | st.builds(lambda items: TextList(AT, tuple(items)), st.lists(texts, min_size=1, max_size=3))
    | st.builds(Number, st.just(AT), st.integers(0, 2**62))
    | st.builds(Tag, st.just(AT), names)
)
comments = st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=10), max_size=2)


def asked_within(inner: st.SearchStrategy[Asked]) -> st.SearchStrategy[Asked]:
    one = st.builds(
        lambda name, given, test: Asked(AT, name, tuple(given), (test,)),
        names,
        st.lists(arguments, max_size=0),
        inner,
    )
    group = st.builds(
        lambda name, given, many: Asked(AT, name, tuple(given), tuple(many), True),
        names,
        st.lists(arguments, max_size=2),
        st.lists(inner, min_size=1, max_size=3),
    )
    return one | group


asked_nodes = st.recursive(
    st.builds(lambda name, given: Asked(AT, name, tuple(given)), names, st.lists(arguments, max_size=3)),
    asked_within,
    max_leaves=5,
)


def commands(inner: st.SearchStrategy[Command]) -> st.SearchStrategy[Command]:
    return st.builds(
        lambda name, given, block, told: Command(
            AT, name, tuple(given), block=tuple(block), comments=tuple(told)
        ),
        names,
        st.lists(arguments, max_size=2),
        st.lists(inner, max_size=3),
        comments,
    )


command_nodes = st.recursive(
    st.builds(
        lambda name, given, test, told: Command(
            AT, name, tuple(given), (test,) if test else (), comments=tuple(told)
        ),
        names,
        st.lists(arguments, max_size=3),
        st.none() | asked_nodes,
        comments,
    ),
    commands,
    max_leaves=6,
)
trees = st.builds(
    lambda many, told: Tree(tuple(many), tuple(told)), st.lists(command_nodes, max_size=4), comments
)


@settings(max_examples=50)
@given(trees)
def test_what_we_write_reads_back_as_the_same_tree(tree: Tree) -> None:
    written = write_script(tree)
    again, problems = parse_script(written)
    assert problems == (), written
    assert without_places(again) == without_places(tree), written


def without_places(tree: Tree) -> object:
    def drop(value: object) -> object:
        if isinstance(value, dict):
            return {name: drop(each) for name, each in value.items() if name != "at"}
        return [drop(each) for each in value] if isinstance(value, list | tuple) else value

    return drop(msgspec.to_builtins(tree))
