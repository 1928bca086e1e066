"The site's Sphinx configuration: names come from settings.ini, pages from stage.py"
import re, sys
from configparser import ConfigParser
from html import escape
from pathlib import Path
from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from myst_nb.sphinx_ import HideCodeCellNode

_ini = ConfigParser(delimiters=['='])
_ini.read(Path(__file__).parents[1]/'settings.ini', encoding='utf-8')
_cfg = _ini['DEFAULT']
project = html_title = _cfg['lib_name']
author, copyright = _cfg['author'], _cfg['copyright']
_init = Path(__file__).parents[1]/_cfg['lib_path']/'__init__.py'
release = re.search(r'__version__ = "(.+)"', _init.read_text(encoding='utf-8'))[1]

sys.path.insert(0, str(Path(__file__).parent))
extensions = ['myst_nb', 'sphinx_copybutton', 'figures']
nb_execution_mode = 'off'
nb_merge_streams = True
nb_render_markdown_format = 'myst'
nb_ipywidgets_js = {}
myst_enable_extensions = ['attrs_block', 'colon_fence', 'dollarmath']
myst_heading_anchors = 4
myst_update_mathjax = False

add_module_names = False
toc_object_entries_show_parents = 'hide'

html_theme = 'furo'
html_theme_options = dict(top_of_page_buttons=[])
html_static_path = ['_static']
html_css_files = ['custom.css']
html_favicon = '_static/favicon.svg'
html_copy_source = html_show_sourcelink = html_show_sphinx = False
pygments_style, pygments_dark_style = 'friendly', 'github-dark'
html_math_renderer = 'mathml'

def _math(block):
    "Formulas as MathML, which browsers draw without a script"
    def visit(self, node):
        self.body.append(tex2mathml(node.astext(), as_block=block))
        raise nodes.SkipNode
    return visit, None

def _fold(self, node):
    "A folded cell is named by its summary, to a screen reader too; MyST-NB calls each of them Toggle hidden content"
    self.body.append(f'<details class="hide">\n<summary>{escape(node["prompt_show"])}</summary>\n')

def _end_fold(self, node): self.body.append('</details>\n')

def setup(app):
    app.add_html_math_renderer('mathml', inline_renderers=_math(False), block_renderers=_math(True))
    app.add_node(HideCodeCellNode, override=True, html=(_fold, _end_fold))
