"""Clients of a relationship: perfdhcp as their relay agent, and what became of them.

perfdhcp sends each packet to the servers' broadcast address, so that both servers see it, as they
do where a relay has both as helpers. It retransmits nothing: a client in its place would have asked
again, so every figure of loss is an upper bound.
"""

from __future__ import annotations

import re
import signal
import subprocess
from dataclasses import dataclass

from lab.dhcp import Dhcp
from lab.dhcp import Relationship
from lab.errors import LabError
from lab.network import relay_address

_STAGE = re.compile(
    r"\*\*\*Statistics for: (?P<stage>\S+)\*\*\*\s+"
    r"sent packets: (?P<sent>\d+)\s+"
    r"received packets: (?P<received>\d+)\s+"
    r".*?"
    r"non unique addresses: (?P<duplicates>\d+)\s+"
    r".*?"
    r"max delay: (?P<slowest>\S+)",
    re.DOTALL,
)

# perfdhcp's exit code 3 says that not every exchange was completed.
_COMPLETE, _INCOMPLETE = 0, 3


@dataclass(frozen=True)
class Stage:
    """One half of the clients' exchanges.

    :ivar sent: packets of clients.
    :ivar lost: how many of them had no answer in time.
    :ivar duplicates: answers with an address that another client has.
    :ivar slowest: the longest wait for an answer, milliseconds.
    """

    sent: int
    lost: int
    duplicates: int
    slowest: float


@dataclass(frozen=True)
class Result:
    """What became of a load.

    :ivar discovers: the clients' DISCOVERs and the OFFERs to them.
    :ivar requests: their REQUESTs and the ACKs.
    :ivar checked: whether duplicates were looked for: each client came once only.
    :ivar text: perfdhcp's own report.
    """

    discovers: Stage
    requests: Stage
    checked: bool
    text: str

    @property
    def sent(self) -> int:
        """Packets of clients."""
        return self.discovers.sent + self.requests.sent

    @property
    def lost(self) -> int:
        """Packets without an answer: clients that had to ask again."""
        return self.discovers.lost + self.requests.lost

    @property
    def duplicates(self) -> int:
        """Addresses that two clients were given. An offer that nobody took may be made again."""
        return self.requests.duplicates

    def __str__(self) -> str:
        return (
            f"{self.discovers.lost} of {self.discovers.sent} DISCOVERs and "
            f"{self.requests.lost} of {self.requests.sent} REQUESTs lost, "
            f"{self.duplicates} duplicates{'' if self.checked else ' (not checked)'}, "
            f"slowest {max(self.discovers.slowest, self.requests.slowest):g} ms"
        )


class Load:
    """A load on one relationship, once or several times in succession.

    :param dhcp: the servers.
    :param relationship: whose clients; the first relationship by default.
    """

    def __init__(self, dhcp: Dhcp, relationship: Relationship | str | None = None) -> None:
        chosen = dhcp.relationship(relationship)
        self._network = dhcp.hosts[chosen.primary].network
        self._relay = str(relay_address(dhcp.network_of(chosen)))
        self._process: subprocess.Popen[str] | None = None
        self._checked = False
        self._series = 0

    def start(
        self,
        rate: int,
        seconds: float | None = None,
        clients: int | None = None,
        patience: float = 4.0,
        tail: float = 1.0,
    ) -> None:
        """Begin; returns at once.

        :param rate: new exchanges per second, of four packets each.
        :param seconds: how long, or None until :meth:`result` or :meth:`stop` is called.
        :param clients: how many there are, who come again and again, or None: each comes once
            only, and no two may get the same address. The next load's clients are others.
        :param patience: seconds until a packet without an answer counts as lost (a client's own
            first retransmission is at 4 s, RFC 2131).
        :param tail: seconds in which the last answers may come after the last packet was sent. It
            should be more than the 1 s that a server's ping-check takes, where that is on.
        :raises LabError: when the last one is still running.
        """
        if self._process is not None:
            raise LabError("the last load's result was not taken")
        self._checked = clients is None
        self._series += 1
        argv = ["ip", "netns", "exec", self._network.relay, "perfdhcp", "-4", "-B"]
        argv += ["-l", self._relay]
        argv += ["-r", str(rate), "-d", f"{patience:g}", "-W", f"{tail * 1e6:.0f}"]
        argv += ["-b", f"mac=02:{self._series % 256:02x}:00:00:00:00"]
        argv += ["-R", str(clients or 2**24)]
        if seconds is not None:
            argv += ["-p", f"{seconds:.0f}"]
        if self._checked:
            argv += ["-u"]
        self._process = subprocess.Popen(
            [*argv, str(self._network.servers.broadcast_address)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def stop(self) -> Result:
        """End it now and return its result."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
        return self.result()

    def result(self, timeout: float = 600.0) -> Result:
        """Wait for its end and return what became of it.

        :param timeout: seconds.
        :raises LabError: when it failed, or nothing was started.
        """
        if self._process is None:
            raise LabError("no load was started")
        process, self._process = self._process, None
        try:
            text = process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            raise LabError(f"perfdhcp did not end within {timeout:g} s") from None
        finally:
            process.kill()
        if process.returncode not in (_COMPLETE, _INCOMPLETE):
            raise LabError(f"perfdhcp failed with exit code {process.returncode}\n{text}")
        return parse(text, self._checked)


def parse(text: str, checked: bool) -> Result:
    """A report of perfdhcp as figures.

    :param text: what it printed.
    :param checked: whether it looked for duplicates.
    :raises LabError: when the figures are not in it.
    """
    stages = {
        found["stage"]: Stage(
            sent=int(found["sent"]),
            lost=int(found["sent"]) - int(found["received"]),
            duplicates=int(found["duplicates"]),
            slowest=float(found["slowest"]) if found["slowest"] != "n/a" else 0.0,
        )
        for found in _STAGE.finditer(text)
    }
    try:
        return Result(stages["DISCOVER-OFFER"], stages["REQUEST-ACK"], checked, text)
    except KeyError:
        raise LabError(f"perfdhcp's report holds no figures\n{text}") from None
