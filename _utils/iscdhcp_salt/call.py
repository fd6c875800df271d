"""
What the call of an orchestration has added to the master's own pillar.

Salt merges both, and the renderer of an SLS sees only the result: a key ``pair`` of the site's own
pillar would look like one that was given. (``pillar.items`` is no way to tell: in Salt 3008 its
fresh pillar begins with the merged one.) The state run that renders has what was given, decrypted.
"""

import sys
from typing import Any

import salt.state
from iscdhcp.errors import IscDhcpError


def call_pillar():
    """
    Return what was given with the call of the state run that this thread is in: a dictionary.

    Raises :class:`iscdhcp.errors.IscDhcpError` outside of one.
    """
    # By the stack and not by HighState.get_active(): reactions run side by side in threads.
    frame: Any = sys._getframe(1)
    while frame is not None:
        running = frame.f_locals.get("self")
        if isinstance(running, salt.state.BaseHighState):
            running = running.state
        if isinstance(running, salt.state.State):
            return dict(running._pillar_override or {})
        frame = frame.f_back
    raise IscDhcpError("This is for the SLS of an orchestration: there is no state run here.")
