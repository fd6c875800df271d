"""
The steps of the orchestrations, as states that run on the master.

Joined by requisites they are the restart of a pair (``orch/dhcp_failover_restart.sls``) and the
reboot of its hosts (``orch/dhcp_failover_reboot.sls``). They honour ``test=True``, say what they do
in one sentence, and call the same :class:`iscdhcp.run.restart.PairRun` as ``salt-run
dhcp_failover.restart``.

.. code-block:: yaml

    The pair is locked:
      dhcp_failover.locked:
        - pair: foo

    The first server is restarted:
      dhcp_failover.server_restarted:
        - pair: foo
        - position: 1
        - require:
          - dhcp_failover: The pair is locked
"""

import functools
import logging
from typing import TYPE_CHECKING

import salt.config
from iscdhcp import commands
from iscdhcp import vocabulary
from iscdhcp.errors import IscDhcpError
from iscdhcp.run.base import Step
from iscdhcp.run.orders import Interrupted
from iscdhcp_salt import fleets
from iscdhcp_salt import interrupts
from iscdhcp_salt import kinds
from iscdhcp_salt import master

if TYPE_CHECKING:
    from iscdhcp_salt.dunders import __low__
    from iscdhcp_salt.dunders import __opts__

log = logging.getLogger(__name__)

__virtualname__ = "dhcp_failover"


def __virtual__():
    if __opts__.get("__role") != "master" and not _master_config_known():
        return False, "the states dhcp_failover.* are steps of an orchestration, on the master"
    return __virtualname__


def _master_config_known():
    return bool(__opts__.get("conf_file", "").endswith("master"))


def _result(name, step):
    comment = step.comment
    if step.warnings:
        comment += " Note: " + "; ".join(step.warnings) + "."
    return {"name": name, "result": step.result, "comment": comment, "changes": step.changes}


def _takes_its_words(function):
    """Have a state refuse what does not fit it: Salt would act, with a warning beside it."""

    @functools.wraps(function)
    def fitted(*args, **kwargs):
        ours = vocabulary.ours(kwargs)
        why = vocabulary.misfit("dhcp_failover", function, args, ours)
        if why:
            return _result(args[0] if args else ours.get("name"), Step(False, why))
        return function(*args, **ours)

    return vocabulary.takes_unknown(fitted)


def _step(name, pair, act):
    """Run one step of the run that :py:func:`locked` began; every way to fail is a sentence."""
    run = master.CURRENT.get(pair or "")
    if run is None:
        return _result(
            name,
            Step(False, "No run was begun: require a dhcp_failover.locked of this pair first."),
        )
    try:
        with interrupts.INTERRUPTS.deferred():
            return _result(name, act(run))
    except (IscDhcpError, Interrupted) as err:
        # The remaining steps are not run, the unlock is.
        return _result(name, Step(False, str(err)))


@_takes_its_words
def locked(
    name,
    pair=None,
    sequence=None,
    method="signal",
    force=None,
    fresh=False,
    timeout=None,
    busy_timeout=None,
    heal=False,
    given=None,
):
    """
    Begin a run: find the pair and lock its servers and all their partners on the master.

    .. versionadded:: 0.1.0

    pair
        A relationship's name, a pair's id or a server's minion id; not needed for the only one.
    sequence
        ``secondary-first`` (default), ``primary-first`` or both minion ids (``order`` is Salt's
        own word for the place of a state).
    method
        How dhcpd is stopped: ``signal``, ``drain``, ``handover`` or ``control`` (see
        ``dhcpd.restart``).
    force
        Codes of the guard's reasons to override.
    fresh
        Do not continue an unfinished run.
    timeout
        Seconds that each wait may take; default: computed from the facts.
    busy_timeout
        Seconds that a minion busy with another state run is waited for; default 300.
    heal
        Begin by starting the one server that is down, if its partners serve, and wait for normal.
    given
        The words in the pillar of the call, for ``orch.dhcp_failover_restart``: they are checked.
    """
    return _begin(
        name,
        pair,
        given,
        kinds.restart,
        method=method,
        order=sequence,
        force=force,
        fresh=fresh,
        timeout=timeout,
        busy_timeout=busy_timeout,
        heal=heal,
    )


