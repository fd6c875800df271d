"""
What ``salt-run dhcp_failover.status``, ``restart`` and their like return, as a table for people.

Salt uses it by itself where nobody asks for another one; ``--out=json`` gives the same data to
programs. Colours are Salt's own: ``--no-color`` and ``--force-color`` count.
"""

import shutil
from typing import TYPE_CHECKING

import salt.utils.color
from iscdhcp.show import tables

if TYPE_CHECKING:
    from iscdhcp_salt.dunders import __opts__
    from iscdhcp_salt.dunders import __salt__

__virtualname__ = "dhcp_failover"


def __virtual__():
    return __virtualname__


def output(data, **kwargs):
    """
    Return ``data`` as text.

    .. versionadded:: 0.1.0

    data
        What a function of the runner ``dhcp_failover`` returned; anything else is shown as Salt's
        ``nested`` does.
    """
    colours = salt.utils.color.get_colors(__opts__.get("color"), __opts__.get("color_theme"))

    def paint(text, colour):
        return f"{colours[colour]}{text}{colours['ENDC']}" if colour else text

    shown = data
    if isinstance(data, dict):
        shown = {key: value for key, value in data.items() if key != "retcode"}
    text = tables.render(shown, paint, shutil.get_terminal_size((120, 24)).columns)
    if text is None:
        return __salt__["nested"](shown, **kwargs)
    return text
