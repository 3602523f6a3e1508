"""The HTML report of a work folder: one static page, no script, no outside address."""

from cauldron.report.page import write_report

__all__ = ["write_report"]
