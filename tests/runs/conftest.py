"""Plots of these tests go to no screen, and leave no figure behind."""

from __future__ import annotations

import pytest


@pytest.fixture
def pyplot(monkeypatch):
    """pyplot with the Agg backend; every figure is closed afterwards."""
    monkeypatch.setenv("MPLBACKEND", "Agg")
    from matplotlib import pyplot

    pyplot.switch_backend("Agg")
    with pyplot.rc_context():  # what one test changes is no excuse for the next
        yield pyplot
    pyplot.close("all")


@pytest.fixture
def ax(pyplot):
    """Axes to draw on."""
    return pyplot.subplots()[1]
