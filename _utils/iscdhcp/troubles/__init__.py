"""
Every trouble that can be told of a server or a pair, worded once.

:mod:`.catalogue` finds one by its code; the other files hold them, by what they are about.
``docs/troubles.md`` is made from them.
"""
