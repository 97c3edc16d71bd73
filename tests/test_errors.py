"""The tree of errors: what the docstring draws is what the classes are."""

from __future__ import annotations

import builtins
import inspect
import re

import pytest

from batchdemo import errors

LINE = re.compile(r"^(?P<branch>[│├└─ ]*)(?P<name>\w+)(?: \((?P<base>\w+)\))?(?:\s{2,}\S.*)?$")
STEP = 4  # columns by which a child stands further right than its parent


def drawn(docstring):
    """The drawing as `{name: names of the bases}`."""
    tree, path = {}, []
    for line in docstring.splitlines()[1:]:
        if not line.strip():
            path = []
            continue
        match = LINE.match(line)
        assert match, f"not a line of the tree: {line!r}"
        depth = len(match["branch"]) // STEP
        parents = path[depth - 1 : depth]
        tree[match["name"]] = (*parents, *([match["base"]] if match["base"] else []))
        path = [*path[:depth], match["name"]]
    return tree


def real_tree():
    found = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if kind.__module__ == errors.__name__ and issubclass(kind, BaseException)
    ]
    return {kind.__name__: tuple(base.__name__ for base in kind.__bases__) for kind in found}


def test_the_drawing_is_read_as_it_is_meant():
    picture = "Title.\n\nA\n├── B (ValueError)   text\n│   └── C   text\n└── D (OSError)   text\n\nE (KeyError)   text"
    assert drawn(picture) == {
        "A": (),
        "B": ("A", "ValueError"),
        "C": ("B",),
        "D": ("A", "OSError"),
        "E": ("KeyError",),
    }


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes():
    picture = drawn(inspect.cleandoc(errors.__doc__))
    picture["BatchdemoError"] = ("Exception",)  # the root: the drawing names no base
    assert picture == real_tree()


@pytest.mark.parametrize("name", sorted(set(real_tree()) - {"SendInterrupted"}))
def test_every_error_but_the_interrupt_is_a_batchdemo_error(name):
    assert issubclass(getattr(errors, name), errors.BatchdemoError)


@pytest.mark.parametrize("name", sorted(real_tree()))
def test_every_error_has_a_docstring_and_a_base_that_python_knows(name):
    kind = getattr(errors, name)
    assert kind.__doc__
    assert any(getattr(builtins, base.__name__, None) is base for base in kind.__mro__[1:])


def test_an_interrupted_send_is_a_keyboard_interrupt_and_no_exception():
    assert issubclass(errors.SendInterrupted, KeyboardInterrupt)
    assert not issubclass(errors.SendInterrupted, Exception)
    assert not issubclass(errors.SendInterrupted, errors.BatchdemoError)


def test_an_interrupted_send_carries_the_run_and_says_its_message():
    run = object()
    error = errors.SendInterrupted("interrupted after 3 of 18 replies", run)
    assert error.run is run
    assert str(error) == "interrupted after 3 of 18 replies"
