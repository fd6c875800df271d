"""Watches from outside whether the servers of each relationship serve, many times a second.

A process of its own, so that what it sees does not depend on what a test is busy with. It takes
the process's life from /proc and the failover states over OMAPI, on connections that it keeps; for
a server without OMAPI from its journal. It writes a line of JSON whenever something has changed;
:class:`Watcher` makes a :class:`Report` of them at the end.

A server serves a relationship when its process is alive and not stopped, its own state is normal,
communications-interrupted or partner-down, and its partner's state does not mute it
(``dhcp_failover_set_service_state``, failover.c:1655-1744).

That is what a server says of itself. With ``exchanges`` clients ask all the while, too, and the
longest time in which none of them had an answer is measured: what a client would have noticed.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from pathlib import Path
from typing import IO
from typing import Any

from iscdhcp.errors import IscDhcpError
from iscdhcp.host.omapi import OmapiClient
from iscdhcp.host.omapi import OmapiKey

from lab import processes
from lab.clients import Clients
from lab.clients import Served
from lab.dhcp import Dhcp
from lab.dhcp import Relationship
from lab.dhcp import states_in_log
from lab.errors import LabError
from lab.hosts import leader_file
from lab.isolation import CHECKOUT
from lab.isolation import RUN_DIR
from lab.waiting import wait_until

SERVING = frozenset({"normal", "communications-interrupted", "partner-down"})
MUTING = frozenset(
    {"partner-down", "potential-conflict", "conflict-done", "resolution-interrupted"}
)

#: The relay agent's address for the watch's own clients: loads have the two before it.
_PLACE = 3

_numbers = itertools.count(1)


# What was seen


@dataclass(frozen=True)
class Sighting:
    """What a server looked like in one relationship, from one moment to the next sighting.

    :ivar time: epoch seconds.
    :ivar pid: dhcpd's number in its host; None while it is down.
    :ivar state: its own failover state as dhcpd names it, None where unknown.
    :ivar partner_state: its partner's, as it knows it.
    :ivar alive: whether there is a process.
    :ivar serving: whether it answers clients, as far as can be seen from outside.
    """

    time: float
    host: str
    relationship: str
    pid: int | None
    state: str | None
    partner_state: str | None
    alive: bool
    serving: bool

    def __str__(self) -> str:
        seen = f"{self.state}/{self.partner_state}" if self.alive else "down"
        return f"{self.host} {seen}{'' if self.serving else ', not serving'}"


@dataclass(frozen=True)
class Restart:
    """A server whose process was replaced by another.

    :ivar time: when the new process was first seen to talk, epoch seconds.
    """

    host: str
    time: float
    old_pid: int
    new_pid: int


@dataclass(frozen=True)
class Gap:
    """A time in which something was not as it should be for a relationship.

    :ivar start: epoch seconds.
    :ivar end: epoch seconds; the end of the watch, if it lasted until then.
    :ivar servers: what both servers looked like when it began.
    """

    relationship: Relationship
    start: float
    end: float
    servers: tuple[Sighting, ...]

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.start

    def __str__(self) -> str:
        servers = "; ".join(map(str, self.servers))
        return f"{self.relationship.name}: {self.seconds:.3f} s from {self.start:.3f} ({servers})"


@dataclass(frozen=True)
class Report:
    """All that was seen from the start to the stop of a watch.

    :ivar started: epoch seconds.
    :ivar ended: epoch seconds.
    :ivar sightings: by time.
    :ivar unserved: times in which no server of a relationship served, without those inside a
        window that was announced.
    :ivar down_together: times in which neither server of a relationship had a process, likewise.
    :ivar restarts: by time.
    :ivar rate: samples per second, of the server that had the fewest.
    :ivar blind: the longest time between two samples of a server, seconds.
    :ivar exchanges: what became of the watch's own clients, by relationship; empty unless they
        were asked for.
    """

    started: float
    ended: float
    sightings: tuple[Sighting, ...]
    unserved: tuple[Gap, ...]
    down_together: tuple[Gap, ...]
    restarts: tuple[Restart, ...]
    rate: float
    blind: float
    exchanges: dict[str, Served] = field(default_factory=dict)

    @property
    def longest_unserved_s(self) -> float:
        """The longest time in which no client of a relationship had an answer, seconds.

        :raises LabError: when no clients were asked for.
        """
        if not self.exchanges:
            raise LabError("this watch had no clients of its own")
        return max(each.longest_unserved_s for each in self.exchanges.values())

    @property
    def always_served(self) -> bool:
        """Whether rule 1 held: at each moment a server of each relationship served."""
        return not self.unserved and not self.down_together

    def restarts_of(self, host: str) -> list[Restart]:
        """A server's restarts."""
        return [each for each in self.restarts if each.host == host]

    def timeline(self, host: str, relationship: str | None = None) -> list[Sighting]:
        """What a server looked like, one sighting for each change.

        :param relationship: its name; any by default.
        """
        return [
            each
            for each in self.sightings
            if each.host == host and relationship in (None, each.relationship)
        ]

    def __str__(self) -> str:
        lines = [
            f"watched for {self.ended - self.started:.1f} s, {self.rate:.0f} samples a second, "
            f"blind for {self.blind:.3f} s at most"
        ]
        lines += [f"  {each.time - self.started:8.3f}  {each}" for each in self.sightings]
        lines += [f"restart of {r.host}: {r.old_pid} -> {r.new_pid}" for r in self.restarts]
        lines += [f"clients of {name}: {served}" for name, served in self.exchanges.items()]
        lines += [f"NOBODY SERVED {gap}" for gap in self.unserved]
        lines += [f"DOWN TOGETHER {gap}" for gap in self.down_together]
        return "\n".join(lines)


