"""
The systemd unit that a dhcpd belongs to, and what systemd says of it.

The unit is read from the process's control group, not guessed by a name: a start of another unit
may be another dhcpd, with other files.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path

from ..errors import ProcessError
from . import command

PROC = Path("/proc")
#: There where systemd is the init (sd_booted(3)).
SYSTEMD = Path("/run/systemd/system")
#: Written again by systemd itself at each daemon-reload (systemd.generator(7)).
_GENERATED = "/run/systemd/generator"
#: Where init scripts have their settings (Debian; Red Hat, SUSE).
_SETTINGS_OF_SCRIPTS = ("/etc/default", "/etc/sysconfig")
_SHOWN = (
    *("Id", "LoadState", "ActiveState", "MainPID", "FragmentPath", "SourcePath", "DropInPaths"),
    *("EnvironmentFiles", "ExecStart", "ExecMainStatus"),
    # why it does not start
    *(
        "LoadError",
        "Result",
        "ConditionResult",
        "AssertResult",
        "ConditionTimestamp",
        "AssertTimestamp",
        "ExecCondition",
        "ExecStartPre",
    ),
)
#: Results of systemd.exec(5) that have nothing to do with what dhcpd says.
_RESULTS = {
    "start-limit-hit": "start request repeated too quickly",
    "resources": "the resources for it could not be set up",
    "timeout": "a timeout was exceeded",
    "exec-condition": "its ExecCondition was not met",
    "oom-kill": "the kernel has ended it for lack of memory",
    "watchdog": "it did not answer its watchdog",
    "protocol": "it did not take the steps that its type asks for",
}


#: What systemd could not do before dhcpd's first instruction (systemd.exec(5), exit codes).
_SPAWNING = {
    "200": "change to its working directory",
    "203": "execute its program",
    "209": "set up its standard output",
    "216": "take its group",
    "217": "take its user",
    "218": "give it its capabilities",
    "226": "set up its mount namespace",
    "228": "apply its filter of system calls",
    "231": "apply its AppArmor profile",
    "233": "set up its runtime directory",
    "238": "set up its state directory",
}


@dataclass(frozen=True)
class Unit:
    """
    A service unit as systemd has it.

    ``load`` is ``loaded``, ``masked``, ``not-found``...; ``main_pid`` is 0 where there is none or
    systemd does not know it (Debian's generated unit: ``GuessMainPID=no``). ``files`` are those
    that say how it starts: unit, drop-ins, init script, environment files. ``argv`` is the command
    line of its start, its variables not filled in.
    """

    name: str
    load: str
    active: str
    main_pid: int
    files: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()
    #: Code and systemd's words, where it is systemd that does not start it.
    refusal: tuple[str, str] | None = None

    def newer_files(self, than: float) -> list[str]:
        """Return those of its files that were written after a time (epoch seconds)."""
        found = []
        for path in self.files:
            with contextlib.suppress(OSError):
                # The start of a process is known to a hundredth of a second, and clocks are set.
                if os.stat(path).st_mtime > than + 1.0:
                    found.append(path)
        return found

    @property
    def config_file(self) -> str | None:
        """The configuration that its start names: ``-cf``, or Debian's ``DHCPDv4_CONF``."""
        for option, value in zip(self.argv, self.argv[1:], strict=False):
            if option == "-cf" and "$" not in value:
                return value
        for path in self.files:
            if os.path.dirname(path) in _SETTINGS_OF_SCRIPTS:
                found = _assigned(path, "DHCPDv4_CONF")
                if found:
                    return found
        return None


def of_process(pid: int | str) -> str | None:
    """
    Return the name of the system's service that a process was started in, or ``None``.

    pid
        Its number, or ``self``. A session, a container's scope and a user's own services are none.
    """
    try:
        text = (PROC / str(pid) / "cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    groups = dict(line.split(":", 2)[1:] for line in text.splitlines() if line.count(":") >= 2)
    # Where both hierarchies are mounted, systemd's own one counts: the one that it made groups in.
    path = groups.get("name=systemd", "/")
    path = groups.get("", "") if path == "/" else path
    parts = path.split("/")
    if any(part.startswith("user@") for part in parts):
        return None
    return next((part for part in reversed(parts) if part.endswith(".service")), None)


def is_systemd() -> bool:
    """Whether systemd is this host's init."""
    return SYSTEMD.is_dir()


def read(name: str) -> Unit | None:
    """Return what systemd says of a service, or ``None`` where systemd can't be asked."""
    if not is_systemd():
        return None
    name = name if "." in name else f"{name}.service"
    try:
        shown = (f"--property={one}" for one in _SHOWN)
        done = command.run(["systemctl", "show", *shown, "--", name], 20.0)
    except ProcessError:
        return None
    if done.code:
        return None
    unit = parse(name, done.out)
    if unit.active == "failed" and unit.refusal is None and _gave_up(unit.name):
        refusal = "unit-start-limit", f"{_RESULTS['start-limit-hit']} (journal)"
        unit = replace(unit, refusal=refusal)
    return unit


def _gave_up(name: str) -> bool:
    """
    Whether the newest start of a failed unit was refused because there were too many.

    Where dhcpd itself had failed before, ``Result`` keeps that (systemd 252): only systemd's own
    lines say it, the last but "Failed with result" and "Failed to start".
    """
    argv = ["journalctl", "--quiet", "--output=cat", "--lines=3", "_PID=1", f"UNIT={name}"]
    try:
        return "Start request repeated too quickly" in command.run(argv, 20.0).out
    except ProcessError:
        return False


def parse(name: str, shown: str) -> Unit:
    """
    Return the unit that ``systemctl show`` has described.

    shown
        Its output, with the properties ``Id``, ``LoadState``, ``ActiveState``, ``MainPID``,
        ``FragmentPath``, ``SourcePath``, ``DropInPaths``, ``EnvironmentFiles`` and ``ExecStart``.
    """
    values: dict[str, list[str]] = {}
    for line in shown.splitlines():
        key, mark, value = line.partition("=")
        if mark and value:
            values.setdefault(key, []).append(value)

    def first(key: str, default: str = "") -> str:
        return values.get(key, [default])[0]

    main_pid = first("MainPID", "0")
    return Unit(
        name=first("Id", name),
        load=first("LoadState", "unknown"),
        active=first("ActiveState", "unknown"),
        main_pid=int(main_pid) if main_pid.isdigit() else 0,
        files=tuple(dict.fromkeys(_files(values))),
        argv=_argv(first("ExecStart")),
        refusal=_refusal(values),
    )


def _refusal(values: dict[str, list[str]]) -> tuple[str, str] | None:
    """Return why systemd itself does not start a unit, as code and words, or ``None``."""

    def first(key: str) -> str:
        return values.get(key, [""])[0]

    load, result = first("LoadState"), first("Result")
    if load == "masked":
        return "unit-masked", "the unit is masked"
    if load in ("error", "bad-setting"):
        # LoadError is a D-Bus name and its message.
        words = first("LoadError").partition(" ")[2].strip('"') or load
        return "unit-refused", f"the unit can't be loaded: {words}"
    if first("ActiveState") in ("active", "activating", "reloading"):
        return None
    for key in ("ExecCondition", "ExecStartPre"):
        for shown in values.get(key, ()):
            ended = re.search(r"ignore_errors=no ;.* code=(\w+) ; status=(\d+)(?:/(\w+))?", shown)
            if ended and (ended[1] in ("killed", "dumped") or int(ended[2])):
                command = " ".join(_argv(shown)) or "?"
                how = "status" if ended[1] == "exited" else "signal"
                text = f"{key}={command} {ended[1]}, {how}={ended[3] or ended[2]}"
                return "unit-before-start", text
    # Of a unit that forks, what starts dhcpd is no main process: its status stands at ExecStart.
    begun = re.search(r"; code=exited ; status=(\d+)", first("ExecStart"))
    tried = (first("ExecMainStatus"), begun[1] if begun else "")
    status = next((one for one in tried if one in _SPAWNING), None)
    if status and result in ("exit-code", "start-limit-hit"):
        return "unit-refused", f"it could not {_SPAWNING[status]} (status={status})"
    if result == "start-limit-hit":
        return "unit-start-limit", f"{_RESULTS[result]} (Result={result})"
    if result in _RESULTS:
        return "unit-refused", f"{_RESULTS[result]} (Result={result})"
    for key, what in (("ConditionResult", "condition"), ("AssertResult", "assertion")):
        # "no" also before the first start of all; then a start has not been tried.
        if first(key) == "no" and first(f"{what.capitalize()}Timestamp"):
            return "unit-refused", f"a {what} of the unit was not met ({key}=no)"
    return None


def _files(values: dict[str, list[str]]) -> Iterator[str]:
    for key in ("FragmentPath", "SourcePath"):
        for path in values.get(key, ()):
            if not path.startswith(_GENERATED):
                yield path
    for paths in values.get("DropInPaths", ()):
        yield from (one for one in paths.split() if not one.startswith(_GENERATED))
    for text in values.get("EnvironmentFiles", ()):
        # "/etc/sysconfig/dhcpd (ignore_errors=yes)"
        yield text.partition(" (")[0]
    for script in values.get("SourcePath", ()):
        yield from (os.path.join(one, os.path.basename(script)) for one in _SETTINGS_OF_SCRIPTS)


def _argv(shown: str) -> tuple[str, ...]:
    found = re.search(r"argv\[\]=(.*?) ; ", shown)
    return tuple(found[1].split()) if found else ()


def _assigned(path: str, name: str) -> str | None:
    """Return the last value that a shell's file of settings gives a variable, or ``None``."""
    found = None
    with contextlib.suppress(OSError, ValueError):
        for line in Path(path).read_text(encoding="utf-8", errors="replace").splitlines():
            key, mark, value = line.strip().partition("=")
            if mark and key.removeprefix("export ").strip() == name:
                words = shlex.split(value, comments=True)
                found = words[0] if words else None
    return found


def parent_of(pid: int) -> int:
    """Return the number of a process's parent, 0 where it has ended."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return int(stat[stat.rindex(")") + 2 :].split()[1])


def serves(unit: Unit, pid: int) -> bool:
    """
    Whether a process in the control group of ``unit`` is what that unit is there for.

    Its main process may be a shell around dhcpd, which names it; one that does not name it
    (supervisord, cron) is there for more than that.
    """
    if unit.main_pid in (0, pid):
        return True
    program = os.path.basename((_argv_of(pid) or [""])[0])
    above = parent_of(pid)
    while above > 1:
        if above == unit.main_pid:
            return bool(program) and any(program in word for word in _argv_of(above))
        above = parent_of(above)
    return False


def _argv_of(pid: int) -> list[str]:
    try:
        text = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return []
    return text.rstrip("\0").split("\0")
