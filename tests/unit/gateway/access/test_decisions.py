"""What is decided about a caller without any I/O: whether to start, what is shown, who it is, what it is told."""

from __future__ import annotations

from typing import Any, ClassVar

import orjson
import pytest
from pydantic import ValidationError

from bus import headers
from bus.access import LOCAL, Principal, Right, Scopes, Via
from bus.apikeys import KeyRecord, hashed, minted
from bus.errors import Busy, FederationError, Malformed, Unauthenticated
from bus.kv import Entry
from bus.messages import EventKind
from gateway.access.certificates import Certificates, named, names
from gateway.access.challenges import challenge
from gateway.access.denials import A_CALLER_AT_ONCE, ALL_AT_ONCE, Denials
from gateway.access.facts import Facts, read_credentials
from gateway.access.identity import sent_on
from gateway.access.keyring import ApiKeyring
from gateway.access.methods import Reach, reach_of, shown
from gateway.access.policy import Unprotected, asks, is_loopback, takes_keys
from gateway.access.rules import NEEDS, OPEN, need_of
from gateway.access.settings import AccessSettings, CertificateHolder
from gateway.access.visible import cut
from gateway.refusals import InsufficientScope, MalformedCredentials

KEY = minted(b"k" * 32)
TLS = {"tls_cert": "a", "tls_key": "b", "tls_client_ca": "c"}
ISSUER = {"issuer": "https://issuer.example", "jwks_url": "https://issuer.example/jwks"}


def settings(**more: Any) -> AccessSettings:
    return AccessSettings.model_validate(more)


class TestStarting:
    @pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
    def test_loopback_asks_nobody_unless_told_to(self, host: str) -> None:
        assert is_loopback(host)
        assert not asks(settings(), host)
        assert asks(settings(authentication="required"), host)

    @pytest.mark.parametrize(
        "host", ["0.0.0.0", "::", "10.0.0.1", "192.168.1.5", "gateway.example", "127.0.0.1.nip.io"]
    )
    def test_any_other_address_does_not_start_unprotected(self, host: str) -> None:
        for more in ({}, {"authentication": "none"}, {"authentication": "none", "oauth_issuers": [ISSUER]}):
            with pytest.raises(Unprotected, match="--open-to-the-network-without-authentication"):
                asks(settings(**more), host)

    def test_any_other_address_starts_with_a_way_to_prove_who_one_is_or_the_flag(self) -> None:
        assert asks(settings(authentication="required"), "0.0.0.0")
        assert asks(settings(oauth_issuers=[ISSUER]), "0.0.0.0")
        assert not asks(settings(open_to_the_network_without_authentication=True), "0.0.0.0")
        assert asks(settings(open_to_the_network_without_authentication=True, authentication="required"), "0.0.0.0")

    def test_requiring_proof_without_any_way_to_give_it_is_refused(self) -> None:
        with pytest.raises(Unprotected, match="no way"):
            asks(settings(authentication="required", api_keys=False), "127.0.0.1")

    def test_keys_are_taken_where_something_is_required_unless_told_otherwise(self) -> None:
        assert takes_keys(settings(), required=True) and not takes_keys(settings(), required=False)
        assert takes_keys(settings(api_keys=True), required=False)
        assert not takes_keys(settings(api_keys=False), required=True)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"tls_cert": "a"},
            {"tls_key": "a"},
            {"tls_client_ca": "a"},
            {"certificate_principals": {"CN=a": {"scopes": "call"}}},
            {"tls_client_certificate_required": True},
            {"oauth_issuers": [ISSUER, {**ISSUER, "issuer": "https://b.example"}]},
            {"oauth_issuers": [{**ISSUER, "jwks_url": "http://issuer.example/jwks"}]},
            {"oauth_issuers": [{**ISSUER, "algorithms": ["HS256"]}]},
            {"oauth_issuers": [{**ISSUER, "algorithms": []}]},
            {"oauth_issuers": [{**ISSUER, "scopes": {"a": "everything"}}]},
            {
                "tls_cert": "a",
                "tls_key": "b",
                "tls_client_ca": "c",
                "certificate_principals": {"a": {"scopes": "call"}},
            },
            {
                "tls_cert": "a",
                "tls_key": "b",
                "tls_client_ca": "c",
                "certificate_principals": {"URI=*": {"scopes": "call"}},
            },
            {
                "tls_cert": "a",
                "tls_key": "b",
                "tls_client_ca": "c",
                "certificate_principals": {"CN=a": {"scopes": "x"}},
            },
        ],
    )
    def test_settings_that_would_let_in_the_wrong_ones_are_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            settings(**wrong)


