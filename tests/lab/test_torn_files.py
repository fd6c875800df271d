"""A stop in the middle of mass writes leaves a whole lease file: ``make bench-torn`` in short."""

from __future__ import annotations

import pytest

from bench import torn
from lab.isolation import is_isolated


@pytest.mark.skipif(not is_isolated(), reason="boots hosts: run `make test`")
def test_no_method_tears_the_lease_file_of_a_server_that_is_busy_writing():
    done = torn.measure(2, 1, ["signal", "drain"], seed=0, addresses=8192, within=1.0)
    for tally in done.values():
        assert (tally.stops, tally.gave_up) == (2, 0)
        assert tally.torn == 0, tally.problems
        assert tally.lost == 0, tally.examples_lost
        # At the least what lay there before: a stop at once may come before the first new lease.
        assert tally.active >= torn.SEEDED
