"""
What one ISC DHCP server does about its failover partner: look for it, take it for dead.

More functions of the execution module ``dhcpd``.
"""

from functools import partial
from typing import TYPE_CHECKING

from iscdhcp.act import partner_down as act_partner_down
from iscdhcp.facts import lease_counts
from iscdhcp.facts import partner_probe
from iscdhcp.rules import is_dead
from iscdhcp_salt.minion import Minion
from iscdhcp_salt.minion import no_linux as _no_linux
from iscdhcp_salt.minion import wire_data as _wire_data

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


def look_for_partner(relationship):
    """
    Look from this server whether its partner shows any sign of life; changes nothing.

    .. versionadded:: 0.1.0

    relationship
        Which partner.

    Returns ``facts`` (as :py:func:`status`), ``probe`` (``address``, ``ping``, ``omapi``:
    ``open``, ``refused`` or ``silent``, ``dhcp``: whether it answers a client), ``addresses``
    (``own`` and ``partners`` free ones, ``active``). Nothing connects to a failover port.

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.look_for_partner foo
    """
    return _look(_here(), relationship)


def _look(here, relationship):
    facts = here.facts(brief=True)
    server = here.server()
    leases = lease_counts.kept_or_counted(server, here.state_dir(), recount=True)
    end = facts["relationships"].get(relationship)
    return {
        "facts": facts,
        "probe": partner_probe.probe_partner(server, relationship, leases),
        "addresses": is_dead.addresses(leases, relationship, end and end["role"]),
    }


def partner_down(relationship, evidence=None, run=None):
    """
    Take the partner of a relationship for dead; ``salt-run dhcp_failover.partner_down`` calls it.

    .. versionadded:: 0.1.0

    Refused without the master's evidence, which can ask both ends, and whenever the partner shows
    a sign of life to this server, looked for in the same call. Other relationships stay as they
    are. Where this server answers nobody (``recover`` and the like), dhcpd is started again.

    relationship
        Which one.
    evidence, run
        Of the master's run.

    Returns ``result``, ``comment``, ``since`` and ``usable_from`` (epoch seconds: STOS + MCLT).

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.partner_down foo    # refused, and says what to run on the master
    """
    here = _here()
    death = _wire_data(is_dead.given, evidence)
    look = partial(_look, here)
    return here.answer(act_partner_down.take, relationship, death, run, look)


def release_window(drained=False, run=None):
    """
    Release the full window of a survivor whose returned partner waits in ``recover`` forever.

    .. versionadded:: 0.1.0

    It asserts this server's own partner-down again, and only where it is in that state already
    and its partner does not serve.

    drained
        The partner has been restarted by method ``drain`` and both are normal again: release what
        was under way to it when it ended, by asserting this server's own ``normal`` again. After a
        ``dhcpd.restart method=drain`` by hand, call this on the partner.
    run
        The run whose claim on this server may stand.

    Returns ``result``, ``comment``, ``released`` (relationships), ``untouched`` (name: why).

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.release_window
    """
    return _here().answer(act_partner_down.release, bool(drained), run)
