"""
Facts and acts on one ISC DHCP server, safe for its failover partner.

Everything is read from where dhcpd has it: the process table, ``dhcpd.conf`` (relationships,
``omapi-port``, ``omapi-key``), OMAPI, the journal or syslog file, the lease file. No set-up is
needed; settings in the minion's configuration or pillar only override:

.. code-block:: yaml

    dhcpd:
      config_file: /etc/dhcp/dhcpd.conf
      lease_file: /var/lib/dhcp/dhcpd.leases
      service: isc-dhcp-server      # default: by the platform's grains
      start_command: []             # where there is no service: the whole argv
      binaries: [dhcpd]             # names of the executable
      omapi: True                   # False: prove states by the log alone
      omapi_host: 127.0.0.1
      omapi_timeout: 2.0            # seconds
      log_files: []                 # syslog files; default: journal, then the usual files

Python library ``pypureomapi`` is wanted for OMAPI and not needed: without it (or without an
``omapi-port``) states are proved by dhcpd's log, as ISC's article KB AA-01043 describes.

The acts (:py:func:`stop`, :py:func:`restart`) look once more in the very call that acts, and refuse
unless every failover relationship of this server is normal at both ends.
"""

import json
import logging
import os
import re
import socket
import subprocess
import time
from contextlib import contextmanager
from contextlib import suppress
from pathlib import Path

from iscdhcp import acts
from iscdhcp import claims
from iscdhcp import conf
from iscdhcp import control
from iscdhcp import decisions
from iscdhcp import drain
from iscdhcp import facts as fact
from iscdhcp import handover
from iscdhcp import lease_facts
from iscdhcp import leasefile
from iscdhcp import leases
from iscdhcp import leases_return
from iscdhcp import leases_salvage
from iscdhcp import lint
from iscdhcp import metrics as metrics_text
from iscdhcp import parity
from iscdhcp import partner_down as dead_partner
from iscdhcp import pending
from iscdhcp import process
from iscdhcp import rollout
from iscdhcp import staging
from iscdhcp import store
from iscdhcp import survey
from iscdhcp import watch
from iscdhcp.errors import IscDhcpError
from iscdhcp.service import Service
from salt.exceptions import CommandExecutionError
from salt.exceptions import SaltInvocationError

log = logging.getLogger(__name__)

__virtualname__ = "dhcpd"

#: Methods of stopping for a restart, and for good: a drain needs the start in the same call.
METHODS = ("signal", "drain", "handover", "control")
FINAL_METHODS = ("signal", "handover", "control")
#: Seconds between two looks of one call.
LOOK_SECONDS = 0.05
#: Seconds between announcing an unevidenced act on the bus and the second look.
ANNOUNCE_SECONDS = 1.0


def __virtual__():
    return __virtualname__


# -- settings and helpers ----------------------------------------------------------------------


def _config():
    config = __salt__["config.get"]("dhcpd", {})
    if not isinstance(config, dict):
        raise CommandExecutionError(
            f"The setting dhcpd must be a dictionary, not {type(config).__name__}."
        )
    return config


def _settings():
    config = _config()
    known = {
        key: config[key]
        for key in ("config_file", "lease_file", "pid_file", "omapi_host")
        if config.get(key)
    }
    if "omapi_timeout" in config:
        known["omapi_timeout"] = float(config["omapi_timeout"])
    if "omapi" in config:
        known["omapi"] = bool(config["omapi"])
    for key in ("binaries", "log_files"):
        if config.get(key):
            values = config[key]
            known[key] = (values,) if isinstance(values, str) else tuple(values)
    return fact.Settings(**known)


def _service(running=()):
    """Return dhcpd as a service of this host; ``running`` is the argv of the dhcpd that runs."""
    config = _config()
    return Service(
        __salt__, __grains__, config.get("service"), config.get("start_command") or (), running
    )


def _state_dir():
    path = Path(__opts__["cachedir"]) / "dhcpd"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def _claims():
    return claims.Claims(_state_dir(), __opts__["id"])


@contextmanager
def _acting():
    """Hold this minion's only place for an act on dhcpd; the kernel frees it with the process."""
    try:
        with claims.acting(_state_dir(), __opts__["id"]):
            yield
    except claims.Refused as err:
        raise CommandExecutionError(str(err)) from None


def _paused_note():
    return drain.Note(_state_dir() / "paused.json")


def _busy():
    """Return what state run this minion is in the middle of, other than this call's own."""
    for job in __salt__["saltutil.is_running"]("state.*"):
        if str(job.get("jid")) != str(globals().get("__jid__") or ""):
            if job.get("pid") != os.getpid():
                return f"{job.get('fun')} is running as PID {job.get('pid')}"
    return None


def _facts(brief, looks=1):
    """Return this server's facts; ``brief`` for a wait, else with all that a stop has to know."""
    settings = _settings()
    server = fact.read_server(settings)
    facts = fact.gather(settings, server)
    facts["steady"] = True
    for _ in range(1, int(looks)):
        time.sleep(LOOK_SECONDS)
        before, facts = facts, fact.gather(settings)
        facts["steady"] = before["steady"] and fact.same_state(before, facts)
    facts["minion"] = __opts__["id"]
    facts["leases"] = lease_facts.kept_or_counted(
        server, _state_dir() / "lease_counts.json", recount=not brief
    )
    facts["boot"] = process.boot_id()
    facts["claim"] = _claims().current
    facts["acting"] = claims.is_acting(_state_dir())
    facts["last_start"] = store.read_json(_state_dir() / "last_start.json")
    facts["paused_by_us"] = _paused_note().read()
    facts["pending_restart"] = _pending(server)
    if not brief:
        facts["busy"] = _busy()
        if not facts["configuration"]["error"]:
            error = acts.check_config(server.config_file, settings.binaries[0])
            facts["configuration"]["error"] = error and _masked(error)
    return facts


def _pending(server):
    """Return why dhcpd here has to be restarted, marked or by what is on disk, or ``None``."""
    running = server.process
    found = pending.pending(
        _state_dir(),
        server.config_file,
        server.configuration.files if server.configuration else None,
        running and running.identity,
        running and running.started,
    )
    return pending.joined(store.read_json(_state_dir() / "pending.json"), found)


def _failed(comment, **more):
    __context__["retcode"] = 1
    return {"result": False, "comment": _masked(comment), **more}


def _masked(text, keys=()):
    """
    Return ``text`` without key names and secrets: dhcpd's own messages quote them.

    keys
        Keys besides those of the configuration that dhcpd runs with.
    """
    configuration = fact.read_server(_settings()).configuration
    for key in (*keys, *(configuration.keys if configuration else ())):
        for word in (key.secret, key.name):
            if word:
                text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", "(a key)", text)
    return text


# -- facts -------------------------------------------------------------------------------------