class TestWhatARequestShows:
    @pytest.mark.parametrize(
        ("lines", "found"),
        [
            ([], (None, None)),
            ([("authorization", "Bearer abc.def")], ("abc.def", None)),
            ([("authorization", "bearer  abc== ")], ("abc==", None)),
            ([("authorization", f"Bearer {KEY}")], (None, KEY)),
            ([("x-api-key", f" {KEY} ")], (None, KEY)),
            ([("cookie", "token=abc")], (None, None)),
        ],
    )
    def test_credentials_are_read_from_two_headers(self, lines: list[tuple[str, str]], found: Any) -> None:
        assert read_credentials(lines, "tag=a") == found

    @pytest.mark.parametrize(
        ("lines", "query"),
        [
            ([("authorization", "Bearer a"), ("authorization", "Bearer a")], ""),
            ([("authorization", "Bearer a"), ("x-api-key", KEY)], ""),
            ([("authorization", "")], ""),
            ([("authorization", "Bearer ")], ""),
            ([("authorization", "Bearer a b")], ""),
            ([("authorization", "Bearer a\tb")], ""),
            ([], "access_token=a"),
            ([], "tag=x&Access_Token=a"),
            ([("authorization", "Bearer a")], "api_key=a"),
        ],
    )
    def test_what_can_be_read_in_two_ways_is_refused(self, lines: list[tuple[str, str]], query: str) -> None:
        with pytest.raises(MalformedCredentials):
            read_credentials(lines, query)

    @pytest.mark.parametrize("lines", [[("authorization", "Basic YTpi")], [("x-api-key", "abc")], [("x-api-key", "")]])
    def test_other_kinds_prove_nothing(self, lines: list[tuple[str, str]]) -> None:
        with pytest.raises(Unauthenticated):
            read_credentials(lines, "")


def facts(key: str | None = None, certificate: Any = None, now: float = 1_000.0) -> Facts:
    return Facts(None, key, certificate, "http://x/mcp", "http://x", now)


class TestKeyring:
    @staticmethod
    def entry(revision: int, **more: Any) -> Entry:
        record = KeyRecord.model_validate({"name": "alice", "scopes": "call", "created": 1.0, **more})
        return Entry(hashed(KEY), record.model_dump_json().encode(), revision)

    async def test_it_knows_whose_key_it_is_and_for_how_long(self) -> None:
        ring = ApiKeyring()
        ring.take(self.entry(1, expires=2_000.0))
        proof = await ring.prove(facts(KEY))
        assert proof is not None and proof.principal.name == "alice"
        assert proof.holds(1_999.0) and not proof.holds(2_000.0)
        ring.take(self.entry(2, revoked=1_500.0))
        assert not proof.holds(1_000.0)
        with pytest.raises(Unauthenticated, match="revoked"):
            await ring.prove(facts(KEY))

    async def test_an_older_word_does_not_bring_a_revoked_key_back(self) -> None:
        ring = ApiKeyring()
        ring.take(self.entry(5, revoked=1.0))
        ring.take(self.entry(4))
        with pytest.raises(Unauthenticated):
            await ring.prove(facts(KEY))

    @pytest.mark.parametrize("value", [None, b"", b"{}", b"[]", b'{"name":"root","scopes":"everything","created":1}'])
    async def test_an_entry_that_is_gone_or_cannot_be_read_opens_nothing(self, value: bytes | None) -> None:
        ring = ApiKeyring()
        ring.take(self.entry(1))
        ring.take(Entry(hashed(KEY), value, 2))
        with pytest.raises(Unauthenticated, match="unknown"):
            await ring.prove(facts(KEY))

    async def test_a_request_without_a_key_is_none_of_its_business(self) -> None:
        assert await ApiKeyring().prove(facts()) is None


