"""Requests that come as events: followed once, refused with a line, whatever they say."""

from __future__ import annotations

import http.server
import json
import threading
import time
import urllib.parse

import pytest
import salt.utils.event

from lab.dhcp import CONFIGURATION
from lab.isolation import RUN_DIR
from lab.waiting import wait_until

pytestmark = pytest.mark.slow

REQUEST = "dhcp_failover/request"
RETURNED = "runner.dhcp_failover.request"
REFUSED = "Request for a restart refused"


def handled(bus):
    return [one for one in bus.tagged("salt/run/", "/ret") if one.get("fun") == RETURNED]


def test_a_thousand_requests_in_ten_seconds_are_one_restart_and_two_answers(world, bus):
    before = world.processes()
    begun = time.monotonic()
    world.send("ctl", *[(REQUEST, {"pair": "foo", "why": f"number {n}"}) for n in range(1000)])
    sent = time.monotonic() - begun
    end = bus.wait("dhcp_failover/foo/ended", timeout=120.0)
    ended = time.monotonic() - begun
    assert end["result"] is True, end
    wait_until(lambda: len(handled(bus)) >= 1000, lambda: f"{len(handled(bus))}", 240.0)
    print(
        f"\n1000 requests sent in {sent:.1f} s, the pair restarted after {ended:.1f} s, "
        f"all handled after {time.monotonic() - begun:.1f} s"
    )
    assert len(bus.tagged("dhcp_failover/foo/begun")) == 1
    assert len(bus.tagged("dhcp_failover/foo/ended")) == 1
    answers = bus.tagged("dhcp_failover/foo/request")
    assert [answer["started"] for answer in answers] == [True, False]
    assert sum(one["return"]["result"] is True for one in handled(bus)) == 1
    after = world.processes()
    assert all(after[name] != before[name] and len(after[name]) == 1 for name in before)


HOSTILE = {
    "jinja": "{{ salt['cmd.run']('touch /run/dhcp-failover-lab/pwned') }}",
    "jinja block": "{% do salt['cmd.run']('touch /run/dhcp-failover-lab/pwned') %}",
    "yaml": 'foo"\n  - name: cmd.run\n  - arg: [touch /run/dhcp-failover-lab/pwned]',
    "yaml tag": "!!python/object/apply:os.system [touch /run/dhcp-failover-lab/pwned]",
    "shell": "foo; touch /run/dhcp-failover-lab/pwned",
    "substitution": "$(touch /run/dhcp-failover-lab/pwned)",
    "1 MB": "x*1000000",
    "path": "../../../etc/passwd",
    "a list": ["foo"],
    "a dict": {"pair": "foo"},
    "a number": 1,
    "empty": "",
}


#: What is plain text in its place.
HARMLESS = {("why", "path"), ("data", "a dict"), ("pair", "path")}


def test_a_hostile_value_in_any_field_is_refused_with_a_line_in_the_log(world, bus):
    before = world.processes()
    events = [
        (REQUEST, value if field == "data" else {"pair": "foo", field: value})
        for field in ("pair", "why", "data", "force")
        for name, value in HOSTILE.items()
        if (field, name) not in HARMLESS
    ]
    events.append((REQUEST, {"pair": HOSTILE["path"]}))
    lines = world.master_log().count(REFUSED)
    world.send("ctl", *events)
    wait_until(lambda: len(handled(bus)) >= len(events), lambda: f"{len(handled(bus))}", 120.0)
    answers = [one["return"] for one in handled(bus)]
    assert [answer["result"] for answer in answers] == [False] * len(events)
    assert all(len(answer["comment"]) < 500 for answer in answers)
    assert any("No pair is known as" in answer["comment"] for answer in answers)
    # A line for each sender in ten seconds, with the number of those left out.
    assert world.master_log().count(REFUSED) > lines
    assert "Failed to render" not in world.master_log()
    assert not (RUN_DIR / "pwned").exists()
    assert bus.tagged("dhcp_failover/foo/begun") == []
    assert world.processes() == before


def test_a_minion_that_may_not_ask_gets_a_line_in_the_log(world, bus):
    before = world.processes()
    world.send("dhcp-a", (REQUEST, {"pair": "bar"}), (REQUEST, {"pair": "foo"}))
    wait_until(lambda: len(handled(bus)) >= 2, "both are handled", 30.0)
    # Reactions run side by side in threads.
    assert sorted(one["return"]["result"] for one in handled(bus)) == [False, True]
    assert "Request for a restart refused" in world.master_log()
    # The second is the pair that it may ask for.
    assert bus.wait("dhcp_failover/foo/ended")["result"] is True
    assert world.processes() != before