def version():
    """
    Return the version of the installed dhcpd (``4.4.3-P1``), or ``None`` where there is none.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.version
    """
    try:
        done = subprocess.run(
            [_settings().binaries[0], "--version"],
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


def status(brief=False, looks=1):
    """
    Return every fact about this server in one plain dict.

    brief
        Leave out what a wait does not need: version, service manager, dhcpd's own check of the
        configuration, other state runs.
    looks
        Look as often, 50 ms apart: ``steady`` says whether all of them saw the same states.

    The dict has ``minion``, ``time`` (this server's clock, epoch seconds), ``process``,
    ``service``, ``configuration``, ``omapi``, ``log``, ``lease_file``, ``relationships`` (by name:
    ``role``, ``state``, ``partner_state``, ``since``, ``mclt``, ``unacked``, ``connected``,
    ``balance``, ``source`` of the state) and ``claim``. What can't be read says why in its place.
    ``pending_restart`` is ``None``, or says why dhcpd does not run with what is on disk:
    ``pending`` (True or ``"unknown"``), ``reason``, ``since`` (epoch seconds), ``changes`` (lines
    of a diff, ``-`` running, ``+`` on disk).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.status
    """
    facts = _facts(brief, looks)
    if not brief:
        facts["version"] = version()
        facts["service"] = _service().describe()
    return facts


def inspect(log_hours=0, nonce=None):
    """
    Return what :py:func:`status` does and a closer look at this server: ``survey``.

    log_hours
        How far back the log is read; 0: not at all.
    nonce
        A fresh random text, the same for both partners, to compare their configurations by.

    ``survey`` has ``space`` (bytes for the lease file and free), ``sockets`` (who listens on the
    failover ports), ``firewall`` (whether OMAPI's port is closed), ``saved`` (states on disk),
    ``log`` (moves, refusals, clients turned away), ``configuration`` (``findings`` of
    :py:func:`check_config`, ``digests`` of :py:func:`normal_form` by relationship). It takes as
    long as the log is large.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.inspect
        salt dhcp-a dhcpd.inspect log_hours=24
    """
    return _inspected(float(log_hours), nonce)


def _inspected(log_hours=0.0, nonce=None):
    begun = time.monotonic()
    server = fact.read_server(_settings())
    seen = survey.survey(server, log_hours)
    if server.configuration is not None:
        addresses = __salt__["network.ip_addrs"](include_loopback=True)
        seen["configuration"] = survey.examined(server, addresses, nonce)
    service = _service().describe()
    looked = time.monotonic()
    facts = _facts(brief=False)
    facts.update(survey=seen, service=service)
    # The master has to know when, between its question and the answer, the clock was read.
    facts["waited"], facts["after"] = looked - begun, time.monotonic() - looked
    return facts


def failover_state(relationship=None):
    """
    Return the failover state of each relationship, as OMAPI or else the log proves it.

    relationship
        Only this one.

    Returns ``{name: {"state", "partner_state", "since", "source"}}``; a state that can't be
    proved is ``None``, with ``why_unknown``.

    Errors: an unknown relationship, an unreadable configuration.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.failover_state
        salt dhcp-a dhcpd.failover_state foo
    """
    facts = _facts(brief=True)
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
        name: {key: end[key] for key in keys if key in end}
        for name, end in found.items()
        if relationship in (None, name)
    }


def failover_log(since=None):
    """
    Return what dhcpd logged about failover, its start and its end, and how it served clients.

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
    since = time.time() - 3600 if since is None else float(since)
    return fact.logged(_settings(), since)


def peers():
    """
    Return this server's failover relationships as its configuration has them, for discovery.

    Returns ``relationships`` (by name: role, addresses, ports, MCLT in seconds), ``addresses`` (of
    this host) and ``error`` (an unreadable configuration as a sentence, or ``None``). A host
    without dhcpd.conf returns no relationship and no error.

    CLI Example:

    .. code-block:: bash

        salt '*' dhcpd.peers
    """
    server = fact.read_server(_settings())
    if server.process is None and not os.path.exists(server.config_file):
        return {"relationships": {}, "addresses": [], "error": None}
    record = _stage().record
    if record and record["state"] == "applied" and record.get("peers") and not _proved(server):
        # A new configuration that may be taken back does not make another pair of this one.
        return record["peers"]
    return _report(server.configuration, server.configuration_error)


def _report(configuration, error):
    """Return a configuration's relationships as :py:func:`peers` does."""
    report = {"relationships": {}, "addresses": [], "error": error}
    for one in configuration.relationships if configuration else ():
        report["relationships"][one.name] = {
            "role": one.role,
            "address": one.address,
            "port": one.port,
            "peer_address": one.peer_address,
            "peer_port": one.peer_port,
            "mclt": one.mclt,
            "own_addresses": _resolved(one.address),
            "peer_addresses": _resolved(one.peer_address),
        }
    if report["relationships"]:
        report["addresses"] = __salt__["network.ip_addrs"]()
    return report


def _resolved(address):
    """Return the IPv4 addresses of what dhcpd.conf names; a name may have several."""
    if not address:
        return []
    if address.replace(".", "").isdigit():
        return [address]
    try:
        return sorted({info[4][0] for info in socket.getaddrinfo(address, None, socket.AF_INET)})
    except OSError:
        return []


def ok_to_stop(evidence=None, force=None):
    """
    Decide whether dhcpd here may be stopped for a restart now; changes nothing.

    evidence
        What the master saw of the other ends (the runner passes it).
    force
        Codes of the reasons to override, comma-separated.

    Returns ``result``, ``comment`` and ``reasons`` (``code``, ``text``, ``blocks``,
    ``relationship``).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.ok_to_stop
    """
    verdict = _verdict(evidence, _force(force), None)
    answer = {
        "result": verdict.ok,
        "comment": verdict.sentence or f"dhcpd on {__opts__['id']} may be stopped.",
        "reasons": [reason.as_dict() for reason in verdict.reasons],
    }
    if not verdict.ok:
        __context__["retcode"] = 1
    return answer


def _force(force):
    try:
        return decisions.parse_force(force)
    except IscDhcpError as err:
        raise SaltInvocationError(str(err)) from err


def _verdict(evidence, force, run, method="signal"):
    facts = _facts(brief=False)
    claim = facts.get("claim")
    if claim and claim.get("run") != run:
        facts["foreign_claim"] = claim
    return decisions.ok_to_stop(facts, evidence, force, method=method)


def check_config(file=None):
    """
    Check a configuration: dhcpd's own verdict (``dhcpd -t``), and what it lets pass.

    file
        Default: the one that dhcpd runs with. A candidate has to lie where dhcpd may read it
        (AppArmor and SELinux allow ``/etc/dhcp``).

    Returns ``result`` (False with any error, and where dhcpd does not accept it), ``comment`` (the
    first error with file and line), ``file``, ``dhcpd`` (``verdict``: ``accepted``, ``refused``,
    ``crashed`` or ``unknown``; ``exit_code``; ``said``) and ``findings`` (each with ``severity``,
    ``code``, ``file``, ``line``, ``what`` it means, ``fix``), the worst first.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.check_config
        salt dhcp-a dhcpd.check_config /etc/dhcp/dhcpd.conf.new
    """
    settings = _settings()
    path = str(file or fact.read_server(settings).config_file)
    keys = []
    try:
        tree = conf.parse_file(path)
        keys = list(conf.keys(tree.statements))
        findings = lint.lint(tree, __salt__["network.ip_addrs"](include_loopback=True))
    except IscDhcpError as err:
        findings = [lint.broken(err)]
    verdict = acts.dhcpd_verdict(path, settings.binaries[0])
    if verdict["said"]:
        verdict["said"] = _masked(verdict["said"], keys)
    answer = {"file": path, "dhcpd": verdict, "findings": [one.as_dict() for one in findings]}
    errors = [one for one in findings if one.severity == lint.ERROR]
    if errors:
        return _failed(_masked(str(errors[0]), keys) + ".", **answer)
    if verdict["verdict"] != "accepted":
        return _failed(verdict["said"], **answer)
    more = f" {len(findings)} findings of less weight." if findings else ""
    return {"result": True, "comment": f"{path} is accepted by dhcpd.{more}", **answer}


