"""The pictures of the documents, taken of real runs; the report is proved in a real browser.

``make docs-pictures``
"""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from iscdhcp.run import journal
from stage import ORCHESTRATION

from lab import browser
from lab.dhcp import pair as foo
from lab.isolation import BIN
from lab.isolation import CHECKOUT
from lab.load import Load
from lab.terminal import Terminal

pytestmark = pytest.mark.slow

PICTURES = CHECKOUT / "docs" / "pictures"
DESKTOP, PHONE = 1080, 390
#: Height of a picture at most; what comes below is the log.
MOST = 1500


@pytest.fixture
def busy_pair(install):
    """A pair with clients that come once only: no lease may end while they are counted."""
    return install([replace(one, mclt=300) for one in foo()], lease_time=600)


def test_the_report_of_a_run_under_load_reads_well_on_every_screen(busy_pair):
    load = Load(busy_pair.dhcp)
    load.start(100)
    run = busy_pair.salt_run(*ORCHESTRATION)
    clients = load.stop()
    assert run.returncode == 0, str(run)
    (path,) = journal.paths(busy_pair.folder / "journal")
    journal.add(
        path,
        "clients",
        time.time(),
        lines=[
            f"{clients.discovers.sent} exchanges begun by perfdhcp, 100 a second: "
            f"{clients.discovers.lost} without an OFFER, {clients.requests.lost} without an ACK; "
            "it asks once, a client asks again",
            f"{clients.requests.duplicates} addresses given twice",
        ],
    )
    page = report(busy_pair, "run")
    check(page)
    assert "both at once: never" in page
    height = min(MOST, browser.measure(page, DESKTOP)["height"])
    browser.photograph(page, PICTURES / "report.png", DESKTOP, height)
    browser.photograph(page, PICTURES / "report-phone.png", PHONE, 1100, dark=True)
    assert busy_pair.restarts == ["dhcp-b", "dhcp-a"]


def test_a_run_that_was_paused_and_one_that_was_aborted_read_well(pair):
    terminal = Terminal("run", commands(pair))
    watcher = Terminal("watch", commands(pair))
    try:
        pair.block_new_failover_connections("dhcp-a")
        terminal.begin(f"salt-run {' '.join(ORCHESTRATION)} --state-output=terse")
        watcher.begin("salt-run dhcp_failover.watch")
        # Some seconds in, the states have changed and the countdown is under way.
        terminal.until_it_shows(r"waiting for dhcp-b 0:(0[6-9]|[1-5])")
        picture(terminal, "run", "A run in progress")
        paused = pair.salt_run("dhcp_failover.pause", "why=power works in rack 4")
        assert paused.returncode == 0, str(paused)
        terminal.until_it_shows("paused by root")
        watcher.until_it_shows(r"paused by root.*, for 0:0[3-9]")
        picture(watcher, "watch", "The same, from another terminal")
        pair.unblock("dhcp-a")
        assert pair.salt_run("dhcp_failover.resume").returncode == 0
        terminal.until_it_ends()
        watcher.until_it_ends()
    finally:
        terminal.close()
        watcher.close()
    page = report(pair, "paused")
    check(page)
    assert "power works in rack 4" in page
    browser.photograph(page, PICTURES / "report-paused.png", DESKTOP, 640)
    assert pair.restarts == ["dhcp-b", "dhcp-a"]


def test_status_preflight_and_what_is_wrong_with_a_pair_read_well(pair):
    terminal = Terminal("status", commands(pair))

    def shows(function, name, title, text):
        terminal.begin(f"salt-run dhcp_failover.{function}")
        terminal.until_it_ends()
        assert text in terminal.text() and "Traceback" not in terminal.text(), terminal.text()
        picture(terminal, name, title)

    try:
        shows("status", "status", "A healthy pair", "normal")
        shows("preflight", "preflight", "Before a restart", "is fit for a restart")
        pair.dhcp.kill("dhcp-b")
        shows("status", "status-down", "A server is down", "communications-interrupted")
        shows("doctor", "doctor", "Why, and what to do", "dhcpd is not running on dhcp-b")
    finally:
        terminal.close()
    assert pair.touched == ["dhcp-b"]


def commands(stage):
    """Variables with which a plain ``salt-run`` is this lab's."""
    path = f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"SALT_CONFIG_DIR": str(stage.master.config_dir), "PATH": path}


def picture(terminal, name, title):
    """Photograph a terminal as high as its text."""
    height = 74 + 21 * terminal.lines
    browser.photograph(terminal.page(title), PICTURES / f"{name}.png", 980, height)


def report(stage, name):
    """The page that ``dhcp_failover.report`` writes."""
    file = stage.folder.parent / f"{name}.html"
    written = stage.salt_run("dhcp_failover.report", f"file={file}")
    assert written.returncode == 0, str(written)
    return file.read_text("utf-8")


def check(page):
    """It fits each screen, its drawing is there, and it is dark where that is wanted."""
    assert "http:" not in page.replace("http://www.w3.org", "") and "https:" not in page
    assert "<script" not in page
    backgrounds = set()
    for width in (DESKTOP, PHONE, 320):
        for dark in (False, True):
            seen = browser.measure(page, width, dark)
            assert seen["scroll_width"] <= width, (width, seen["scroll_width"])
            assert seen["rightmost"] <= width + 1, (width, seen["rightmost"], seen["widest"])
            assert len(seen["boxes"]) > 10
            # On a phone the drawing keeps its labels and is moved sideways in its own frame.
            ends = width if width == DESKTOP else DESKTOP
            assert all(w > 0 and h > 0 and 0 <= x <= ends for x, w, h in seen["boxes"])
            assert "dhcp-a" in seen["text"] and "communications-interrupted" in seen["text"]
            backgrounds.add((dark, seen["background"]))
    assert len(backgrounds) == 2, backgrounds
