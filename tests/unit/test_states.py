"""What an operator and monitoring are told about a failover state."""

import pytest
from iscdhcp.errors import IscDhcpError
from iscdhcp.states import FailoverState
from iscdhcp.states import serves

# Written out by hand from includes/failover.h:287-311 and failover.c:3786-3830.
WIRE = {
    0: "unknown-state",
    1: "startup",
    2: "normal",
    3: "communications-interrupted",
    4: "partner-down",
    5: "potential-conflict",
    6: "recover",
    7: "paused",
    8: "shutdown",
    9: "recover-done",
    10: "resolution-interrupted",
    11: "conflict-done",
    254: "recover-wait",
}


def labels(states):
    return {state.label for state in states}


def test_numbers_and_names_are_those_of_dhcpd_and_never_change():
    assert {int(state): state.label for state in FailoverState} == WIRE


@pytest.mark.parametrize(("number", "label"), WIRE.items())
def test_a_state_is_found_by_number_wire_bytes_and_name(number, label):
    expected = FailoverState(number)
    for value in (number, expected, number.to_bytes(4, "big"), label, label.encode()):
        assert FailoverState.parse(value) is expected


def test_names_are_read_as_loosely_as_dhcpd_reads_its_lease_file():
    assert FailoverState.parse(" Partner-Down ") is FailoverState.PARTNER_DOWN


@pytest.mark.parametrize(
    "value", [12, 99, 253, 255, -1, "", "down", b"", b"\xff\xfe", b"\0\0\0\x0c"]
)
def test_what_is_no_state_is_said_in_a_sentence(value):
    with pytest.raises(IscDhcpError, match="dhcpd has no failover state"):
        FailoverState.parse(value)


def test_clients_are_served_in_three_states_only():
    assert labels(s for s in FailoverState if s.serves) == {
        "normal",
        "communications-interrupted",
        "partner-down",
    }


@pytest.mark.parametrize("my", FailoverState)
@pytest.mark.parametrize("partner", FailoverState)
def test_a_partner_that_recovers_or_resolves_conflicts_mutes_a_server(my, partner):
    forbidding = {"partner-down", "potential-conflict", "conflict-done", "resolution-interrupted"}
    assert serves(my, partner) == (my.serves and partner.label not in forbidding)


def test_a_server_that_lost_its_partner_serves():
    interrupted, down = FailoverState.COMMUNICATIONS_INTERRUPTED, FailoverState.PARTNER_DOWN
    assert serves(interrupted, FailoverState.NORMAL)
    assert serves(down, FailoverState.RECOVER_WAIT)
    assert not serves(FailoverState.NORMAL, down)
    assert not serves(down, down)


def test_the_states_that_outlive_a_restart_are_the_ones_that_never_heal():
    assert labels(s for s in FailoverState if s.sticky) == {"unknown-state", "paused", "shutdown"}
    assert all(state.heals != state.sticky for state in FailoverState)


@pytest.mark.parametrize("state", FailoverState)
def test_every_state_is_explained_in_one_plain_clause(state):
    for text in (state.answers, state.meaning):
        assert text[0].islower()
        assert not text.endswith(".")
        assert "\n" not in text


@pytest.mark.parametrize("state", [s for s in FailoverState if s.sticky])
def test_a_sticky_state_names_its_cure(state):
    assert "local-state" in state.meaning
