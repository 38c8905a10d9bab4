"""The report of a plan: as data, as an HTML page, as SVG charts."""
