"""Every report that a test of the plan makes is walked: its numbers have to add up."""

from tests.twin.report.walked import every_report_adds_up

__all__ = ["every_report_adds_up"]
