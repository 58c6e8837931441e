"""What the pages name exists, and what they list is what the code has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from bus import Instance, Subjects, headers
from bus.calls import Frame
from bus.manifest import Manifest
from bus.messages import EventKind, SelectQuery, ServerQuery, ServersQuery, StatsQuery, TagsQuery, ToolsQuery
from bus.subjects import DIRECTORY_VERBS
from docs import make_errors, make_settings
from omega.cli.commands import COMMANDS
from tests.architecture.source import modules
from tests.support.markdown import ROOT, anchors, blocks, links, pages, quoted, table_after

PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
README = (ROOT / "README.md").read_text()
TOP = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} | {".ci"}

ME = Instance("M", "I")
BUILDERS: dict[str, tuple[object, ...]] = {
    "register": (ME,),
    "heartbeat": (ME,),
    "leave": (ME,),
    "leave_all": ("M",),
    "resync": (ME,),
    "ping": (ME,),
    "change": ("M.I",),
    "call": ("M", "T"),
    "call_at": (ME, "T"),
    "changed": ("M",),
    "cancel": (ME,),
    "event": ("KIND", "M"),
    "on_behalf": ("VERB", "M", "I"),
    "owner": (),
    "owner_change": ("M",),
    "token_change": ("KEY",),
}
"""How each method of Subjects that builds one subject is asked for the one in the table."""
READERS = {"who", "names_all_instances", "last_token", "mcp_tail", "event_tail", "is_on_behalf"}
TREES = {"every", "calls_of", "calls_at", "mcp_of", "heartbeats_of", "events", "requests", "within_site"}
TREES |= {"on_behalf_every"}
AMONG_OURSELVES = {"gateway_answer", "gateway_cancelled", "session", "restored"}
"""Nobody else needs to know of them."""


def each_page() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))


# names and links ------------------------------------------------------------------------------------------------------


@each_page()
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    named = [word for word in quoted(page.read_text()) if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", word)]
    paths = [word for word in named if "/" in word and word.partition("/")[0] in TOP]
    assert not [path for path in paths if not (ROOT / path).exists()]


@each_page()
def test_every_link_inside_leads_somewhere(page: Path) -> None:
    for target in links(page.read_text()):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        found = page.parent / path if path else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found.read_text()), target


def test_the_architecture_page_names_files_of_every_package() -> None:
    named = {word.partition("/")[0] for word in quoted((ROOT / "docs" / "architecture.md").read_text()) if "/" in word}
    assert {"bus", "directory", "members", "gateway", "omega"} <= named


@each_page()
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text()
    named = set(re.findall(r"`make ([a-z]+)", text)) | set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE))
    assert named <= targets


# generated and listed -------------------------------------------------------------------------------------------------


def test_the_table_of_errors_is_the_error_tree() -> None:
    assert make_errors.page() == PROTOCOL, "python -m docs.make_errors"


def test_the_page_of_settings_is_the_settings_classes() -> None:
    assert make_settings.page() == make_settings.PAGE.read_text(), "python -m docs.make_settings"


def test_every_settings_class_is_on_the_page() -> None:
    classes = {
        node.name
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "BaseSettings" for base in node.bases)
    }
    assert classes == {settings.__name__ for settings in make_settings.settings_classes()}


def test_the_table_of_subjects_is_what_the_code_builds() -> None:
    subjects = Subjects()
    built = {getattr(subjects, name)(*arguments) for name, arguments in BUILDERS.items()}
    built |= {subjects.directory(verb) for verb in DIRECTORY_VERBS}
    built |= {subjects.mcp("M", instance, "METHOD", "NAME") for instance in ("any", "I")}
    told = {word for row in table_after(PROTOCOL, "<!-- subjects") for word in re.findall(r"`([^`]+)`", row[0])}
    assert built <= told
    assert {subjects.who(short) for short in told - built} == {Instance("M")}


def test_no_subject_was_added_without_a_row() -> None:
    methods = {name for name, value in vars(Subjects).items() if callable(value) and not name.startswith("_")}
    assert methods - AMONG_OURSELVES == BUILDERS.keys() | {"directory", "mcp"} | READERS | TREES


def test_the_table_of_frames_is_the_frames() -> None:
    assert first_words(PROTOCOL, "<!-- frames") == [frame.value for frame in Frame]


def test_the_table_of_events_is_the_kinds_of_events() -> None:
    assert sorted(first_words(PROTOCOL, "<!-- events")) == sorted(kind.value for kind in EventKind)


def test_every_header_of_ours_is_one_of_the_code() -> None:
    named = set(re.findall(r"`((?:Omega|Mcp|MCP)-[A-Za-z-]+)", PROTOCOL))
    known = {value for name, value in vars(headers).items() if name.isupper()} | {"Omega-Write-Id"}
    assert named <= known


def test_the_table_of_the_manifest_has_its_fields() -> None:
    told = {word for row in table_after(PROTOCOL, "| field |") for word in re.findall(r"`([a-z_]+)`", row[0])}
    assert told == Manifest.model_fields.keys() | {"service_id", "display_name"}


def test_the_table_of_parameters_has_those_of_every_query() -> None:
    told = {word for row in table_after(PROTOCOL, "| parameter |") for word in re.findall(r"`([a-z_]+)`", row[0])}
    queries = (ServersQuery, ServerQuery, SelectQuery, TagsQuery, ToolsQuery, StatsQuery)
    assert told == {name for query in queries for name in query.model_fields}


def test_the_table_of_verbs_has_every_verb() -> None:
    assert {word for row in table_after(PROTOCOL, "| verb |") for word in row[0].split(", ")} == set(DIRECTORY_VERBS)


def test_the_table_of_commands_has_every_command() -> None:
    told = {word for row in table_after(README, "| command |") for word in re.findall(r"`omega ([a-z]+)", row[0])}
    assert told == {command.name for command in COMMANDS}


def test_the_index_of_decisions_lists_each_by_its_title() -> None:
    folder = ROOT / "docs" / "adr"
    titles = {
        f"[{number}]({path.name})": title
        for path in folder.glob("0*.md")
        for number, title in [path.read_text().splitlines()[0].removeprefix("# ").split(". ", 1)]
    }
    assert {row[0]: row[1] for row in table_after((folder / "README.md").read_text(), "# Decisions")} == titles


def test_the_member_in_the_readme_is_the_example() -> None:
    shown = [block.text for block in blocks(README) if block.language == "python"]
    assert shown == [(ROOT / "examples" / "weather_member.py").read_text()]


def first_words(text: str, mark: str) -> list[str]:
    """The words of a table's first column."""
    return [row[0].strip("`") for row in table_after(text, mark)]
