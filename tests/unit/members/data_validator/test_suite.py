"""The JSON Schema Test Suite, whole: required and optional cases of every draft, formats included.

The suite lies beside this file, compressed and with its licence. Its remote documents come with the call, as callers
would give them: nothing is fetched.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from members.data_validator.validation import validate
from members.sandbox.refusals import Refusal

SUITE = Path(__file__).with_name("json_schema_suite.json.xz")
DRAFTS = {
    "draft4": ("http://json-schema.org/draft-04/schema#", 863),
    "draft6": ("http://json-schema.org/draft-06/schema#", 1149),
    "draft7": ("http://json-schema.org/draft-07/schema#", 1465),
    "draft2019-09": ("https://json-schema.org/draft/2019-09/schema", 1864),
    "draft2020-12": ("https://json-schema.org/draft/2020-12/schema", 1906),
}
ANNOTATIONS = {("draft2020-12", "format.json")}
"""Where formats are only notes, as that draft has it unless told otherwise."""


@cache
def suite() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lzma.decompress(SUITE.read_bytes()))
    return found


def cases(draft: str) -> Iterator[tuple[str, Any, Any, bool, bool]]:
    """Name, schema, data, the right verdict, and whether formats are checked."""
    for file, groups in suite()["tests"][draft].items():
        for group in groups:
            schema = group["schema"]
            if isinstance(schema, dict) and "$schema" not in schema:
                schema = {"$schema": DRAFTS[draft][0], **schema}
            for test in group["tests"]:
                name = f"{file}: {group['description']}: {test['description']}"
                yield name, schema, test["data"], test["valid"], (draft, file) not in ANNOTATIONS


def verdict(schema: Any, data: Any, formats: bool) -> bool | str:
    arguments = {"schema": schema, "data": data, "formats": formats, "max_errors": 5, "references": suite()["remotes"]}
    try:
        return bool(validate(arguments, lambda step: None)["valid"])
    except Refusal as refusal:
        return refusal.message


@pytest.mark.parametrize("draft", DRAFTS)
def test_no_verdict_is_wrong(draft: str) -> None:
    judged = 0
    wrong = []
    for name, schema, data, right, formats in cases(draft):
        judged += 1
        if verdict(schema, data, formats) != right:
            wrong.append(name)
    assert not wrong
    assert judged == DRAFTS[draft][1]


def test_its_remote_documents_are_refused_when_they_do_not_come_along() -> None:
    with pytest.raises(Refusal, match="nothing is fetched"):
        validate({"schema": {"$ref": "http://localhost:1234/integer.json"}, "data": 1, "max_errors": 5}, print)
