"""
Start, stop and restart ISC dhcpd, guarded: the call that acts looks once more.

More functions of the execution module ``dhcpd``. Each refuses unless every failover relationship
of this server is normal at both ends, and does one thing at a time on a host. Without a run's
evidence of the partners (a person, ``salt '*'``) only a server that is secondary in all its
relationships is stopped: ``salt-run dhcp_failover.restart``, ``.stop``, ``.shutdown`` stop any.
"""

from typing import TYPE_CHECKING

from iscdhcp.act import restarting
from iscdhcp.act import starting
from iscdhcp.errors import IscDhcpError
from iscdhcp.rules import evidence as evidence_rules
from iscdhcp.rules import methods
from iscdhcp_salt.minion import Minion
from iscdhcp_salt.minion import force_codes as _force_codes
from iscdhcp_salt.minion import no_linux as _no_linux
from iscdhcp_salt.minion import wire_data as _wire_data
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


def _check_method(method, known=tuple(methods.METHODS)):
    try:
        methods.check_method(method, known)
    except IscDhcpError as err:
        raise SaltInvocationError(str(err)) from None


def start(timeout=None, force=None, run=None):
    """
    Start dhcpd and return once it serves; nothing happens where it runs already.

    .. versionadded:: 0.1.0

    It comes back as it ran last: by the unit it was in, else by its own command line. Refused where
    none is seen and something speaks for one all the same: its unit has a living main process, or
    somebody holds the ports that dhcpd would bind.

    timeout
        Seconds in which it has to serve. Default: computed from the lease file.
    force
        ``lease-file`` starts it although the lease file is missing, empty or torn, ``start``
        although its unit names another configuration than the one that it ran with, ``claim``
        although another run has claimed this server.
    run
        The run whose claim on this server may stand.

    Returns ``result``, ``comment``, ``new`` (``pid``, ``identity``, ``started``, ``seconds``),
    ``warnings`` where it did not come up quite as it ran.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.start
    """
    return _here().answer(starting.start, _force_codes(force), timeout, run)


def stop(force=None, evidence=None, run=None, method="signal", identity=None):
    """
    Stop dhcpd, guarded: refused unless every relationship is normal at both ends.

    .. versionadded:: 0.1.0

    A person stops only a server that is secondary in all its relationships; on the master
    ``salt-run dhcp_failover.stop server=ID`` stops any, because it asks the partner too.

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
    identity
        The process that is meant (``dhcpd.status`` has it): any other one is left alone, so that
        an order that comes late, or twice, stops nothing twice.

    Returns ``result``, ``comment``, ``old`` (``pid``, ``seconds``).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.stop
    """
    codes = _force_codes(force)
    _check_method(method, methods.FOR_GOOD)
    seen = _wire_data(evidence_rules.given, evidence)
    return _here().answer(restarting.stop, codes, seen, run, method, identity)


def shutdown(force=None, evidence=None, run=None, identity=None):
    """
    Stop dhcpd for long, gracefully over OMAPI: its partner takes everything over.

    .. versionadded:: 0.1.0

    The partner is in partner-down before this server ends, so it may use the whole pool (after
    MCLT). The next start heals by itself, without waiting for MCLT; the partner may then need
    :py:func:`release_window`, which the orchestrations do.

    force, evidence, run, identity
        As in :py:func:`stop`.

    Returns as :py:func:`stop` does.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.shutdown
    """
    return stop(force=force, evidence=evidence, run=run, method="handover", identity=identity)


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

    .. versionadded:: 0.1.0

    It refuses, and touches nothing, unless the configuration is accepted, the lease file is whole
    and every relationship is normal at both ends. It returns once the new process serves, or
    says why it does not. That the pair is whole again is for the caller to wait for
    (``dhcp_failover.wait_normal``).

    method
        How to stop: ``signal`` (SIGTERM at a moment when the lease file's end is complete), or
        ``drain`` (over OMAPI: silenced first, the partner has taken over and all updates are
        acknowledged before the SIGTERM; back without full update and MCLT), or ``handover`` (as
        :py:func:`shutdown`, then a start, with a full update), or ``control`` (dhcpd's documented
        shutdown: 18 s half of the clients unanswered, then MCLT; it wants ``force=mclt``).
    force
        Codes of the reasons to override, comma-separated (``dhcpd.ok_to_stop`` shows them).
    evidence
        What the master saw of the other ends, at most 10 s ago. Without it (a person at the
        console) only a server that is secondary in all its relationships is restarted; on the
        master ``salt-run dhcp_failover.restart server=ID`` restarts any.
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
    codes = _force_codes(force)
    _check_method(method)
    staged = None if staged is None else str(staged)
    seen = _wire_data(evidence_rules.given, evidence)
    return _here().answer(restarting.restart, codes, seen, run, method, timeout, identity, staged)


def resume(run=None):
    """
    Let dhcpd speak again where an interrupted drain or hand-over has left it silent.

    .. versionadded:: 0.1.0

    run
        The run whose claim on this server may stand.

    Returns ``result``, ``comment``, ``resumed`` (relationships).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.resume
    """
    return _here().answer(starting.resume, run)


def roll_back(run=None, evidence=None, method="signal", force=None, timeout=None, identity=None):
    """
    Put the files from before the last rollout back and restart dhcpd with them.

    .. versionadded:: 0.1.0

    With the master's evidence it is done although this server is not normal, as long as its
    partners serve. Without it (a person at the console) it is guarded as :py:func:`restart`: only a
    server that is secondary in all its relationships is stopped for it.

    run
        The run whose files are taken back; without it, the last one's.
    evidence
        What the master saw of the partners, by relationship.
    method, force, timeout, identity
        As in :py:func:`restart`.

    Returns as :py:func:`restart` does.

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.roll_back
    """
    codes = _force_codes(force)
    _check_method(method)
    seen = _wire_data(evidence_rules.given, evidence)
    return _here().answer(restarting.roll_back, codes, seen, run, method, timeout, identity)
