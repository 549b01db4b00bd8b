"""How the site is built: `make docs`. Markdown, furo, nothing from another host."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "Kentongan"
author = "Kentongan contributors"
project_copyright = "Kentongan contributors; Apache-2.0. Source of data: BMKG"
extensions = ["myst_parser", "generated"]
exclude_patterns = ["_ext"]

html_theme = "furo"
html_title = "Kentongan"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"footer_icons": [], "top_of_page_buttons": []}

myst_enable_extensions = ["colon_fence", "deflist", "attrs_block"]
myst_heading_anchors = 4
# Code without a language is a command or an extract: nothing to colour.
highlight_language = "none"
# A page of the repository that is no page of the site is named, not linked.
myst_links_external_new_tab = False
