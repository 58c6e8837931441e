"""Settings come from the environment and are checked there."""

from __future__ import annotations

import inspect

import pytest
from pydantic import ValidationError

from members.code_analyzer.settings import CodeAnalyzerSettings, policy, thresholds


def test_hosts_are_read_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMEGA_CODE_ANALYZER_ALLOWED_HOSTS", '["127.0.0.1:8123"]')
    assert policy(CodeAnalyzerSettings()).allowed_hosts == {"127.0.0.1:8123"}


def test_thresholds_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMEGA_CODE_ANALYZER_MAX_COMPLEXITY", "7")
    assert thresholds(CodeAnalyzerSettings()).complexity == 7


def test_by_default_no_inner_host_and_no_http_is_open() -> None:
    rules = policy(CodeAnalyzerSettings())
    assert (rules.allowed_hosts, rules.allow_http) == (frozenset(), False)


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError):
        CodeAnalyzerSettings(clone_timeout_s=0)


def test_every_setting_says_what_it_does() -> None:
    text = inspect.getsource(CodeAnalyzerSettings)
    for name in CodeAnalyzerSettings.model_fields:
        after = text[text.index(f"\n    {name}:") :].split("\n\n", 1)[0]
        assert '"""' in after, name
