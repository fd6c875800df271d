"""The errors of this library. The text of each is one sentence that a person can act on.

No text ever holds a key's name or secret: dhcpd's OMAPI accepts a message whose signature is
left out (omapip/protocol.c), so the name of a key is worth as much as its secret.
"""

from __future__ import annotations


class IscDhcpError(Exception):
    """Something about dhcpd could not be read, understood or done."""


class ConfError(IscDhcpError):
    """A configuration file of dhcpd could not be read or understood.

    :param message: what is wrong, without the place.
    :param file: path of the file, where known.
    :param line: line in the file, counted from 1, where known.
    :param column: column in the line, counted from 1, where known.

    ``str()`` gives ``FILE:LINE: message``, as far as the place is known.
    """

    def __init__(
        self,
        message: str,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        super().__init__(message, file, line, column)
        self.message = message
        self.file = file
        self.line = line
        self.column = column

    def __str__(self) -> str:
        if self.file is None:
            return self.message if self.line is None else f"line {self.line}: {self.message}"
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.message}"


class ProcessError(IscDhcpError):
    """The dhcpd process could not be found, stopped or started."""


class LeaseFileError(IscDhcpError):
    """A lease file could not be read, understood or repaired."""


class LogError(IscDhcpError):
    """dhcpd's log could not be read or understood."""


class OmapiError(IscDhcpError):
    """A request over OMAPI was not made, or not answered as it should be."""


class OmapiLibraryMissing(OmapiError):
    """The Python library ``pypureomapi`` is not installed here."""


class OmapiRefused(OmapiError):
    """No connection could be made: nothing listens there, or no way leads there."""


class OmapiTimeout(OmapiError):
    """The server was silent until the deadline: not one byte of an answer came."""


class OmapiClosed(OmapiError):
    """No whole, sensible answer came: cut off, half an answer, or not OMAPI at all."""


class OmapiUnknownKey(OmapiError):
    """The server knows no key of that name with that algorithm."""


class OmapiWrongSecret(OmapiError):
    """The signature of the request or of the answer does not fit the key."""


class OmapiKeyRequired(OmapiError):
    """The server wants requests to be signed, and no key was given."""


class OmapiNotFound(OmapiError):
    """The server has no failover relationship of that name."""


class OmapiRejected(OmapiError):
    """The server answered with another status than success.

    :param message: the whole sentence.
    :param code: the result code from the wire (includes/omapip/result.h).
    :param server_message: the server's own words, possibly empty.
    """

    def __init__(self, message: str, code: int, server_message: str = "") -> None:
        super().__init__(message, code, server_message)
        self.code = code
        self.server_message = server_message

    def __str__(self) -> str:
        return str(self.args[0])


class StagingError(IscDhcpError):
    """A configuration file could not be made, checked, put in place or taken back."""


class ActError(IscDhcpError):
    """An act did not succeed; the message says what state the server was left in."""


class CalledOff(ActError):
    """
    The last look before an act has called it off: nothing was touched.

    :param message: the whole sentence.
    :param code: which trouble it is, for those who go on by it.
    """

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class StillEnding(ActError):
    """dhcpd was told to end, and has not ended in time: it may end at any moment from now on."""


class LeasesAtRisk(ActError):
    """A start would forget leases, so that none was made.

    :param message: the whole sentence.
    :param code: which trouble it is (:mod:`iscdhcp.troubles.in_files`).
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code