def normal_form(nonce, relationship=None, digest_only=False):
    """
    Return what has to be equal on both partners, as data that shows no key; for the runner's
    ``dhcp_failover.drift``.

    Included files stand in their place, comments and the server's own role and addresses are gone,
    what dhcpd takes in any order is sorted. A key is a token made with the nonce.

    nonce
        A fresh random text of the caller, the same for both partners.
    relationship
        Leave out networks that are only shared with other partners.
    digest_only
        Only ``digest`` and ``relationships``.

    Returns ``digest``, ``nodes``, ``ordered``, ``file`` and ``relationships`` (role, addresses and
    ports, which have to fit crosswise).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.normal_form 5f1c2e digest_only=True
    """
    path = fact.read_server(_settings()).config_file
    try:
        tree = conf.parse_file(path)
        configuration = conf.views(tree)
        form = parity.normal_form(tree, str(nonce), relationship)
    except IscDhcpError as err:
        raise CommandExecutionError(_masked(str(err))) from err
    if digest_only:
        form = {"digest": form["digest"]}
    ends = {one.name: parity.relationship_facts(one) for one in configuration.relationships}
    return {**form, "file": path, "relationships": ends}


# -- lease file --------------------------------------------------------------------------------


def check_leases(lease_file=None):
    """
    Check the whole lease file for torn and damaged entries; changes nothing.

    ``dhcpd -t`` and ``-T`` do not see them, and a torn last entry erases the good one before it of
    the same address at the next start.

    lease_file
        Default: the one that dhcpd uses.

    Returns ``result``, ``comment``, ``file``, ``bytes``, ``entries``, ``problems`` (``offset``,
    ``line``, ``address``, ``what``).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.check_leases
    """
    path = lease_file or fact.read_server(_settings()).lease_file
    try:
        found = leases.check(path)
    except IscDhcpError as err:
        return _failed(str(err), file=path)
    if not found["whole"]:
        first = found["problems"][0]
        return _failed(
            f"{path}:{first['line']}: {first['what']} ({len(found['problems'])} in all); stop "
            "dhcpd, then dhcpd.repair_leases",
            **found,
        )
    return {"result": True, "comment": f"{path} is whole.", **found}


def lease_counts(lease_file=None):
    """
    Count the addresses of each pool by state, as dhcpd means them.

    lease_file
        Default: the one that dhcpd uses.

    Returns ``file``, ``entries``, ``pools`` (each with ``relationship``, ``network``,
    ``addresses``, ``free``, ``backup`` (the secondary's free ones), ``active``, ``expired``,
    ``released``, ``abandoned``, ``reset`` ...) and ``outside`` (entries in no pool). The beacon
    goes by the last counts of dhcpd's own file.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.lease_counts
    """
    server = fact.read_server(_settings())
    if server.configuration is None:
        raise CommandExecutionError(server.configuration_error)
    pools = [
        (relationship.name, pool)
        for relationship in server.configuration.relationships
        for pool in relationship.pools
    ]
    try:
        found = leases.count(lease_file or server.lease_file, [pool for _, pool in pools])
    except IscDhcpError as err:
        raise CommandExecutionError(str(err)) from err
    for (name, _), counts in zip(pools, found["pools"], strict=True):
        counts["relationship"] = name
    if lease_file is None:
        watch.keep(_state_dir(), found)
    return found


def repair_leases(lease_file=None, test=False):
    """
    Cut torn and damaged entries out of the lease file, nothing else; only while dhcpd is down.

    The old file is kept beside it. What dhcpd's own copy (``dhcpd.leases~``) still knows of a cut
    address is brought back, where it is whole and not older.

    lease_file
        Default: the one that dhcpd uses.
    test
        Say what would be done and change nothing.

    Returns ``result``, ``comment``, ``cut``, ``salvaged``, ``lost`` (addresses that only the
    partner may know), ``backup``.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.repair_leases test=True
        salt dhcp-a dhcpd.repair_leases
    """
    with _acting():
        server = fact.read_server(_settings())
        if server.process is not None and not test:
            return _failed(
                f"dhcpd runs on {__opts__['id']} (pid {server.process.pid}) and writes the file: "
                "stop it first."
            )
        path = lease_file or server.lease_file
        try:
            done = leases.repair(path, dry_run=bool(test))
        except IscDhcpError as err:
            return _failed(str(err), file=path)
    if not done["changed"] and not done["cut"]:
        return {"result": True, "comment": f"{path} is whole.", **done}
    would = "would be " if test else ""
    comment = f"{path}: {len(done['cut'])} damaged entries {would}cut"
    if done["backup"]:
        comment += f", the old file is {done['backup']}"
    if done["lost"]:
        comment += f"; lost here, ask the partner: {', '.join(map(str, done['lost']))}"
    return {"result": True, "comment": comment + ".", **done}


def lease_entries(addresses, lease_file=None):
    """
    Return the last entry of each address in the lease file, for a partner that has lost it.

    addresses
        A list, or one string with commas between them.
    lease_file
        Default: the one that dhcpd uses.

    Returns ``{address: entry}``: ``text`` (as dhcpd wrote it), ``line``, ``state``, ``starts``,
    ``ends``, ``cltt`` (UTC epoch seconds), ``hardware``, ``uid``, ``client_hostname``; ``None``
    where the file has no whole entry of it.

    Errors: an unreadable lease file, something that is no IPv4 address.

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.lease_entries 192.0.2.20,192.0.2.21
    """
    if isinstance(addresses, str):
        addresses = [word.strip() for word in addresses.split(",") if word.strip()]
    try:
        return leases_salvage.entry_facts(
            lease_file or fact.read_server(_settings()).lease_file, addresses
        )
    except IscDhcpError as err:
        raise CommandExecutionError(str(err)) from err


def add_lease_entries(entries):
    """
    Append entries to the lease file, for ``dhcp_failover.repair_leases``; only while dhcpd is down.

    entries
        By address: the text of one whole lease entry of it.

    Returns ``result``, ``comment``; the file is as it was where it fails.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.add_lease_entries '{192.0.2.20: "lease 192.0.2.20 {...}"}'
    """
    with _acting():
        server = fact.read_server(_settings())
        if server.process is not None:
            return _failed(
                f"dhcpd runs on {__opts__['id']} (pid {server.process.pid}) and writes the file: "
                "stop it first."
            )
        try:
            text = leases_salvage.checked(entries)
            leasefile.append(server.lease_file, text)
        except IscDhcpError as err:
            return _failed(f"Nothing was added on {__opts__['id']}: {err}")
    return {"result": True, "comment": f"{len(entries)} entries added to {server.lease_file}."}


