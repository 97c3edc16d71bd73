"""Figures that carry an alt text: into a notebook, into files, and nowhere that they cannot."""

from __future__ import annotations

import base64
import copy
import html
import pickle
import re

import nbformat
import pytest
from make import Made, at_times, ideal
from nbclient import NotebookClient
from PIL import Image

from batchdemo.runs.figure import describe, new_axes

MIMES = {"text/plain", "text/html", "image/png"}
PLOTS = ["plot", "plot_queue", "plot_latency", "plot_cadence"]


def shown(figure, **kwargs):
    return figure._repr_mimebundle_(**kwargs)


def alt_in(page):
    (alt,) = re.findall(r'<img [^>]*alt="([^"]*)"', page)
    return html.unescape(alt)


def squeezed(text):
    return " ".join(text.split())


@pytest.mark.usefixtures("pyplot")
def test_a_notebook_gets_the_picture_twice_and_the_alt_text_three_times():
    ax = new_axes()
    describe(ax, 'five < "six" & more')
    data, metadata = shown(ax.figure)
    assert set(data) == MIMES
    assert data["text/plain"] == 'five < "six" & more'
    assert alt_in(data["text/html"]) == 'five < "six" & more'
    assert metadata == {"image/png": {"alt": 'five < "six" & more'}}
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG\r\n\x1a\n")
    assert data["image/png"] in data["text/html"]


@pytest.mark.usefixtures("pyplot")
@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({"include": None, "exclude": None}, MIMES),
        ({"include": {"image/png"}}, {"image/png"}),
        ({"include": ["text/plain"]}, {"text/plain"}),
        ({"include": {"image/svg+xml"}}, set()),
        ({"exclude": ("text/html",)}, {"text/plain", "image/png"}),
        ({"include": MIMES, "exclude": ["image/png"]}, {"text/plain", "text/html"}),
    ],
)
def test_only_what_is_asked_for_is_given(asked, given):
    data, metadata = shown(new_axes().figure, **asked)
    assert set(data) == given
    assert set(metadata) == given & {"image/png"}


@pytest.mark.usefixtures("pyplot")
def test_several_axes_are_described_in_their_order_and_the_last_word_counts():
    axes = new_axes(2, 2, figsize=(6.0, 6.0))
    assert axes.shape == (2, 2)
    describe(axes[1, 0], "Third.")
    describe(axes[0, 0], "A slip.")
    describe(axes[0, 0], "First.")
    assert axes[0, 0].figure.alt == "First. Third."
    assert tuple(axes[0, 0].figure.get_size_inches()) == (6.0, 6.0)
    axes[0, 0].remove()
    assert axes[1, 0].figure.alt == "Third."


@pytest.mark.usefixtures("pyplot")
def test_a_figure_of_which_nothing_was_said_says_at_least_what_it_is():
    assert shown(new_axes().figure)[0]["text/plain"] == "<DescribedFigure size 800x450 with 1 Axes>"


def test_a_plain_figure_is_left_as_it_is(ax):
    describe(ax, "Five.")
    assert not hasattr(ax.figure, "_repr_mimebundle_")


def test_axes_of_a_part_of_a_figure_are_described_too(pyplot):
    figure = new_axes().figure
    describe(figure.subfigures().subplots(), "Within.")
    assert figure.alt == "Within."


@pytest.mark.usefixtures("pyplot")
@pytest.mark.parametrize("again", [copy.deepcopy, lambda figure: pickle.loads(pickle.dumps(figure))])
def test_a_copy_says_the_same(again):
    assert again(ideal().plot().figure).alt == ideal().describe()


@pytest.mark.usefixtures("pyplot")
@pytest.mark.parametrize(("name", "kwargs"), [("run.png", {}), ("run.PNG", {}), ("run", {}), ("x", {"format": "png"})])
def test_a_png_carries_the_alt_text_and_what_the_caller_adds(tmp_path, name, kwargs):
    figure = ideal().plot().figure
    figure.savefig(tmp_path / name, metadata={"Author": "a student"}, **kwargs)
    path = tmp_path / name
    if not path.exists():  # matplotlib adds the ending that is missing
        path = path.with_suffix(".png")
    with Image.open(path) as picture:
        assert picture.info["Description"] == ideal().describe()
        assert picture.info["Author"] == "a student"


