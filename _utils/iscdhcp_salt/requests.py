"""
Requests for a restart on the master: checked, collapsed, answered once, started detached.

The reactor's threads and its queue are shared by all reactions of a master, so nothing here waits
for a minion unless the pair was never discovered. What a request may say is in
:mod:`iscdhcp.run.requests`; this is the part that needs Salt and the master's disk.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from iscdhcp import files
from iscdhcp import vocabulary
from iscdhcp.errors import IscDhcpError
from iscdhcp.pair import discovery as pair_discovery
from iscdhcp.pair import locks as pair_locks
from iscdhcp.run import requests
from iscdhcp.run.requests import Refused
from iscdhcp.run.requests import shown

from . import discovery as salt_discovery
from . import master
from .minions import SaltMinions

log = logging.getLogger(__name__)

#: Seconds between two log lines about refusals of one sender; those between are counted.
LOG_SECONDS = 10.0
#: Seconds between two discoveries for pairs that nobody knows, and where nobody knows any pair.
DISCOVERY_SECONDS = 60.0
FIRST_DISCOVERY_SECONDS = 10.0
#: What a process of its own does: a plain salt-run, wherever Salt is installed.
_SALT_RUN = "import sys; sys.argv[0] = 'salt-run'; from salt.scripts import salt_run; salt_run()"


class _Refusals:
    """Refusals in the log, so that a flood of requests is no flood of lines."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._senders: dict[str, tuple[float, int]] = {}

    def note(self, sender: str, sentence: str) -> None:
        """Log a refusal, unless ``sender`` had one a moment ago."""
        now = time.monotonic()
        with self._lock:
            last, left_out = self._senders.get(sender, (None, 0))
            if last is not None and now - last < LOG_SECONDS:
                self._senders[sender] = last, left_out + 1
                return
            if len(self._senders) > 1000:
                self._senders.clear()
            self._senders[sender] = now, 0
        more = f" ({left_out} more were refused since the last line)" if left_out else ""
        log.warning("Request for a restart refused: %s%s", sentence, more)


_refusals = _Refusals()
_discovering = threading.Lock()
_discovered: dict[str, float | None] = {"at": None}


def refuse(event: Any, refusal: IscDhcpError) -> dict[str, Any]:
    """Log why a request is refused, and return it as an answer."""
    sender = event.get("id") if isinstance(event, Mapping) else None
    _refusals.note(shown(sender), str(refusal))
    return {"result": False, "comment": str(refusal)}


def request(opts: Mapping[str, Any], event: Any) -> dict[str, Any]:
    """
    Follow a request that came as an event, or refuse it.

    opts
        The master's configuration.
    event
        The event's data as the reactor got it.

    Returns ``result`` (whether a run was started) and ``comment``. Nothing is raised for what an
    event says.
    """
    try:
        rules = requests.Rules.read(_settings(opts).get("requests"))
        asked = requests.parse(event)
        rules.check_sender(asked.sender)
        pair, discovery = _find(opts, asked.pair)
        rules.check_pair(asked.sender, _names(pair))
    except IscDhcpError as err:
        return refuse(event, err)
    why = f": {asked.why}" if asked.why else ""
    return _begin(opts, pair, discovery, rules, asked.sender, f"request of {asked.sender}{why}")


def pending(opts: Mapping[str, Any], event: Any) -> dict[str, Any]:
    """
    Note that a server's restart became pending, and restart the pair once it is on both.

    opts, event
        As for :func:`request`; the event is the beacon's ``pending_restart``.

    Returns as :func:`request` does.
    """
    try:
        rules = requests.Rules.read(_settings(opts).get("requests"))
        server, marked = requests.pending_server(event)
        rules.check_sender(server)
        known = _known(opts)
        if not known.of_server(server):
            _find(opts, server)
            known = _known(opts)
        chosen = [one for one in known.of_server(server) if _may(rules, server, one)]
        if not chosen:
            raise Refused(f"{server} is a server of no pair that it may ask for")
    except IscDhcpError as err:
        return refuse(event, err)
    answers = []
    for pair in chosen:
        with _record(opts, pair) as record:
            marks = record.setdefault("pending", {})
            if marked:
                marks[server] = time.time()
            else:
                marks.pop(server, None)
            both = set(pair.servers) <= set(marks)
        if marked and both:
            what = "change that became pending on both servers"
            answers.append(_begin(opts, pair, known, rules, server, what, only_pending=True))
    return answers[0] if answers else {"result": False, "comment": f"{server}: noted."}


