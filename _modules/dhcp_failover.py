"""
What an orchestration on the master has to know of its own call; for the files in ``orch/``.
"""

from typing import TYPE_CHECKING

from iscdhcp.errors import IscDhcpError
from iscdhcp_salt import call
from salt.exceptions import CommandExecutionError

if TYPE_CHECKING:
    from iscdhcp_salt.dunders import __opts__

__virtualname__ = "dhcp_failover"


def __virtual__():
    if __opts__.get("__role") != "master" and not _master_config_known():
        return False, "dhcp_failover.* is for orchestrations, on the master"
    return __virtualname__


def _master_config_known():
    return bool(__opts__.get("conf_file", "").endswith("master"))


def call_pillar():
    """
    Return what the call of this orchestration has added to the master's own pillar.

    .. versionadded:: 0.1.0

    Salt merges both. A key of the site's own pillar that happens to be called ``pair`` or
    ``order`` means something else.

    CLI Example:

    .. code-block:: bash

        # in an SLS: {%- set call = salt["dhcp_failover.call_pillar"]() %}
    """
    try:
        return call.call_pillar()
    except IscDhcpError as err:
        raise CommandExecutionError(str(err)) from None
