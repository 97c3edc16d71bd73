"""A server's figures, and what its repr tells of them."""

from __future__ import annotations

Stats = dict[str, int | float | str | None]
"""What `Server.stats` returns, which explains it."""


def counted(stats: Stats, running: bool) -> list[tuple[str, str]]:
    """What is wrong with the policy, if anything, and how far the server has come; as names and values."""
    return [*_faults(stats, running), ("waiting", f"{stats['waiting']:,}"), ("batches so far", f"{stats['batches']:,}")]


def _faults(stats: Stats, running: bool) -> list[tuple[str, str]]:
    if stats["fault"]:
        return [("the policy failed, and nothing is taken any more", str(stats["fault"]))]
    if running and stats["next_tick_in"] is None and stats["waiting"] and not stats["handling"]:
        return [("nothing will happen", "the policy waits, with no batch handled and no timer set")]
    return []
