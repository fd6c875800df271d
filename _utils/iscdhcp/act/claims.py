"""
Who may act on this server: claims of runs, and the one place for an act.

Both are files in a folder of the minion's own. A claim lasts for a while unless it is renewed; the
place for an act is a lock that the kernel frees with the process.
"""

from __future__ import annotations

import fcntl
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..clock import SYSTEM
from ..clock import Clock
from ..errors import IscDhcpError
from ..files import read_json
from ..files import write_json
from ..rules.verdict import Reason
from ..shapes import Claim
from ..troubles.catalogue import says
from ..words import clock

#: Seconds for which the release of a claim is remembered.
RELEASED_SECONDS = 3600.0
#: The lock of an act: exclusive for an act, shared for a look and while a claim is written.
ACTING = "acting.lock"
#: Seconds that an act waits for those who only look whether one runs (``dhcpd.status``).
LOOKS_SECONDS = 2.0


class Refused(IscDhcpError):
    """
    Another run, or another call, has this server; the message says which.

    ``code`` says it to programs: ``claim`` (another run's), ``acting`` (a call that stops or starts
    dhcpd) or ``released`` (this run's own, which has ended); ``claim`` is the other run's, which
    may be released by the time that anybody asks for it.
    """

    def __init__(self, message: str, code: str, claim: Claim | None = None) -> None:
        super().__init__(message)
        self.code, self.claim = code, claim


class Claims:
    """
    The claims of runs on one server.

    folder
        The minion's own; it exists.
    server
        The minion's id, for messages.
    """

    def __init__(self, folder: Path, server: str, clock: Clock = SYSTEM) -> None:
        self._server = server
        self._clock = clock
        self._file = folder / "claim.json"
        self._released_file = folder / "released.json"
        self._lock_file = folder / "claim.lock"
        self._acting_file = folder / ACTING

    @property
    def current(self) -> Claim | None:
        """The claim that is in force: ``run``, ``who``, ``until`` (epoch seconds)."""
        found = read_json(self._file)
        if not isinstance(found, dict):
            return None
        claim: Claim = {
            "run": str(found.get("run")),
            "who": str(found.get("who")),
            "until": float(found.get("until") or 0.0),
            "master": found.get("master"),
        }
        return claim if claim["until"] > self._clock.time() else None

    def claim(
        self,
        run: str,
        who: str,
        seconds: float,
        token: str | None = None,
        master: str | None = None,
        over: str | None = None,
    ) -> float:
        """
        Claim the server for a run, or renew its claim; return until when (epoch seconds).

        token
            The process that claims for the run: what it has released it can't claim any more.
        master
            Which master's run it is.
        over
            A run of the same master that has ended: its claim, and no other, is taken over.

        Refused while an act runs on the server, unless the claim is this run's already: an
        act has looked for claims before. Raises :class:`Refused`.
        """
        with self._locked():
            current = self.current
            if token is not None and token in self._released():
                raise Refused(
                    f"This run's claim on {self._server} was released: it has ended.", "released"
                )
            if current and current["run"] != run and not _left_behind(current, master, over):
                raise Refused(by_another(self._server, current), "claim", current)
            until = self._clock.time() + seconds
            claim: Claim = {"run": run, "who": who, "until": until, "master": master}
            if current and current["run"] == run:
                write_json(self._file, claim)
            else:
                self._write_while_nobody_acts(claim)
        return until

    def _write_while_nobody_acts(self, claim: Claim) -> None:
        """Write a claim that is new: no act begins meanwhile, and the next one finds it."""
        with open(self._acting_file, "a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = f"{says('acting', server=self._server)}: wait for its end"
                raise Refused(text, "acting") from None
            write_json(self._file, claim)

    def release(self, run: str | None = None, token: str | None = None) -> bool:
        """
        Release a claim; return whether there was one.

        run
            Only the claim of this run; without it, any.
        token
            The process that had claimed: a claim of it that comes later does not count.

        Raises :class:`Refused` where the claim is another run's.
        """
        with self._locked():
            current = self.current
            if current and run is not None and current["run"] != run:
                raise Refused(f"The claim is of another run ({current['who']}).", "claim")
            if token is not None:
                write_json(self._released_file, {**self._released(), token: self._clock.time()})
            self._file.unlink(missing_ok=True)
        return current is not None

    def _released(self) -> dict[str, float]:
        """
        Return the tokens of claims that were released recently, with when.

        A minion that was silent works off what was sent to it in any order: a claim that comes
        after its own release must not count.
        """
        young = self._clock.time() - RELEASED_SECONDS
        released = read_json(self._released_file)
        if not isinstance(released, dict):
            return {}
        return {str(token): float(at) for token, at in released.items() if at > young}

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self._lock_file, "a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def by_another(server: str, claim: Claim) -> str:
    """Return the sentence about a server that another run has claimed."""
    return reason_of(server, claim).text


def reason_of(server: str, claim: Claim) -> Reason:
    """Return the reason about a server that another run has claimed."""
    who = f"{claim['who']} until {clock(claim['until'])} UTC (dhcpd.release_claim frees it)"
    return Reason.of("claim", server=server, who=who)


def _left_behind(claim: Claim, master: str | None, over: str | None) -> bool:
    """Whether a claim is the one of a master's ended run that this master takes over."""
    if over is None or master is None:
        return False
    return (claim["run"], claim["master"]) == (over, master)


@contextmanager
def acting(folder: Path, server: str, clock: Clock = SYSTEM) -> Iterator[None]:
    """
    Hold this server's only place for an act on dhcpd, or raise :class:`Refused`.

    Another act is refused at once; those who only look are gone in a moment, and are waited for.
    """
    deadline = clock.monotonic() + LOOKS_SECONDS
    with open(folder / ACTING, "a+", encoding="utf-8") as file:
        while not _taken(file, fcntl.LOCK_EX):
            another = not _taken(file, fcntl.LOCK_SH)
            fcntl.flock(file, fcntl.LOCK_UN)
            if another or clock.monotonic() > deadline:
                raise Refused(
                    f"Not done: {says('acting', server=server)}.",
                    "acting",
                )
            # Not in step with another act that waits for the same.
            clock.sleep(random.uniform(0.002, 0.02))
        yield


def _taken(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_acting(folder: Path) -> bool:
    """Whether any call holds the place for an act now."""
    with open(folder / ACTING, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
