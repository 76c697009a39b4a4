"""How the documentation is built: `make docs`. The pages in reference/ are made first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from accelsim import __version__  # noqa: E402
from tools.docs.pages import write_pages  # noqa: E402

project = "accelsim"
author = "the authors of accelsim"
version = release = __version__
html_title = f"accelsim {release}"

extensions = ["myst_parser"]
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_block"]
smartquotes = False  # options are written with two hyphens
exclude_patterns = ["examples"]

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["accelsim.css"]
html_copy_source = False
html_use_index = False
html_show_copyright = False
html_last_updated_fmt = None
pygments_style = "friendly"


def setup(app: Any) -> None:
    """Write the generated pages before Sphinx looks for sources."""
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir) / "reference"))
