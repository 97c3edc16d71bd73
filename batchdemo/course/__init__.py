"""The course kit: exercises that answer at once. No server, no network; the notebooks import it.

from batchdemo.course import check, exercise, hint, predict, seed_for

exercise("ex01_2")              the text, with your own numbers where a seed is given
check("ex01_2", 15)             what was expected of what you answered; never the answer itself
hint("ex01_2", level=1)         the first of three
predict([5] * 5 + [10] * 5)     your prediction, kept to be drawn over the measurement
stand_in("ex03_2", pop_batch)   your function where it passes, else one that does
seed_for("Ada")                 a seed of your own, so that neighbours have other numbers
"""

from batchdemo.course.checking import check, exercise, hint, stand_in
from batchdemo.course.predicting import predict
from batchdemo.course.seeds import seed_for

__all__ = ["check", "exercise", "hint", "predict", "seed_for", "stand_in"]
