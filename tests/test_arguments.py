"""Arguments: what is taken, what is refused, and whether the refusal says enough to mend it."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from batchdemo.arguments import real, refuse, whole
from batchdemo.errors import ArgumentError

HUGE = 10**5000  # more digits than Python turns into text


@pytest.mark.parametrize("value", [1, 5, 10, np.int8(5), np.int64(5), np.uint16(5), np.array(5)], ids=repr)
def test_whole_takes_whole_numbers_of_every_kind_and_returns_an_int(value):
    taken = whole("count", value, 1, 10)
    assert type(taken) is int
    assert taken == value


@pytest.mark.parametrize("value", [0, -1, 11, np.int64(0), 10**30], ids=repr)
def test_whole_refuses_what_lies_outside_its_bounds(value):
    with pytest.raises(ArgumentError, match=r"^count must be a whole number from 1 to 10, got "):
        whole("count", value, 1, 10)


@pytest.mark.parametrize(
    "value",
    [5.0, 5.5, math.nan, math.inf, np.float64(5), Fraction(5), "5", b"5", None, True, False, np.True_, [5], 5j],
    ids=repr,
)
def test_whole_refuses_what_is_no_whole_number(value):
    with pytest.raises(ArgumentError, match=r"^count must be a whole number from 0 to 10, got "):
        whole("count", value, 0, 10)


@pytest.mark.parametrize("value", [np.array([1, 2]), np.array([[1]]), HUGE, -HUGE], ids=["1-d", "2-d", "huge", "-huge"])
def test_whole_refuses_with_its_own_error_even_what_python_stumbles_over(value):
    with pytest.raises(ArgumentError, match=r"^count must be a whole number"):
        whole("count", value, 1, 10)


@pytest.mark.parametrize(
    "value", [0.5, 1, 10, 2.5, np.float32(2.5), np.float64(2.5), np.int16(3), Fraction(1, 2)], ids=repr
)
def test_real_takes_numbers_of_every_kind_and_returns_a_float(value):
    taken = real("interval", value, 0.5, 10.0, "seconds")
    assert type(taken) is float
    assert taken == value


@pytest.mark.parametrize("value", [0, 0.0, -1, -0.5, 0.4999, 10.001, math.nan, math.inf, -math.inf, np.nan], ids=repr)
def test_real_refuses_what_lies_outside_its_bounds_or_is_not_finite(value):
    with pytest.raises(ArgumentError, match=r"^interval must be a number of seconds from 0\.5 to 10, got "):
        real("interval", value, 0.5, 10.0, "seconds")


@pytest.mark.parametrize("value", ["5", b"5", None, True, False, np.True_, [5.0], np.array([1.0]), Decimal(5), 5j])
def test_real_refuses_what_is_no_number(value):
    with pytest.raises(ArgumentError, match=r"^interval must be a number of seconds from 0 to 10, got "):
        real("interval", value, 0.0, 10.0, "seconds")


@pytest.mark.parametrize("value", [10**400, HUGE, Fraction(10**400)], ids=["10**400", "10**5000", "fraction"])
def test_real_refuses_with_its_own_error_what_is_too_large_for_a_float(value):
    with pytest.raises(ArgumentError, match=r"^interval must be a number of seconds"):
        real("interval", value, 0.0, 10.0, "seconds")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_even_where_the_bounds_are_infinite(value):
    with pytest.raises(ArgumentError, match=f"got {value}"):
        real("interval", value, -math.inf, math.inf, "seconds")


def test_the_message_names_argument_rule_and_value_and_then_the_remedy():
    with pytest.raises(ArgumentError) as caught:
        refuse("colour", "a colour", "soft", "Take red.")
    assert str(caught.value) == "colour must be a colour, got 'soft'. Take red."


def test_the_message_ends_with_the_value_where_there_is_no_remedy():
    with pytest.raises(ArgumentError) as caught:
        whole("port", 70_000, 0, 65_535)
    assert str(caught.value) == "port must be a whole number from 0 to 65,535, got 70000."


def test_a_remedy_is_passed_on_by_both():
    with pytest.raises(ArgumentError, match="Take 3"):
        whole("count", 0, 1, 10, "Take 3.")
    with pytest.raises(ArgumentError, match="Take 3"):
        real("interval", 0, 1, 10, "seconds", "Take 3.")


@pytest.mark.parametrize("value", ["x" * 1000, list(range(1000)), 10**200])
def test_a_long_value_is_shortened(value):
    with pytest.raises(ArgumentError) as caught:
        refuse("thing", "short", value)
    said = str(caught.value)
    assert len(said) < 120
    assert repr(value)[:70] in said
    assert said.endswith("....")


def test_a_refusal_is_a_value_error_too():
    with pytest.raises(ValueError, match="count"):
        whole("count", 0, 1, 10)