# -- claims ------------------------------------------------------------------------------------


def claim(run, who, seconds=180, token=None):
    """
    Claim this server for a run, or renew the claim; any other run or person is refused meanwhile.

    run
        The run's id.
    who
        Shown to others.
    seconds
        How long the claim lasts if it is not renewed.
    token
        The process that claims for the run: what it has released it can't claim any more.

    Returns ``result``, ``comment``, ``until`` (epoch seconds).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.claim 3f2a "ann, maintenance of the power supply" seconds=600
    """
    try:
        until = _claims().claim(str(run), str(who), float(seconds), token and str(token))
    except claims.Refused as err:
        return _failed(str(err))
    return {"result": True, "comment": "claimed", "until": until}


def release_claim(run=None, token=None):
    """
    Release a claim.

    run
        Only the claim of this run; without it, any claim (a person who knows better).
    token
        The process that had claimed for the run: a claim of it that comes later does not count.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.release_claim
    """
    try:
        was = _claims().release(None if run is None else str(run), token and str(token))
    except claims.Refused as err:
        return _failed(str(err))
    return {"result": True, "comment": "released" if was else "there was no claim"}


# -- acts --------------------------------------------------------------------------------------


def start(timeout=None, force=None):
    """
    Start dhcpd and return once it serves; nothing happens where it runs already.

    timeout
        Seconds in which it has to serve. Default: computed from the lease file.
    force
        ``lease-file`` starts it although the lease file is missing, empty or torn.

    Returns ``result``, ``comment``, ``new`` (``pid``, ``identity``, ``started``, ``seconds``).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.start
    """
    codes = _force(force)
    with _acting():
        server = fact.read_server(_settings())
        if server.process is not None:
            running = fact.process_facts(server)
            return {
                "result": True,
                "comment": f"dhcpd on {__opts__['id']} runs already (pid {running['pid']}).",
                "new": running,
            }
        return _start(codes, timeout, _service())


def _start(codes, timeout, service, old=None):
    settings = _settings()
    patience = float(timeout or 60.0)
    begun, begun_epoch = time.monotonic(), time.time()
    _heal_hand_over(settings)
    try:
        new = acts.start(
            settings, service, patience, ignore_leases="lease-file" in codes
        )
    except Exception as err:  # pylint: disable=broad-except
        # Whatever it is: the server may be down now, and the caller has to hear of it.
        log.debug("starting dhcpd failed", exc_info=True)
        down = "dhcpd is down" if fact.read_server(settings).process is None else "dhcpd runs"
        return _failed(f"{err}. {down} on {__opts__['id']}.", old=old, new=None)
    store.write_json(
        _state_dir() / "last_start.json",
        {"seconds": round(time.monotonic() - begun, 2), "time": time.time()},
    )
    (_state_dir() / "pending.json").unlink(missing_ok=True)
    if _paused_note().read():
        try:
            new["resumed"] = _speak_again(fact.read_server(settings))
            new["serves_since"] = time.time()
        except IscDhcpError as err:
            _keep_parsed(new, begun_epoch)
            return _failed(
                f"dhcpd on {__opts__['id']} started (pid {new['pid']}) and is still paused: {err}. "
                "Its partner serves; dhcpd.resume brings it back.",
                old=old,
                new=new,
            )
    _keep_parsed(new, begun_epoch)
    comment = f"dhcpd on {__opts__['id']} started (pid {new['pid']}, {new['seconds']:.1f} s)."
    return {"result": True, "comment": comment, "old": old, "new": new}


def _heal_hand_over(settings):
    """Finish what a hand-over could not write, so that this start needs not wait for MCLT."""
    note = _paused_note()
    if not note.settled:
        return
    try:
        handover.recover_on_disk(fact.read_server(settings))
        note.clear()
    except IscDhcpError as err:
        log.warning("dhcpd will wait for MCLT: %s", err)


def _keep_parsed(new, begun):
    """Keep what dhcpd has parsed, to tell later whether a restart is pending; never in its way."""
    try:
        config_file = fact.read_server(_settings()).config_file
        pending.keep(_state_dir(), config_file, new["identity"], begun)
    except (OSError, IscDhcpError):
        log.warning("no copy of dhcpd's configuration could be kept", exc_info=True)


def stop(force=None, evidence=None, run=None, method="signal"):
    """
    Stop dhcpd, guarded: refused unless every relationship is normal at both ends.

    force
        Codes of the reasons to override, comma-separated (``salt-call dhcpd.ok_to_stop`` shows
        them).
    evidence, run
        Of the master's run; a person leaves them out.
    method
        ``signal``: SIGTERM at a moment when the lease file's end is complete; the partner serves
        from its own half of the free addresses. ``handover``: see :py:func:`shutdown`.
        ``control``: dhcpd's documented shutdown over OMAPI, which costs MCLT without service of
        this server after its next start; it wants ``force=mclt``.

    Returns ``result``, ``comment``, ``old`` (``pid``, ``seconds``).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.stop
    """
    codes = _force(force)
    _check_method(method, FINAL_METHODS)
    with _acting():
        server, refused = _guard(evidence, codes, run, "stopped", method)
        if refused:
            return refused
        try:
            old = _stop_by(method, server, codes)
        except IscDhcpError as err:
            return _failed(f"dhcpd on {__opts__['id']} was not stopped: {err}")
        _service().stop()
    comment = (
        f"dhcpd on {__opts__['id']} stopped (pid {old['pid']}); it stays down until dhcpd.start."
    )
    if old.get("warning"):
        comment += f" Mind: {old['warning']}."
    return {"result": True, "comment": comment, "old": old}


def shutdown(force=None, evidence=None, run=None):
    """
    Stop dhcpd for long, gracefully over OMAPI: its partner takes everything over.

    The partner is in partner-down before this server ends, so it may use the whole pool (after
    MCLT). The next start heals by itself, without waiting for MCLT; the partner may then need
    :py:func:`release_window`, which the orchestrations do.

    force, evidence, run
        As in :py:func:`stop`.

    Returns as :py:func:`stop` does.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.shutdown
    """
    return stop(force=force, evidence=evidence, run=run, method="handover")


def release_window(drained=False):
    """
    Release the full window of a survivor whose returned partner waits in ``recover`` for ever.

    It asserts this server's own partner-down again, and only where it is in that state already
    and its partner does not serve.

    drained
        The partner has been restarted by method ``drain`` and both are normal again: release what
        was under way to it when it ended, by asserting this server's own ``normal`` again. Whoever
        runs ``dhcpd.restart method=drain`` by hand calls this on the partner afterwards.

    Returns ``result``, ``comment``, ``released`` (relationships), ``untouched`` (name: why).

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.release_window
    """
    with _acting():
        try:
            done = handover.release_window(fact.read_server(_settings()), bool(drained))
        except IscDhcpError as err:
            return _failed(f"Nothing was released on {__opts__['id']}: {err}")
    untouched = "; ".join(f"{name}: {why}" for name, why in sorted(done["untouched"].items()))
    comment = f"Released: {', '.join(done['released']) or 'nothing'}."
    return {"result": True, "comment": comment + (f" {untouched}." if untouched else ""), **done}


