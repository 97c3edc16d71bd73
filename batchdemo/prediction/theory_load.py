"""How much is asked of a server against how much it can carry; and the arguments of the theory, checked."""

from __future__ import annotations

from typing import Any

from batchdemo.arguments import real, refuse, whole

REMEDY = "lower the rate, or take larger batches or a shorter interval"


def utilisation(rate: float, max_batch_size: int, interval: float) -> float:
    """Whether a fixed interval keeps up: ρ = λT/B, the requests that come in one interval a place.

    rate              λ, requests a second in the mean, above 0
    max_batch_size    B, places at each tick
    interval          T, seconds between two ticks

    A share, without a unit. Below 1 the queue is stable, for arrivals of any steady pattern; above 1 it grows for ever,
    and at 1 as well if they come by chance (Loynes 1962). No error above 1: the figure is what one wants to see.
    """
    return a_rate(rate) * an_interval(interval) / a_size(max_batch_size)


def capacity(max_batch_size: int, a: float, b: float) -> float:
    """The most requests a second that one executor can carry in batches of up to B: B/(aB + b).

    max_batch_size    B, requests in a full batch
    a                 seconds that each request costs, as `Costs.per_item`
    b                 seconds that each batch costs, as `Costs.per_batch`

    By definition: full batches, one after the other, each taking a·B + b seconds.
    """
    size = a_size(max_batch_size)
    a, b = costs(a, b)
    return size / (a * size + b)


def stable(rate: float, max_batch_size: int, interval: float) -> float:
    """ρ of a queue that does not grow for ever; else an ArgumentError that says what to do."""
    rho = utilisation(rate, max_batch_size, interval)
    if rho >= 1:
        carried = f"{max_batch_size:,} every {interval:g} s carry {max_batch_size / interval:g}/s at most"
        remedy = f"The rate is {rate:g}/s, and {carried}. The queue grows for ever; {REMEDY}."
        refuse("utilisation", "below 1", float(f"{rho:.6g}"), remedy)
    return rho


def a_rate(rate: Any) -> float:
    """λ, in requests a second."""
    return real("rate", rate, 1e-9, 1e9, "requests a second")


def a_size(max_batch_size: Any) -> int:
    """B, as the policies take it."""
    return whole("max_batch_size", max_batch_size, 1, 1_000_000)


def an_interval(interval: Any) -> float:
    """T, as the policies take it."""
    return real("interval", interval, 0.001, 86_400, "seconds")


def costs(a: Any, b: Any) -> tuple[float, float]:
    """The seconds a request and the seconds a batch, of which one at least is above 0."""
    a = real("a", a, 0, 1e6, "seconds a request")
    b = real("b", b, 0, 1e6, "seconds a batch")
    if a == b == 0:
        refuse("a", "above 0 where b is 0", a, "A batch that takes no time needs no theory.")
    return a, b
