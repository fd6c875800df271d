"""What must hold for the files of rollouts: who runs with which, proved by whom, left as which."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhcpd import SOURCES
from dhcpd import Dhcpd
from dhcpd import Network
from dhcpd import rolled_out
from iscdhcp.act.stage import Stage
from iscdhcp.files import digest
from iscdhcp.run import rollout
from iscdhcp.run.base import CLAIM_SECONDS
from world import World

if TYPE_CHECKING:
    from masters import Run

_NORMAL = {("normal", "normal")}


@dataclass
class Trust:
    """With which generation a server has run last, and whether that was proved."""

    generation: tuple[str, ...] = ()
    pid: int | None = None
    #: Since when it was normal at both ends with this process.
    since: float | None = None
    proved: bool = False


class Generations:
    """
    Watches the files of all servers.

    say
        Called with what is wrong.
    """

    def __init__(self, world: World, network: Network, say: Callable[[str], None]) -> None:
        self.world, self.network, self.say = world, network, say
        #: Seconds of the probation of the rollouts of this world, if there are any.
        self.probation: float | None = None
        self._trusted: dict[str, Trust] = {}
        #: What was rolled out, one after the other.
        self._done: list[tuple[str, ...]] = [()]

    def each_step(self) -> None:
        """Note which server has been normal for long enough with its files."""
        for server in self.network.servers.values() if self.probation is not None else ():
            known = self._trusted.setdefault(server.name, Trust(server.generation, server.pid))
            if server.pid is None:
                continue
            if known.generation != server.generation:
                known = self._trusted[server.name] = Trust(server.generation)
            if known.pid != server.pid or not self._is_normal(server):
                known.pid, known.since = server.pid, None
                continue
            known.since = self.world.now if known.since is None else known.since
            known.proved |= self.world.now - known.since >= (self.probation or 0.0)

    def _is_normal(self, server: Dhcpd) -> bool:
        ends = [*server.ends.values()]
        ends += [self.network.servers[end.partner].ends[name] for name, end in server.ends.items()]
        return {(end.state, end.seen) for end in ends} == _NORMAL

    def starts(self, dhcpd: Dhcpd) -> None:
        """Whether a primary starts with new files only once its secondary was proved with them."""
        partners = [end.partner for end in dhcpd.ends.values() if end.role == "primary"]
        if self.probation is None or not partners or not self._has_new_files(dhcpd):
            return
        for partner in partners:
            known = self._trusted[partner]
            if known.generation != dhcpd.generation or not known.proved:
                self.say(f"{dhcpd.name} starts with files with which {partner} was not proved")

    @staticmethod
    def _has_new_files(dhcpd: Dhcpd) -> bool:
        """Whether its file is the one that was rolled out, and not the one from before."""
        record = Stage(dhcpd.folder / "notes").record
        if record is None or record["state"] != "applied":
            return False
        return all(digest(file) == one["digest"] for file, one in record["files"].items())

    def done(self, run: Run) -> None:
        """Whether both servers run with what a rollout says that it has rolled out."""
        if run.kind is not rollout.Rollout:
            return
        source = run.origins.get("source")
        # What is taken back is the last one that was done.
        wanted = (SOURCES[source],) if source else self._done[-2:][0]
        self._done.append(wanted)
        for server in run.run.servers:
            if self.network.servers[server].generation != wanted:
                self.say(f"{run.name} says done, and {server} runs with other files")

    def at_the_end(self, runs: list[Run]) -> None:
        """Whether what a rollout leaves is one generation, or said; and nobody is left unfit."""
        last = last_rollout(self.world, runs)
        if last is None:
            return
        servers = [self.network.servers[one] for one in last.pair.servers]
        for one in servers:
            there = rolled_out((one.folder / "dhcpd.conf").read_text())
            if one.pid is None and not one.is_fit(there):
                self.say(f"{one.name} was left down with files with which it does not start")
        running = [one for one in servers if one.pid is not None]
        differ = len({one.generation for one in running}) > 1
        if differ and not all(_is_told(last.comment, one.name) for one in running):
            self.say(f"the servers have different files, and {last.name} does not say which has")


def _is_told(comment: str, server: str) -> bool:
    """Whether a sentence says which files a server has."""
    told = (
        f"{server} has its old configuration",
        f"{server} keeps its new configuration",
        f"{server} runs with its old configuration",
        f"{server} had the new configuration already",
        f"The old configuration of {server} is not back",
        f"Restarted so far: {server}",
        f"the order never reached {server}",
    )
    untouched = re.search(rf"\b{server}\b[^.]* not touched", comment)
    return bool(untouched) or any(one in comment for one in told)


def last_rollout(world: World, runs: list[Run]) -> Run | None:
    """
    Return the rollout that ended last, by itself; ``None`` where nobody has come after one.

    That is so where one was killed and no other was begun once its claims were over, or was
    refused.
    """
    mine = [one for one in runs if one.kind is rollout.Rollout]
    mine = [one for one in mine if "Nothing was touched" not in one.comment]
    names = {one.name for one in runs if one.kind is rollout.Rollout}
    killed = [
        actor.process.killed_at
        for actor in world.actors
        if actor.name in names and actor.process.killed_at is not None
    ]
    ended = [one for one in mine if one.over_at]
    last = max(ended, key=lambda one: one.over_at, default=None)
    if last is None or any(last.begun_at < at + CLAIM_SECONDS for at in killed):
        return None
    return last