def look_for_partner(relationship):
    """
    Look from this server whether its partner shows any sign of life; changes nothing.

    relationship
        Which partner.

    Returns ``facts`` (as :py:func:`status`), ``probe`` (``address``, ``ping``, ``omapi``:
    ``open``, ``refused`` or ``silent``), ``addresses`` (``own`` and ``partners`` free ones,
    ``active``). Nothing connects to a failover port.

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.look_for_partner foo
    """
    facts = _facts(brief=True)
    role = (facts["relationships"].get(relationship) or {}).get("role")
    try:
        pools = lease_counts()["pools"]
        counts = dead_partner.addresses(pools, relationship, role)
    except CommandExecutionError as err:
        counts = {"error": str(err)}
    probe = dead_partner.probe_partner(fact.read_server(_settings()), relationship)
    return {"facts": facts, "probe": probe, "addresses": counts}


def partner_down(relationship, evidence=None, run=None):
    """
    Take the partner of a relationship for dead; ``salt-run dhcp_failover.partner_down`` calls it.

    Refused without the master's evidence, which can ask both ends, and whenever the partner shows
    a sign of life to this server, looked for in the same call. Other relationships stay as they
    are.

    relationship
        Which one.
    evidence, run
        Of the master's run.

    Returns ``result``, ``comment``, ``since`` and ``usable_from`` (epoch seconds: STOS + MCLT).

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.partner_down foo    # refused, and says what to run on the master
    """
    if isinstance(evidence, str):
        evidence = json.loads(evidence)
    me = __opts__["id"]
    if not isinstance(evidence, dict):
        return _failed(
            f"Nothing was done on {me}: from here nobody can tell whether the partner is dead; use "
            "salt-run dhcp_failover.partner_down dead=ID on the master, which asks both ends."
        )
    with _acting():
        claim = _claims().current
        if claim and claim.get("run") != run:
            return _failed(f"{me} is claimed by {claim.get('who')}. Nothing was done.")
        seen = look_for_partner(relationship)
        verdict = dead_partner.judge(
            seen["facts"],
            relationship,
            evidence.get("partner") or {},
            seen["probe"],
            evidence.get("confirm"),
            now=time.time(),
        )
        if not verdict.ok:
            return _failed(
                f"{relationship} on {me} was not put into partner-down: {verdict.sentence}",
                reasons=[reason.as_dict() for reason in verdict.reasons],
            )
        try:
            done = dead_partner.take_for_dead(fact.read_server(_settings()), relationship)
        except IscDhcpError as err:
            return _failed(f"{relationship} on {me} was not put into partner-down: {err}")
    since = decisions.clock(done["since"])
    comment = f"{relationship} on {me} is in partner-down since {since} UTC."
    return {"result": True, "comment": comment, **done}


def restart(
    method="signal",
    force=None,
    evidence=None,
    run=None,
    timeout=None,
    identity=None,
    staged=None,
):
    """
    Stop and start dhcpd in one call, guarded in the same call.

    It refuses, and touches nothing, unless the configuration is accepted, the lease file is whole
    and every relationship is normal at both ends. It returns once the new process serves, or
    says why it does not. That the pair is whole again is for the caller to wait for
    (``dhcp_failover.wait_normal``).

    method
        How to stop: ``signal`` (SIGTERM at a moment when the lease file's end is complete), or
        ``drain`` (over OMAPI: muted first, the partner has taken over and all updates are
        acknowledged before the SIGTERM; back without full update and MCLT), or ``handover`` (as
        :py:func:`shutdown`, then a start, with a full update), or ``control`` (dhcpd's documented
        shutdown: 18 s half of the clients unanswered, then MCLT; it wants ``force=mclt``).
    force
        Codes of the reasons to override, comma-separated (``dhcpd.ok_to_stop`` shows them).
    evidence
        What the master saw of the other ends, at most 10 s ago. Without it (a person at the
        console) the restart is announced on the event bus and everything is looked at again one
        second later.
    run
        The run whose claim on this server may stand.
    timeout
        Seconds in which the new process has to serve. Default: 60.
    identity
        The process that is meant (``dhcpd.status`` has it): any other one is left alone, so that
        an order that comes late, or twice, restarts nothing twice.
    staged
        The run whose staged files (:py:func:`stage`) are put in place between stop and start. Where
        dhcpd does not start with them, the old ones are put back and started.

    Returns ``result``, ``comment``, ``old`` and ``new`` (``pid``, ``identity``, ``started``), and
    ``warnings``; with ``staged`` also ``files`` (replaced) or ``rolled_back``.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.restart
        salt-call dhcpd.restart force=partner,relationship
    """
    codes = _force(force)
    _check_method(method)
    with _acting():
        other = _other_process(identity)
        if other:
            return other
        server, refused = _guard(evidence, codes, run, "restarted", method)
        if refused:
            return refused
        running = server.process
        old = {"pid": running.pid, "identity": running.identity, "started": running.started}
        service = _service(running.argv)
        try:
            service.prepare()
            old.update(_stop_by(method, server, codes))
        except IscDhcpError as err:
            return _failed(f"dhcpd on {__opts__['id']} was not restarted: {err}", old=old)
        if staged is None:
            answer = _start(codes, timeout, service, old)
        else:
            answer = _start_with_staged(str(staged), codes, timeout, service, old)
        if answer["result"]:
            answer["comment"] = (
                f"dhcpd on {__opts__['id']} restarted (pid {old['pid']} -> "
                f"{answer['new']['pid']}, down {_down(old, answer['new']):.2f} s)."
            )
        if old.get("warning"):
            answer.setdefault("warnings", []).append(old["warning"])
    return answer


def _other_process(identity):
    """Return the refusal where dhcpd is not the process that is meant; before the guard's look."""
    running = fact.read_server(_settings()).process if identity is not None else None
    if running is None or running.identity == identity:
        return None
    text = f"dhcpd on {__opts__['id']} has been restarted meanwhile (pid {running.pid})"
    reason = decisions.Reason("other-process", text)
    return _failed(f"Nothing done: {text}.", refused=True, reasons=[reason.as_dict()])


def _stop_by(method, server, codes):
    """End dhcpd by a method, after the guard's last looks."""
    by_omapi, by_kernel = _last_looks(server, codes)
    if method == "signal":
        return acts.stop(server, by_omapi, by_kernel)
    by_omapi()
    if method == "control":
        return control.end(server)
    note = _paused_note()
    if method == "handover":
        handed = handover.hand_over(server, note)
        return {**handover.end(server, note), "handover": handed["seconds"]}
    paused = drain.pause(server, note)
    try:
        return {**acts.stop(server, lambda: None, by_kernel), "drain": paused["seconds"]}
    except IscDhcpError as err:
        raise acts.ActError(f"{err}; {drain.undo(server, note)}") from err


