"""What is of no use in a file, where the file alone can tell."""

from __future__ import annotations

import pytest

from members.code_analyzer.dead_code import dead_code
from members.code_analyzer.metrics import lines_of


def types(path: str, text: str) -> list[tuple[str, int]]:
    return [(each["type"], each["line"]) for each in dead_code(path, text, lines_of(path, text))]


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("a.js", "import a, { b as c } from 'x';\nimport * as d from 'y';\na(d);\n", [("unused_import", 1)]),
        ("a.ts", "import {\n  type A,\n  B,\n} from 'x';\nexport const x: A = 1;\n", [("unused_import", 3)]),
        ("a.js", "function lost() {}\nexport const a = 1;\n", [("unused_function", 1)]),
        ("A.java", "import a.B;\nimport a.C;\nclass A extends C {}\n", [("unused_import", 1)]),
        ("A.java", "class A {\n  private void lost(int a) {}\n}\n", [("unused_function", 2)]),
        ("a.php", "<?php\nuse A\\B;\nuse A\\C as D;\nnew B();\n", [("unused_import", 3)]),
        ("a.php", "<?php\nclass A {\n  private function lost() {}\n}\n", [("unused_function", 3)]),
        ("a.c", "static int lost(int a)\n{\n  return a;\n}\n", [("unused_function", 1)]),
        ("a.rs", "fn lost() {}\n\npub fn used() {}\n", [("unused_function", 1)]),
        ("a.py", "def f():\n    raise ValueError\n    x = 1\n", [("unreachable_code", 3)]),
        ("a.go", "package p\nfunc f() {\n\tfor {\n\t\tbreak\n\t\tg()\n\t}\n}\n", [("unreachable_code", 5)]),
    ],
)
def test_what_is_of_no_use_is_told(path: str, text: str, found: list[tuple[str, int]]) -> None:
    assert types(path, text) == found


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.js", "import './effects.js';\nimport a from 'x';\nexport { a };\n"),
        ("a.js", "function global() {}\n"),
        ("a.js", "// import a from 'x';\nconst s = `\nimport b from 'y';\n`;\n"),
        ("a.jsx", "import React from 'react';\nexport const a = <div />;\n"),
        ("A.java", "import a.B;\n/** See {@link B}. */\nclass A {}\n"),
        ("A.java", "class A {\n  private A(int a) {}\n  @Inject\n  private void used(int a) {}\n}\n"),
        ("A.java", "class A {\n  private void readObject(ObjectInputStream in) {}\n}\n"),
        ("a.h", "static int helper(int a) {\n  return a;\n}\n"),
        ("a.c", "static inline int helper(int a) {\n  return a;\n}\nstatic int used(int a);\nint b = used(1);\n"),
        ("a.rs", "#[test]\nfn works() {}\n\nfn main() {}\n"),
        ("a.rs", "mod inner;\nfn shared() {}\n"),
        ("a.php", "<?php\nclass A {\n  private function __clone() {}\n}\n"),
        ("a.py", "def f():\n    return\n    yield\n"),
        ("a.js", "function f() {\n  return g();\n  function g() {}\n}\nf();\n"),
        (
            "a.c",
            "int f(int a) {\n  switch (a) {\n    case 1:\n      return 1;\n    default: break;\n  }\n  a++;\n}\n",
        ),
        ("a.c", "int f(int a) {\n  goto end;\nend:\n  return a;\n}\n"),
        ("a.c", "int f(int a) {\n#ifdef X\n  return 1;\n#else\n  return a;\n#endif\n}\n"),
        ("a.rb", "def f(a)\n  return 1 if a\n  puts a\nend\n"),
        ("a.rs", "pub fn f(a: bool) -> i32 {\n    if a { return 1; }\n    2\n}\n"),
        ("a.go", "package p\nfunc f() int {\n\treturn g(\n\t\t1,\n\t)\n}\n"),
    ],
)
def test_what_may_be_of_use_is_left_alone(path: str, text: str) -> None:
    assert types(path, text) == []
