"""
What is wrong with a configuration, what it means for clients, and what to do about it.

:func:`lint` has the rules of failover: those that dhcpd checks itself, said so that they are
understood, and those that it lets pass. Those that need both partners:
:func:`iscdhcp.conf.compare.crossed_facts`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ConfError
from ..errors import IscDhcpError
from . import about_failover
from . import about_networks
from . import about_omapi
from . import about_pools
from . import grammar
from . import names
from . import views
from .finding import ERROR
from .finding import NOTE
from .finding import WARNING
from .finding import Finding
from .finding import of_problem
from .syntax import Tree
from .syntax import walk


def lint(
    tree: Tree,
    addresses: Sequence[str] | None = None,
    resolve: names.Resolve | None = None,
) -> list[Finding]:
    """
    Return what is wrong with a configuration, the worst first, then by file and line.

    :param tree: the configuration.
    :param addresses: the IPv4 addresses of the host that it is for; without them the rules about
        the host's own addresses are left out.
    :param resolve: looks names up on that host; without it names decide nothing.

    No finding holds a key's name or secret.
    """
    findings = [of_problem(one) for one in grammar.problems(tree)]
    try:
        configuration: views.Configuration | None = views.views(tree)
    except ConfError as err:
        configuration = None
        findings.append(
            Finding(
                ERROR, "configuration", err.file, err.line, err.message, "complete that statement"
            )
        )
    declared = [
        one for one in walk(tree.statements) if one.keyword == "failover" and one.block is not None
    ]
    for one in declared:
        findings.extend(about_failover.declaration(one))
        if resolve is not None:
            findings.extend(map(of_problem, names.misleading(one, resolve, addresses)))
    findings.extend(about_pools.pools(tree.statements, bool(declared)))
    findings.extend(about_pools.parameters(tree.statements, bool(declared)))
    if configuration is not None:
        findings.extend(about_failover.relationships(tree, configuration, addresses))
        findings.extend(about_omapi.omapi(tree, configuration))
    findings.extend(about_networks.networks(tree, addresses if declared else None))
    rank = {ERROR: 0, WARNING: 1, NOTE: 2}
    unique = dict.fromkeys(findings)
    return sorted(unique, key=lambda one: (rank[one.severity], one.file or "", one.line or 0))


def broken(error: IscDhcpError) -> Finding:
    """
    Return the finding about a configuration that can't be read or parsed.

    :param error: what reading it has raised.
    """
    file, line = getattr(error, "file", None), getattr(error, "line", None)
    what = getattr(error, "message", str(error))
    return Finding(ERROR, "syntax", file, line, f"{what}: dhcpd does not start", "fix it there")
