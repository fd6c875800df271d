"""
What ran: what a start needs to bring the same dhcpd back, known before it is stopped.

A dhcpd may have its own configuration (``DHCPDv4_CONF`` of Debian, ``-cf``), lease file, pid file,
user, or unit. Once it is down nothing tells; a start with other files than before can rewrite a
live lease file without its leases. So it is read from the process, kept on disk, and carried
through the start; what comes up is compared with it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from ..files import digest
from ..host import units
from ..host.units import Unit
from .server import Server

#: Options of dhcpd that make its paths depend on where it was started.
_PATHS = ("-cf", "-lf", "-pf")


@dataclass(frozen=True)
class Ran:
    """A dhcpd that runs, or ran last. Its files are this host's paths, as far as it has them."""

    argv: tuple[str, ...]
    identity: str
    #: Epoch seconds; of the same process it differs by the clock's last set.
    started: float = field(compare=False)
    config_file: str
    lease_file: str
    pid_file: str
    unit: str | None = None
    uid: int = 0
    executable: str | None = None
    #: Variables of its environment that name its files (``PATH_DHCPD_CONF`` and the like).
    variables: tuple[tuple[str, str], ...] = ()
    own_root: bool = False
    foreground: bool = False
    #: Its files that end with the process: this host has no path of its own to them.
    only_inside: tuple[str, ...] = ()
    #: The files that say how its unit starts, with the SHA-256 of each when it was first seen,
    #: unless it was newer than the process by then: a file that is only touched has not changed.
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def command(self) -> list[str]:
        """The command line that starts it again, its program with the whole path."""
        program = self.argv[0]
        if not os.path.isabs(program) and self.executable:
            program = self.executable
        return [program, *self.argv[1:]]

    def as_dict(self) -> dict[str, Any]:
        """Return it as a plain dict that JSON can hold."""
        return {**asdict(self), "variables": dict(self.variables)}

    @classmethod
    def from_dict(cls, kept: Any) -> Ran | None:
        """Return what :meth:`as_dict` has made, or ``None`` for anything else."""
        if not isinstance(kept, Mapping):
            return None
        try:
            lists = {key: tuple(kept.get(key) or ()) for key in ("argv", "only_inside")}
            variables = tuple(dict(kept.get("variables") or {}).items())
            return cls(**{**kept, **lists, "variables": variables}) if lists["argv"] else None
        except (TypeError, ValueError):
            return None


def of(server: Server, last: Ran | None = None) -> Ran | None:
    """
    Return what runs on this server, or ``None`` where nothing is seen.

    last
        What was noted before: of the same process it knows more of its unit's files.
    """
    running = server.process
    if running is None:
        return None
    unit, digests = running.unit, {}
    if unit is not None:
        shown = server.host.unit(unit)
        if shown is not None:
            unit = shown.name if units.serves(shown, running.pid) else None
            digests = _digests(shown, running.started)
    if last is not None and last.identity == running.identity:
        digests = dict(last.digests)
    return Ran(
        argv=running.argv,
        identity=running.identity,
        started=running.started,
        config_file=server.config_file,
        lease_file=server.lease_file,
        pid_file=server.pid_file,
        unit=unit,
        uid=running.uid,
        executable=running.executable,
        variables=running.variables,
        own_root=running.own_root,
        foreground=running.foreground,
        only_inside=tuple(server.only_inside),
        digests=digests,
    )


def _digests(unit: Unit, started: float) -> dict[str, str]:
    newer = unit.newer_files(started)
    found = {path: _digest(path) for path in unit.files if path not in newer}
    return {path: text for path, text in found.items() if text is not None}


def _digest(path: str) -> str | None:
    try:
        return digest(path)
    except OSError:
        return None


def why_not_back(
    ran: Ran,
    unit: Unit | None,
    service: str | None = None,
    command: Sequence[Any] = (),
    managed: bool = False,
) -> str | None:
    """
    Return why a start may not bring back what runs, with the setting that helps, or ``None``.

    unit
        What systemd says of the unit it runs in, or else of the one that ``service`` names.
    service, command
        The minion's settings ``dhcpd:service`` and ``dhcpd:start_command``.
    managed
        A service manager other than systemd (OpenRC, runit, init scripts) knows the service.
    """
    if ran.only_inside:
        return (
            f"{ran.only_inside[0].partition('/root')[2]} lies in a container and on no path of "
            "this host: mount it from the host, or set dhcpd:config_file and dhcpd:lease_file in "
            "the minion's configuration to where the host has them"
        )
    if command or managed:
        return None
    if ran.unit is not None:
        return _why_not_by_unit(ran, ran.unit, unit, service)
    if service and unit is not None:
        if unit.load != "loaded":
            return f"the setting dhcpd:service names {service}, which is {_load(unit)}: correct it"
        return (
            f"dhcpd runs outside of {unit.name}, which the setting dhcpd:service names, so that a "
            "start may bring up another one: start it by that unit once, or take the setting out "
            "(it is then started by its own command line)"
        )
    return _why_not_by_command(ran)


