"""
Sphinx's settings for the documents as a site; ``make docs``.

The pages are those of this folder, copied and given their places by ``docs/website.py``; the
reference is made from the docstrings of what Salt loads.
"""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

from sphinx.ext.autodoc.mock import mock

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "_utils")]

#: As Salt shows it: kind and virtual name, and the files that the loader makes it from.
LOADED = {
    "modules.dhcpd": [
        "_modules.dhcpd",
        "_modules.dhcpd_cleanup",
        "_modules.dhcpd_configuration",
        "_modules.dhcpd_leases",
        "_modules.dhcpd_partner",
        "_modules.dhcpd_service",
    ],
    "states.dhcpd": ["_states.dhcpd"],
    "states.dhcp_failover": ["_states.dhcp_failover"],
    "runners.dhcp_failover": [
        "_runners.dhcp_failover",
        "_runners.dhcp_failover_fleet",
        "_runners.dhcp_failover_runs",
        "_runners.dhcp_failover_steering",
    ],
    "beacons.dhcp_failover": ["_beacons.dhcp_failover"],
}


def load() -> None:
    """Make one module of each virtual name; Salt itself is not needed for the docstrings."""
    # The loader's dunders are named in the functions only: nothing needs them at the import.
    with mock(["salt"]):
        for name, files in LOADED.items():
            module = types.ModuleType(name)
            for number, file in enumerate(files):
                part = importlib.import_module(file)
                if not number:
                    module.__doc__ = part.__doc__
                aliases = getattr(part, "__func_alias__", {})
                for function, value in vars(part).items():
                    mine = getattr(value, "__module__", None) == file
                    if mine and isinstance(value, types.FunctionType) and function[0] != "_":
                        shown = aliases.get(function, function)
                        value.__module__ = name
                        setattr(module, shown, value)
            kind = name.partition(".")[0]
            sys.modules.setdefault(kind, types.ModuleType(kind))
            sys.modules[name] = module


load()

project = "ISC dhcpd failover pairs with Salt"
author = "The project's authors"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = "dhcpd failover with Salt"
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
nitpicky = False
add_module_names = False
autodoc_typehints = "none"
# Headings as the forge makes their anchors.
myst_heading_anchors = 3


def setup(app) -> None:
    """Show the runners' words without what only catches those that nobody knows."""

    def without_unknown(app, what, name, obj, options, signature, returned):
        if signature is not None:
            signature = signature.replace(", **unknown", "").replace("**unknown", "")
        return signature, returned

    app.connect("autodoc-process-signature", without_unknown)
