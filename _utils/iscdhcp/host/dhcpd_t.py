"""What dhcpd itself says of a configuration (``dhcpd -t``)."""

from __future__ import annotations

from ..answers import OwnVerdict
from ..errors import ProcessError
from ..log.messages import masked
from . import command


def complaint(verdict: OwnVerdict) -> str | None:
    """
    Return what dhcpd has against a configuration, or ``None`` where it accepts it.

    What it lets pass (an unresolvable peer, an unknown algorithm) is not found here.
    """
    return None if verdict["verdict"] == "accepted" else str(verdict["said"])


def dhcpd_verdict(config_file: str, binary: str = "dhcpd", timeout: float = 60.0) -> OwnVerdict:
    """
    Let dhcpd itself parse ``config_file`` (``dhcpd -t``).

    timeout
        Seconds that it may take.

    Returns ``verdict`` (``accepted``, ``refused``, ``crashed`` or ``unknown``: not installed, or
    too slow), ``exit_code`` (None where it has none) and ``said``, its complaint as a sentence.
    """

    def verdict(what: str, said: str | None, exit_code: int | None = None) -> OwnVerdict:
        return {"verdict": what, "exit_code": exit_code, "said": said}

    argv = [binary, "-t", "-cf", config_file]
    try:
        done = command.run(argv, timeout)
    except ProcessError as err:
        return verdict("unknown", str(err))
    code = done.code
    if code == 0:
        return verdict("accepted", None, code)
    if code < 0:
        return verdict("crashed", f"{binary} -t crashed (signal {-code}) on {config_file}", code)
    return verdict("refused", _complaint(done.err) or f"{binary} -t refused {config_file}", code)


_BANNER = (
    *("Internet Systems", "Copyright", "All rights", "For info"),
    *("Config file:", "PID file:", "Database file:"),
)


def _complaint(text: str) -> str:
    """Return the first error of dhcpd's stderr, without its banner."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(_BANNER)]
    errors = [line for line in lines if " line " in line or "ERROR" in line]
    return masked((errors or lines or [""])[0])
