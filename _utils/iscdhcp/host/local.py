"""
The host that dhcpd runs on, as readings and acts go by it: its clock, processes, OMAPI, services.

It is handed in, so that the real code of an act can be run over a modelled dhcpd. Files are no part
of it: a model has real ones.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from typing import Protocol

from ..answers import OwnVerdict
from ..clock import SYSTEM
from ..clock import Clock
from ..errors import ActError
from ..shapes import OmapiState
from ..states import FailoverState
from . import command
from . import dhcpd_t
from . import ending
from . import probe
from . import process
from . import units
from .omapi import OmapiClient
from .omapi import OmapiKey
from .process import Process
from .units import Unit


class Omapi(Protocol):
    """What acts ask and order over OMAPI; see :class:`iscdhcp.host.omapi.OmapiClient`."""

    #: Seconds for one exchange.
    timeout: float

    def failover_state(self, relationship: str) -> OmapiState:
        """Return what the server knows of one relationship."""

    def set_local_state(self, relationship: str, state: FailoverState) -> OmapiState:
        """Set the server's own state in one relationship; return what it is then."""

    def order_shutdown(self) -> None:
        """Order dhcpd to shut itself down."""


class Host(Protocol):
    """Where dhcpd runs: what is seen of it there, and what is done to it."""

    @property
    def clock(self) -> Clock:
        """The clock by which dhcpd is waited for and its acts are dated."""

    # -- processes

    def find(self, names: Iterable[str]) -> list[Process]:
        """As :func:`iscdhcp.host.process.find`."""

    def find_v6(self, names: Iterable[str]) -> list[Process]:
        """As :func:`iscdhcp.host.process.find_v6`."""

    def is_alive(self, one: Process) -> bool:
        """As :func:`iscdhcp.host.process.is_alive`."""

    def wait_exit(self, one: Process, timeout: float) -> bool:
        """As :func:`iscdhcp.host.process.wait_exit`."""

    def signal_terminate(
        self, one: Process, look: Callable[[], bool], deadline: float
    ) -> dict[str, Any]:
        """As :func:`iscdhcp.host.ending.signal_terminate`."""

    # -- what the kernel knows of its connections

    def listens_on_dhcp(self, one: Process) -> bool:
        """As :func:`iscdhcp.host.process.listens_on_dhcp`."""

    def failover_connected(
        self, address: str | None, peer_address: str | None, ports: Iterable[int]
    ) -> bool | None:
        """As :func:`iscdhcp.host.process.failover_connected`."""

    def sockets(self, table: str) -> list[list[str]]:
        """As :func:`iscdhcp.host.process.sockets`."""

    # -- dhcpd itself

    def omapi(
        self, address: str, port: int, key: OmapiKey | None, timeout: float
    ) -> AbstractContextManager[Omapi]:
        """Connect to dhcpd's OMAPI for the length of a ``with`` block."""

    def dhcpd_verdict(self, path: str, binary: str) -> OwnVerdict:
        """As :func:`iscdhcp.host.dhcpd_t.dhcpd_verdict`."""

    def last_lines(self, since: float) -> list[str]:
        """As :func:`iscdhcp.log.evidence.last_lines`."""

    # -- its partner

    def ask(
        self, question: probe.Question, seconds: float, inform: bool = False
    ) -> probe.Heard | None:
        """As :func:`iscdhcp.host.probe.discover`, or :func:`iscdhcp.host.probe.inform`."""

    # -- the service manager

    def is_systemd(self) -> bool:
        """Whether systemd is this host's init."""

    def unit(self, name: str) -> Unit | None:
        """As :func:`iscdhcp.host.units.read`."""

    def systemctl(self, *words: str, check: bool = True) -> str:
        """Return what ``systemctl`` printed; a failure raises :class:`ActError` with ``check``."""

    def stand_by(self, unit: str, argv: Sequence[str]) -> None:
        """Run a command in a unit of systemd's own, outside this process's control group."""

    def launch(self, argv: Sequence[str], variables: Mapping[str, str]) -> None:
        """Run a command that starts dhcpd and returns."""


class LocalHost:
    """This very host."""

    clock: Clock = SYSTEM

    def find(self, names: Iterable[str]) -> list[Process]:
        """As :meth:`Host.find`."""
        return process.find(names)

    def find_v6(self, names: Iterable[str]) -> list[Process]:
        """As :meth:`Host.find_v6`."""
        return process.find_v6(names)

    def is_alive(self, one: Process) -> bool:
        """As :meth:`Host.is_alive`."""
        return process.is_alive(one)

    def wait_exit(self, one: Process, timeout: float) -> bool:
        """As :meth:`Host.wait_exit`."""
        return process.wait_exit(one, timeout)

    def signal_terminate(
        self, one: Process, look: Callable[[], bool], deadline: float
    ) -> dict[str, Any]:
        """As :meth:`Host.signal_terminate`."""
        return ending.signal_terminate(one, look, deadline)

    def listens_on_dhcp(self, one: Process) -> bool:
        """As :meth:`Host.listens_on_dhcp`."""
        return process.listens_on_dhcp(one)

    def failover_connected(
        self, address: str | None, peer_address: str | None, ports: Iterable[int]
    ) -> bool | None:
        """As :meth:`Host.failover_connected`."""
        return process.failover_connected(address, peer_address, ports)

    def sockets(self, table: str) -> list[list[str]]:
        """As :meth:`Host.sockets`."""
        return process.sockets(table)

    def omapi(
        self, address: str, port: int, key: OmapiKey | None, timeout: float
    ) -> AbstractContextManager[Omapi]:
        """As :meth:`Host.omapi`."""
        return OmapiClient(address, port, key, timeout=timeout)

    def dhcpd_verdict(self, path: str, binary: str) -> OwnVerdict:
        """As :meth:`Host.dhcpd_verdict`."""
        return dhcpd_t.dhcpd_verdict(path, binary)

    def last_lines(self, since: float) -> list[str]:
        """As :meth:`Host.last_lines`."""
        from ..log import evidence  # only where a start has failed

        return evidence.last_lines(since)

    def ask(
        self, question: probe.Question, seconds: float, inform: bool = False
    ) -> probe.Heard | None:
        """As :meth:`Host.ask`."""
        return (probe.inform if inform else probe.discover)(question, seconds)

    def is_systemd(self) -> bool:
        """As :meth:`Host.is_systemd`."""
        return units.is_systemd()

    def unit(self, name: str) -> Unit | None:
        """As :meth:`Host.unit`."""
        return units.read(name)

    def systemctl(self, *words: str, check: bool = True) -> str:
        """As :meth:`Host.systemctl`."""
        argv = ["systemctl", *words]
        done = command.run(argv, 60.0)
        if done.code and check:
            raise ActError(f"{' '.join(argv)}: {done.complaint}")
        return done.out.strip()

    def stand_by(self, unit: str, argv: Sequence[str]) -> None:
        """As :meth:`Host.stand_by`."""
        words = ["systemd-run", "--quiet", "--collect", f"--unit={unit}", *argv]
        done = command.run(words, 20.0)
        if done.code:
            raise ActError(f"systemd-run: {done.complaint}")

    def launch(self, argv: Sequence[str], variables: Mapping[str, str]) -> None:
        """As :meth:`Host.launch`."""
        try:
            subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                check=False,
                timeout=60,
                start_new_session=True,
                env={**os.environ, **variables},
                cwd="/",
            )
        except subprocess.TimeoutExpired as err:
            raise ActError(f"{argv[0]} did not go into the background within 60 s") from err


#: This very host, for everybody who is handed no other.
LOCAL: Host = LocalHost()
