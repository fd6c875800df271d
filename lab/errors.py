"""What a lab says when it cannot go on."""


class LabError(Exception):
    """Something did not come up, or did not come about in time; the text says what."""