def test_a_change_that_became_pending_on_both_restarts_the_pair_and_on_one_does_not(world, bus):
    before = world.processes()
    for server in ("dhcp-a", "dhcp-b"):
        world.call(server, "beacons.add", "dhcp_failover", '[{"interval": 1}]')
    try:
        wait_until(
            lambda: all(
                "dhcpd/told.json"
                in world.lab[name]
                .run(["find", "/var/lib/salt-of-the-lab/cache/dhcpd"], check=False)
                .stdout
                for name in before
            ),
            "both beacons have looked",
            30.0,
        )
        world.call("dhcp-a", "state.single", "dhcpd.restarted", "new lease times")
        tag = "salt/beacon/dhcp-{}/dhcp_failover/pending_restart"
        bus.wait(tag.format("a"))
        wait_until(lambda: len(handled(bus)) >= 1, "the first mark is handled", 30.0)
        assert bus.tagged("dhcp_failover/foo/begun") == []
        assert world.processes() == before
        world.call("dhcp-b", "state.single", "dhcpd.restarted", "new lease times")
        end = bus.wait("dhcp_failover/foo/ended")
        assert end["result"] is True, end
        assert "pending on both" in bus.tagged("dhcp_failover/foo/begun")[0]["who"]
        # The marks are gone, which is told too, and nothing is restarted again.
        bus.wait(tag.format("b"), count=2)
        assert len(bus.tagged("dhcp_failover/foo/begun")) == 1
    finally:
        for server in before:
            world.call(server, "beacons.delete", "dhcp_failover")


def test_what_events_have_missed_is_done_by_the_nightly_call_and_only_what_was_marked(world, bus):
    before = world.processes()

    def by_night():
        done = world.salt.salt_run("dhcp_failover.restart_pending", "--out=json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)["foo:dhcp-a:dhcp-b"]

    world.call("dhcp-a", "state.single", "dhcpd.restarted", "new lease times")
    # Started by systemd and touched afterwards: nobody knows what it runs with.
    world.dhcp.stop("dhcp-b")
    world.dhcp.start("dhcp-b")
    world.dhcp.wait_normal()
    world.lab["dhcp-b"].run(["touch", CONFIGURATION])
    before["dhcp-b"] = world.dhcp.processes("dhcp-b")
    assert by_night().startswith("not restarted: no restart is marked as pending on dhcp-b")
    assert world.processes() == before
    world.call("dhcp-b", "state.single", "dhcpd.restarted", "new lease times")
    assert "restarted" in by_night()
    after = world.processes()
    assert all(after[name] != before[name] for name in before)
    assert by_night().startswith("not restarted: no restart is pending on dhcp-")
    assert world.processes() == after


@pytest.fixture
def posted():
    """What is posted to a server of the test, by path: a webhook's JSON, Slack's payload."""
    got = {"/hook": [], "/slack": []}

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.path == "/slack":
                (body,) = urllib.parse.parse_qs(body)["payload"]
            got[self.path].append(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8099), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield got
    server.shutdown()
    server.server_close()


def both(posted):
    """Wait until both were called; the webhook's text, and what Slack got."""
    wait_until(lambda: all(posted.values()), lambda: f"both are called: {posted}", 30.0)
    ((hook,), (slack,)) = posted.values()
    return hook["text"], slack


def test_the_end_of_a_run_is_told_to_a_webhook_and_to_slack(world, bus, posted):
    done = world.salt.salt_run("dhcp_failover.request", "foo", "why=rack works")
    assert done.returncode == 0, done.stdout + done.stderr
    assert bus.wait("dhcp_failover/foo/ended")["result"] is True
    text, slack = both(posted)
    assert text == "foo (dhcp-a, dhcp-b): dhcp-b, dhcp-a restarted."
    assert slack == {"text": text}


def test_a_run_that_fails_is_told_with_its_cause_and_the_next_step(world, bus, posted):
    world.dhcp.stop("dhcp-b")
    try:
        done = world.salt.salt_run("dhcp_failover.restart", "foo")
        assert done.returncode == 1, done.stdout + done.stderr
        end = bus.wait("dhcp_failover/foo/ended")
        assert end["result"] is False
        text, slack = both(posted)
    finally:
        world.dhcp.start("dhcp-b")
        world.dhcp.wait_normal()
    happened, cause, following = text.splitlines()
    assert happened.startswith("foo:dhcp-a:dhcp-b: a run of root on ")
    assert happened.endswith(" has FAILED")
    assert cause.startswith("Cause: Not safe: dhcpd is not running on dhcp-b")
    assert following.startswith("Next: salt dhcp-b dhcpd.start")
    assert end["next"].endswith("to go on: salt-run dhcp_failover.restart foo")
    (attached,) = slack["attachments"]
    assert attached["pretext"] == happened and attached["color"] == "danger"
    (field,) = attached["fields"]
    assert field["value"].splitlines()[0] == cause


def test_a_change_of_state_is_told_with_the_next_step(world, posted):
    tag = "salt/beacon/dhcp-a/dhcp_failover/foo/state"
    news = {
        "id": "dhcp-a",
        "state": "communications-interrupted",
        "text": "foo is <!channel> & \x07 lost",
    }
    with salt.utils.event.get_master_event(
        world.opts, world.opts["sock_dir"], listen=False
    ) as sending:
        assert sending.fire_event(news, tag)
    text, slack = both(posted)
    assert text == (
        "dhcp-a: foo is <!channel> &   lost\nNext: salt-run dhcp_failover.doctor dhcp-a"
    )
    assert slack["attachments"][0]["pretext"] == "dhcp-a: foo is &lt;!channel&gt; &amp;   lost"
