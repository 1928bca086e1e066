"The site's Sphinx configuration: names come from settings.ini, pages from stage.py"
import re, sys
from configparser import ConfigParser
from html import escape
from pathlib import Path
from urllib.parse import urlencode
from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.addnodes import toctree

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

add_module_names = toc_object_entries = False
python_maximum_signature_line_length = 72

html_theme = 'furo'
html_theme_options = dict(top_of_page_buttons=[])
html_static_path, templates_path = ['_static'], ['_templates']
html_baseurl = f"{_cfg['doc_host']}{_cfg['doc_baseurl']}/"
html_css_files = ['custom.css']
html_search_scorer = str(Path(__file__).parent/'_static'/'scorer.js')
html_favicon = '_static/favicon.svg'
html_copy_source = html_show_sourcelink = html_show_sphinx = False
pygments_style, pygments_dark_style = 'a11y-high-contrast-light', 'a11y-high-contrast-dark'
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

def _shallow(app, doctree):
    "The contents of a page list its sections, not what is below them; in one with a table of contents they are its chapters"
    if not any(doctree.findall(toctree)): app.env.metadata[app.env.docname]['tocdepth'] = 2

def _described(app, page, template, context, doctree):
    "What other sites and search engines show of a page, and where to report what is wrong with it"
    if not doctree: return
    text = next((p.astext() for p in doctree.findall(nodes.paragraph)), '') or _cfg['description']
    said = ' '.join(text.split())
    if len(said) > 200: said = said[:200].rsplit(' ', 1)[0] + ' …'
    title = context['title'] if page != 'index' else project
    tags = {'title': title, 'description': said, 'type': 'website' if page == 'index' else 'article', 'site_name': project,
            'url': f'{html_baseurl}{page}.html', 'image': f'{html_baseurl}_images/prediction.png'}
    meta = [f'<meta name="description" content="{escape(said)}">', *(f'<meta property="og:{k}" content="{escape(v)}">' for k, v in tags.items())]
    context['metatags'] = context.get('metatags', '') + '\n'.join(meta)
    context['markdown'] = f"{page.rpartition('/')[2]}.html.md"
    context['report'] = f"{_cfg['git_url']}/issues/new?" + urlencode(dict(title=f'{page}: ', body=f'On the page {html_baseurl}{page}.html:\n\n'))

def setup(app):
    app.add_html_math_renderer('mathml', inline_renderers=_math(False), block_renderers=_math(True))
    app.add_node(HideCodeCellNode, override=True, html=(_fold, _end_fold))
    app.connect('doctree-read', _shallow)
    app.connect('html-page-context', _described)
