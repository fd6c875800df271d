"""Whom a server asks for an address, in which pool, and what is kept of the answer."""

from __future__ import annotations

import pytest
from iscdhcp.conf import syntax
from iscdhcp.conf import views
from iscdhcp.facts import asking
from iscdhcp.facts.server import Server
from iscdhcp.facts.server import Settings
from iscdhcp.host.probe import Heard
from modelled_server import ModelledHost

TEXT = """failover peer "foo" {
  primary;
  address 192.0.2.1;
  peer address 192.0.2.2;
}
subnet 10.0.0.0 netmask 255.255.255.0 {
  pool { failover peer "foo"; deny unknown-clients; range 10.0.0.10 10.0.0.200; }
}
subnet 10.0.1.0 netmask 255.255.255.0 {
  pool { failover peer "foo"; deny dynamic bootp clients; range 10.0.1.10 10.0.1.20; }
}
subnet 10.0.2.0 netmask 255.255.255.0 {
  pool { failover peer "foo"; range 10.0.2.10 10.0.2.50; }
}
"""


@pytest.fixture
def host():
    return ModelledHost()


def server(host, **settings):
    configuration = views.views(syntax.parse_text(TEXT, "/etc/dhcp/dhcpd.conf"))
    return Server(Settings(**settings), [], configuration, None, "/x", "/y", host)


def counts(*backup):
    pools = [
        {"ranges": [[f"10.0.{n}.10", f"10.0.{n}.{last}"]], "backup": free, "free": 9}
        for n, (last, free) in enumerate(zip((200, 20, 50), backup, strict=True))
    ]
    return {"relationships": {"foo": pools}}


def asked_in(host, leases=None, **settings):
    one = server(host, **settings)
    asking.ask(one, one.configuration.relationships[0], leases, None)
    question, inform = host.asked[0]
    assert not inform
    return question


def test_a_pool_that_is_open_to_all_is_asked_in_before_a_larger_one_that_is_not(host):
    question = asked_in(host)
    assert question.network == "10.0.2.10"
    assert (question.partner, question.own) == ("192.0.2.2", "192.0.2.1")


def test_a_pool_that_is_used_up_at_the_partner_is_not_asked_in(host):
    assert asked_in(host, counts(5, 3, 0)).network == "10.0.1.10"
    assert asked_in(ModelledHost(), counts(5, 0, 0)).network == "10.0.0.10"


def test_where_every_pool_is_used_up_nothing_is_asked_and_that_is_said(host):
    one = server(host)
    asked = asking.ask(one, one.configuration.relationships[0], counts(0, 0, 0), None)
    assert host.asked == [] and asked["offered"] is None
    assert asked["why"] == "no pool of the relationship has an address to ask for"


def test_a_setting_names_where_to_ask_or_turns_it_off(host):
    assert asked_in(host, probe_addresses="203.0.113.9").partner == "203.0.113.9"
    by_name = {"foo": "203.0.113.8"}
    assert asked_in(ModelledHost(), probe_addresses=by_name).partner == "203.0.113.8"
    one = server(host, probe=False)
    assert asking.ask(one, one.configuration.relationships[0], None, None)["off"]


def test_silence_is_followed_by_a_question_that_any_dhcpd_answers(host, tmp_path):
    host.partner_offers = lambda question, seconds, inform: Heard(0.001) if inform else None
    asked = asking.ask_all(server(host), tmp_path, None)["foo"]
    assert (asked["offered"], asked["alive"], asked["before"]) == (False, True, None)


def test_an_answer_is_remembered_until_another_address_is_asked(host, tmp_path):
    first = asking.ask_all(server(host), tmp_path, None)["foo"]
    host.partner_offers = lambda *_: None
    host.clock.sleep(3600)
    later = asking.ask_all(server(host), tmp_path, None)["foo"]
    assert later["offered"] is False and later["before"] == first["asked"]
    assert asking.kept(tmp_path) == {"foo": later}
    elsewhere = asking.ask_all(server(host, probe_addresses="203.0.113.9"), tmp_path, None)["foo"]
    assert elsewhere["before"] is None


def test_one_that_never_answered_is_not_waited_for_again_and_again(host, tmp_path):
    host.partner_offers = lambda *_: None
    asking.ask_all(server(host), tmp_path, None)
    asking.ask_all(server(host), tmp_path, None, sparing=True)
    assert len(host.asked) == 2  # an address, and a sign of life
    host.clock.sleep(asking.IN_VAIN)
    asking.ask_all(server(host), tmp_path, None, sparing=True)
    assert len(host.asked) == 4


def test_what_can_not_be_asked_is_said_and_raises_nothing(host):
    def no_packets(*_):
        raise PermissionError(1, "Operation not permitted")

    host.ask = no_packets
    one = server(host)
    asked = asking.ask(one, one.configuration.relationships[0], None, None)
    assert asked["offered"] is None and asked["asked"] is None
    assert asked["why"] == "the question could not be put (Operation not permitted)"


def test_what_is_kept_and_unreadable_counts_as_never(tmp_path):
    (tmp_path / asking.KEPT).write_text('{"foo": {"asked": 1}, "bar": 7}')
    assert asking.kept(tmp_path) == {}


# -- signs of life --------------------------------------------------------------------------------


def lives(host, folder, **settings):
    asking.ask_for_life(server(host, **settings), folder, ["foo"])
    return asking.kept_life(folder).get("foo")


def test_a_sign_of_life_is_asked_for_by_dhcpinform_and_kept(host, tmp_path):
    host.partner_offers = lambda question, seconds, inform: Heard(0.0004)
    alive = lives(host, tmp_path)
    ((question, inform),) = host.asked
    assert inform and question.partner == "192.0.2.2"
    now = host.clock.time()
    assert (alive["answered"], alive["before"], alive["silent"]) == (True, now, None)
    assert asking.kept(tmp_path) == {}


def test_silence_is_kept_with_its_beginning_until_the_next_answer(host, tmp_path):
    last = lives(host, tmp_path)["asked"]
    host.partner_offers = lambda *_: None
    host.clock.sleep(10)
    first = lives(host, tmp_path)
    host.clock.sleep(1)
    second = lives(host, tmp_path)
    assert first["silent"] == second["silent"] == last + 10
    assert second["before"] == last and second["answered"] is False
    host.partner_offers = lambda *_: Heard(0.0004)
    assert lives(host, tmp_path)["silent"] is None


def test_one_that_never_gave_a_sign_of_life_is_left_alone_for_a_while(host, tmp_path):
    host.partner_offers = lambda *_: None
    for _ in range(5):
        never = lives(host, tmp_path)
        host.clock.sleep(10)
    assert len(host.asked) == 1 and never["before"] is None
    host.clock.sleep(asking.IN_VAIN)
    lives(host, tmp_path)
    assert len(host.asked) == 2


def test_the_setting_that_turns_questions_off_turns_these_off_too(host, tmp_path):
    assert lives(host, tmp_path, probe=False) is None
    assert host.asked == []
    assert lives(host, tmp_path, probe_addresses="203.0.113.9")["address"] == "203.0.113.9"


def test_a_question_for_a_sign_of_life_that_can_not_be_put_raises_nothing(host, tmp_path):
    def no_packets(*_):
        raise PermissionError(1, "Operation not permitted")

    host.ask = no_packets
    assert lives(host, tmp_path)["answered"] is None