# The watch


class Watcher:
    """A watch over all relationships of some servers.

    :param dhcp: the servers.
    :param rate: samples per second of each server.
    :param by_journal: whether to take the states from the journals even where OMAPI is on.
    :param exchanges: new clients per second and relationship that the watch sends itself, from
        which it computes how long nobody had an answer. Each takes an address. None by default.
    """

    def __init__(
        self, dhcp: Dhcp, rate: int = 50, by_journal: bool = False, exchanges: float = 0.0
    ) -> None:
        self._dhcp = dhcp
        self._rate = rate
        self._by_journal = by_journal
        self._process: subprocess.Popen[str] | None = None
        self._file = RUN_DIR / f"watch-{os.getpid()}-{next(_numbers)}.jsonl"
        self._windows: list[tuple[float, float]] = []
        self._exchanges = exchanges
        self._clients: dict[str, Clients] = {}

    def __enter__(self) -> Watcher:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.stop()

    def start(self) -> None:
        """Arm it; returns once it watches.

        :raises LabError: when not every relationship is normal at both ends, as it takes to be
            armed, or the watch does not begin.
        """
        if self._process is not None:
            raise LabError("the watch is armed already")
        if not self._dhcp.is_normal():
            raise LabError("a watch begins when every relationship is normal at both ends")
        self._windows.clear()
        self._file.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lab.watcher"],
            stdin=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            # A Ctrl-C is for the test; its watch ends when it lets go of it.
            start_new_session=True,
        )
        assert self._process.stdin is not None
        # By standard input: it holds the keys.
        self._process.stdin.write(json.dumps(self._instructions()) + "\n")
        self._process.stdin.flush()

        def begun() -> bool:
            if self._process is None or self._process.poll() is not None:
                raise LabError("the watch ended by itself")
            return self._file.exists() and self._all_seen(list(self._records()))

        try:
            wait_until(begun, "the watch begins", timeout=10.0)
            if self._exchanges:
                for each in self._dhcp.relationships:
                    self._clients[each.name] = Clients(self._dhcp, each, place=_PLACE)
                    self._clients[each.name].start(self._exchanges)
        except BaseException:
            self._end()
            raise

    def seen(self, host: str) -> list[Sighting]:
        """What a server has looked like since the watch began, one sighting for each change."""
        found = [each for each in self._sightings(list(self._records())) if each.host == host]
        return sorted(found, key=lambda each: each.time)

    @contextlib.contextmanager
    def window(self) -> Iterator[None]:
        """A block in which nobody needs to serve: a test that means it says so."""
        start = time.time()
        try:
            yield
        finally:
            self._windows.append((start, time.time()))

    def stop(self) -> Report:
        """End the watch and return what it saw.

        :raises LabError: when it was not armed, or ended by itself.
        """
        if self._process is None:
            raise LabError("the watch was not armed")
        alive = self._process.poll() is None
        served = self._end()
        if not alive:
            raise LabError("the watch ended by itself")
        return replace(self._report(list(self._records())), exchanges=served)

    def _end(self) -> dict[str, Served]:
        clients, self._clients = self._clients, {}
        try:
            return {name: each.stop(10.0, patient=False) for name, each in clients.items()}
        finally:
            self._end_process()

    def _end_process(self) -> None:
        assert self._process is not None
        process, self._process = self._process, None
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _instructions(self) -> dict[str, Any]:
        hosts = []
        for name, host in self._dhcp.hosts.items():
            omapi = None if self._by_journal else self._dhcp.omapi[name]
            key = omapi and [omapi.port, omapi.key_name, omapi.algorithm, omapi.secret]
            relationships = [each.name for each in self._dhcp.of(name)]
            hosts.append(
                {"name": name, "address": host.address, "omapi": key, "names": relationships}
            )
        return {"file": str(self._file), "rate": self._rate, "hosts": hosts}

    def _records(self) -> Iterator[dict[str, Any]]:
        with open(self._file, encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):  # not the one that is being written
                    yield json.loads(line)

    def _all_seen(self, records: list[dict[str, Any]]) -> bool:
        seen = {(each.host, each.relationship) for each in self._sightings(records) if each.serving}
        return seen == {(n, r.name) for n in self._dhcp.hosts for r in self._dhcp.of(n)}

    def _sightings(self, records: list[dict[str, Any]]) -> list[Sighting]:
        found = [
            sighting
            for host in self._dhcp.hosts
            for sighting in sightings_of(
                host,
                [each.name for each in self._dhcp.of(host)],
                [record for record in records if record["host"] == host],
            )
        ]
        return sorted(found, key=lambda each: each.time)

    def _report(self, records: list[dict[str, Any]]) -> Report:
        ends = [record for record in records if "samples" in record]
        if len(ends) != len(self._dhcp.hosts):
            raise LabError("the watch did not reach its end")
        sightings = self._sightings(records)
        # Before that the watch was only connecting.
        armed = max(
            min(s.time for s in sightings if (s.host, s.relationship) == key and s.serving)
            for key in {(s.host, s.relationship) for s in sightings}
        )
        ended = max(record["time"] for record in ends)
        return Report(
            started=armed,
            ended=ended,
            sightings=tuple(sightings),
            unserved=self._gaps(sightings, armed, ended, lambda server: server.serving),
            down_together=self._gaps(sightings, armed, ended, lambda server: server.alive),
            restarts=tuple(_restarts(sightings)),
            rate=min(record["samples"] / record["seconds"] for record in ends),
            blind=max(record["blind"] for record in ends),
        )

    def _gaps(
        self, sightings: list[Sighting], armed: float, ended: float, good: Any
    ) -> tuple[Gap, ...]:
        """The times in which no server of a relationship was good, outside the windows."""
        gaps = [
            gap
            for relationship in self._dhcp.relationships
            for gap in _gaps(relationship, sightings, ended, good)
            if gap.end > armed
            and not any(start <= gap.start and gap.end <= end for start, end in self._windows)
        ]
        return tuple(sorted(gaps, key=lambda gap: gap.start))


