"""
Modelled dhcpd servers and what joins them: states, connection, and how late a partner notices.

After server/failover.c of ISC dhcpd 4.4.3-P1 and what was measured of it; leases are left out, and
so is ``potential-conflict`` but for its name.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from world import World

SERVING = ("normal", "communications-interrupted", "partner-down")
#: Seconds: from SIGTERM to the end (measured 6 to 25 ms); to start; for a message; alone in
#: startup; until a dead host is noticed.
EXIT, START, MESSAGE, STARTUP, DEAD = 0.015, 0.25, 0.02, 15.0, 30.0
#: Seconds of MCLT, and of a full update.
MCLT, UPDATE = 60.0, 0.5
#: A line of dhcpd.conf with which it ends by itself, and after how many seconds.
SHORT_LIVED, LIVES = 'server-name "short-lived";', 8.0
#: Lines that ``dhcpd -t`` accepts and with which no dhcpd starts, or only a secondary's.
UNFIT, UNFIT_ON_PRIMARY = 'server-name "unfit";', 'server-name "unfit-on-primary";'
#: What the master has to roll out: a line more, by its source.
SOURCES = {
    "salt://good": 'server-name "long-lived";',
    "salt://bad": SHORT_LIVED,
    "salt://unfit": UNFIT,
    "salt://unfit-on-primary": UNFIT_ON_PRIMARY,
}


def rolled_out(text: str) -> tuple[str, ...]:
    """Return what of :data:`SOURCES` a dhcpd.conf has: which generation of the files it is."""
    return tuple(line for line in SOURCES.values() if line in text)


@dataclass
class End:
    """One end of a relationship, as its server has it."""

    partner: str
    role: str
    state: str = "normal"
    #: The partner's state as this end believes it.
    seen: str = "normal"
    since: float = 0.0
    #: What it will be once startup is over.
    target: str = "normal"


class Dhcpd:
    """One server's dhcpd."""

    def __init__(self, network: Network, name: str, folder: Path) -> None:
        self.network, self.name, self.folder = network, name, folder
        self.ends: dict[str, End] = {}
        self.pid: int | None = 100
        self.started = network.world.now - 5000
        self.starting = self.ending = False
        #: Stopped by a signal: it answers nobody, and nobody is told.
        self.halted = False
        #: When its process ended last.
        self.ended_at = 0.0
        #: Seconds from SIGTERM to its end.
        self.exits_in = EXIT
        #: With which generation of its files it runs, or ran last.
        self.generation: tuple[str, ...] = ()
        #: Its last start has failed; its host has no power.
        self.failed = self.off = False
        #: Called when it starts, with new files or old ones.
        self.starts: Callable[[Dhcpd], None] = lambda dhcpd: None

    @property
    def identity(self) -> str:
        """Which process it is."""
        return f"{self.name}-{self.pid}"

    def serves(self, relationship: str) -> bool:
        """Whether it answers clients."""
        there = self.pid is not None and not self.ending and not self.halted
        return there and self.ends[relationship].state in SERVING

    # -- its process

    def start(self) -> None:
        """Begin a start; another one meanwhile does nothing."""
        world = self.network.world
        if self.pid is None and not self.starting:
            self.starting = True
            world.after(START, self._born)

    def _born(self) -> None:
        self.starting = False
        if self.pid is not None or self.off:
            return
        self.generation = rolled_out((self.folder / "dhcpd.conf").read_text())
        self.starts(self)
        self.failed = not self.is_fit(self.generation)
        if self.failed:
            self.network.world.tell(f"dhcpd on {self.name} does not start with its files")
            return
        self.network.pids += 1
        self.pid, self.started = self.network.pids, self.network.world.now
        self.network.world.tell(f"dhcpd on {self.name} runs")
        for name, end in self.ends.items():
            kept = end.target if end.state == "startup" else end.state
            # What was appended to its lease file while it was down counts.
            end.target = "recover" if kept == "shutdown" and self.recovered_on_disk() else kept
            end.state = "startup"
            self.network.connect(name)
        pid = self.pid
        if SHORT_LIVED in self.generation:
            self.network.world.after(
                LIVES, lambda: self.end("by its configuration") if self.pid == pid else None
            )
        self.network.world.after(STARTUP, lambda: self._alone(pid))

    def is_fit(self, generation: tuple[str, ...]) -> bool:
        """Whether it starts with such files."""
        primary = any(end.role == "primary" for end in self.ends.values())
        return UNFIT not in generation and not (primary and UNFIT_ON_PRIMARY in generation)

    def _alone(self, pid: int) -> None:
        """Leave startup without a partner's word."""
        if self.pid != pid:
            return
        for end in self.ends.values():
            if end.state == "startup":
                alone = end.target == "normal"
                self.move(end, "communications-interrupted" if alone else end.target)

    def terminate(self) -> None:
        """Get SIGTERM: it answers nobody any more, and is gone in a moment."""
        self.ending, pid = True, self.pid
        self.network.world.tell(f"dhcpd on {self.name} gets SIGTERM")
        self.network.world.after(
            self.exits_in, lambda: self.end("SIGTERM") if self.pid == pid else None
        )

    def halt(self) -> None:
        """Be stopped by a signal (state T)."""
        self.halted, self.ended_at = True, self.network.world.now
        self.network.world.tell(f"dhcpd on {self.name} is halted")
        for name in self.ends:
            self.network.lost(name, self, DEAD)

    def end(self, how: str, closes: bool = True) -> None:
        """End its process: by SIGTERM, by itself, or with its host (``closes`` false)."""
        self.ending = False
        if self.pid is None:
            return
        self.pid, self.ended_at = None, self.network.world.now
        self.network.world.tell(f"dhcpd on {self.name} ended ({how})")
        for name in self.ends:
            self.network.lost(name, self, MESSAGE if closes else DEAD)

    def move(self, end: End, state: str) -> None:
        """Be in another state."""
        end.state, end.since = state, self.network.world.now
        self._write()

    def hear(self, end: End, state: str) -> None:
        """Believe the partner to be in another state."""
        end.seen = state
        self._write()

    def _write(self) -> None:
        """Write the states into the lease file, as dhcpd does at each move."""
        blocks = [
            f'failover peer "{name}" state {{\n'
            f"  my state {end.state if end.state != 'startup' else end.target} "
            "at 1 2026/11/23 10:00:00;\n"
            f"  partner state {end.seen} at 1 2026/11/23 10:00:00;\n  mclt {MCLT:.0f};\n}}\n"
            for name, end in self.ends.items()
        ]
        (self.folder / "dhcpd.leases").write_text("".join(blocks))

    def recovered_on_disk(self) -> bool:
        """Whether its lease file says that MCLT has passed already."""
        text = (self.folder / "dhcpd.leases").read_text()
        return "my state recover" in text.rpartition("failover peer")[2]