class TestCertificates:
    HOLDERS: ClassVar = {
        "CN=alice": CertificateHolder(scopes="call"),
        "DNS=build.example": CertificateHolder(name="build", scopes="discover"),
        "URI=spiffe://a/b/*": CertificateHolder(name="many", scopes="observe"),
        "URI=spiffe://a/b/c": CertificateHolder(name="one", scopes="admin"),
    }

    @staticmethod
    def certificate(common: tuple[str, ...] = (), **names: tuple[str, ...]) -> dict[str, Any]:
        alternatives = tuple((kind, value) for kind, values in names.items() for value in values)
        subject = tuple((("commonName", name),) for name in common)
        return {"subject": subject, "subjectAltName": alternatives, "notAfter": "Jan  1 00:00:00 2035 GMT"}

    @pytest.mark.parametrize(
        ("certificate", "name"),
        [
            (certificate(("alice",)), "cert:alice"),
            (certificate(("alice",), DNS=("build.example",)), "build"),
            (certificate((), DNS=("build.example",), URI=("spiffe://a/b/x",)), "many"),
            (certificate((), URI=("spiffe://a/b/c",)), "one"),
        ],
    )
    async def test_the_most_telling_name_decides(self, certificate: Any, name: str) -> None:
        proof = await Certificates(self.HOLDERS).prove(facts(certificate=certificate))
        assert proof is not None and proof.principal.name == name

    @pytest.mark.parametrize(
        "certificate",
        [
            certificate(),
            certificate(("bob",)),
            certificate(("alice", "bob")),
            certificate(("build.example",)),
            certificate((), DNS=("alice",)),
            certificate((), URI=("spiffe://a/b/*",)),
            certificate((), URI=("spiffe://a/b",)),
        ],
    )
    async def test_what_names_nobody_here_proves_nothing(self, certificate: Any) -> None:
        with pytest.raises(Unauthenticated, match="nobody"):
            await Certificates(self.HOLDERS).prove(facts(certificate=certificate))

    async def test_one_that_expired_on_an_open_connection_proves_nothing_any_more(self) -> None:
        with pytest.raises(Unauthenticated, match="expired"):
            await Certificates(self.HOLDERS).prove(facts(certificate=self.certificate(("alice",)), now=3e9))

    def test_names_that_cannot_stand_as_they_are_stay_apart(self) -> None:
        assert list(names(self.certificate(("a",), URI=("u",), DNS=("d",)))) == ["URI=u", "DNS=d", "CN=a"]
        assert len({named("CN=a b"), named("CN=a_b"), named("CN=a  b"), named("CN=a:b")}) == 4


class TestChallenges:
    @pytest.mark.parametrize(
        ("error", "shown", "expected"),
        [
            (Unauthenticated("x"), False, 'Bearer scope="call", resource_metadata="http://m"'),
            (
                Unauthenticated('it "expired"\r\nX: y'),
                True,
                'Bearer error="invalid_token", error_description="it expiredX: y", scope="call",'
                ' resource_metadata="http://m"',
            ),
            (
                InsufficientScope("x", details={"needed": "observe"}),
                True,
                'Bearer error="insufficient_scope", scope="observe", resource_metadata="http://m"',
            ),
            (
                MalformedCredentials("x"),
                True,
                'Bearer error="invalid_request", error_description="x", resource_metadata="http://m"',
            ),
            (Malformed("x"), True, None),
            (Busy("x"), True, None),
        ],
    )
    def test_a_refusal_says_what_would_help(self, error: FederationError, shown: bool, expected: str | None) -> None:
        assert challenge(error, scope="call", shown=shown, metadata="http://m") == expected

    def test_without_an_authorization_server_there_is_still_a_challenge(self) -> None:
        assert challenge(Unauthenticated("x"), scope="", shown=False, metadata=None) == 'Bearer realm="omega"'


