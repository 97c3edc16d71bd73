"""What the tests of the exercises share: seeds, the words of a failed check, and a function with one thing wrong."""

from __future__ import annotations

from batchdemo.course import check, seed_for

SEEDS = [0, *(seed_for(f"student {number}") for number in range(25))]


def by_name(exercises):
    """The exercises of a notebook by their names."""
    return {found.name: found for found in exercises}


def words(name, answer, seed=0):
    """What a check that fails says."""
    verdict = check(name, answer, seed=seed)
    assert verdict.passed is False, verdict
    return verdict.words


def changed(text, name, old, new, *, times=-1, **known):
    """The function of this name in the text, with one thing changed: wherever it stands, or so many times."""
    assert old in text
    space = dict(known)
    exec(text.replace(old, new, times), space)
    return space[name]