def by_person(opts: Mapping[str, Any], wanted: str | None, why: str | None, user: str) -> dict:
    """
    Start a run in the background for someone who may run runners, as a schedule of the master.

    wanted
        The pair's name or id, or a server's minion id.
    why
        Shown as the run's reason.

    Returns as :func:`request` does. Raises :class:`IscDhcpError` if no single pair is meant.
    """
    rules = requests.Rules.read(_settings(opts).get("requests"))
    minions = SaltMinions(opts)
    try:
        discovery = salt_discovery.discover(opts, minions, wanted)
    finally:
        minions.close()
    pair = pair_discovery.select(discovery, wanted)
    return _begin(opts, pair, discovery, rules, user, f"{user}{': ' + why if why else ''}")


def _settings(opts: Mapping[str, Any]) -> Mapping[str, Any]:
    return vocabulary.check_master_settings(opts.get("dhcp_failover"))


def _names(pair: pair_discovery.Pair) -> tuple[str, ...]:
    return pair.id, pair.name


def _may(rules: requests.Rules, sender: str, pair: pair_discovery.Pair) -> bool:
    try:
        rules.check_pair(sender, _names(pair))
    except Refused:
        return False
    return True


def _known(opts: Mapping[str, Any]) -> pair_discovery.Discovery:
    """The fleet as the last discovery saw it; asks nobody."""
    return pair_discovery.match(
        files.read_json(salt_discovery.directory(dict(opts)) / "peers.json") or {}
    )


def _find(
    opts: Mapping[str, Any], wanted: str
) -> tuple[pair_discovery.Pair, pair_discovery.Discovery]:
    """Return the pair that is meant, from the cached discovery, or a new one."""
    known = _known(opts)
    try:
        return pair_discovery.select(known, wanted), known
    except IscDhcpError:
        # A flood of requests must not become a flood of questions to every minion.
        if not _discovering.acquire(blocking=False):
            raise
    try:
        patience = DISCOVERY_SECONDS if known.pairs else FIRST_DISCOVERY_SECONDS
        now, last = time.monotonic(), _discovered["at"]
        if last is not None and now - last < patience:
            # Another thread may have found it since this one looked.
            known = _known(opts)
            return pair_discovery.select(known, wanted), known
        minions = SaltMinions(opts)
        try:
            found = salt_discovery.discover(opts, minions, wanted)
        finally:
            minions.close()
            _discovered["at"] = time.monotonic()
        return pair_discovery.select(found, wanted), found
    finally:
        _discovering.release()


