"""Stage the site's sources for Sphinx: nbdev's processors read each notebook, then it becomes a MyST-NB page. What a module exports
is documented on a page of the API. Nothing is executed: the stored outputs are shown."""
import ast, html, re, shutil
from importlib import import_module
from pathlib import Path
from fastcore.basics import listify
from fastcore.nbio import mk_cell, read_nb, write_nb
from nbdev.doclinks import patch_name
from nbdev.process import NBProcessor
from nbdev.processors import FrontmatterProc, clean_magics, filter_stream_, hide_line, populate_language, rm_header_dash, strip_ansi
from api import api, index_page, module_page, page_of_module, short
from figures import describe, tidy
from lessons import Cell, Notebook, lessons, nbs, root
from pages import faults, landing, markdown_pages, sections, toc
from places import badge, cfg, elsewhere, inside, linked, near, notebooks, page_of, pictures, rooms

predict = re.compile(r'^\*\*Predict, then run\.\*\*', re.M)

def _names(o):
    "The names that a definition gives: `Class.method` for a patch, which may say another name for the method (`nm`)"
    names = listify(patch_name(o))
    other = [k.value.value for d in o.decorator_list if isinstance(d, ast.Call) for k in d.keywords if k.arg == 'nm']
    return [f"{n.rpartition('.')[0]}.{other[0]}" for n in names] if other else names

def _public(cell):
    "Public names that an exported cell defines"
    names = [n for o in ast.parse(cell.source).body if isinstance(o, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) for n in _names(o)]
    return [n for n in names if not re.search(r'(^|\.)_', n)]

def _imports(cell):
    "Does the cell only import?"
    return all(isinstance(o, (ast.Import, ast.ImportFrom)) for o in ast.parse(cell.source).body)

def _fold(cell, tag, label): cell.metadata = dict(tags=[tag], mystnb=dict(code_prompt_show=label, code_prompt_hide=label))

def reads(path):
    "A function: the source of a cell of the notebook at `path`, with the functions of the notebook that it calls"
    nb = Notebook(path)
    return lambda source: f"{source}\n{nb.does(Cell(dict(cell_type='code', source=source)))}"

_tags = {('echo', 'false'): 'remove-input', ('output', 'false'): 'remove-output', ('warning', 'false'): 'remove-stderr'}

class Page:
    "The page of one notebook"
    def __init__(self, path):
        self.path, self.name = path, page_of(path.relative_to(nbs))
        self.nb = read_nb(path)
        NBProcessor(nb=self.nb, process=True, procs=[FrontmatterProc, populate_language, strip_ansi, hide_line, filter_stream_, rm_header_dash, clean_magics])
        fm = self.nb.frontmatter_
        self.title, self.said = fm['title'], fm.get('description', '')
        if path in lessons(): self.number = int(path.name[:2])
        code = [c for c in self.nb.cells if c.cell_type == 'code']
        exp = next((c.directives_['default_exp'] for c in code if 'default_exp' in c.directives_), None)
        self.mod = import_module(f'{cfg.lib_path.name}.{exp}') if exp else None
        exported = [c for c in code if {'export', 'exports', 'exporti'} & c.directives_.keys()]
        names = {n for c in exported for n in _public(c) if 'exporti' not in c.directives_}
        self.docs, self.api, self.cells = {}, {}, []
        asked = False                                # the cells of code that follow a prediction keep their outputs folded
        for c in self.nb.cells:
            d = c.get('directives_', {})
            if c.cell_type == 'markdown': asked = bool(predict.search(c.source))
            if c.cell_type == 'raw' or {'hide', 'default_exp'} & d.keys() or d.get('include') == 'false': continue
            if c.cell_type == 'code': self._code(c, d, names, c in exported, asked)
            else:
                c.source = badge.sub('', c.source)   # the badges of a page are made from settings.ini
                self.cells.append(c)
        describe(self.cells, reads(path))
        if path in lessons(): self.cells.append(mk_cell(f'For teachers: [notes on this lesson](../docs/teach/{path.stem}.md)', 'markdown'))

    def _code(self, c, d, names, exported, asked):
        for n in _public(c) if exported else ():
            if n not in names or n in self.docs: continue
            known, text = api(n, self.mod, names)
            self.docs.update({k: f'{self.mod.__name__}.{k}' for k in known})
            self.api[n] = text
        if exported:
            if _imports(c): return
            c.metadata = dict(tags=['exported'])
        elif 'code-fold' in d: _fold(c, 'hide-cell', d.get('code-summary', 'Code').strip('"\''))
        elif asked and c.outputs: _fold(c, 'hide-output', 'Output')
        else: c.metadata = dict(tags=[t for kv, t in _tags.items() if d.get(kv[0]) == kv[1]])
        for o in c.outputs: (o.get('data') or {}).pop('application/vnd.jupyter.widget-view+json', None)   # no kernel here: show the static picture
        tidy(c)
        self.cells.append(c)

    @property
    def actions(self):
        "What one can do with the notebook, as a line of links"
        links = {'Download notebook': near(f'{self.name}.ipynb', self.name)} | elsewhere(self.path)
        if self.mod: links = {'API of this module': near(page_of_module(self.mod) + '.html', self.name)} | links
        return '<p class="actions">' + ' '.join(f'<a href="{html.escape(url)}">{label}</a>' for label, url in links.items()) + '</p>'

    def write(self, dst, known):
        "Write the page to folder `dst`, with the names in `known` linked to their documentation"
        for c in self.cells:
            if c.cell_type == 'markdown': c.source = _myst(linked(c.source, self.name, self.path.parent), known, self.docs)
        lead = f'\n\n{{.lead}}\n{_myst(linked(self.said, self.name, self.path.parent), known, self.docs)}' if self.said else ''
        self.nb.cells = [mk_cell(f'# {self.title}{lead}\n\n{self.actions}', 'markdown'), *self.cells]
        self.nb.metadata.pop('widgets', None)
        (dst/self.name).parent.mkdir(parents=True, exist_ok=True)
        write_nb(self.nb, dst/f'{self.name}.ipynb')

