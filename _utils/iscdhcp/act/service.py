"""
dhcpd as a service of its host: by the service manager, or by its own command line.

What a manager believes is never taken for the truth (see :mod:`iscdhcp.act.stop_start`).
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from .. import unknown
from ..errors import ActError
from ..facts.ran import Ran
from ..host.local import LOCAL
from ..host.local import Host
from ..host.units import Unit
from ..shapes import ServiceFacts

#: Service of dhcpd by Salt's grains (most specific first).
SERVICES = (
    ("os", "Arch", "dhcpd4"),
    ("os_family", "Debian", "isc-dhcp-server"),
    ("os_family", "RedHat", "dhcpd"),
    ("os_family", "Suse", "dhcpd"),
    ("os_family", "FreeBSD", "isc-dhcpd"),
    ("os_family", "Gentoo", "dhcpd"),
    ("os_family", "Alpine", "dhcpd"),
    ("os_family", "Void", "dhcpd4"),
)


class Service:
    """
    The service of this host's dhcpd; an :class:`iscdhcp.act.stop_start.ServiceManager`.

    functions
        ``service.available``, ``service.start``, ``service.stop`` and ``service.status`` as Salt
        has them (``__salt__`` will do).
    grains
        ``os`` and ``os_family``, for the service's name.
    name
        Overrides the name, for a dhcpd of which no unit is known.
    command
        The whole argv that starts dhcpd where there is no service; it overrides the service.
    ran
        The dhcpd that runs now, or ran last: it comes back by the unit it was in, else by its own
        command line.
    host
        Where it is a service.
    """

    def __init__(
        self,
        functions: Mapping[str, Callable[..., Any]],
        grains: Mapping[str, Any],
        name: str | None = None,
        command: Sequence[Any] = (),
        ran: Ran | None = None,
        host: Host = LOCAL,
    ) -> None:
        self._host = host
        self._functions = functions
        #: Whether a command of the settings starts it.
        self.by_command = bool(command)
        unit = ran.unit.removesuffix(".service") if ran and ran.unit else None
        #: Whether its name is known: by what ran, or by the settings.
        self.named = bool(unit or name)
        self.name = unit or name or _by_grains(grains)
        # YAML reads -4 as a number.
        self.argv = [str(word) for word in command or (ran.command if ran else ())]
        self._variables = dict(ran.variables) if ran and not command else {}
        self._managed: bool | None = None
        if self.by_command:
            self._managed = False
        elif ran is not None and self.systemd:
            # By hand, by another program: its unit, if there is one, would start another dhcpd.
            self._managed = bool(ran.unit or name)
        self._prepared = False

    @property
    def managed(self) -> bool:
        """Whether a service manager knows this service; asked once, and before dhcpd is stopped."""
        if self._managed is None:
            try:
                self._managed = bool(self._functions["service.available"](self.name))
            except Exception:  # pylint: disable=broad-except
                # No service module for this platform, or one that fails: there is none for us.
                self._managed = False
        return self._managed

    @property
    def systemd(self) -> bool:
        """Whether the manager is systemd."""
        return self._host.is_systemd()

    def prepare(self) -> None:
        """Do, while dhcpd still serves, what a start needs; raise if there is no way to start."""
        if not self.managed and not self.argv:
            raise ActError(
                f"no service {self.name} on this host and dhcpd's command line is not known: "
                "set dhcpd:service or dhcpd:start_command in the minion's configuration"
            )
        if self.managed and self.systemd:
            # Five starts in 10 s, no matter who made them, and systemd would refuse the next one.
            self._host.systemctl("reset-failed", self.name, check=False)
        self._prepared = True

    def renew(self) -> None:
        """Start the service whatever the manager believes of it; does not wait for dhcpd."""
        if not self._prepared:
            self.prepare()
        if not self.managed:
            self._host.launch(self.argv, self._variables)
        elif self.systemd:
            # A unit that still counts as active would not start: restart does, after the exit.
            # By systemctl itself: Salt's wrapper takes ten times as long, and clients wait.
            self._host.systemctl("restart", "--no-block", self.name)
        else:
            self._functions["service.stop"](self.name)
            self._functions["service.start"](self.name)

    def stop(self) -> None:
        """Tell the manager that it is stopped, so that nothing believes or restarts it."""
        if self.managed:
            self._functions["service.stop"](self.name)

    def unit(self) -> Unit | None:
        """Return what systemd says of it, or ``None``."""
        return self._host.unit(self.name)

    def describe(self) -> ServiceFacts:
        """Return what the manager believes of it, as :class:`iscdhcp.shapes.ServiceFacts`."""
        if not self.managed:
            return unknown.service()
        if self.systemd:
            shown = self._host.systemctl("show", "-p", "ActiveState", "--value", self.name)
            active = shown in ("active", "activating", "reloading")
            unit = None if active else self._host.unit(self.name)
            refusal = unit.refusal if unit else None
            return {
                "name": self.name,
                "manager": "systemd",
                "active": active,
                "failed": shown == "failed",
                "refuses": {"code": refusal[0], "text": refusal[1]} if refusal else None,
            }
        active = bool(self._functions["service.status"](self.name))
        return {**unknown.service(), "name": self.name, "manager": "init", "active": active}


def _by_grains(grains: Mapping[str, Any]) -> str:
    for grain, value, name in SERVICES:
        if grains.get(grain) == value:
            return name
    return "dhcpd"
