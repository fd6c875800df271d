"""
Facts about one ISC DHCP server, safe for its failover partner to act by.

The module's other functions are in files beside this one, under the same virtual name: lease files
(``dhcpd_leases``), configurations (``dhcpd_configuration``), start and stop (``dhcpd_service``),
the failover partner (``dhcpd_partner``), what is left of all that (``dhcpd_cleanup``).

Everything is read from where dhcpd has it: the process table, ``dhcpd.conf`` (relationships,
``omapi-port``, ``omapi-key``), OMAPI, the journal or syslog file, the lease file. No set-up is
needed; settings in the minion's configuration or pillar only override:

.. code-block:: yaml

    dhcpd:
      config_file: /etc/dhcp/dhcpd.conf   # of several dhcpd here: which one is ours
      lease_file: /var/lib/dhcp/dhcpd.leases
      pid_file: /run/dhcpd.pid
      service: isc-dhcp-server      # default: by the platform's grains; ours, of several
      start_command: []             # where there is no service: the whole argv
      binaries: [dhcpd]             # names of the executable
      omapi: True                   # False: prove states by the log alone
      omapi_host: 127.0.0.1
      omapi_timeout: 2.0            # seconds
      log_files: []                 # syslog files; default: journal, then the usual files
      probe: True                   # ask partners for an address; an address: ask there; False: no
      rollout: {}                   # where new configuration comes from (stage)

The same key may hold other people's settings (the formula ``dhcpd``). Only what looks like a slip
of one of these (``leases_file``) is refused.

Python library ``pypureomapi`` is wanted for OMAPI and not needed: without it (or without an
``omapi-port``) states are proved by dhcpd's log, as ISC's article KB AA-01043 describes.

The acts (:py:func:`stop`, :py:func:`restart`) look once more in the very call that acts, and refuse
unless every failover relationship of this server is normal at both ends. A person at the console
(and ``salt '*'``) may stop only a server that is secondary in all its relationships; the runner
``dhcp_failover`` on the master, which asks the partner too, stops any.
"""

import subprocess
import time
from typing import TYPE_CHECKING

from iscdhcp import openmetrics
from iscdhcp.act import claims
from iscdhcp.act import configuring
from iscdhcp.act import guard
from iscdhcp.errors import IscDhcpError
from iscdhcp.facts import gather
from iscdhcp.facts import lease_counts
from iscdhcp.facts import metrics as metrics_text
from iscdhcp.facts import survey
from iscdhcp.facts import watch
from iscdhcp.rules import evidence as evidence_rules
from iscdhcp_salt.minion import Minion
from iscdhcp_salt.minion import force_codes as _force_codes
from iscdhcp_salt.minion import no_linux as _no_linux
from iscdhcp_salt.minion import wire_data as _wire_data
from salt.exceptions import CommandExecutionError
from salt.exceptions import SaltInvocationError

if TYPE_CHECKING:
    from iscdhcp_salt.dunders import __context__
    from iscdhcp_salt.dunders import __grains__
    from iscdhcp_salt.dunders import __opts__
    from iscdhcp_salt.dunders import __salt__

__virtualname__ = "dhcpd"


def __virtual__():
    return _no_linux() or __virtualname__


def _here():
    return Minion(__salt__, __opts__, __grains__, __context__)


