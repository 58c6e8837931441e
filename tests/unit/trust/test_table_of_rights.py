"""What must be true of the table of rights, whatever else is in it."""

from __future__ import annotations

import pytest

from bus import BusSettings, Subjects
from bus.trust.rights import Identity, Role, rights_of, template_of

ROLES = [Identity(role, "x") for role in Role]


@pytest.mark.parametrize("identity", ROLES, ids=str)
def test_no_list_is_empty_for_nats_would_allow_everything(identity: Identity) -> None:
    rights = rights_of(identity, BusSettings())
    assert rights.publish and rights.subscribe


@pytest.mark.parametrize("identity", [one for one in ROLES if one.role is not Role.OPERATOR], ids=str)
def test_nobody_but_an_operator_hears_the_inboxes_of_others(identity: Identity) -> None:
    heard = [one for one in rights_of(identity, BusSettings()).subscribe if one.startswith(("_INBOX", ">", "*"))]
    assert heard == [f"{identity.inbox}.>"]


@pytest.mark.parametrize("role", [Role.MEMBER, Role.READING_MEMBER])
def test_everything_a_member_says_of_itself_holds_its_name(role: Role) -> None:
    subjects = Subjects()
    trees = tuple(f"{subjects.prefix}.{verb}." for verb in ("register", "heartbeat", "leave", "changed"))
    published = rights_of(Identity(role, "me"), BusSettings()).publish
    about_itself = [one for one in published if one.startswith(trees)]
    assert len(about_itself) == 7 and all(one.split(".")[2] == "me" for one in about_itself)


@pytest.mark.parametrize("role", [Role.MEMBER, Role.READING_MEMBER])
def test_the_template_is_the_same_with_the_name_left_open(role: Role) -> None:
    template, named = template_of(role, BusSettings()), rights_of(Identity(role, "me"), BusSettings())
    assert [one.replace("{{name()}}", "me") for one in template.publish] == list(named.publish)
    assert [one.replace("{{name()}}", "me") for one in template.subscribe] == list(named.subscribe)


@pytest.mark.parametrize("identity", ROLES, ids=str)
def test_another_federation_on_the_same_servers_is_not_touched(identity: Identity) -> None:
    if identity.role is Role.OPERATOR:
        return
    rights = rights_of(identity, BusSettings(prefix="blue"))
    ours = ("blue.", "$KV.blue_", "$JS.", "$SRV.", "$SYS.", "_INBOX")
    assert all(one.startswith(ours) for one in (*rights.publish, *rights.subscribe))
