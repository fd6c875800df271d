"""
The run that a command means, with the master's settings, its display and its events.

Shared by the runner ``dhcp_failover`` and the master-side states of the same name.
"""

import getpass
import logging
import os
import sys
from typing import Any

import salt.client
import salt.key
import salt.utils.event
import salt.utils.jid
from iscdhcp import files
from iscdhcp import vocabulary
from iscdhcp.errors import IscDhcpError
from iscdhcp.pair import preflight
from iscdhcp.pair.discovery import Pair
from iscdhcp.pair.discovery import select
from iscdhcp.rules import verdict
from iscdhcp.run import journal
from iscdhcp.run.base import Request
from iscdhcp.run.events import Announced
from iscdhcp.run.restart import PairRun
from iscdhcp.show import progress

from . import terminal
from .discovery import directory
from .discovery import discover
from .interrupts import INTERRUPTS
from .minions import SaltMinions

log = logging.getLogger(__name__)


# -- runs ----------------------------------------------------------------------------------------


def who(opts, user=None):
    """Return who is behind this process, for other people's messages."""
    name = user or os.environ.get("SUDO_USER") or getpass.getuser()
    return f"{name} on {opts.get('id', 'the master')}"


def announce(opts, pair, what, fields):
    """
    Put an event ``dhcp_failover/<pair>/<what>`` on the bus; one that can't be sent is only logged.

    fields
        Plain values in addition to ``pair`` (its id) and ``servers``.
    """
    told = {"pair": pair.id, "servers": list(pair.servers), **fields}
    fire(opts, f"dhcp_failover/{files.file_name(pair.name)}/{what}", told)


def fire(opts, tag, told):
    """Put an event on the bus; one that can't be sent is only logged."""
    try:
        with salt.utils.event.get_master_event(opts, opts["sock_dir"], listen=False) as bus:
            bus.fire_event(told, tag)
    except Exception:  # pylint: disable=broad-except
        log.debug("no event %s", tag, exc_info=True)


def new_request(
    opts,
    kind=Request,
    order=None,
    force=None,
    fresh=False,
    timeout=None,
    busy_timeout=None,
    heal=False,
    **more,
):
    """
    Return what a run is asked for, with the master's settings where nothing is said.

    kind
        :class:`iscdhcp.run.base.Request` or a kind of it.
    order, force, fresh, timeout, busy_timeout, heal
        As people give them.
    more
        The kind's other fields.

    Raises :class:`iscdhcp.errors.IscDhcpError` for what can't be meant.
    """
    chosen = settings(opts)
    if busy_timeout is None:
        busy_timeout = chosen.get("busy_timeout", kind.busy_timeout)
    forced: Any = force if force is True else vocabulary.listed("force", force)
    return kind(
        order=vocabulary.listed("order", order or chosen.get("order")),
        force=verdict.parse_force(forced),
        fresh=vocabulary.truth("fresh", fresh),
        heal=vocabulary.truth("heal", heal),
        timeout=vocabulary.seconds("timeout", timeout),
        busy_timeout=vocabulary.seconds("busy_timeout", busy_timeout),
        policy=preflight.parse_policy(chosen.get("policy")),
        **more,
    )


def settings(opts):
    """Return ``dhcp_failover`` of the master's configuration; an unknown word there is refused."""
    return vocabulary.check_master_settings(opts.get("dhcp_failover"))


def keep_journals(opts):
    """Return how many journals are kept, as the setting says; what is no number is refused."""
    said = settings(opts).get("keep_journals", journal.KEEP)
    try:
        return max(1, int(said))
    except (TypeError, ValueError):
        raise IscDhcpError(
            "dhcp_failover:keep_journals in the master's configuration: give a number, not "
            f"{said!r}"
        ) from None


def new_run(opts, wanted=None, request=None, user=None, kind=PairRun, discovery=None, quiet=False):
    """
    Return the :class:`iscdhcp.run.restart.PairRun` for what the user asked, nothing touched yet.

    wanted
        Pair's name or id, or a server's minion id; ``None`` for the only pair; or the pair itself.
    request
        :class:`iscdhcp.run.base.Request`.
    kind
        What is made of it: a restart, or :class:`iscdhcp.run.rollout.Rollout`.
    discovery
        What :func:`discover` has just returned, if anything.
    quiet
        Nothing is shown at the terminal, and nobody is asked there.

    Raises :class:`iscdhcp.errors.IscDhcpError` (with the choices) if no single pair is meant.
    """
    minions = SaltMinions(opts)
    if discovery is None:
        discovery = discover(opts, minions, wanted)
    pair = wanted if isinstance(wanted, Pair) else select(discovery, wanted)

    def tell(sentence):
        log.info("%s: %s", pair.id, sentence)
        announce(opts, pair, "progress", {"run": run.run, "text": sentence})

    request = request or Request()
    request.keep = keep_journals(opts)
    run = kind(pair, discovery, minions, directory(opts), who(opts, user), request, tell)
    Announced(run, lambda what, fields: announce(opts, pair, what, fields))
    run.check = INTERRUPTS.check
    if quiet:
        return run
    # Progress goes to the person at the terminal; stdout stays for the result.
    display = progress.Display(sys.stderr)
    run.journal.listeners.append(display.show)
    run.tick = display.tick
    if terminal.somebody_is_there():
        run.ask_person = lambda question: terminal.yes(question, INTERRUPTS.check)
    return run


#: Runs whose steps are states of one orchestration, by its jid (or pair): this process only.
CURRENT = {}
