"""
Who starts dhcpd if a call dies between its stop and its start, with all of its minion.

The call runs in the minion's control group: a service manager that kills the group, or the kernel
short of memory, takes it and whatever it has started. So a unit of systemd's own stands by, outside
of that group (``systemd-run``), for as long as the call lives. It is armed before dhcpd is halted
and disarmed once dhcpd runs again, or once it is known why it must not. Without systemd nobody
stands by.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import IscDhcpError
from ..errors import StillEnding
from ..facts.server import Settings
from ..facts.server import read_server
from ..files import read_json
from ..files import write_json
from ..host.local import LOCAL
from ..host.local import Host
from ..host.process import Process
from ..host.process import boot_id
from . import lease_file
from . import silenced
from . import stop_start
from .claims import Refused
from .claims import acting
from .drain import PAUSED
from .drain import Note
from .here import Here
from .service import Service

log = logging.getLogger(__name__)
#: The file of the minion's own that is there while one stands by, each with a number of its own.
ARMED = "stands-by-{}.json"
#: The name of its unit, with the call's pid and that number.
UNIT = "dhcpd-stands-by-{pid}-{number}"
#: Waits for the end of the call (or of the file), and then runs this module, if the file is there.
WAITS = (
    'while [ -e "$2" ] && [ -d "/proc/$1" ]; do sleep 0.2; done; '
    '[ -e "$2" ] || exit 0; exec "$3" -c "$4" "$5" "$2"'
)
_RUNS = (
    "import sys; sys.path.insert(0, sys.argv[1]); from iscdhcp.act import dead_man; "
    "sys.exit(dead_man.come_back(sys.argv[2]))"
)
#: Seconds in which dhcpd has to be there after its start.
COMES_SECONDS = 60.0
#: Seconds for which the dhcpd that was to be stopped may run on once the call has died: a slow
#: disk holds one that has its SIGTERM, which nobody can tell from one that never got it.
ENDS_SECONDS = 3 * stop_start.EXIT_SECONDS
#: Seconds for which another act is waited for.
OTHER_ACT_SECONDS = 120.0


class DeadMan:
    """One unit that stands by for one call; see :func:`arm`."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    @property
    def armed(self) -> bool:
        """Whether anybody stands by."""
        return self._file is not None

    def after_a_failed_stop(self, host: Host, running: Process, err: Exception) -> str:
        """
        Disarm, unless dhcpd has ended or may yet do so after an error.

        Returns what there is to say about it: a clause, or "".
        """
        ends = isinstance(err, StillEnding) or not host.is_alive(running)
        if not ends:
            self.disarm()
            return ""
        if not self.armed:
            return "; nobody stands by for its start: dhcpd.start once it has ended"
        return "; once it has ended it is started again by who stands by (its journal says so)"

    def disarm(self) -> None:
        """Have it end without doing anything."""
        if self._file is not None:
            _forget(self._file)
            self._file = None


def arm(here: Here, service: Service) -> DeadMan:
    """
    Have a unit of systemd start the service if this process ends before :meth:`DeadMan.disarm`.

    Where that can't be had (no systemd, no unit, a full disk) nobody stands by, and that is logged:
    a restart is no worse for it than it was.
    """
    if not (service.systemd and service.managed):
        return DeadMan(None)
    settings, server = here.settings(), here.server()
    number = secrets.token_hex(4)
    file = here.notes.folder / ARMED.format(number)
    package = str(Path(__file__).resolve().parents[2])
    argv = [WAITS, "sh", str(os.getpid()), str(file), sys.executable, _RUNS, package]
    try:
        forget_earlier_boots(here.notes.folder)
        write_json(
            file,
            {
                "service": service.name,
                "settings": asdict(settings),
                "lease_file": server.lease_file,
                "identity": server.process and server.process.identity,
                "since": here.host.clock.time(),
                "boot": boot_id(),
            },
        )
        unit = UNIT.format(pid=os.getpid(), number=number)
        here.host.stand_by(unit, ["/bin/sh", "-c", *argv])
    except (IscDhcpError, OSError) as err:
        log.info("nobody stands by for the start of dhcpd: %s", err)
        _forget(file)
        return DeadMan(None)
    return DeadMan(file)


def _forget(file: Path) -> None:
    """Remove a file; one that can't be is no failure of an act: whoever stands by looks first."""
    try:
        file.unlink(missing_ok=True)
    except OSError as err:
        log.warning("%s could not be removed: %s", file, err)


