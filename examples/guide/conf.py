"""Sphinx's settings for the documentation site: `make docs`."""

import re
from importlib.metadata import version as version_of

project = "memograd"
author = "The memograd developers"
release = version = version_of("memograd")
project_copyright = "The memograd developers"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["**.ipynb_checkpoints"]
nitpicky = False

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

add_module_names = False
autosummary_generate = False
autodoc_default_options = {"member-order": "bysource"}
autodoc_typehints = "none"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_preprocess_types = False
default_role = "code"

html_theme = "furo"
html_title = f"memograd {release}"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
pygments_style = "tango"
pygments_dark_style = "monokai"

SITE = {
    r"\]\(examples/guide/": "](",
    r"\]\(examples/(\w+\.md)": r"](\1",
    r"\]\(CONTRIBUTING\.md": "](contributing.md",
    r"\]\(CHANGELOG\.md": "](changelog.md",
    r"\]\((LICENSE|CODE_OF_CONDUCT\.md|SECURITY\.md)": r"](../../\1",
}
"""Links of included files, which are read in the repository too, and what they are on the site."""


def resolve_links(app, relative_path, parent_docname, content):
    """Let the links of an included file lead to the pages of this site."""
    for pattern, replacement in SITE.items():
        content[0] = re.sub(pattern, replacement, content[0])


def setup(app):
    """Connect :func:`resolve_links`."""
    app.connect("include-read", resolve_links)
