"""Neither OMAPI nor a log that reaches back: what dhcpd has saved may prove that it is normal."""

from __future__ import annotations

import time

import pytest
from iscdhcp.errors import OmapiRefused
from modelled_server import ModelledHost
from modelled_server import ModelledServer

BLOCK = """failover peer "foo" state {{
  my state {} at {};
  partner state {} at {};
}}
"""


@pytest.fixture
def host():
    host = ModelledHost()

    def nobody(*_):
        raise OmapiRefused("nobody listens")

    host.omapi = nobody
    return host


@pytest.fixture
def here(tmp_path, host):
    return ModelledServer(tmp_path, host)


def saved(here, *blocks):
    stamp = time.strftime("%w %Y/%m/%d %H:%M:%S", time.gmtime(here.host.clock.time() - 4000))
    text = "".join(BLOCK.format(mine, stamp, theirs, stamp) for mine, theirs in blocks)
    (here.folder / "dhcpd.leases").write_text(text)


def end(here):
    return here.facts(brief=True)["relationships"]["foo"]


def test_the_saved_state_and_the_connection_prove_normal(here, host):
    saved(here, ("communications-interrupted", "normal"), ("normal", "normal"))
    found = end(here)
    assert (found["state"], found["partner_state"]) == ("normal", "normal")
    assert found["source"] == "lease-file" and found["serves"] is True
    assert found["since"] == host.clock.time() - 4000


@pytest.mark.parametrize("connected", [False, None])
def test_without_a_connection_it_proves_nothing(here, host, connected):
    saved(here, ("normal", "normal"))
    host.is_connected = connected
    assert end(here)["state"] is None and end(here)["source"] is None


@pytest.mark.parametrize(
    "last", [("normal", "communications-interrupted"), ("paused", "normal"), ("normal", "recover")]
)
def test_the_last_block_counts_and_nothing_but_normal_is_proved(here, last):
    saved(here, ("normal", "normal"), last)
    assert end(here)["state"] is None


def test_a_young_process_may_still_be_in_startup_which_is_not_saved(here, host):
    saved(here, ("normal", "normal"))
    host.running = host._born(102, host.clock.time() - 20)
    assert end(here)["state"] is None
    host.clock.sleep(20)
    assert end(here)["state"] == "normal"


def test_what_the_log_says_comes_first(here, host):
    saved(here, ("normal", "normal"))
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(host.clock.time() - 100))
    move = "failover peer foo: I move from normal to communications-interrupted"
    moved = "failover peer foo: peer moves from normal to normal"
    lines = [f"{stamp} dhcp-b dhcpd[100]: {text}\n" for text in (moved, move)]
    (here.folder / "log").write_text("".join(lines))
    found = end(here)
    assert (found["source"], found["state"]) == ("log", "communications-interrupted")


def test_a_file_without_the_relationship_proves_nothing(here):
    (here.folder / "dhcpd.leases").write_text("lease 10.0.0.10 {\n")
    assert end(here)["state"] is None