def _begin(name, pair, given, kind, **words):
    """
    Begin a run; keep it for the next steps.

    kind
        A function of :mod:`iscdhcp_salt.kinds`.
    words
        As a person gave them.
    """
    try:
        vocabulary.check_pillar(kind.__name__, given or ())
        vocabulary.text("pair", pair)
        wanted = kind(__opts__, **words)
        said = {**wanted.words, **(wanted.origins or {}), "pair": pair}
        again = commands.orchestration(__low__.get("__sls__"), wanted.task, given, said)
        request = wanted.request(__opts__, again=again)
        with interrupts.INTERRUPTS.deferred():
            run = wanted.run(_master_opts(), pair, request)
            step = run.lock(test=__opts__["test"])
    except (IscDhcpError, Interrupted) as err:
        return _result(name, Step(False, str(err)))
    if step.result is not False:
        master.CURRENT[pair or ""] = run
    return _result(name, step)


def _master_opts():
    """Return the master's own configuration: an orchestration's is a minion's in disguise."""
    return salt.config.master_config(__opts__["conf_file"])


@_takes_its_words
def preflight(name, pair=None):
    """
    Check everything that can be known before the first act, and claim the minions.

    .. versionadded:: 0.1.0

    pair
        As in :py:func:`locked`.
    """
    return _step(name, pair, lambda run: run.preflight(test=__opts__["test"]))


@_takes_its_words
def server_restarted(name, position, pair=None):
    """
    Restart dhcpd on one server of the order, guarded on that server in the same call.

    .. versionadded:: 0.1.0

    position
        1 for the first server, 2 for the second.
    pair
        As in :py:func:`locked`.
    """
    return _step(name, pair, lambda run: run.restart(int(position) - 1, test=__opts__["test"]))


@_takes_its_words
def pair_normal(name, position, pair=None):
    """
    Wait until the restart of a server is complete, as dhcpd says at both ends.

    .. versionadded:: 0.1.0

    position
        1 or 2: the server that was restarted.
    pair
        As in :py:func:`locked`.
    """
    return _step(
        name,
        pair,
        lambda run: run.wait_normal(run.servers[int(position) - 1], test=__opts__["test"]),
    )


@_takes_its_words
def unlocked(name, pair=None):
    """
    End the run: free the claims on the minions and the locks on the master.

    .. versionadded:: 0.1.0

    It requires the lock and nothing else, so that it runs after every failure.

    pair
        As in :py:func:`locked`.
    """
    result = _step(name, pair, lambda run: run.unlock(test=__opts__["test"]))
    run = master.CURRENT.pop(pair or "", None)
    if run is not None:
        run.minions.close()
    return result


# -- reboot --------------------------------------------------------------------------------------


@_takes_its_words
def reboot_locked(
    name,
    pair=None,
    only=None,
    sequence=None,
    method="handover",
    command=None,
    sls=None,
    reboot_host=None,
    host_timeout=None,
    force=None,
    fresh=False,
    timeout=None,
    busy_timeout=None,
    heal=False,
    given=None,
):
    """
    Begin the maintenance of a pair's hosts, as :py:func:`locked` begins a restart.

    .. versionadded:: 0.1.0

    pair, sequence, force, fresh, timeout, busy_timeout, heal, given
        As in :py:func:`locked`.
    only
        Minion id of the only server that is touched.
    method
        ``handover`` (the partner may use the whole pool; needs OMAPI) or ``signal``.
    command
        A command line to run on each host instead of a reboot.
    sls
        An SLS to apply to each host instead of a reboot.
    reboot_host
        ``True``: reboot the host after the command or SLS.
    host_timeout
        Seconds that the command or SLS may take, and that the host has to come back; default 900.
    """
    return _begin(
        name,
        pair or only,
        given,
        kinds.reboot,
        method=method,
        only=only,
        command=command,
        sls=sls,
        reboot=reboot_host,
        host_timeout=host_timeout,
        order=sequence,
        force=force,
        fresh=fresh,
        timeout=timeout,
        busy_timeout=busy_timeout,
        heal=heal,
    )


@_takes_its_words
def server_stopped(name, position, pair=None):
    """
    Stop dhcpd on one server of the order for its maintenance; its partner serves alone.

    .. versionadded:: 0.1.0

    position
        1 for the first server, 2 for the second.
    pair
        As in :py:func:`locked`.
    """
    return _step(name, pair, lambda run: run.stop(int(position) - 1, test=__opts__["test"]))


@_takes_its_words
def host_maintained(name, position, pair=None):
    """
    Reboot the host of a stopped server, or do what was named instead, and wait until it is back.

    .. versionadded:: 0.1.0

    A failure starts dhcpd again and brings the pair back to normal.

    position
        1 for the first server, 2 for the second.
    pair
        As in :py:func:`locked`.
    """
    return _step(name, pair, lambda run: run.maintain(int(position) - 1, test=__opts__["test"]))