def resume():
    """
    Let dhcpd speak again where an interrupted drain or hand-over has left it mute.

    Returns ``result``, ``comment``, ``resumed`` (relationships).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.resume
    """
    with _acting():
        try:
            resumed = _speak_again(fact.read_server(_settings()))
        except IscDhcpError as err:
            return _failed(f"dhcpd on {__opts__['id']} was not resumed: {err}")
    comment = f"Resumed: {', '.join(resumed) or 'nothing was paused'}."
    return {"result": True, "comment": comment, "resumed": resumed}


def _speak_again(server):
    """Clear the sticky states that a drain or a hand-over has left; return the relationships."""
    note = _paused_note()
    return handover.take_back(server) + drain.resume(server, note)["resumed"]


def _down(old, new):
    return max(0.0, float(new["serves_since"]) - float(old["ended"]))


def _check_method(method, known=METHODS):
    if method not in known:
        raise SaltInvocationError(f"method: {method} is not one of {', '.join(known)}")


def _guard(evidence, codes, run, done, method):
    """Return this server's readings, and the refusal if the guard has one."""
    if isinstance(evidence, str):
        evidence = json.loads(evidence)
    me = __opts__["id"]
    verdict = _verdict(evidence, codes, run, method)
    if verdict.ok and evidence is None:
        __salt__["event.send"](
            "dhcp_failover/server/acting", {"server": me, "what": done, "pid": os.getpid()}
        )
        time.sleep(ANNOUNCE_SECONDS)
        verdict = _verdict(None, codes, run, method)
    server = fact.read_server(_settings())
    if not verdict.ok or server.process is None:
        sentence = verdict.sentence or "dhcpd is not running"
        refusal = _failed(
            f"dhcpd on {me} was not {done}: {sentence}",
            refused=True,
            reasons=[reason.as_dict() for reason in verdict.reasons],
        )
        return server, refusal
    return server, None


def _last_looks(server, codes):
    """Return the guard's last looks before the signal, by OMAPI and by the kernel's tables."""
    relationships = server.configuration.relationships if server.configuration else ()

    def by_omapi():
        _, states = fact.omapi_facts(server)
        for name, state in states.items():
            if (state["state"], state["partner_state"]) != ("normal", "normal"):
                raise acts.ActError(
                    f"{name} is not normal any more: {state['state']} here, "
                    f"{state['partner_state']} at the partner"
                )

    def by_kernel():
        for one in relationships:
            if fact.connected(one) is False:
                raise acts.ActError(f"the failover connection of {one.name} has just gone")

    def nothing():
        pass

    return (
        nothing if "relationship" in codes else by_omapi,
        nothing if {"relationship", "connection"} & set(codes) else by_kernel,
    )


# -- watching --------------------------------------------------------------------------------


def news(remember=False):
    """
    Return what has changed since the watch's last look, quickly; the beacon's only question.

    remember
        Whether what is returned counts as told: for the beacon alone, a person leaves it out.

    Returns a list of events, each with ``tag``, ``text`` and its fields (``docs/events.md``).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.news
    """
    acting = claims.is_acting(_state_dir())
    return watch.tell(_state_dir(), _settings(), acting, bool(remember))


def metrics(count_age=0):
    """
    Return this server's metrics as OpenMetrics text (``docs/events.md`` names all of them).

    The leases are counted anew, which takes seconds with a very large lease file; the beacon goes
    by these counts.

    count_age
        Seconds that an earlier count may be old to be used again.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.metrics --out=newline_values_only
    """
    facts = _facts(brief=True)
    folder = _state_dir()
    kept = watch.kept(folder)
    if not 0 <= time.time() - float(kept.get("time") or 0) < float(count_age):
        try:
            watch.keep(folder, lease_counts(facts["lease_file"]["file"]), facts)
        except CommandExecutionError as err:
            # The file or the configuration can't be read: metrics of their own say so.
            log.debug("no counts of leases: %s", err)
            kept = {}
        else:
            kept = watch.kept(folder)
    return metrics_text.render(facts, kept)


def write_metrics(path, count_age=0):
    """
    Write :py:func:`metrics` to a file, atomically, for node_exporter's textfile collector.

    path
        Such as ``/var/lib/prometheus/node-exporter/dhcpd.prom`` (Debian).
    count_age
        As for :py:func:`metrics`.

    Returns ``result``, ``comment``, ``file``, ``new`` (whether it was not there before).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.write_metrics /var/lib/prometheus/node-exporter/dhcpd.prom
    """
    if not str(path).endswith(".prom"):
        return _failed(f"{path}: node_exporter reads files that end in .prom only", file=path)
    try:
        new = metrics_text.write(path, metrics(count_age))
    except IscDhcpError as err:
        return _failed(str(err), file=path)
    return {"result": True, "comment": f"{path} was written.", "file": path, "new": new}


# -- new configuration -------------------------------------------------------------------------


def _stage():
    return staging.Stage(_state_dir())


def _checked(main, candidates):
    """
    Return the configuration that candidates would make, and what is new of what lint finds.

    Raises a sentence where dhcpd refuses it, or where it has an error that the old one has not.
    """
    return staging.check(
        main,
        candidates,
        lambda path: acts.check_config(path, _settings().binaries[0]),
        __salt__["network.ip_addrs"](include_loopback=True),
    )


def _is_read(main, candidates, target):
    """Whether dhcpd would read ``target``: it is the main file or one that this includes."""
    try:
        files = staging.files_of(main, candidates)
    except IscDhcpError:
        return True
    return os.path.realpath(target) in {os.path.realpath(one) for one in files}


def _why_restart(server, candidates):
    """Return why dhcpd has to be restarted for these files, or ``None`` where nothing matters."""
    main = server.config_file
    try:
        if staging.meaning(main, candidates) != staging.meaning(main):
            return "the configuration says something else than the one before"
    except IscDhcpError:
        return "the configuration before can't be read"
    found = _pending(server)
    return found and str(found["reason"])


def _still_the_same(server):
    """Note that the running dhcpd means what is on disk, after a change that means nothing."""
    running = server.process
    if running is not None:
        with suppress(OSError, IscDhcpError):
            pending.keep(_state_dir(), server.config_file, running.identity, time.time())


def put_config(candidate, config_file=None, test=False):
    """
    Replace a configuration file by a candidate, once it is checked; restarts nothing.

    The old file is kept beside it (``FILE.backup-TIME``), owner and mode stay. A restart that is
    needed is marked as pending.

    candidate
        Path of the new contents on this server.
    config_file
        The file to replace: dhcpd's main file (the default) or one that it includes.
    test
        Check and show only.

    Returns ``result``, ``comment``, ``diff`` (keys and secrets masked), ``backup``, ``why`` (a
    restart is needed; ``None`` where nothing that matters changes) and ``findings`` (sentences:
    what is new of what :py:func:`check_config` finds).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.put_config /etc/dhcp/dhcpd.conf.new
        salt dhcp-a dhcpd.put_config /srv/pools.conf /etc/dhcp/pools.conf test=True
    """
    server = fact.read_server(_settings())
    main = server.config_file
    target = str(config_file or main)
    beside = None
    try:
        beside = staging.candidate_beside(target)
        staging.copy(str(candidate), beside)
        return _put(server, main, target, beside, bool(test))
    except (IscDhcpError, OSError) as err:
        return _failed(f"{target} was not changed: {err}", diff="", backup=None, why=None)
    finally:
        if beside:
            with suppress(OSError):
                os.unlink(beside)