def standing_by(folder: Path) -> list[Path]:
    """Return the files of those that stand by since this boot of the host."""
    return [file for file in sorted(folder.glob(ARMED.format("*"))) if _of_this_boot(file)]


def forget_earlier_boots(folder: Path) -> None:
    """Remove what a host that lost its power has left: its units are gone."""
    for file in folder.glob(ARMED.format("*")):
        if not _of_this_boot(file):
            _forget(file)


def _of_this_boot(file: Path) -> bool:
    wanted = read_json(file)
    return isinstance(wanted, dict) and wanted.get("boot") == boot_id()


def come_back(file: str, host: Host = LOCAL) -> int:
    """
    Start the service for a call that has died, unless dhcpd runs; return an exit code.

    file
        What :func:`arm` has written.

    It says on standard output, so in the journal, what it does and why not.
    """
    wanted = json.loads(Path(file).read_text(encoding="utf-8"))
    folder, settings = Path(file).parent, Settings(**wanted["settings"])
    try:
        # It may have its SIGTERM and be on its way out; others may act meanwhile.
        deadline = host.clock.monotonic() + ENDS_SECONDS
        while _is_there(wanted["identity"], settings, host) and host.clock.monotonic() < deadline:
            host.clock.sleep(0.05)
        with _after_others(folder, host):
            return _come_back(wanted, settings, folder, host)
    except (IscDhcpError, OSError) as err:
        print(f"{wanted['service']} may be down: {err}")
        return 1
    finally:
        _forget(Path(file))


def _is_there(identity: str | None, settings: Settings, host: Host) -> bool:
    return any(one.identity == identity for one in host.find(settings.binaries))


@contextmanager
def _after_others(folder: Path, host: Host) -> Iterator[None]:
    """Hold this server's only place for an act, once whoever has it is done."""
    deadline = host.clock.monotonic() + OTHER_ACT_SECONDS
    while True:
        try:
            with acting(folder, "this server", host.clock):
                yield
                return
        except Refused:
            if host.clock.monotonic() > deadline:
                raise
            host.clock.sleep(0.2)


def _come_back(wanted: dict[str, Any], settings: Settings, folder: Path, host: Host) -> int:
    """Start what is wanted and have it speak again, with nobody else at work."""
    note = Note(folder / PAUSED, host.clock)
    name = wanted["service"]
    if ended_since(folder, wanted.get("since") or host.clock.time()):
        print(f"The call that was to restart {name} has died; another one has stopped it since.")
        return 0
    if host.find(settings.binaries):
        print(f"The call that was to restart {name} has died; dhcpd runs.")
        return 0
    try:
        mended = lease_file.mend(wanted["lease_file"])
        if mended:
            print(f"{mended}.")
        stop_start.check_leases(wanted["lease_file"])
        silenced.heal_on_disk(settings, host, note)
        print(f"The call that was to start {name} again has died: starting it.", flush=True)
        host.systemctl("reset-failed", name, check=False)
        host.systemctl("restart", "--no-block", name)
        deadline = host.clock.monotonic() + COMES_SECONDS
        while not host.find(settings.binaries):
            if host.clock.monotonic() > deadline:
                print(f"No dhcpd has come up within {COMES_SECONDS:.0f} s.")
                return 1
            host.clock.sleep(0.1)
    except IscDhcpError as err:
        print(f"{name} is down: {err}")
        return 1
    print("dhcpd runs again.", flush=True)
    return _speak_again(settings, host, note) if note.read() else 0


def _speak_again(settings: Settings, host: Host, note: Note) -> int:
    """End the silence in which the call that has died had left dhcpd; return an exit code."""
    deadline = host.clock.monotonic() + COMES_SECONDS
    while True:
        try:
            resumed = silenced.speak_again(read_server(settings, host), note)
        except (IscDhcpError, OSError) as err:
            if host.clock.monotonic() < deadline:
                # It does not listen yet, or has not heard of its partner.
                host.clock.sleep(0.5)
                continue
            print(f"It is silent, and its partner serves: {err}. dhcpd.resume brings it back.")
            return 1
        print(f"Resumed: {', '.join(resumed) or 'nothing was paused'}.")
        return 0


def ended_since(folder: Path, since: float) -> bool:
    """Whether an act has ended dhcpd here for good since then (``dhcpd.stop``)."""
    ended = read_json(folder / "ended.json")
    when = ended.get("time") if isinstance(ended, dict) else None
    return isinstance(when, int | float) and when >= since
