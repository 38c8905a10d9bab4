"""Plots for the pages that reports write: drawn by matplotlib, as SVG that stands inside a page (docs/adr/0104)."""