@contextmanager
def _record(opts: Mapping[str, Any], pair: pair_discovery.Pair) -> Iterator[dict[str, Any]]:
    """What is remembered of a pair's requests, locked against every other thread and process."""
    folder = salt_discovery.directory(dict(opts)) / "requests"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{files.file_name(pair.id)}.json"
    with open(path.with_suffix(".lock"), "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        before = files.read_json(path)
        record = before if isinstance(before, dict) else {}
        was = repr(record)
        yield record
        if repr(record) != was:
            files.write_json(path, record)


def _begin(
    opts: Mapping[str, Any],
    pair: pair_discovery.Pair,
    discovery: pair_discovery.Discovery,
    rules: requests.Rules,
    sender: str,
    who: str,
    only_pending: bool = False,
) -> dict[str, Any]:
    """Start the run detached, unless the pair is at it or was a moment ago; answer once."""
    directory = salt_discovery.directory(dict(opts))
    group = discovery.partners(pair.servers)
    now = time.time()
    with _record(opts, pair) as record:
        why = requests.not_now(
            pair.name,
            now,
            rules.interval,
            last=_last(directory, pair, record),
            running=_running(directory, group),
            held=_held(directory, group),
        )
        if why is None:
            record.update(
                started=now, answered=None, pair=pair.id, who=who, only_pending=only_pending
            )
            process = start_detached(opts, pair)
            answer = {
                "result": True,
                "comment": f"{pair.name} is restarted now, by {who} (process {process}).",
            }
        else:
            answer = {"result": False, "comment": f"Not now: {why}."}
            # One answer for all requests until the pair may be restarted again.
            answered = record.get("answered")
            if answered is not None and 0 <= now - float(answered) < max(rules.interval, 1.0):
                record["collapsed"] = int(record.get("collapsed") or 0) + 1
                log.debug("%s: another request of %s: %s", pair.id, sender, why)
                return answer
            record["answered"] = now
            record["collapsed"] = 0
        # Within the lock: in a flood "not now" must not be told before "is restarted".
        log.info("%s: request of %s: %s", pair.id, sender, answer["comment"])
        _answer(opts, pair, sender, answer)
    return answer


def _last(directory: Path, pair: pair_discovery.Pair, record: Mapping[str, Any]) -> float | None:
    """When the pair was last restarted, by whomever, or a run by request began."""
    run = files.read_json(directory / "runs" / f"{files.file_name(pair.id)}.json") or {}
    moments = [record.get("started"), run.get("finished"), run.get("begun")]
    return max((float(one) for one in moments if one), default=None)


def _running(directory: Path, group: list[str]) -> str | None:
    locks = pair_locks.ServerLocks(directory / "locks")
    return next((owner for owner in map(locks.owner, group) if owner), None)


def _held(directory: Path, group: list[str]) -> str | None:
    try:
        pair_locks.Holds(directory / "holds").check(group)
    except pair_locks.Held as held:
        return str(held)
    return None


def _answer(
    opts: Mapping[str, Any], pair: pair_discovery.Pair, sender: str, answer: Mapping[str, Any]
) -> None:
    """Tell the bus what became of a request."""
    told = {"sender": sender, "started": answer["result"], "text": answer["comment"]}
    master.announce(opts, pair, "request", told)


def start_detached(opts: Mapping[str, Any], pair: pair_discovery.Pair) -> int:
    """
    Start the run in a process of its own and return its pid.

    A new process by exec, not a fork: a fork of the reactor has its threads' locks, held forever.
    Its arguments name the record of the pair's request, and hold no word of an event.
    """
    argv = [sys.executable, "-c", _SALT_RUN, "-c", os.path.dirname(opts["conf_file"])]
    argv += ["--out=quiet", "dhcp_failover.requested", files.file_name(pair.id)]
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    # Somebody has to take its exit code, or it stays a zombie of the reactor.
    threading.Thread(target=process.wait, daemon=True).start()
    return process.pid


def recorded(opts: Mapping[str, Any], name: str) -> tuple[str, str, bool]:
    """
    Return the pair's id, who asked, and whether only a pending restart is wanted.

    name
        Of a record that :func:`start_detached` was started for.

    Raises :class:`IscDhcpError` if there is none.
    """
    folder = salt_discovery.directory(dict(opts)) / "requests"
    record = None
    if re.fullmatch(r"[A-Za-z0-9_%-]{1,255}", str(name)):
        record = files.read_json(folder / f"{name}.json")
    if not isinstance(record, dict) or not record.get("pair"):
        raise IscDhcpError(f"There is no request {shown(str(name))} (see dhcp_failover.request).")
    return str(record["pair"]), str(record.get("who")), bool(record.get("only_pending"))


def not_pending(opts: Mapping[str, Any], wanted: str) -> str | None:
    """
    Return why a pair has no restart that is marked as pending on both servers, or ``None``.

    wanted
        The pair's id. Both minions are asked: what an event said counts for nothing here.
    """
    minions = SaltMinions(opts)
    try:
        pair = pair_discovery.select(salt_discovery.discover(dict(opts), minions, wanted), wanted)
        answers = minions.status(list(pair.servers), brief=True)
    finally:
        minions.close()
    for server in pair.servers:
        facts = answers.get(server, {}).get("facts")
        if facts is None:
            return f"no usable answer from {server}: {answers.get(server, {}).get('error')}"
        why = requests.not_marked(server, facts)
        if why:
            return why
    return None