def sightings_of(
    host: str, relationships: list[str], records: list[dict[str, Any]]
) -> Iterator[Sighting]:
    """What a server looked like, from what was written down about it.

    :param host: its name.
    :param relationships: their names.
    :param records: of its process (``time``, ``pid``, ``stopped``) and of its states (``time``,
        ``states``: relationship, and its own and its partner's state), in any order.
    :return: one for each relationship and change, by time.
    """
    pid: int | None = None
    stopped = False
    states: dict[str, list[str]] = {}
    last: dict[str, Sighting] = {}
    by_time = sorted(records, key=lambda each: float(each["time"]))
    for at, together in itertools.groupby(by_time, key=lambda each: float(each["time"])):
        for record in together:
            if "pid" in record:
                pid, stopped = record["pid"], record["stopped"]
                states = {} if pid is None else states
            elif "states" in record:
                states = record["states"]
        for name in relationships:
            mine, partners = states.get(name, (None, None)) if pid is not None else (None, None)
            sighting = Sighting(
                time=at,
                host=host,
                relationship=name,
                pid=pid,
                state=mine,
                partner_state=partners,
                alive=pid is not None,
                serving=mine in SERVING and partners not in MUTING and not stopped,
            )
            if name not in last or replace(last[name], time=at) != sighting:
                last[name] = sighting
                yield sighting


