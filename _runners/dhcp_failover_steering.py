"""
Runs on failover pairs, steered and looked at: pause, resume, abort, watch, history, report.

A part of the runner ``dhcp_failover``; its settings are described in ``dhcp_failover.py``.
"""

import functools
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from iscdhcp import vocabulary
from iscdhcp import words as dhcp_words
from iscdhcp.errors import IscDhcpError
from iscdhcp.run import history as run_history
from iscdhcp.run import journal
from iscdhcp.run import orders
from iscdhcp.run.orders import Interrupted
from iscdhcp.show import follow
from iscdhcp.show import progress
from iscdhcp.show import report as reports
from iscdhcp_salt import answers
from iscdhcp_salt import discovery
from iscdhcp_salt import interrupts
from iscdhcp_salt import master

if TYPE_CHECKING:
    from iscdhcp_salt.dunders import __context__
    from iscdhcp_salt.dunders import __opts__
    from iscdhcp_salt.dunders import __salt__


log = logging.getLogger(__name__)
__virtualname__ = "dhcp_failover"


def __virtual__():
    return __virtualname__


def _takes_its_words(function):
    """Have a function refuse what does not fit it: Salt prints its usage then, with exit code 0."""

    @functools.wraps(function)
    def fitted(*args, **kwargs):
        ours = vocabulary.ours(kwargs)
        why = vocabulary.misfit("dhcp_failover", function, args, ours)
        return answers.refused(__context__, why) if why else function(*args, **ours)

    return vocabulary.takes_unknown(fitted)


@_takes_its_words
def pause(pair=None, why=""):
    """
    Pause the run that is under way: it begins no further act until it is resumed.

    .. versionadded:: 0.1.0

    pair
        A relationship's name, a pair's id or a server's minion id; not needed for the only run.
    why
        What the run shows to others.

    A server that is being stopped and started is finished first. The run keeps its locks and goes
    on watching; its time limits stand still. Returns once it is paused, with what is left to do;
    exit code 1 if no run is under way.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.pause
        salt-run dhcp_failover.pause foo why="power works"
    """
    return _order("pause", pair, why)


@_takes_its_words
def resume(pair=None, why=""):
    """
    Let a paused run go on.

    .. versionadded:: 0.1.0

    pair, why
        As for :py:func:`pause`.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.resume
    """
    return _order("resume", pair, why)


@_takes_its_words
def abort(pair=None, why=""):
    """
    End the run that is under way, between two steps or inside a wait; nothing is undone.

    .. versionadded:: 0.1.0

    pair, why
        As for :py:func:`pause`.

    Returns once it has ended, with what was done and what is left: the command that began the run
    ends with exit code 1, and goes on from there when it is given again.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.abort foo why="wrong pair"
    """
    return _order("abort", pair, why)


def _order(order, pair, why):
    who = master.who(__opts__, answers.user(__salt__))
    try:
        with interrupts.INTERRUPTS.deferred():
            answer = orders.order_run(
                discovery.directory(__opts__),
                order,
                who,
                str(why),
                pair,
                check=interrupts.INTERRUPTS.check,
            )
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    except Interrupted:
        return answers.refused(
            __context__, f"The order to {order} was given; whether it was heeded was not awaited."
        )
    return answers.answer(__context__, answer, answer["result"])


@_takes_its_words
def watch(pair=None, timeout=None):
    """
    Follow a run from this terminal to its end, no matter who began it, or the next one that begins.

    .. versionadded:: 0.1.0

    pair
        A relationship's name, a pair's id or a server's minion id; default: any.
    timeout
        Seconds to wait for a run to begin; default: forever.

    What happens is shown on stderr. Returns ``result``, ``comment``, ``run`` and ``outcome``; exit
    code 1 unless the run went well.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.watch
        salt-run dhcp_failover.watch foo timeout=60
    """
    try:
        seconds = vocabulary.seconds("timeout", timeout)
        with interrupts.INTERRUPTS.deferred():
            seen = follow.watch(
                discovery.directory(__opts__),
                progress.Display(sys.stderr),
                pair,
                seconds,
                interrupts.INTERRUPTS.check,
            )
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    except Interrupted:
        return answers.refused(__context__, "Watched no longer; a run that is under way goes on.")
    return answers.answer(__context__, seen, seen["result"])


@_takes_its_words
def history(pair=None, limit=20):
    """
    List the last runs, the newest first: a table for people.

    .. versionadded:: 0.1.0

    pair
        Only runs of this pair (or server); default: all.
    limit
        At most so many.

    With ``--out=json`` (or called by a program) it is for each: ``run`` (its id), ``pair``,
    ``begun`` (UTC), ``seconds``, ``who``, ``what`` (``restart``, ``rollout``, ``maintenance``,
    ``Stop of dhcp-b``), ``method``, ``outcome`` (``done``, ``failed``, ``aborted``,
    ``interrupted``, ``killed``, ``unfinished``, ``running``, ``paused``), ``restarted`` (servers
    that were restarted, or are through their maintenance), ``attempts``, ``comment``.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.history
        salt-run dhcp_failover.history foo limit=5
    """
    try:
        most = int(limit)
    except (TypeError, ValueError):
        return answers.refused(__context__, f"limit: give a number, not {limit!r}")
    found = []
    for path in journal.paths(_journals()):
        if len(found) >= most:
            break
        entries = journal.read(path)
        about = next((e for e in entries if e["what"] == "begun"), None)
        if about is not None and journal.concerns(about, pair):
            found.append(run_history.row(entries, journal.is_alive(path)))
    return answers.shown(__opts__, __context__, "history", found, True)


@_takes_its_words
def show(run=None, raw=False):
    """
    Show what a run did and saw.

    .. versionadded:: 0.1.0

    run
        Its id or the beginning of it, or a pair or server (its last run); default: the last run.
    raw
        Return the journal's entries as they are, not as sentences.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.show
        salt-run dhcp_failover.show 3f2a raw=True --out=json
    """
    try:
        path = journal.find(_journals(), run)
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    entries = journal.read(path)
    if raw:
        return entries
    lines = [(entry["at"], run_history.line(entry)) for entry in entries]
    return {
        **run_history.row(entries, journal.is_alive(path)),
        "what happened": [f"{dhcp_words.moment(at)} {line}" for at, line in lines if line],
    }


@_takes_its_words
def report(run=None, file=None):
    """
    Write what a run did as one HTML page that needs nothing else: to look at, keep or send.

    .. versionadded:: 0.1.0

    run
        As for :py:func:`show`.
    file
        Where to write it; default: ``reports/<run>.html`` in the master's cache directory. A file
        that is no such report is not replaced.

    Returns ``file``.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.report
        salt-run dhcp_failover.report foo file=/tmp/foo.html
    """
    try:
        path = journal.find(_journals(), run)
        name = f"{journal.run_of(path)}.html"
        target = Path(file) if file else discovery.directory(__opts__) / "reports" / name
        if not file:
            target.parent.mkdir(mode=0o700, exist_ok=True)
        elif target.is_dir():
            target = target / f"dhcp-failover-{name}"
        reports.write(target, journal.read(path), journal.is_alive(path))
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    return {"result": True, "comment": f"Written: {target}", "file": str(target)}


def _journals():
    return discovery.directory(__opts__) / "journal"