@_takes_its_words
def server_serves(name, position, pair=None):
    """
    Have dhcpd serve again after the maintenance: by its host's own start, or started.

    .. versionadded:: 0.1.0

    position
        1 for the first server, 2 for the second.
    pair
        As in :py:func:`locked`.
    """
    return _step(name, pair, lambda run: run.serve(int(position) - 1, test=__opts__["test"]))


# -- many pairs ----------------------------------------------------------------------------------


@_takes_its_words
def fleet(name, kind="restart", words=None, given=None):
    """
    Restart, roll out or reboot many pairs; one step, with everything that belongs to it.

    .. versionadded:: 0.1.0

    kind
        ``restart``, ``rollout`` or ``reboot``.
    words
        A dictionary: what ``salt-run dhcp_failover.fleet_restart`` (or the other kind's function)
        takes, but ``yes`` (nobody is asked), ``at`` and ``test``.
    given
        The words in the pillar of the call, for ``orch.dhcp_failover_fleet``: they are checked.
    """
    said = {key: value for key, value in (words or {}).items() if value is not None}
    try:
        vocabulary.check_pillar("fleet", given or ())
        vocabulary.check_fleet(kind, said)
        asked = {**said, "yes": True, "test": __opts__["test"]}
        data, code = fleets.begin(_master_opts(), kind, asked)
    except (IscDhcpError, Interrupted) as err:
        return _result(name, Step(False, str(err)))
    if data["outcome"] == "planned":
        return _result(name, Step(None, data["comment"]))
    units = data.get("units") or ()
    done = {row["unit"]: row["servers"] for row in units if row["state"] == "done"}
    return _result(name, Step(not code, data["comment"], done))


# -- rollout -------------------------------------------------------------------------------------


@_takes_its_words
def rollout_locked(
    name,
    pair=None,
    sequence=None,
    method="signal",
    force=None,
    fresh=False,
    timeout=None,
    busy_timeout=None,
    heal=False,
    source=None,
    contents_pillar=None,
    sls=None,
    file=None,
    template=None,
    saltenv=None,
    previous=False,
    probation=None,
    given=None,
):
    """
    Begin a rollout of new configuration, as :py:func:`locked` begins a restart.

    .. versionadded:: 0.1.0

    pair, sequence, method, force, fresh, timeout, busy_timeout, heal, given
        As in :py:func:`locked`.
    source, contents_pillar, sls, file
        Where the servers get their new files from; one of them, or none where the minions' pillar
        says it (see ``dhcpd.stage``).
    template, saltenv
        As in ``file.managed``.
    previous
        Instead of these: take the last rollout back, through the same checks, waits and probation.
    probation
        Seconds that the first server has to stay normal with its new files before the second is
        touched; else it gets its old ones back. 0: none. Default: ``dhcp_failover:probation`` in
        the master's configuration, or 60.
    """
    return _begin(
        name,
        pair,
        given,
        kinds.rollout,
        origins={
            "source": source,
            "contents_pillar": contents_pillar,
            "sls": sls,
            "file": file,
            "template": template,
            "saltenv": saltenv,
        },
        previous=previous,
        probation=probation,
        method=method,
        order=sequence,
        force=force,
        fresh=fresh,
        timeout=timeout,
        busy_timeout=busy_timeout,
        heal=heal,
    )


@_takes_its_words
def configuration_checked(name, pair=None):
    """
    Have every server fetch its new files and check them beside the old ones; replace nothing.

    .. versionadded:: 0.1.0

    pair
        As in :py:func:`locked`.
    """
    return _step(name, pair, lambda run: run.stage(test=__opts__["test"]))


@_takes_its_words
def server_configured(name, position, pair=None):
    """
    Put the new files of one server in place; restart it if something that matters has changed.

    .. versionadded:: 0.1.0

    position
        1 for the first server, 2 for the second.
    pair
        As in :py:func:`locked`.
    """
    return _step(name, pair, lambda run: run.configure(int(position) - 1, test=__opts__["test"]))


@_takes_its_words
def server_proved(name, position, pair=None):
    """
    Wait until the pair is normal; else the server gets its old files back and is restarted.

    .. versionadded:: 0.1.0

    position
        1 or 2: the server that got its new files.
    pair
        As in :py:func:`locked`.
    """
    return _step(name, pair, lambda run: run.prove(int(position) - 1, test=__opts__["test"]))


@_takes_its_words
def configurations_agree(name, pair=None):
    """
    Check that both servers say the same, apart from their roles.

    .. versionadded:: 0.1.0

    pair
        As in :py:func:`locked`.
    """
    return _step(name, pair, lambda run: run.agree(test=__opts__["test"]))