def _gaps(
    relationship: Relationship, sightings: list[Sighting], ended: float, good: Any
) -> Iterator[Gap]:
    now: dict[str, Sighting] = {}
    start: float | None = None
    servers: tuple[Sighting, ...] = ()
    for sighting in sightings:
        if sighting.relationship != relationship.name or sighting.host not in relationship.servers:
            continue
        now[sighting.host] = sighting
        if len(now) < 2:
            continue
        if any(good(server) for server in now.values()):
            if start is not None:
                yield Gap(relationship, start, sighting.time, servers)
            start = None
        elif start is None:
            start, servers = sighting.time, tuple(now.values())
    if start is not None:
        yield Gap(relationship, start, ended, servers)


def _restarts(sightings: list[Sighting]) -> Iterator[Restart]:
    pids: dict[str, int] = {}
    # After a reboot of its host a new process may have the old one's number.
    gone: set[str] = set()
    for sighting in sightings:
        if sighting.pid is None:
            gone.add(sighting.host)
            continue
        if sighting.state is None:
            continue
        old = pids.get(sighting.host)
        if old is not None and (old != sighting.pid or sighting.host in gone):
            yield Restart(sighting.host, sighting.time, old, sighting.pid)
        pids[sighting.host] = sighting.pid
        gone.discard(sighting.host)


# The process that watches