class Network:
    """All servers, and the connections between them."""

    def __init__(self, world: World) -> None:
        self.world, self.pids = world, 200
        self.servers: dict[str, Dhcpd] = {}
        self.connected: dict[str, bool] = {}
        #: How many connections there have been.
        self.links: dict[str, int] = {}
        #: Whether servers can ask each other as clients do (a relay-only network: they can't).
        self.asked = True

    def pair(self, name: str, primary: str, secondary: str) -> None:
        """Join two servers, in normal."""
        for mine, theirs, role in (
            (primary, secondary, "primary"),
            (secondary, primary, "secondary"),
        ):
            end = End(theirs, role, since=self.world.now - 900)
            self.servers[mine].ends[name] = end
            self.servers[mine]._write()
        self.connected[name] = True

    def both(self, name: str) -> list[Dhcpd]:
        """Both servers of a relationship."""
        return [one for one in self.servers.values() if name in one.ends]

    def served(self, name: str) -> bool:
        """Whether anybody answers clients."""
        return any(one.serves(name) for one in self.both(name))

    # -- what dhcpd does by itself

    def lost(self, name: str, gone: Dhcpd, seconds: float) -> None:
        """A server has gone: its partner notices after a while."""
        self.connected[name] = seconds > 1 and self.connected[name]
        partner = self.servers[gone.ends[name].partner]
        pid, link = gone.pid, self.links.get(name)

        def notices() -> None:
            end = partner.ends[name]
            back = gone.pid != pid
            if partner.pid is None or (back and (seconds <= 1 or self.links.get(name) != link)):
                return
            self.connected[name] = False
            if end.state == "normal":
                partner.move(end, "communications-interrupted")
            if back:
                # As long as the old connection counted, it took no new one.
                self.connect(name)

        self.world.after(seconds, notices)

    def connect(self, name: str) -> None:
        """Try to connect both ends; again every 5 s as long as both run."""

        def tries() -> None:
            first, second = self.both(name)
            if first.pid is None or second.pid is None or self.connected[name]:
                return
            self.connected[name] = True
            self.links[name] = self.links.get(name, 0) + 1
            self.world.after(MESSAGE, lambda: self.agree(name))

        self.world.after(MESSAGE, tries)

    def agree(self, name: str) -> None:
        """Both ends tell each other their states, and move by them."""
        first, second = self.both(name)
        if not self.connected[name] or first.pid is None or second.pid is None:
            return
        ends = first.ends[name], second.ends[name]
        said = [end.target if end.state == "startup" else end.state for end in ends]
        for server, end, own, theirs in (
            (first, ends[0], said[0], said[1]),
            (second, ends[1], said[1], said[0]),
        ):
            server.hear(end, theirs)
            self._moves(name, server, end, own, theirs)

    def _moves(self, name: str, server: Dhcpd, end: End, own: str, theirs: str) -> None:
        alive = ("normal", "communications-interrupted")
        if own in alive and theirs in alive:
            server.move(end, "normal")
            server.hear(end, "normal")
        elif own in ("normal", "communications-interrupted") and theirs == "paused":
            server.move(end, "communications-interrupted")
        elif own in alive and theirs in ("shutdown",):
            server.move(end, "partner-down")
        elif own in alive and theirs == "partner-down":
            self._recovers(name, server, end)
        elif own == "recover":
            self._recovers(name, server, end)
        elif end.state == "startup":
            server.move(end, own)

    def _recovers(self, name: str, server: Dhcpd, end: End) -> None:
        """Fetch everything from the partner, wait out MCLT, be normal."""
        wait = UPDATE if server.recovered_on_disk() else UPDATE + MCLT
        server.move(end, "recover")
        pid = server.pid

        def done() -> None:
            partner = self.servers[end.partner]
            if server.pid != pid or partner.pid is None or end.state != "recover":
                return
            for one, its in ((server, end), (partner, partner.ends[name])):
                one.move(its, "normal")
                one.hear(its, "normal")

        self.world.after(wait, done)

    # -- what is ordered over OMAPI

    def set_state(self, server: Dhcpd, name: str, state: str) -> None:
        """Set a server's own state, and have its partner hear of it."""
        end = server.ends[name]
        if end.state == "startup":
            # Taken at once, also without a partner's word (measured).
            end.target = state
            if self.connected[name]:
                self.world.after(MESSAGE, lambda: self.agree(name))
            else:
                server.move(end, state)
            return
        if end.state == "shutdown" and state == "recover":
            self._recovers(name, server, end)
            return
        server.move(end, state)
        self.world.after(MESSAGE, lambda: self._heard(name, server))

    def _heard(self, name: str, server: Dhcpd) -> None:
        """The partner hears a server's state, and the server the partner's answer."""
        if not self.connected[name] or server.pid is None:
            return
        end, partner = server.ends[name], self.servers[server.ends[name].partner]
        if partner.pid is None:
            return
        theirs = partner.ends[name]
        partner.hear(theirs, end.state)
        if end.state == "paused" and theirs.state == "normal":
            partner.move(theirs, "communications-interrupted")
        elif end.state == "shutdown" and theirs.state in ("normal", "communications-interrupted"):
            partner.move(theirs, "partner-down")
        elif end.state == "normal" and theirs.state == "communications-interrupted":
            partner.move(theirs, "normal")
        self.world.after(MESSAGE, lambda: server.hear(end, theirs.state))


def names(servers: Iterable[Dhcpd]) -> str:
    """Return servers as people read them."""
    return ", ".join(one.name for one in servers)
