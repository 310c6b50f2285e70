"""Normal noise by look-up, against SciPy's inverse normal distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from amr.kernels.normal_table import NORMALS, normal_quantile


def test_quantiles_are_scipys_on_both_branches_and_both_sides():
    probabilities = np.concatenate([np.linspace(0.0001, 0.9999, 997), [1e-10, 0.074999, 0.075001, 0.925001, 1 - 1e-10]])
    ours = np.array([normal_quantile(p) for p in probabilities])
    assert ours == pytest.approx(ndtri(probabilities), rel=1e-13, abs=1e-15)


def test_a_uniform_draw_looks_up_a_standard_normal_number():
    numbers = NORMALS.astype(np.float64)
    assert numbers.mean() == pytest.approx(0.0, abs=1e-7)
    assert (numbers**2).mean() == pytest.approx(1.0, abs=1e-4)
    assert (numbers**4).mean() == pytest.approx(3.0, abs=2e-3)
    assert (np.diff(numbers) > 0).all()
    assert numbers[-1] == pytest.approx(-numbers[0]) == pytest.approx(4.325, abs=1e-3)


def test_the_table_is_nobodys_to_write():
    with pytest.raises(ValueError, match="read-only"):
        NORMALS[0] = 0.0