class _Eye:
    """Looks at one server again and again, and writes down what has changed."""

    def __init__(self, instructions: dict[str, Any], rate: int, file: IO[str]) -> None:
        self._host: str = instructions["name"]
        self._period = 1 / rate
        self._file = file
        self._leader: int | None = None
        self._process: processes.Process | None = None
        self._looks: tuple[int | None, bool] | None = None
        self._states: dict[str, tuple[str, str]] | None = None
        omapi = instructions["omapi"]
        self._source: _Omapi | _Journal = (
            _Omapi(instructions["address"], omapi, instructions["names"]) if omapi else _Journal()
        )

    def watch(self, ended: threading.Event) -> None:
        """Look until the end."""
        started = last = due = time.monotonic()
        samples, blind = 0, 0.0
        while not ended.is_set():
            self._look()
            now = time.monotonic()
            blind = max(blind, now - last)
            last = now
            samples += 1
            # One that fell behind does not catch up.
            due = max(due + self._period, now)
            ended.wait(due - now)
        # What happened since the last sample counts too.
        self._look()
        seconds = max(1e-9, time.monotonic() - started)
        self._write(time=time.time(), samples=samples, seconds=seconds, blind=blind)
        self._source.close()

    def _look(self) -> None:
        at = time.time()
        state = self._process and processes.state(self._process.pid, self._process.started)
        if state is None:
            self._source.forget()
            self._process = self._find()
            state = self._process and processes.state(self._process.pid, self._process.started)
        stopped = state in ("T", "t")
        looks = (self._process.inner_pid if self._process and state else None, stopped)
        if looks != self._looks:
            self._looks = looks
            self._write(time=at, pid=looks[0], stopped=stopped)
            if looks[0] is None:
                self._states = None
        # A stopped process would not answer.
        if self._leader is not None and looks[0] is not None and not stopped:
            for when, states in self._source.read(self._leader):
                if states != self._states:
                    self._states = dict(states)
                    self._write(time=when or at, states=states)

    def _find(self) -> processes.Process | None:
        if self._leader is None or processes.state(self._leader) is None:
            try:
                self._leader = int(leader_file(self._host).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                self._leader = None
                return None
        found = processes.find(self._leader, "dhcpd")
        servers = [process for process in found if _is_server(process)]
        return servers[-1] if servers else None

    def _write(self, **record: object) -> None:
        self._file.write(json.dumps({"host": self._host, **record}) + "\n")
        self._file.flush()


_Moments = Iterable[tuple[float | None, dict[str, tuple[str, str]]]]


class _Omapi:
    """States over a connection that is kept, and made again as soon as it is lost."""

    def __init__(self, address: str, omapi: list[Any], names: list[str]) -> None:
        port, *key = omapi
        # dhcpd has one thread: one that does not answer for so long serves nobody either. On a
        # machine with as many busy loops as cores a second passes without (measured).
        self._client = OmapiClient(address, port, OmapiKey(*key), timeout=3.0)
        self._names = names

    def read(self, leader: int) -> _Moments:
        """The states now; none when it does not answer."""
        del leader
        states = {}
        try:
            for name in self._names:
                reading = self._client.failover_state(name)
                states[name] = (reading["state"], reading["partner_state"])
        except IscDhcpError:
            states = {}
        return [(None, states)]

    def forget(self) -> None:
        """The process has ended."""
        self._client.close()

    close = forget


class _Journal:
    """States by what a server's journal says, each with the journal's time.

    journald tells those who follow up to 0.25 s late.
    """

    def __init__(self) -> None:
        self._leader: int | None = None
        self._follower: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._states: dict[str, tuple[str, str]] = {}

    def read(self, leader: int) -> _Moments:
        """Each change since the last call."""
        moments: list[tuple[float | None, dict[str, tuple[str, str]]]] = []
        if self._follower is None or self._leader != leader:
            self.close()
            # What was before is not what happens now, except for where it has led to.
            moments += [(None, states) for _, states in self._follow(leader)[-1:]]
        assert self._follower is not None and self._follower.stdout is not None
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._follower.stdout.fileno(), 65536):
                moments += self._take(data)
        return moments

    def forget(self) -> None:
        """The process has ended; the next one's log begins with its moves to startup."""

    def close(self) -> None:
        """End the process that follows the journal."""
        if self._follower is not None:
            for pid in [*processes.descendants(self._follower.pid), self._follower.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._follower.communicate()

    def _follow(self, leader: int) -> list[tuple[float, dict[str, tuple[str, str]]]]:
        journal = ["nsenter", "--target", str(leader), "--all", "--", "journalctl", "--quiet"]
        journal += ["--boot", "--output=short-unix", "--identifier=dhcpd"]
        past = subprocess.run([*journal, "--show-cursor"], stdout=subprocess.PIPE, check=False)
        text, _, cursor = past.stdout.rpartition(b"-- cursor: ")
        self._rest, self._states, self._leader = b"", {}, leader
        since = [f"--after-cursor={cursor.decode().strip()}"] if cursor else ["--lines=all"]
        self._follower = subprocess.Popen([*journal, "--follow", *since], stdout=subprocess.PIPE)
        assert self._follower.stdout is not None
        os.set_blocking(self._follower.stdout.fileno(), False)
        return self._take(text)

    def _take(self, data: bytes) -> list[tuple[float, dict[str, tuple[str, str]]]]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        moments = []
        for line in lines:
            if b" from " not in line:  # under load nearly all lines are about clients
                continue
            states = states_in_log([line.decode("utf-8", "replace")], self._states)
            if states != self._states:
                self._states = states
                moments.append((float(line.split(b" ", 1)[0]), states))
        return moments


def _is_server(process: processes.Process) -> bool:
    """Whether a dhcpd serves, or is going to.

    Not the one that only checks its files (``-t``, ``-T``) in Debian's init script, nor the one
    that reads its files and then leaves the service to its child, which leads a session.
    """
    try:
        arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    if b"-t" in arguments or b"-T" in arguments:
        return False
    return b"-f" in arguments or b"-d" in arguments or processes.leads_session(process.pid)


def main() -> None:
    """Watch as told on standard input, until it is closed."""
    instructions = json.loads(sys.stdin.readline())
    ended = threading.Event()
    with open(instructions["file"], "w", encoding="utf-8") as file:
        eyes = [_Eye(host, instructions["rate"], file) for host in instructions["hosts"]]
        threads = [threading.Thread(target=eye.watch, args=(ended,)) for eye in eyes]
        for thread in threads:
            thread.start()
        sys.stdin.read()
        ended.set()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
