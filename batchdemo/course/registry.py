"""All exercises, by name, in the order of the course."""

from __future__ import annotations

from batchdemo.course.ex01 import EXERCISES as EX01
from batchdemo.course.ex02 import EXERCISES as EX02
from batchdemo.course.ex03 import EXERCISES as EX03
from batchdemo.course.ex04 import EXERCISES as EX04
from batchdemo.course.ex05 import EXERCISES as EX05
from batchdemo.course.ex06 import EXERCISES as EX06
from batchdemo.course.ex07 import EXERCISES as EX07
from batchdemo.course.ex08 import EXERCISES as EX08
from batchdemo.course.ex09 import EXERCISES as EX09
from batchdemo.course.ex10 import EXERCISES as EX10
from batchdemo.course.exercise import Exercise

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise for exercise in (*EX01, *EX02, *EX03, *EX04, *EX05, *EX06, *EX07, *EX08, *EX09, *EX10)
}
