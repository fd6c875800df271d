"""Some seconds of fuzzing, the same inputs each time; ``make fuzz`` goes on with others."""

from __future__ import annotations

import fuzz
import pytest
from readers import READERS

#: Inputs of each reader: some three seconds.
INPUTS = 400


@pytest.mark.parametrize("reader", READERS)
def test_no_input_makes_a_reader_fail_or_hang(reader):
    done, found = fuzz.run([reader], 1, INPUTS, 300.0)
    assert not found, "\n".join(map(str, found))
    assert done == INPUTS