class TestMethods:
    @pytest.mark.parametrize(
        ("method", "params", "reach"),
        [
            ("tools/list", {}, Reach.SEE),
            ("server/discover", {}, Reach.SEE),
            ("tools/call", {"name": "a"}, Reach.CALL),
            ("prompts/get", {}, Reach.USE),
            ("resources/read", {}, Reach.USE),
            ("completion/complete", {}, Reach.USE),
            ("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, Reach.SEE),
            ("subscriptions/listen", {"notifications": {"resourceSubscriptions": ["a"]}}, Reach.USE),
            ("subscriptions/listen", {}, Reach.USE),
            ("tasks/get", {}, Reach.USE),
            ("Tools/List", {}, Reach.USE),
            ("made/up", {}, Reach.USE),
        ],
    )
    def test_what_is_not_known_to_be_less_reaches_for_all(self, method: str, params: Any, reach: Reach) -> None:
        assert reach_of(method, params) is reach

    def test_a_list_is_cut_to_what_may_be_used(self) -> None:
        answer = orjson.dumps({"id": 1, "result": {"tools": [{"name": "a"}, {"name": "b"}, {}, 7], "ttlMs": 5}})
        told = orjson.loads(shown("tools/list", answer, "m", (), Scopes.parse("call:tool=m/a")))
        assert told == {"id": 1, "result": {"tools": [{"name": "a"}], "ttlMs": 5}}
        prompts = orjson.dumps({"id": 1, "result": {"prompts": [{"name": "a"}]}})
        told = orjson.loads(shown("prompts/list", prompts, "m", (), Scopes.parse("call:tool=m/a")))
        assert told["result"]["prompts"] == []


class TestIdentity:
    def test_it_is_minted_over_whatever_came(self) -> None:
        alice = Principal("alice", Scopes.parse("call discover"), Via.OAUTH)
        given = {"omega-caller": "root", "OMEGA-CALLER-SCOPES": "admin", "Omega-Caller": "root", "Mcp-Name": "x"}
        assert sent_on(given, alice) == {
            "Mcp-Name": "x",
            headers.CALLER: "alice",
            headers.CALLER_SCOPES: "call discover",
        }

    def test_nobody_in_particular_has_none(self) -> None:
        assert sent_on({"Omega-Caller": "root", "traceparent": "t"}, LOCAL) == {"traceparent": "t"}


class Heard:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def tell(self, kind: EventKind, who: Any, **facts: Any) -> None:
        self.events.append({"kind": kind, "who": who, **facts})


class TestDenials:
    def test_one_caller_is_told_of_a_few_times_and_then_counted(self) -> None:
        now = [0.0]
        heard = Heard()
        denials = Denials(heard, lambda: now[0])
        for _ in range(500):
            denials.tell(EventKind.ACCESS_DENIED, caller="alice", peer="")
        assert len(heard.events) == A_CALLER_AT_ONCE
        denials.tell(EventKind.ACCESS_DENIED, caller="bob", peer="")
        assert heard.events[-1]["caller"] == "bob"
        now[0] = 1.0
        denials.tell(EventKind.ACCESS_DENIED, caller="alice", peer="")
        assert heard.events[-1]["suppressed"] == 500 - A_CALLER_AT_ONCE

    def test_many_callers_together_are_bounded_too(self) -> None:
        heard = Heard()
        denials = Denials(heard, lambda: 0.0)
        for number in range(5_000):
            denials.tell(EventKind.ACCESS_DENIED, caller="", peer=f"10.0.{number // 250}.{number % 250}")
        assert len(heard.events) == ALL_AT_ONCE

    @pytest.mark.parametrize("member", ["a.b", ">", "*", "x" * 65, ""])
    def test_a_member_that_is_no_name_does_not_become_part_of_a_subject(self, member: str) -> None:
        heard = Heard()
        Denials(heard, lambda: 0.0).tell(EventKind.CALL_DENIED, caller="a", peer="", member=member)
        assert heard.events[0]["who"] is None


def test_every_line_of_the_table_can_be_met_and_only_health_and_metadata_are_open() -> None:
    root = Principal("root", Scopes.parse("admin"), Via.API_KEY)
    assert all(need.met_by(root) for need in NEEDS.values())
    opened = {path for (_, path), need in NEEDS.items() if need is OPEN}
    assert all(path.startswith(("/health", "/.well-known/")) for path in opened)
    assert need_of("HEAD", "/metrics") is need_of("GET", "/metrics")
    assert need_of("POST", "/metrics") is None
    metrics = need_of("GET", "/metrics")
    assert metrics is not None and metrics.rights == (Right.OBSERVE,)


@pytest.mark.parametrize(("page", "ids", "more"), [(1, [0, 1], 2), (2, [2, 3], 3), (3, [4], None), (9, [], None)])
def test_a_filtered_list_has_the_pages_of_the_directory(page: int, ids: list[int], more: int | None) -> None:
    told = cut([{"id": number} for number in range(5)], page, 2)
    assert [server["id"] for server in told["servers"]] == ids
    assert (told["total"], told["page"], told["limit"], told["next_page"]) == (5, page, 2, more)
