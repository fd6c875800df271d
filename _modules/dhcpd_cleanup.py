"""
Take away what this project has left on a minion; one more function of the module ``dhcpd``.

Nothing of it harms if it stays. Backups are kept for whoever wants an old file back, notes so that
dhcpd is started as it ran.
"""

from typing import TYPE_CHECKING

from iscdhcp.act import cleaning
from iscdhcp_salt.minion import Minion
from iscdhcp_salt.minion import no_linux as _no_linux

if TYPE_CHECKING:
    from iscdhcp_salt.dunders import __context__
    from iscdhcp_salt.dunders import __grains__
    from iscdhcp_salt.dunders import __opts__
    from iscdhcp_salt.dunders import __salt__

__virtualname__ = "dhcpd"


def __virtual__():
    return _no_linux() or __virtualname__


def cleanup(remove=False, everything=False):
    """
    List what this project has left on the minion, and remove it if that is wanted.

    .. versionadded:: 0.1.0

    remove
        Remove it. Without it the files are only listed.
    everything
        Those too that are still of use: the backups that take the last rollout back
        (``previous=True``), and the notes in the minion's cache, by which dhcpd is started as it
        ran and a pending restart is known. For a minion from which this project is removed.

    Returns ``result``, ``comment``, ``files`` (what is there: ``path``, its ``kind`` (``backup``,
    ``way-back``, ``candidate``, ``staged``, ``damaged-leases``, ``leases-before-rollout``,
    ``half-written``, ``note``) and ``what`` that is in words, ``bytes``, ``modified`` in epoch
    seconds) and ``removed`` (the same). Refuses, with nothing removed, while
    a run has claimed this server, a configuration waits on its stage or is on probation, a
    relationship is paused, or dhcpd does not run. dhcpd's own files are never touched, nor what a
    state of yours has made (``dhcpd.kept_from_upgrades``).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.cleanup
        salt dhcp-a dhcpd.cleanup remove=True
        salt dhcp-a dhcpd.cleanup remove=True everything=True
    """
    here = Minion(__salt__, __opts__, __grains__, __context__)
    return here.answer(cleaning.cleanup, bool(remove), bool(everything))
