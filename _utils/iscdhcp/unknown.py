"""
Facts of which nothing is known: every key is there, and says so.

What is read fills them in; where a server did not answer they stand for it, so that a reader of
facts never has to ask whether a key is there.
"""

from __future__ import annotations

from . import wire
from .shapes import EndFacts
from .shapes import Examined
from .shapes import LogSurvey
from .shapes import ServerFacts
from .shapes import ServiceFacts
from .shapes import Survey


def end() -> EndFacts:
    """Return one end of a relationship."""
    return {
        "role": None,
        "running_role": None,
        "address": None,
        "port": 0,
        "peer_address": None,
        "peer_port": 0,
        "mclt": None,
        "max_response_delay": 0,
        "auto_partner_down": 0,
        "source": None,
        "why_unknown": None,
        "state": None,
        "partner_state": None,
        "since": None,
        "partner_since": None,
        "normal_since": None,
        "serves": None,
        "unacked": None,
        "unacked_bound": None,
        "connected": None,
        "refused": None,
        "balance": {"balanced": None, "unreadable": None, "imbalanced": [], "pools": {}},
        "asked": None,
        "alive": None,
    }


def server() -> ServerFacts:
    """Return the facts of a server."""
    return {
        "wire": wire.VERSION,
        "minion": None,
        "time": 0.0,
        "process": {
            "running": False,
            "absent": None,
            "signs": [],
            "others": [],
            "pid": None,
            "identity": None,
            "started": None,
            "stopped": False,
            "gentle_shutdown": False,
            "argv": [],
            "several": None,
            "beside": [],
            "unit": None,
            "sandboxed": False,
        },
        "configuration": {"file": "", "error": None, "files": [], "touched_since_start": None},
        "lease_file": {
            "file": "",
            "exists": None,
            "bytes": 0,
            "mtime": None,
            "whole": None,
            "problem": None,
            "mendable": None,
            "replaced": None,
            "folder_problem": None,
        },
        "omapi": {
            "configured": False,
            "answers": False,
            "error": None,
            "hint": None,
            "port": None,
            "authenticated": None,
        },
        "log": {"source": None, "error": None},
        "relationships": {},
        "steady": True,
        "leases": None,
        "boot": None,
        "claim": None,
        "foreign_claim": None,
        "acting": False,
        "last_start": None,
        "paused_by_us": [],
        "pending_restart": None,
        "busy": None,
        "start_problem": None,
        "version": None,
        "service": None,
        "survey": None,
        "waited": None,
        "after": None,
        "logged": None,
    }


def service() -> ServiceFacts:
    """Return what a service manager says of dhcpd that does not know it."""
    return {
        "name": None,
        "manager": None,
        "active": None,
        "failed": False,
        "refuses": None,
    }


def log() -> LogSurvey:
    """Return the survey of a log that says nothing."""
    return {
        "source": None,
        "error": None,
        "complete": True,
        "moves": [],
        "told": [],
        "harmless": {},
        "unwritten": None,
        "clients": {},
        "full_networks": {},
        "failed_start": None,
    }


def examined() -> Examined:
    """Return what is found in a configuration that was not read."""
    return {"error": None, "findings": [], "digests": {}}


def survey() -> Survey:
    """Return the survey of a server."""
    return {
        "space": {
            "folder": "",
            "error": None,
            "free": 0,
            "needed": 0,
            "inodes": None,
            "read_only": False,
        },
        "sockets": {"error": None, "relationships": {}, "omapi": None},
        "firewall": None,
        "log": None,
        "configuration": None,
        "knowledge": None,
        "upgrades": None,
        "forgotten": None,
    }
