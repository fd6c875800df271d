"""
Stops dhcpd on the host that it runs on, by one method after the other, as the library does it.

A process of its own inside a lab host: it reads a request as a line of JSON (``method``) from
standard input and answers with a line of JSON. ``kill`` is the peer: SIGTERM, whatever dhcpd is
writing. No Salt.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from iscdhcp import errors
from iscdhcp.act import drain
from iscdhcp.act import handover
from iscdhcp.act import stop_start
from iscdhcp.errors import IscDhcpError
from iscdhcp.facts.server import Server
from iscdhcp.facts.server import Settings
from iscdhcp.facts.server import read_server
from iscdhcp.host import process
from iscdhcp.leases import check
from iscdhcp.leases.end import check_end

NOTE = Path("/run/bench-paused.json")


def kill(server: Server) -> None:
    """End it at once."""
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGTERM)
    if not process.wait_exit(server.process, stop_start.EXIT_SECONDS):
        raise errors.ActError("it did not end")


def signalled(server: Server) -> None:
    """End it by method ``signal``."""
    stop_start.stop(server, lambda: None, lambda: None)


def drained(server: Server) -> None:
    """End it by method ``drain``."""
    drain.pause(server, drain.Note(NOTE))
    stop_start.stop(server, lambda: None, lambda: None)


def handed_over(server: Server) -> None:
    """End it by method ``handover``."""
    handover.hand_over(server, drain.Note(NOTE))
    handover.end(server, drain.Note(NOTE))


METHODS: dict[str, Callable[[Server], None]] = {
    "kill": kill,
    "signal": signalled,
    "drain": drained,
    "handover": handed_over,
}


def stop(method: str) -> dict[str, Any]:
    """
    Stop dhcpd once.

    Returns ``stopped``, ``refused`` (why the method did not act), ``seconds``, ``torn`` and
    ``problem``: what our own check says of the file just after the end.
    """
    server = read_server(Settings())
    if server.process is None:
        return {"stopped": False, "refused": "dhcpd does not run"}
    begun = time.monotonic()
    try:
        METHODS[method](server)
    except IscDhcpError as err:
        return {"stopped": False, "refused": str(err)}
    seconds = time.monotonic() - begun
    end = check_end(server.lease_file)
    found = check.check(server.lease_file)
    problems = [f"byte {one['offset']}: {one['what']}" for one in found["problems"]]
    return {
        "stopped": True,
        "refused": None,
        "seconds": round(seconds, 3),
        "torn": not (end.whole and found["whole"]),
        "problem": end.problem or "; ".join(problems) or None,
        "bytes": end.bytes,
    }


def main() -> int:
    """Obey until standard input ends."""
    for line in sys.stdin:
        print(json.dumps(stop(json.loads(line)["method"])), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