def _put(server, main, target, candidate, test):
    candidates = {target: candidate}
    text = staging.differences(candidates).get(target)
    if text is None:
        return {
            "result": True,
            "comment": f"{target} is in the correct state.",
            "diff": "",
            "backup": None,
            "why": None,
        }
    claim = _claims().current
    if claim and not test:
        return _failed(
            f"{target} was not changed: {__opts__['id']} is claimed by {claim.get('who')} until "
            f"{decisions.clock(claim.get('until'))} UTC. Try again after that.",
            diff=text,
            backup=None,
            why=None,
        )
    note, findings = "", []
    if _is_read(main, candidates, target):
        _, findings = _checked(main, candidates)
        why = _why_restart(server, candidates)
    else:
        # A fragment alone is nothing that dhcpd could check.
        conf.parse_file(candidate)
        why = None
        note = f" {main} does not include it (yet): only its syntax was checked."
    answer = {"result": True, "diff": text, "backup": None, "why": why, "findings": findings}
    if test:
        return {**answer, "comment": f"{target} would be replaced.{note}"}
    with _acting():
        answer["backup"] = staging.back_up(target)
        staging.copy(candidate, target, like=target)
    if why and server.process is not None:
        mark_pending(f"{target} was changed")
    elif not note:
        _still_the_same(server)
    kept = f"; the old file is {answer['backup']}" if answer["backup"] else ""
    return {**answer, "comment": f"{target} was replaced{kept}.{note}"}


def stage(
    run="by-hand",
    source=None,
    contents_pillar=None,
    sls=None,
    file=None,
    template=None,
    saltenv="base",
    test=False,
):
    """
    Fetch this server's new configuration, check it, and keep it beside the old one.

    Nothing is put in place: :py:func:`apply_staged`, or :py:func:`restart` with ``staged``, does.
    Give one of ``source``, ``contents_pillar``, ``sls`` and ``file``; without any, the setting
    ``dhcpd:rollout`` (a dictionary of them, in pillar or minion configuration) counts.

    run
        Who stages: what another run staged can't be applied.
    source
        Where the main file comes from (``salt://...``, as ``file.managed`` knows it; ``{{ minion
        }}`` stands for this minion's id), or a dictionary of files and their sources.
    contents_pillar
        Key in this minion's pillar that holds the main file, or a dictionary of files and keys.
    sls
        State file(s) of yours with ``dhcpd.config`` states. They are run with ``test=True``, so
        that nothing else in them acts.
    file
        Path of a file on this server, or a dictionary of files and paths.
    template
        As in ``file.managed``, for ``source`` and ``contents_pillar``.
    saltenv
        Salt environment of ``source`` and ``sls``.
    test
        Check and compare only, keep nothing.

    Returns ``result``, ``comment``, ``files`` (by path: the diff, secrets masked), ``why`` (a
    restart is needed, or ``None``), ``findings`` (sentences: what is new of what
    :py:func:`check_config` finds), ``peers`` (what :py:func:`peers` says now) and ``new_peers``
    (what it would say).

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.stage source=salt://dhcp/dhcp-b.conf test=True
        salt dhcp-b dhcpd.stage sls=dhcp.config
    """
    wanted = {"source": source, "contents_pillar": contents_pillar, "sls": sls, "file": file}
    wanted = {key: value for key, value in wanted.items() if value}
    if not wanted:
        defaults = _config().get("rollout") or {}
        wanted = {key: defaults[key] for key in staging.ORIGINS if defaults.get(key)}
        template = template or defaults.get("template")
        saltenv = defaults.get("saltenv") or saltenv
    server = fact.read_server(_settings())
    main = server.config_file
    candidates = {}
    try:
        staging.check_origins(wanted)
        candidates = _fetched(main, wanted, template, saltenv)
        return _staged(server, str(run), candidates, bool(test))
    except (IscDhcpError, OSError) as err:
        return _failed(f"{__opts__['id']}: {err}")
    finally:
        for candidate in candidates.values():
            with suppress(OSError):
                os.unlink(candidate)


def _staged(server, run, candidates, test):
    main = server.config_file
    differing = staging.differences(candidates)
    candidates = {target: candidates[target] for target in differing}
    configuration, findings = _checked(main, candidates)
    unread = [one for one in differing if not _is_read(main, candidates, one)]
    if unread:
        raise staging.StagingError(
            f"{', '.join(unread)} is not read by dhcpd: {main} does not include it"
        )
    answer = {
        "result": True,
        "files": differing,
        "why": _why_restart(server, candidates),
        "findings": findings,
        "peers": _report(server.configuration, server.configuration_error),
        "new_peers": _report(configuration, None),
    }
    what = ", ".join(differing) or "no file"
    if test:
        return {**answer, "comment": f"{__opts__['id']}: {what} would change."}
    proved = _proved(server)
    if differing:
        _stage().keep(run, main, candidates, proved, answer["peers"])
    else:
        _stage().clear()
    return {**answer, "comment": f"{__opts__['id']}: {what} will change."}


def _proved(server):
    """Whether what was applied last has been seen to work: restarted since, and normal."""
    record = _stage().record
    if not record or record["state"] != "applied" or server.process is None:
        return False
    if record.get("proved"):
        return True
    facts = fact.gather(_settings(), server)
    ends = facts["relationships"].values()
    before = (record.get("peers") or {}).get("relationships") or ()
    proved = (
        server.process.started > float(record.get("applied_at") or 0)
        and bool(ends)
        and set(before) <= set(facts["relationships"])
        and all((end["state"], end["partner_state"]) == ("normal", "normal") for end in ends)
    )
    if proved:
        _stage().prove()
    return proved


def _fetched(main, wanted, template, saltenv):
    """Return candidates for what a rollout names: by target, each beside it."""
    (kind, what), = wanted.items()
    if kind == "file":
        found = {}
        for target, path in staging.by_target(what, main).items():
            found[target] = staging.candidate_beside(target)
            staging.copy(path, found[target])
        return found
    with staging.collecting(_state_dir() / "collected") as found:
        if kind == "sls":
            results = __salt__["state.sls"](what, saltenv=saltenv, test=True, concurrent=True)
            _raise_failed(results, f"the state file {what}")
        else:
            for target, one in staging.by_target(what, main).items():
                managed = {kind: _for_this_minion(one), "saltenv": saltenv}
                if template:
                    managed["template"] = template
                results = __salt__["state.single"](
                    "dhcpd.config", target, test=True, concurrent=True, **managed
                )
                _raise_failed(results, f"{kind} of {target}")
    __context__.pop("retcode", None)
    if not found:
        raise staging.StagingError(
            f"the state file {what} has no dhcpd.config state for this server; it takes the "
            "arguments of file.managed, so the name of the function is all that has to change"
        )
    return found


