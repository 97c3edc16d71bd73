"""How nbgrader hands this course out and grades it. Read by nbgrader in a course folder, and by `make notebooks`."""

c = get_config()  # noqa: F821  - nbgrader provides it

c.CourseDirectory.course_id = "batchdemo"
# What stands in a student's cell in place of the solution. Nothing raises, so that Run All reaches the last cell.
c.ClearSolutions.code_stub = {"python": "# Your answer goes in place of the dots."}
c.ExecutePreprocessor.timeout = 60  # seconds a cell; at speed 1 the slowest takes some 20