def _why_not_by_unit(ran: Ran, name: str, unit: Unit | None, service: str | None) -> str | None:
    if unit is None:
        return None  # systemd could not be asked; the start goes by that unit all the same
    if unit.load != "loaded":
        return (
            f"its unit {name} is {_load(unit)}, so that it would not start: "
            f"{'systemctl unmask ' + name if unit.load == 'masked' else 'bring the unit back'}, or "
            "set dhcpd:start_command in the minion's configuration"
        )
    named = service and (service if "." in service else f"{service}.service")
    if named and named != unit.name:
        return (
            f"it runs in the unit {unit.name}, and the setting dhcpd:service names {service}: "
            "correct the setting"
        )
    newer = unit.newer_files(ran.started)
    newer = [path for path in newer if _digest(path) != ran.digests.get(path, "")]
    if newer:
        return (
            f"{newer[0]}, which says how {unit.name} starts, is newer than the running dhcpd, so "
            "that a start may bring up another one: look at what has changed, then say "
            "force=start, or set dhcpd:start_command in the minion's configuration"
        )
    return None


def _load(unit: Unit) -> str:
    return {"not-found": "unknown to systemd", "masked": "masked"}.get(unit.load, unit.load)


def _why_not_by_command(ran: Ran) -> str | None:
    """Return why its own command line would not bring it back."""
    help_ = "set dhcpd:service or dhcpd:start_command in the minion's configuration"
    if ran.own_root:
        return f"it runs in a container or a chroot, and nobody knows how it was started: {help_}"
    if ran.foreground:
        return (
            "it runs in the foreground (-f or -d) and in no unit, so only the one who started it "
            f"can start it again: {help_}"
        )
    if ran.uid and "-user" not in ran.argv:
        return f"it runs as the user with the id {ran.uid}, which no option of it says: {help_}"
    relative = [path for path in _named_paths(ran) if not os.path.isabs(path)]
    if relative:
        return f"its command line names {relative[0]} without the whole path: {help_}"
    program = ran.command[0]
    if not os.path.isabs(program) or not os.access(program, os.X_OK):
        return f"its program {program} is not there any more: {help_}"
    return None


def _named_paths(ran: Ran) -> list[str]:
    return [
        value for option, value in zip(ran.argv, ran.argv[1:], strict=False) if option in _PATHS
    ] + [value for _, value in ran.variables]


def why_another(ran: Ran, unit: Unit | None) -> str | None:
    """
    Return why a unit would start another dhcpd than the one that ran last, or ``None``.

    unit
        What systemd says of the unit that would be started now.
    """
    if unit is None:
        return None
    if unit.load != "loaded":
        return f"the unit {unit.name} is {_load(unit)}"
    wanted = unit.config_file
    if wanted and wanted != ran.config_file and not _same_file(wanted, ran.config_file):
        return (
            f"the unit {unit.name} names the configuration {wanted} now, and dhcpd ran with "
            f"{ran.config_file}: its lease file may be another one; name the old one again, or "
            "say force=start"
        )
    return None


def differences(ran: Ran, now: Ran, by_command: bool = False) -> tuple[list[str], list[str]]:
    """
    Compare the dhcpd that came up with the one that ran before.

    by_command
        It was started by a command of the minion's settings: its options are what they are.

    Returns sentences' parts about its files, which may cost leases, and about the rest.
    """
    files = [
        f"its {what} is {new}, not {old}"
        for what, old, new in (
            ("configuration", ran.config_file, now.config_file),
            ("lease file", ran.lease_file, now.lease_file),
        )
        if old != new and not _same_file(old, new)
    ]
    rest = []
    if not by_command and ran.argv[1:] != now.argv[1:]:
        rest.append(f"its options are {' '.join(now.argv[1:])}, not {' '.join(ran.argv[1:])}")
    if ran.uid != now.uid:
        rest.append(f"it runs as the user with the id {now.uid}, not {ran.uid}")
    if not by_command and ran.unit != now.unit:
        rest.append(f"it runs in {now.unit or 'no unit'}, not in {ran.unit or 'no unit'}")
    return files, rest


def _same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