def _for_this_minion(source):
    if isinstance(source, str):
        return re.sub(r"\{\{\s*minion\s*\}\}", __opts__["id"], source)
    return source


def _raise_failed(results, what):
    """Raise what went wrong in a state run that was to give candidates."""
    if not isinstance(results, dict):
        text = "; ".join(map(str, results)) if isinstance(results, list) else str(results)
        raise staging.StagingError(f"{what}: {_told(text)}")
    failed = [
        _told(one.get("comment"))
        for tag, one in results.items()
        if tag.startswith("dhcpd_|-") and tag.endswith("_|-config") and one.get("result") is False
    ]
    if failed:
        raise staging.StagingError(f"{what}: {'; '.join(failed)}")


def _told(comment):
    """Return what a state said as one line; the lines of a template may hold a secret."""
    lines = [line.strip() for line in str(comment or "").splitlines() if line.strip()]
    if not lines:
        return "it failed"
    return lines[-1 if "Traceback" in str(comment) else 0]


def staged():
    """
    Show what is staged here, or was put in place last.

    Returns ``run``, ``main``, ``state`` (``staged``, ``applied``, ``rolled-back``) and ``files``
    (by path: ``staged``, ``backup``, ``existed``), or ``None``.

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.staged
    """
    return _stage().record


def unstage(run=None):
    """
    Remove what is staged and was not put in place.

    run
        Only what this run has staged.

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.unstage
    """
    record = _stage().record
    if record and run in (None, record["run"]):
        _stage().clear()
    return {"result": True, "comment": f"Nothing is staged on {__opts__['id']}."}


def apply_staged(run=None):
    """
    Put the staged files in place, backups first; restarts nothing.

    run
        The run that has staged them; without it, whoever it was.

    Returns ``result``, ``comment``, ``files`` (replaced now; none where they are in place already).

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.apply_staged
    """
    with _acting():
        refused = _claimed_by_another(run)
        if refused:
            return refused
        server = fact.read_server(_settings())
        try:
            before = None if _pending(server) else staging.meaning(server.config_file)
            changed = _stage().apply(None if run is None else str(run))
            same = before is not None and staging.meaning(server.config_file) == before
        except (IscDhcpError, OSError) as err:
            return _failed(f"{__opts__['id']}: {err}", files=[])
    if same:
        _still_the_same(server)
    elif changed:
        mark_pending(f"{', '.join(changed)} was changed")
    comment = f"{', '.join(changed) or 'Nothing'} was replaced on {__opts__['id']}."
    return {"result": True, "comment": comment, "files": changed}


def _claimed_by_another(run):
    claim = _claims().current
    if claim and claim.get("run") != run:
        return _failed(
            f"{__opts__['id']} is claimed by {claim.get('who')} until "
            f"{decisions.clock(claim.get('until'))} UTC (dhcpd.release_claim frees it)",
            refused=True,
        )
    return None


def _start_with_staged(run, codes, timeout, service, old):
    """Put the staged files in place and start; where that fails, the old ones are back and run."""
    leases_return.keep(fact.read_server(_settings()).lease_file)
    try:
        files = _stage().apply(run)
    except (IscDhcpError, OSError) as err:
        answer = _failed(f"{__opts__['id']}: {err}", old=old, new=None)
    else:
        answer = _start(codes, timeout, service, old)
        if answer["result"]:
            return {**answer, "files": files}
    why = str(answer["comment"]).removesuffix(f" dhcpd is down on {__opts__['id']}.")
    back = _start_with_old(run, codes, timeout, service, old)
    return _failed(
        f"{why} {back['comment']}",
        old=old,
        new=back.get("new"),
        rolled_back=bool(back["result"]),
    )


def _start_with_old(run, codes, timeout, service, old):
    """Bring the old files back, with dhcpd down at the start and running at the end."""
    me = __opts__["id"]
    server = fact.read_server(_settings())
    try:
        if server.process is not None:
            acts.stop(server, lambda: None, lambda: None)
            service.stop()
        _stage().roll_back(run)
        leases_return.bring_back(fact.read_server(_settings()).lease_file)
        service.prepare()
    except (IscDhcpError, OSError) as err:
        log.debug("rolling back failed", exc_info=True)
        return _failed(f"The old configuration of {me} could not be brought back: {err}", old=old)
    answer = _start(codes, timeout, service, old)
    if answer["result"]:
        answer["comment"] = (
            f"{me} has its old configuration back and runs with it (pid {answer['new']['pid']})."
        )
    return answer


def roll_back(run=None, evidence=None, method="signal", force=None, timeout=None):
    """
    Put the files from before the last rollout back and restart dhcpd with them.

    With the master's evidence it is done although this server is not normal, as long as its
    partners serve. Without it (a person at the console) it is guarded as :py:func:`restart`.

    run
        The run whose files are taken back; without it, the last one's.
    evidence
        What the master saw of the partners, by relationship.
    method, force, timeout
        As in :py:func:`restart`.

    Returns as :py:func:`restart` does.

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.roll_back
    """
    codes = _force(force)
    _check_method(method)
    record = _stage().record
    if record is None or record["state"] == "staged":
        return _failed(f"Nothing was rolled out on {__opts__['id']}: nothing can be taken back.")
    if run not in (None, record["run"]):
        return _failed(f"The last rollout on {__opts__['id']} was another run's: {record['run']}.")
    run = str(record["run"])
    with _acting():
        server = fact.read_server(_settings())
        running = server.process
        if running is not None and evidence is None:
            server, refused = _guard(None, codes, run, "rolled back", method)
        elif running is not None:
            refused = _claimed_by_another(run) or _not_taken_back(evidence, codes)
        else:
            refused = None
        if refused:
            return refused
        service = _service(running.argv if running else ())
        old = running and {
            "pid": running.pid, "identity": running.identity, "started": running.started
        }
        try:
            service.prepare()
            if running is not None:
                acts.stop(server, lambda: None, lambda: None)
        except IscDhcpError as err:
            return _failed(f"dhcpd on {__opts__['id']} was not rolled back: {err}", old=old)
        return _start_with_old(run, codes, timeout, service, old)


def _not_taken_back(evidence, codes):
    if isinstance(evidence, str):
        evidence = json.loads(evidence)
    verdict = rollout.ok_to_take_back(_facts(brief=True), evidence, codes)
    if verdict.ok:
        return None
    return _failed(
        f"{__opts__['id']} was not rolled back: {verdict.sentence}",
        refused=True,
        reasons=[reason.as_dict() for reason in verdict.reasons],
    )


# -- pending restarts --------------------------------------------------------------------------


def mark_pending(reason):
    """
    Note that dhcpd should be restarted when it is safe; restarts nothing.

    reason
        Shown by ``dhcpd.status``.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.mark_pending "new lease times"
    """
    mark = {"reason": str(reason), "since": time.time()}
    store.write_json(_state_dir() / "pending.json", mark)
    return mark
