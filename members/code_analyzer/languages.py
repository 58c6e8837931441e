"""What a language is called, and which engines know it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from members.sandbox.refusals import Invalid


@dataclass(frozen=True, slots=True)
class Language:
    """`extension` is how file-name driven engines recognise it; `grammar` is ast-grep's name, empty when it has none;
    `metrics` tells whether lizard finds its functions."""

    name: str
    extension: str
    aliases: tuple[str, ...] = ()
    grammar: str = ""
    metrics: bool = True


LANGUAGES: tuple[Language, ...] = (
    Language("python", ".py", ("py", "python3", "py3"), "python"),
    Language("javascript", ".js", ("js", "jsx", "node", "nodejs", "ecmascript", "mjs"), "javascript"),
    Language("typescript", ".ts", ("ts",), "typescript"),
    Language("tsx", ".tsx", (), "tsx"),
    Language("java", ".java", (), "java"),
    Language("go", ".go", ("golang",), "go"),
    Language("ruby", ".rb", ("rb",), "ruby"),
    Language("php", ".php", (), "php"),
    Language("c", ".c", ("h",), "c"),
    Language("cpp", ".cpp", ("c++", "cxx", "cc", "hpp"), "cpp"),
    Language("csharp", ".cs", ("c#", "cs", "c-sharp"), "csharp"),
    Language("kotlin", ".kt", ("kt",), "kotlin"),
    Language("rust", ".rs", ("rs",), "rust"),
    Language("swift", ".swift", (), "swift"),
    Language("scala", ".scala", (), "scala"),
    Language("lua", ".lua", (), "lua"),
    Language("objective-c", ".m", ("objectivec", "objc")),
    Language("perl", ".pl", ("pl",)),
    Language("r", ".r", ("rlang",)),
    Language("solidity", ".sol", (), "solidity"),
    Language("fortran", ".f90", ("f90",)),
    Language("erlang", ".erl", ("erl",)),
    Language("zig", ".zig"),
    Language("vue", ".vue", ("vuejs",)),
    Language("plsql", ".sql", ("sql", "pl/sql")),
    Language("bash", ".sh", ("sh", "shell", "zsh"), "bash", metrics=False),
    Language("yaml", ".yaml", ("yml",), "yaml", metrics=False),
    Language("json", ".json", (), "json", metrics=False),
    Language("terraform", ".tf", ("hcl", "tf"), "hcl", metrics=False),
    Language("ini", ".ini", ("properties", "env", "toml", "cfg", "config"), metrics=False),
)


def by_name(languages: Iterable[Language]) -> Mapping[str, Language]:
    """Every name and alias, lower-case, to its language."""
    return {name: language for language in languages for name in (language.name, *language.aliases)}


SCANNED = by_name(LANGUAGES)
MEASURED = by_name(language for language in LANGUAGES if language.metrics)


def find(named: str, known: Mapping[str, Language]) -> Language:
    """The language a caller meant, whatever the case. Raises Invalid with the known names and the nearest one."""
    name = named.strip().lower()
    if name in known:
        return known[name]
    names = sorted({language.name for language in known.values()})
    nearest = process.extractOne(name, known.keys(), scorer=fuzz.ratio, score_cutoff=60) if name else None
    hint = f" Did you mean {known[nearest[0]].name}?" if nearest else ""
    raise Invalid(
        f"language is not known.{hint} Known here: {', '.join(names)}.",
        field="language",
        known=names,
        **({"did_you_mean": known[nearest[0]].name} if nearest else {}),
    )


def opened(code: str, language: str) -> str:
    """The snippet as its engines want it: PHP without its opening tag would be plain text. Lines stay."""
    return f"<?php {code}" if language == "php" and "<?" not in code else code
