"""What is known of one kind of trouble, whoever tells it."""

from __future__ import annotations

from dataclasses import dataclass

#: It is bad; it can't be proved that it is good (which counts as bad); it is good to know.
BAD, UNPROVED, NOTE = "bad", "can't be proved", "good to know"


@dataclass(frozen=True)
class Trouble:
    """
    One kind of trouble.

    code
        What programs know it by.
    means
        What it is and what it does to the clients or the pair, for the manual.
    do
        What to do, with fields in braces: of ``says``, or ``server``, ``partner`` and ``pair``.
    says
        The sentence about one case, without its full stop, with fields in braces; ``None`` where
        it is put together from what was found.
    proof
        :data:`BAD`, :data:`UNPROVED` or :data:`NOTE`.
    blocks
        Whether no restart is begun because of it.
    force
        The word of ``force`` that overrides it, if a person may.
    check
        The check of preflight that it belongs to, if one.
    """

    code: str
    means: str
    do: str
    says: str | None = None
    proof: str = BAD
    blocks: bool = False
    force: str | None = None
    check: str | None = None
