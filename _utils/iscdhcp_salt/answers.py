"""
What the files of the runner ``dhcp_failover`` have in common: answers in Salt's form, and who asks.

Salt's dunders are handed over: they are globals of the file whose function was called.
"""

from iscdhcp import vocabulary
from iscdhcp.rules.methods import check_method as _check_method

from . import master


def answer(context, data, good):
    """Return ``data`` so that both salt-run's exit code and a salt.runner step tell the truth."""
    if good:
        return data
    context["retcode"] = 1
    return {**data, "retcode": 1}


def refused(context, comment, **more):
    return answer(context, {"result": False, "comment": str(comment), **more}, False)


def request(opts, method="signal", fresh=False, server=None, **more):
    _check_method(method)
    return master.new_request(
        opts, method=method, fresh=fresh, only=vocabulary.text("server", server), **more
    )


def shown(opts, context, function, data, good):
    """Return ``data``; as a table where a person at the terminal has called ``function``."""
    whole = answer(context, data, good)
    if opts.get("fun") == f"dhcp_failover.{function}":
        return {"data": whole, "outputter": "dhcp_failover"}
    return whole


def user(runners):
    """
    Return who called the runner, or ``None`` where nobody is named.

    runners
        The dunder ``__salt__``. Salt puts ``__user__`` into one file only of those that share a
        virtual name (``SyncClientMixin.low``), whichever function is called.
    """
    for name in runners:
        if name.startswith("dhcp_failover."):
            found = runners[name].__globals__.get("__user__")
            if found is not None:
                return str(found)
    return None
