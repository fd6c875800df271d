"""An old lease file that is told to fetch everything; dhcpd is a model, the files are real ones."""

from __future__ import annotations

import time

from iscdhcp.act import recovering
from iscdhcp.act import restarting
from iscdhcp.facts.ran import Ran
from iscdhcp.files import write_json
from iscdhcp.leases import read

STATE = """failover peer "foo" state {
  my state normal at 1 2026/11/23 10:00:00;
  partner state normal at 1 2026/11/23 10:00:05;
  mclt 60;
}
"""


def old_file(here, text=STATE):
    here.folder.joinpath("dhcpd.leases").write_text(text)


def states(here):
    return read.failover_states(str(here.folder / "dhcpd.leases"))["foo"]


def noted(here):
    """As a look at a process that can be read notes it."""
    running = here.host.running
    ran = Ran(
        argv=running.argv,
        identity=running.identity,
        started=running.started,
        config_file=str(here.folder / "dhcpd.conf"),
        lease_file=str(here.folder / "dhcpd.leases"),
        pid_file="/run/dhcpd.pid",
    )
    write_json(here.folder / "notes" / "ran.json", ran.as_dict())


def down(here):
    noted(here)
    here.host.running = None


def test_a_server_that_may_have_given_leases_until_now_recovers_from_now_on(here):
    old_file(here)
    down(here)
    answer = recovering.recover(here, {"foo": None}, None)
    assert answer["result"] is True, answer
    found = states(here)
    assert found["my"] == ("recover", here.host.clock.time())
    assert found["partner"][0] == "normal" and found["mclt"] == 60


def test_one_that_we_ended_with_nothing_unacknowledged_needs_not_wait(here, host):
    old_file(here)
    noted(here)
    secondary = restarting.stop(here, {"free-leases"}, None, None, "signal", None)
    assert secondary["result"] is True, secondary
    assert here.notes.ended["unacknowledged"] == 0
    host.clock.sleep(300)
    old_file(here)
    recovering.recover(here, {"foo": None}, None)
    assert states(here)["my"] == ("recover", int(host.clock.time() - 60))


def test_leases_that_were_not_acknowledged_are_waited_for(here, host):
    def dated(seconds):
        return time.strftime("%w %Y/%m/%d %H:%M:%S", time.gmtime(host.clock.time() + seconds))

    old_file(
        here,
        STATE + f"lease 10.0.0.12 {{\n  starts {dated(-5)};\n  ends {dated(55)};\n  tstp "
        f"{dated(90)};\n  cltt {dated(-5)};\n  binding state active;\n"
        "  hardware ethernet 02:00:00:00:00:01;\n}\n",
    )
    noted(here)
    restarting.stop(here, {"free-leases"}, None, None, "signal", None)
    ended = here.notes.ended
    assert ended["unacknowledged"] == 1
    host.clock.sleep(30)
    old_file(here)
    recovering.recover(here, {"foo": None}, None)
    assert states(here)["my"] == ("recover", int(ended["time"]))


def test_a_host_that_has_booted_since_may_have_started_dhcpd_by_itself(here, monkeypatch):
    old_file(here)
    recovering.note_end(here, here.server())
    down(here)
    monkeypatch.setattr(recovering, "boot_id", lambda: "another")
    recovering.recover(here, {"foo": None}, None)
    assert states(here)["my"][1] == here.host.clock.time()


def test_a_file_without_any_state_gets_one(here):
    old_file(here, "authoring-byte-order little-endian;\n")
    down(here)
    assert recovering.recover(here, {"foo": None}, None)["result"] is True
    assert states(here)["my"][0] == "recover"


def test_a_running_server_s_file_is_left_alone(here):
    old_file(here)
    answer = recovering.recover(here, {"foo": None}, None)
    assert answer["result"] is False and "dhcpd runs" in answer["comment"]
    assert here.folder.joinpath("dhcpd.leases").read_text() == STATE


def test_a_relationship_that_is_not_there_is_named(here):
    old_file(here)
    down(here)
    answer = recovering.recover(here, {"oof": None}, None)
    assert answer["result"] is False and "oof" in answer["comment"]


def test_a_torn_file_is_left_as_it_is(here):
    old_file(here, STATE + "lease 10.0.0.12 {\n  starts 5 20")
    down(here)
    answer = recovering.recover(here, {"foo": None}, None)
    assert answer["result"] is False and "torn" in answer["comment"]