def version():
    """
    Return the version of the installed dhcpd (``4.4.3-P1``), or ``None`` where there is none.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.version
    """
    here = _here()
    try:
        done = subprocess.run(
            [here.settings().binaries[0], "--version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
            stdin=subprocess.DEVNULL,
        )
    except OSError:
        return None
    words = (done.stderr or done.stdout).split()
    return words[-1].removeprefix("isc-dhcpd-") if words else None


def status(brief=False, looks=1, ask=None, alive=None, log_since=None):
    """
    Return every fact about this server in one plain dict.

    .. versionadded:: 0.1.0

    brief
        Leave out what a wait does not need: version, service manager, dhcpd's own check of the
        configuration, other state runs.
    looks
        Look as often, 50 ms apart: ``steady`` says whether all of them saw the same states.
    ask
        Who asks its partner for an address once all looks have seen normal, by relationship:
        ``{"foo": "dhcp-b"}`` (for the gate of a run; see :py:func:`ask_partner`). Leases are
        counted then too, if dhcpd has started since they were.
    alive
        Who asks its partner whether it lives (a DHCPINFORM), by relationship: ``{"foo":
        ["dhcp-b"]}`` (for the waits of a run).
    log_since
        Epoch seconds: once all looks have seen normal, what :py:func:`failover_log` returns is in
        ``logged`` (for the last gate of a run).

    Every key is there; what is not known is ``None``. Times are epoch seconds of this server's
    clock. The types are in ``iscdhcp/shapes.py``.

    * ``wire`` (the version of what is in here), ``minion``, ``time``, ``boot`` (which boot of the
      host), ``version`` (of dhcpd), ``steady`` (whether all looks saw the same states)
    * ``process``: ``running``, ``pid``, ``identity``, ``started``, ``stopped`` (by a signal),
      ``gentle_shutdown``, ``argv``, ``unit``, ``sandboxed``, ``several`` (pids), ``beside`` (other
      dhcpd, which the settings leave out), ``signs`` (what speaks for one that is not seen),
      ``absent`` (nothing does), ``others`` (on dhcpd's ports)
    * ``configuration``: ``file``, ``files``, ``error``, ``touched_since_start``
    * ``lease_file``: ``file``, ``exists``, ``bytes``, ``mtime``, ``whole``, ``problem``,
      ``mendable`` (a start cuts off the entry that dhcpd was writing when it died), ``replaced``
      (dhcpd writes a file that is not there any more),
      ``folder_problem``
    * ``omapi``: ``configured``, ``answers``, ``authenticated``, ``port``, ``error``, ``hint``
    * ``log``: ``source``, ``error``
    * ``relationships``, by name: ``role``, ``running_role``, ``address``, ``port``,
      ``peer_address``, ``peer_port``, ``mclt``, ``max_response_delay``, ``auto_partner_down``
      (seconds), ``state``, ``partner_state``, ``since``, ``partner_since``, ``normal_since``,
      ``source`` (``omapi``, ``log`` or ``lease-file``: what proves the states), ``why_unknown``,
      ``serves``,
      ``connected``, ``refused``, ``unacked``, ``unacked_bound``, ``balance``, ``asked``
      (the last question to the partner: :py:func:`ask_partner`), ``alive`` (the last question
      whether it lives)
    * ``leases``: what was counted of each pool, and when
    * ``service``: ``name``, ``manager``, ``active``, ``failed``, ``refuses`` (why the manager
      itself does not start it)
    * ``claim``, ``foreign_claim`` (another run's than the one that asks), ``acting``, ``busy``
      (another state run), ``paused_by_us``
    * ``last_start``: ``seconds``, ``time``; ``start_problem``: why a start may not bring it back
    * ``pending_restart``: ``None``, or why dhcpd does not run with what is on disk: ``pending``
      (True or ``"unknown"``), ``marked`` (somebody did), ``reason``, ``since``, ``changes`` (lines
      of a diff, ``-`` running, ``+`` on disk), ``configuration``
    * ``survey``, ``waited``, ``after``: of :py:func:`inspect` only; ``logged``: where it is asked
      for

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.status
    """
    here = _here()
    mine = None if ask is None else [name for name, who in ask.items() if who == here.id]
    living = [name for name, askers in (alive or {}).items() if here.id in askers]
    facts = here.facts(brief, looks, mine, living, log_since)
    if not brief:
        facts["version"] = version()
        facts["service"] = here.service().describe()
    return facts


def ask_partner(relationship=None):
    """
    Ask the partner for an address, as a client would: whether it serves.

    .. versionadded:: 0.1.0

    It sends a DHCPDISCOVER to the partner's port 67, as a relay would (RFC 2131; subnet in option
    118, RFC 3011, and 82.5, RFC 3527), and never takes what is offered. The offered address stays
    held for two minutes, and the question is in both servers' logs, from the client
    ``02:d4:cf:0b:0b:e5``. With ping-check on an answer takes a second.

    relationship
        Only the partner of this one.

    Returns by relationship ``offered`` (``None``: it could not be asked, and ``why``), ``seconds``
    until the answer, ``alive`` (of one that offers nothing: whether it answers a DHCPINFORM),
    ``address`` (where it was asked), ``network``, ``asked`` and ``before`` (epoch seconds: now, and
    when it offered something last). Silence of a partner that has never answered proves nothing.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.ask_partner
    """
    here = _here()
    known = here.facts(brief=True)["relationships"]
    if relationship is not None and relationship not in known:
        raise CommandExecutionError(f"There is no failover peer {relationship} here.")
    asked = here.ask_partners(None if relationship is None else {relationship})
    if not all(one["offered"] for one in asked.values()):
        __context__["retcode"] = 1
    return asked


def inspect(log_hours=0, nonce=None, ask=False):
    """
    Return what :py:func:`status` does and a closer look at this server: ``survey``.

    .. versionadded:: 0.1.0

    log_hours
        How far back the log is read; 0: not at all.
    nonce
        A fresh random text, the same for both partners, to compare their configurations by.
    ask
        Ask the partners for an address first (:py:func:`ask_partner`).

    ``survey`` has ``space`` (bytes for the lease file and free), ``sockets`` (who listens on the
    failover ports), ``firewall`` (whether OMAPI's port is closed), ``log`` (moves, refusals,
    clients turned away), ``configuration`` (``findings`` of
    :py:func:`check_config`, ``digests`` of :py:func:`normal_form` by relationship), ``knowledge``
    (what the lease file knows of each relationship, and its partner of that), ``upgrades`` (by what
    they would restart dhcpd), ``forgotten`` (leases that no range on disk holds). It takes as long
    as the log and the lease file are large.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.inspect
        salt dhcp-a dhcpd.inspect log_hours=24
    """
    return _inspected(_here(), float(log_hours), nonce, ask)


def _inspected(here, log_hours=0.0, nonce=None, ask=False):
    begun = time.monotonic()
    if ask:
        here.ask_partners()
    service = here.service().describe()
    seen = survey.survey(here.server(), log_hours, here.addresses(), nonce, service["failed"])
    looked = time.monotonic()
    facts = here.facts(brief=False)
    facts.update(survey=seen, service=service)
    # The master has to know when, between its question and the answer, the clock was read.
    facts["waited"], facts["after"] = looked - begun, time.monotonic() - looked
    return facts


def failover_state(relationship=None):
    """
    Return the failover state of each relationship, as OMAPI or else the log proves it.

    .. versionadded:: 0.1.0

    relationship
        Only this one.

    Returns by name ``state``, ``partner_state``, ``since``, ``partner_since`` (epoch seconds),
    ``mclt`` (seconds), ``source`` (``omapi``, ``log``, or ``lease-file`` where dhcpd's saved state
    and its connection prove normal) and ``why_unknown``. A state that can't be
    proved is ``None``, and ``why_unknown`` says why.

    Errors: an unknown relationship, an unreadable configuration.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.failover_state
        salt dhcp-a dhcpd.failover_state foo
    """
    here = _here()
    facts = here.facts(brief=True)
    if facts["configuration"]["error"]:
        raise CommandExecutionError(facts["configuration"]["error"])
    found = facts["relationships"]
    if relationship is not None and relationship not in found:
        known = ", ".join(sorted(found)) or "none"
        raise CommandExecutionError(
            f"{facts['configuration']['file']} has no failover peer {relationship} (it has {known})"
        )
    keys = ("state", "partner_state", "since", "partner_since", "mclt", "source", "why_unknown")
    return {
        name: {key: end[key] for key in keys}
        for name, end in found.items()
        if relationship in (None, name)
    }


def failover_log(since=None):
    """
    Return what dhcpd logged about failover, its start and its end, and how it served clients.

    .. versionadded:: 0.1.0

    since
        Epoch seconds; default: an hour ago.

    Returns ``source`` (``journal`` or a file), ``events`` (each with ``time`` in epoch seconds,
    ``kind``, ``relationship``, ``text``; the last 500) and ``clients`` (``acks``: leases given or
    renewed, ``unserved``: requests that it had no lease for; ``None`` where that is not known).
    What can't be read is said in ``error``.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.failover_log
    """
    here = _here()
    since = time.time() - 3600 if since is None else float(since)
    return gather.logged(here.settings(), since)


def peers():
    """
    Return this server's failover relationships as its configuration has them, for discovery.

    .. versionadded:: 0.1.0

    Returns ``relationships`` (by name: role, addresses, ports, MCLT in seconds), ``addresses`` (of
    this host) and ``error`` (an unreadable configuration as a sentence, or ``None``). A host
    without dhcpd.conf returns no relationship and no error.

    CLI Example:

    .. code-block:: bash

        salt '*' dhcpd.peers
    """
    return configuring.known_peers(_here())


def ok_to_stop(evidence=None, force=None):
    """
    Decide whether dhcpd here may be stopped for a restart now; changes nothing.

    .. versionadded:: 0.1.0

    evidence
        What the master saw of the other ends (the runner passes it). Without it only a server that
        is secondary in all its relationships may be stopped.
    force
        Codes of the reasons to override, comma-separated.

    Returns ``result``, ``comment`` and ``reasons`` (``code``, ``text``, ``blocks``,
    ``relationship``).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.ok_to_stop
    """
    here = _here()
    seen = _wire_data(evidence_rules.given, evidence)
    verdict = guard.verdict(here, seen, _force_codes(force), None)
    answer = {
        "result": verdict.ok,
        "comment": verdict.sentence or f"dhcpd on {here.id} may be stopped.",
        "reasons": [reason.as_dict() for reason in verdict.reasons],
    }
    if not verdict.ok:
        __context__["retcode"] = 1
    return answer


def claim(run, who, seconds=180, token=None, master=None, over=None, look=None):
    """
    Claim this server for a run, or renew the claim; any other run or person is refused meanwhile.

    .. versionadded:: 0.1.0

    run
        The run's id.
    who
        Shown to others.
    seconds
        How long the claim lasts if it is not renewed.
    token
        The process that claims for the run: what it has released it can't claim any more.
    master
        Which master's run it is.
    over
        Id of a run of the same master that has ended: what it has left behind is taken over.
    look
        Look closely at this server with the claim in force, and ask its partners: a dictionary of
        ``log_hours`` and ``nonce`` as of :py:func:`inspect`.

    Refused while dhcpd is being stopped or started here, unless the run has the claim already.

    Returns ``result``, ``comment``, ``until`` (epoch seconds), with ``look`` also ``facts`` as
    :py:func:`inspect` does; of a refusal its ``code``:
    ``claim`` (of another run; ``claim`` has its ``run``, ``who``, ``until`` and ``master``),
    ``acting`` (such an act runs) or ``released`` (the run has ended).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.claim 3f2a "ann, maintenance of the power supply" seconds=600
    """
    here = _here()
    if look is not None and not (isinstance(look, dict) and look.keys() <= {"log_hours", "nonce"}):
        raise SaltInvocationError("look: give a dictionary of log_hours and nonce, or leave it out")
    try:
        until = here.notes.claims.claim(
            str(run), str(who), float(seconds), token and str(token), master, over and str(over)
        )
    except claims.Refused as err:
        return here.failed(str(err), code=err.code, claim=err.claim)
    answer = {"result": True, "comment": "claimed", "until": until}
    if look is not None:
        answer["facts"] = _inspected(here, **look, ask=True)
    return answer


def release_claim(run=None, token=None):
    """
    Release a claim.

    .. versionadded:: 0.1.0

    run
        Only the claim of this run; without it, any claim (a person who knows better).
    token
        The process that had claimed for the run: a claim of it that comes later does not count.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.release_claim
    """
    here = _here()
    try:
        was = here.notes.claims.release(None if run is None else str(run), token and str(token))
    except claims.Refused as err:
        return here.failed(str(err))
    return {"result": True, "comment": "released" if was else "there was no claim"}


def mark_pending(reason):
    """
    Note that dhcpd should be restarted when it is safe; restarts nothing.

    .. versionadded:: 0.1.0

    reason
        Shown by ``dhcpd.status``.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.mark_pending "new lease times"
    """
    return _here().notes.mark_pending(str(reason))


def news(remember=False):
    """
    Return what has changed since the watch's last look, quickly; the beacon's only question.

    .. versionadded:: 0.1.0

    remember
        Whether what is returned counts as told: for the beacon alone, a person leaves it out.

    Returns a list of events, each with ``tag``, ``text`` and its fields (``docs/events.md``).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.news
    """
    here = _here()
    acting = claims.is_acting(here.state_dir())
    return watch.tell(here.state_dir(), here.settings(), acting, bool(remember))


def metrics(count_age=0):
    """
    Return this server's metrics as OpenMetrics text (``docs/events.md`` names all of them).

    .. versionadded:: 0.1.0

    The leases are counted again, which takes seconds with a very large lease file; the beacon goes
    by these counts.

    count_age
        Seconds that an earlier count may be old to be used again.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.metrics --out=newline_values_only
    """
    here = _here()
    facts = here.facts(brief=True)
    folder = here.state_dir()
    watch.keep_trail(folder, facts)
    counts = lease_counts.kept(folder, facts["lease_file"]["file"])
    if counts is None or not 0 <= time.time() - counts["counted"] < float(count_age):
        counts = lease_counts.counted(here.server(), folder)
    return metrics_text.render(facts, counts)


def write_metrics(path, count_age=0):
    """
    Write :py:func:`metrics` to a file, atomically, for node_exporter's textfile collector.

    .. versionadded:: 0.1.0

    path
        Such as ``/var/lib/prometheus/node-exporter/dhcpd.prom`` (Debian).
    count_age
        As for :py:func:`metrics`.

    Returns ``result``, ``comment``, ``file``, ``new`` (whether it was not there before).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.write_metrics /var/lib/prometheus/node-exporter/dhcpd.prom
    """
    here = _here()
    if not str(path).endswith(".prom"):
        return here.failed(f"{path}: node_exporter reads files that end in .prom only", file=path)
    try:
        new = openmetrics.write(path, metrics(count_age))
    except IscDhcpError as err:
        return here.failed(str(err), file=path)
    return {"result": True, "comment": f"{path} was written.", "file": path, "new": new}