def _myst(text, known, own):
    "Markdown of a notebook as MyST: Quarto's callouts become admonitions, and code that is one of the names in `known` a link"
    params = set(re.findall(r'\w+', ' '.join(re.findall(r'^:+\{py:\w+\} [\w.]+(.*)', text, re.M))))   # a directive's parameters mean themselves
    def ref(m):
        plain = m[2] == m[1] and re.fullmatch('[a-z]+', m[2]) and m[2] not in own             # `train` is a word, `train()` a function
        return m[0] if m[2] not in known or m[2] in params or plain else f'{{py:obj}}`{m[1]} <{known[m[2]]}>`'
    text = re.sub(r'^(:{3,}) *\{\.callout-(\w+)[^}]*\}', r'\1{\2}', text, flags=re.M)
    fence, out = False, []
    for l in text.split('\n'):
        if l.startswith('```'): fence = not fence
        out.append(l if fence or l.startswith(('#', '    ')) else re.sub(r'(?<![`\[}\w])`(([\w.]+)(?:\(\))?)`(?!`)', ref, l))
    return '\n'.join(out)

def _library(pages, known):
    "`{path of a page: Markdown}` of the API, and the index of the engine's notebooks"
    of = {p.path: p for p in pages}
    modules = {room: [of[inside(room, m)] for m in ms] for room, ms in rooms().items()}
    texts = {f'{page_of_module(p.mod)}.md': _myst(module_page(p.mod, p.said, p.api, p.name), known, {}) for ps in modules.values() for p in ps}
    texts['api/index.md'] = index_page('API', f'Every module of `{cfg.lib_name}`, room by room; <a href="../genindex.html">all names from A to Z</a>', {
        room: [(page_of_module(p.mod), short(p.mod), p.said) for p in ps] for room, ps in modules.items()})
    texts['inside/index.md'] = index_page('Inside', 'The notebooks that are the library: how each module works, its source, and the tests of what it promises', {
        room: [(p.name, p.title if room == 'foundation' else f'{room}: {p.title}', p.said) for p in ps] for room, ps in modules.items()})
    return texts

def stage(dst, others):
    "Write all sources, the pages `others` and the pictures beside the notebooks to the new folder `dst`; returns `{path: Markdown}` and the notebooks' pages"
    shutil.rmtree(dst, ignore_errors=True)
    shutil.copytree(nbs, dst, ignore=lambda d, fs: [f for f in fs if f[0] in '._' or Path(f).suffix not in ('', *pictures)])
    shutil.copytree(root/'docs'/'landing', dst/'landing')
    pages = [Page(p) for p in notebooks()]
    known = {k: v for p in reversed(pages) for k, v in p.docs.items()}    # of two with one name, the earlier
    index = pages[0]
    lessons_of_index = sections(index.cells)['The lessons']
    index.title, index.cells = 'Install and use', [c for name, cells in sections(index.cells).items() if name and name != 'The lessons' for c in cells]
    texts = {'index.md': landing(lessons_of_index) + toc(pages), 'faults.md': faults()} | markdown_pages(pages) | _library(pages, known) | others
    for name, text in texts.items():
        (dst/name).parent.mkdir(parents=True, exist_ok=True)
        (dst/name).write_text(text, encoding='utf-8')
    for p in pages: p.write(dst, known)
    return texts, pages