@pytest.mark.usefixtures("pyplot")
def test_an_svg_carries_the_alt_text_and_other_formats_are_written_all_the_same(tmp_path):
    figure = ideal().plot().figure
    for form in ("svg", "pdf", "jpg"):
        figure.savefig(str(tmp_path / f"run.{form}"))
    assert ideal().describe() in (tmp_path / "run.svg").read_text(encoding="utf-8")


SAID = {
    "plot": ideal().describe(),
    "plot_queue": "Requests waiting in the queue: at most 18. "
    "After each batch: 13 at 5.00 s, 8 at 10.00 s, 3 at 15.00 s and 0 at 20.00 s.",
    "plot_latency": "Latency: 18 served, after 5.00 s to 20.00 s, mean 11.67 s.",
    "plot_cadence": "Worst tick 1.3 ms late, drift -0.14 ms a tick, against the server's own grid. "
    "In turn: 0.2 ms late, 1.3 ms late, 0.4 ms early and 0.3 ms late.",
}


@pytest.mark.usefixtures("pyplot")
@pytest.mark.parametrize("plot", PLOTS)
def test_every_plot_says_what_it_shows(plot):
    assert getattr(ideal(), plot)().figure.alt == SAID[plot]


@pytest.mark.usefixtures("pyplot")
@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("run", [at_times(), Made((1,)).run(), Made((5,) * 30).run(), Made().remote().run()])
def test_the_alt_text_of_every_run_begins_with_what_stands_above_the_picture(plot, run):
    ax = getattr(run, plot)()
    assert ax.figure.alt.startswith(squeezed(ax.get_title(loc="left")))
    assert len(ax.figure.alt) < 400


@pytest.mark.usefixtures("pyplot")
def test_of_many_batches_the_alt_text_says_a_few():
    run = Made((5,) * 30).run()
    assert run.plot_queue().figure.alt == (
        "Requests waiting in the queue: at most 150. "
        "At each quarter of the time: 115 at 37.50 s, 75 at 75.00 s, 40 at 112.50 s and 0 at 150.00 s."
    )
    assert run.plot_cadence().figure.alt.endswith("Nine in ten of 30 lie between 0.4 ms early and 1.3 ms late.")


@pytest.mark.usefixtures("pyplot")
def test_from_outside_the_queue_is_said_as_the_replies_came():
    said = Made().remote().run().plot_queue().figure.alt
    assert said.startswith("Requests sent and not yet answered: at most 18. After each batch: 13 at 5.00 s, 8 at ")


MAKE = """
import sys; sys.path.insert(0, {folder!r})
from make import ideal
run = ideal()
"""


def test_a_real_kernel_shows_each_plot_once_with_its_alt_text(request, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)
    cells = [MAKE.format(folder=str(request.path.parent)), "run.plot();", "run.plot_queue();", "run.plot().figure",
             "from matplotlib import pyplot\nprint(pyplot.get_fignums())", "run"]  # fmt: skip
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    silent, plot, queue, twice, closed, whole = (cell.outputs for cell in notebook.cells)
    assert silent == []
    for outputs, said in ((plot, SAID["plot"]), (queue, SAID["plot_queue"])):
        (output,) = outputs
        assert output.output_type == "display_data"
        assert set(output.data) == MIMES
        assert alt_in(output.data["text/html"]) == output.data["text/plain"] == said
        assert output.metadata["image/png"]["alt"] == said
    assert [output.output_type for output in twice] == ["execute_result", "display_data"]  # as with any figure
    assert closed[0].text == "[]\n"
    assert whole[0].data["text/html"].startswith(f"<p>{SAID['plot']}</p>")
