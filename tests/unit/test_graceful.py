"""
A graceful stop that fails on its way leaves no server mute without a word.

OMAPI is a fake: that a real dhcpd takes one order and refuses the next can't be had on demand.
"""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest
from iscdhcp import drain
from iscdhcp import handover
from iscdhcp.acts import ActError
from iscdhcp.errors import OmapiRefused
from iscdhcp.states import FailoverState


class FakeOmapi:
    """One relationship whose server takes every state and refuses to shut down."""

    def __init__(self, takeover):
        self.state, self.takeover, self.set = "normal", takeover, []

    def failover_state(self, name):
        partner = self.takeover if self.state in ("paused", "shutdown") else "normal"
        return {"state": self.state, "partner_state": partner, "unacked": 0}

    def set_local_state(self, name, state):
        self.set.append(FailoverState.parse(state).label)
        self.state = self.set[-1]
        return self.failover_state(name)

    def order_shutdown(self):
        raise OmapiRefused("dhcpd refused the connection")


@pytest.fixture
def fake(monkeypatch):
    def build(takeover):
        client = FakeOmapi(takeover)
        monkeypatch.setattr(drain, "omapi", lambda server: contextlib.nullcontext(client))
        monkeypatch.setattr(drain, "names", lambda server: ["foo"])
        return client

    return build


SERVER = SimpleNamespace(process=SimpleNamespace(pid=7))


def test_a_partner_that_does_not_take_over_has_the_drained_server_back(
    fake, tmp_path, monkeypatch
):
    monkeypatch.setattr(drain, "DRAIN_SECONDS", 0.05)
    client, note = fake(takeover="normal"), drain.Note(tmp_path / "paused.json")
    with pytest.raises(ActError, match="did not take over.*it is normal again"):
        drain.pause(SERVER, note)
    assert client.set == ["paused", "normal"]
    assert note.read() == []


def test_a_server_that_refuses_to_end_after_its_hand_over_is_taken_back(fake, tmp_path):
    client, note = fake(takeover="partner-down"), drain.Note(tmp_path / "paused.json")
    handover.hand_over(SERVER, note)
    assert note.read() == ["foo"]
    with pytest.raises(ActError, match="could not be told to end.*coming back to normal"):
        handover.end(SERVER, note)
    assert client.set == ["shutdown", "recover"]
    assert note.read() == []
