"""Characters that look like those of dhcpd.conf and are none, as from web pages."""

from __future__ import annotations

from ..patterns import lazy_pattern

_FOREIGN = lazy_pattern(r"[^\x00-\x7f]")
#: What is meant by them; those below U+00A0 are quotes and dashes of Windows in a file that is no
#: UTF-8.
_MEANT = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\x96\x97", "a plain hyphen (-)"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb\uff02\x93\x94", 'plain quotes (")'),
    **dict.fromkeys("\u2018\u2019\u201a\x91\x92", 'plain quotes (")'),
    **dict.fromkeys("\u00a0\u2007\u202f\u3000", "a plain space"),
    **dict.fromkeys("\u200b\u2060\u00ad", "nothing: it can't be seen"),
    "\ufeff": "nothing: it is a byte order mark",
    **dict.fromkeys("\u037e\uff1b", "a plain semicolon (;)"),
    "\uff5b": "a plain brace ({)",
    "\uff5d": "a plain brace (})",
    "\uff0c": "a plain comma (,)",
}


def foreign(text: str) -> tuple[str, str] | None:
    """
    Return what is told about the first character of a text that is not ASCII, and what to write.

    text
        Without strings and comments: there any character may stand.
    """
    match = _FOREIGN.search(text)
    if match is None:
        return None
    mark = match[0]
    shown = f'"{mark}" ' if mark.isprintable() else ""
    meant = _MEANT.get(mark)
    return (
        f"the character {shown}(U+{ord(mark):04X}) is none of dhcpd.conf, as it comes from a web "
        "page or a word processor",
        f"write {meant}" if meant else "write it in plain ASCII",
    )
