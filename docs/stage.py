"""Stage the notebooks for Sphinx: nbdev's processors read them, then each becomes a MyST-NB page. Exported code turns into its
documentation with the source folded below it. Nothing is executed: the stored outputs are shown."""
import ast, html, inspect, json, os, re, shutil
from importlib import import_module
from pathlib import Path
from fastcore.basics import listify
from fastcore.docments import docments, docstring, empty
from fastcore.nbio import mk_cell, read_nb, write_nb
from nbdev.config import get_config, nbpath2html
from nbdev.doclinks import patch_name
from nbdev.process import NBProcessor
from nbdev.processors import FrontmatterProc, clean_magics, filter_stream_, hide_line, populate_language, rm_header_dash, strip_ansi
from figures import describe, tidy
from lessons import lessons

cfg = get_config(also_settings=True)
root, nbs = cfg.config_path, cfg.nbs_path
teach = root/'docs'/'teach'
github = f'{cfg.git_url}/blob/{cfg.branch}/'

def rooms():
    "The modules of each room, in import order, as docs/rooms.json has them"
    return json.loads((Path(__file__).parent/'rooms.json').read_text(encoding='utf-8'))

def inside(room, module):
    "The notebook of a module of the engine"
    return nbs/'inside'/('' if room == 'foundation' else room)/f'{module}.ipynb'

def notebooks():
    "Paths of the notebooks in reading order: the index, the lessons by number, then the engine in import order"
    return [nbs/cfg.readme_nb, *lessons()] + [inside(room, m) for room, modules in rooms().items() for m in modules]

def relink(text, notebook, other, folder=nbs):
    """Rewrite the relative links of Markdown `text`, which stands in a notebook of `folder`: to a notebook with
    `notebook(path from nbs, anchor)`, to another file with `other(path from the root)`"""
    def one(m):
        path, _, anchor = m[1].partition('#')
        file = (folder/path).resolve()
        if path.endswith('.ipynb') and file.is_relative_to(nbs):
            return f']({notebook(file.relative_to(nbs).as_posix(), anchor)})'
        return f']({other(file.relative_to(root).as_posix())})'
    return re.sub(r'\]\((?![a-z]+:|[#/])([^)\s]+)\)', one, text)

# ---- the API: one directive of Sphinx's Python domain per exported name ----

class _Default:
    "A parameter's default as a reader would write it"
    def __init__(self, v): self.v = v
    def __repr__(self):
        r = getattr(self.v, '__name__', None) or repr(self.v)
        return f'{type(self.v).__name__}(…)' if ' at 0x' in r else r

def _signature(f):
    "Names and defaults only: types and meanings stand in the table; `self`, which the metaclass of fastai's transforms shows, is nobody's to pass"
    try: s = inspect.signature(f)
    except (TypeError, ValueError): return '()'
    ps = [p.replace(annotation=p.empty, default=p.empty if p.default is p.empty else _Default(p.default)) for p in s.parameters.values() if p.name != 'self']
    return str(s.replace(parameters=ps, return_annotation=s.empty))

def _type(a):
    if a in (empty, type(None)): return ''
    s = a if isinstance(a, str) else inspect.formatannotation(a)
    return re.sub(r'(?:\w+\.)+', '', s).replace(' | ', '|')

def _table(f):
    "The docments of `f` as a table: name and type of each parameter, of the result too, beside what they mean"
    d = {k: v for k, v in docments(f, full=True).items() if k != 'self'}
    if not any(v.docment for v in d.values()): return ''
    def row(k, v):
        t, doc = _type(v.anno), ' '.join((v.docment or '').split())
        if k == 'return': return f'**returns** `{t}`' if t else '**returns**', doc
        stars = {inspect.Parameter.VAR_POSITIONAL: '*', inspect.Parameter.VAR_KEYWORD: '**'}.get(v.get('kind'), '')
        return f'`{stars}{k}:{t}`' if t else f'`{stars}{k}`', doc
    rows = [row(k, v) for k, v in d.items() if k != 'return' or v.docment or v.anno not in (empty, None)]
    return '\n'.join(['| | |', '|---|---|', *('| ' + ' | '.join(c.replace('|', r'\|') for c in r) + ' |' for r in rows)])

def api(name, mod, names=(), depth=6):
    "`(full names, directive)` for `name` of module `mod`; a class brings its public methods along, except those in `names`"
    *owner, last = name.split('.')
    holder = mod
    for o in owner: holder = getattr(holder, o)
    raw = inspect.getattr_static(holder, last)
    prop = getattr(raw, 'fget', None) or (owner and getattr(raw, 'func', None))
    obj = prop or getattr(holder, last)
    kind = ('class' if inspect.isclass(obj) else 'property' if prop else 'function' if not owner else
            {staticmethod: 'staticmethod', classmethod: 'classmethod'}.get(type(raw), 'method'))
    known, body = [name], [docstring(obj), '' if prop else _table(obj)]
    for k, v in vars(obj).items() if kind == 'class' else ():
        if k.startswith('_') or f'{name}.{k}' in names or not getattr(v, '__doc__', None): continue
        f = getattr(v, 'fget', None) or getattr(v, '__func__', v)
        if getattr(f, '__module__', None) != mod.__name__ or not (inspect.isfunction(f) or hasattr(v, 'func')): continue
        k, b = api(f'{name}.{k}', mod, names, depth-1)
        known += k; body.append(b)
    head = name + ('' if prop else _signature(obj))
    return known, '\n\n'.join([f"{':'*depth}{{py:{kind}}} {head}\n:module: {mod.__name__}", *filter(None, body), ':'*depth])

# ---- cells to pages ----

def _names(o):
    "The names that a definition gives: `Class.method` for a patch, which may say another name for the method (`nm`)"
    names = listify(patch_name(o))
    other = [k.value.value for d in o.decorator_list if isinstance(d, ast.Call) for k in d.keywords if k.arg == 'nm']
    return [f"{n.rpartition('.')[0]}.{other[0]}" for n in names] if other else names

def _public(cell):
    "Public names that an exported cell defines"
    names = [n for o in ast.parse(cell.source).body if isinstance(o, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) for n in _names(o)]
    return [n for n in names if not re.search(r'(^|\.)_', n)]

def _source_label(cell, documented):
    "What the folded source is called; None for a cell of imports"
    body = [o for o in ast.parse(cell.source).body if not isinstance(o, (ast.Import, ast.ImportFrom))]
    if not body: return None
    if documented: return 'Source'
    names = [n for o in body for n in ([o.name] if hasattr(o, 'name') else [t.id for t in getattr(o, 'targets', []) if isinstance(t, ast.Name)])]
    return 'Source' + (f": {', '.join(names)}" if names else '')

def _fold(cell, label): cell.metadata = dict(tags=['hide-cell'], mystnb=dict(code_prompt_show=label, code_prompt_hide=label))

_tags = {('echo', 'false'): 'remove-input', ('output', 'false'): 'remove-output', ('warning', 'false'): 'remove-stderr'}

def _doc(path):
    "The page of the notebook at `path` below nbs, without its suffix: numbers are no part of an address"
    return Path(nbpath2html(Path(path))).with_suffix('').as_posix()

def _note(path):
    "The page of a note for teachers at `path`, without its suffix"
    return 'teach/' + ('index' if path.stem == 'README' else re.sub(r'^\d+_', '', path.stem))

class Page:
    "The page of one notebook"
    def __init__(self, path):
        self.path, self.name = path, _doc(path.relative_to(nbs))
        self.nb = read_nb(path)
        NBProcessor(nb=self.nb, process=True, procs=[FrontmatterProc, populate_language, strip_ansi, hide_line, filter_stream_, rm_header_dash, clean_magics])
        code = [c for c in self.nb.cells if c.cell_type == 'code']
        exp = next((c.directives_['default_exp'] for c in code if 'default_exp' in c.directives_), None)
        self.mod = import_module(f'{cfg.lib_path.name}.{exp}') if exp else None
        exported = [c for c in code if {'export', 'exports'} & c.directives_.keys()]
        names = {n for c in exported for n in _public(c)}
        self.docs, self.cells = {}, []
        for c in self.nb.cells:
            d = c.get('directives_', {})
            if c.cell_type == 'raw' or {'hide', 'default_exp'} & d.keys() or d.get('include') == 'false': continue
            if c.cell_type == 'code': self._code(c, d, names if c in exported else ())
            else: self.cells.append(c)
        describe(self.cells)
        if path in lessons(): self.cells.append(mk_cell(f'For teachers: [notes on this lesson](../docs/teach/{path.stem}.md)', 'markdown'))

    def _code(self, c, d, names):
        new = [n for n in _public(c) if n not in self.docs] if names else []
        for n in new:
            known, text = api(n, self.mod, names)
            self.docs.update({k: f'{self.mod.__name__}.{k}' for k in known})
            self.cells.append(mk_cell(text, 'markdown'))
        if 'exporti' in d or names:
            if (label := _source_label(c, new)) is None: return
            if 'exports' not in d: _fold(c, label)
        elif 'code-fold' in d: _fold(c, d.get('code-summary', 'Code').strip('"\''))
        else: c.metadata = dict(tags=[t for kv, t in _tags.items() if d.get(kv[0]) == kv[1]])
        for o in c.outputs: (o.get('data') or {}).pop('application/vnd.jupyter.widget-view+json', None)   # no kernel here: show the static picture
        tidy(c)
        self.cells.append(c)

    def write(self, dst, docs, toc=''):
        "Write the page to folder `dst`, with the names in `docs` linked to their documentation"
        here = Path(self.name).parent
        def near(p): return Path(os.path.relpath(p, here)).as_posix()
        def page(nb, anchor): return near(f'{_doc(nb)}.ipynb') + (f'#{anchor.lower()}' if anchor else '')
        def file(p):
            if p.startswith('docs/teach/'): return near(_note(Path(p)) + '.md')
            picture = p.endswith(('.png', '.jpg', '.svg', '.gif'))
            return near(p.removeprefix(nbs.name + '/')) if picture else github + p
        def md(text):
            own = set(re.findall(r'\w+', ' '.join(re.findall(r'^:+\{py:\w+\} [\w.]+(.*)', text, re.M))))   # a directive's parameters mean themselves
            def ref(m):
                plain = m[2] == m[1] and re.fullmatch('[a-z]+', m[2]) and m[2] not in self.docs             # `train` is a word, `train()` a function
                return m[0] if m[2] not in docs or m[2] in own or plain else f'{{py:obj}}`{m[1]} <{docs[m[2]]}>`'
            text = re.sub(r'^(:{3,}) *\{\.callout-(\w+)[^}]*\}', r'\1{\2}', text, flags=re.M)     # Quarto's callouts are MyST's admonitions
            text = text.replace('https://colab.research.google.com/assets/colab-badge.svg', '/colab.svg')
            text = relink(text, page, file, self.path.parent)
            fence, out = False, []
            for l in text.split('\n'):
                if l.startswith('```'): fence = not fence
                out.append(l if fence or l.startswith(('#', '    ')) else re.sub(r'(?<![`\[}\w])`(([\w.]+)(?:\(\))?)`(?!`)', ref, l))
            return '\n'.join(out)
        for c in self.cells:
            if c.cell_type == 'markdown': c.source = md(c.source)
        fm = self.nb.frontmatter_
        lead = f"\n\n{{.lead}}\n{md(fm['description'])}" if 'description' in fm else ''
        self.nb.cells = [mk_cell(f"# {fm['title']}{lead}", 'markdown'), *self.cells, *([mk_cell(toc, 'markdown')] if toc else [])]
        self.nb.metadata.pop('widgets', None)
        (dst/self.name).parent.mkdir(parents=True, exist_ok=True)
        write_nb(self.nb, dst/f'{self.name}.ipynb')

# ---- notes for teachers ----

def teachers(pages):
    "`{path of a page: Markdown}` of the notes for teachers, with links to the notebooks' pages; the first lists the others"
    def near(p): return Path(os.path.relpath(p, 'teach')).as_posix()
    def page(nb, anchor): return near(f'{_doc(nb)}.ipynb') + (f'#{anchor.lower()}' if anchor else '')
    def other(p): return near(_note(Path(p)) + '.md') if p.startswith('docs/teach/') else github + p
    notes = {p: _note(p) for p in sorted(teach.glob('*.md'))}
    texts = {name: relink(p.read_text(encoding='utf-8'), page, other, teach) for p, name in notes.items()}
    titles = {p.path.stem: f"{int(p.path.name[:2])}. {p.nb.frontmatter_['title']}" for p in pages if p.path in lessons()}
    listed = [f"{titles[p.stem]} <{name.removeprefix('teach/')}>" for p, name in notes.items() if p.stem != 'README']
    texts['teach/index'] += '\n```{toctree}\n:hidden:\n\n' + '\n'.join(listed) + '\n```\n'
    return {f'{name}.md': text for name, text in texts.items()}

# ---- the page of faults ----

def faults(table, rows):
    "The page of what the tests in tests/faults injected, as Markdown: `table` as they wrote it, `rows` from a kind of fault to its heading"
    found = [o for file in table.values() for o in file]
    def cell(s, tag='td'): return f'<{tag}>{html.escape(str(s))}</{tag}>'
    def row(o): return f"<tr>{cell(o['injected'])}<td>{html.escape(o['outcome'])}{'' if o['survived'] else ' <strong>not survived</strong>'}</td><td>{_said(o['message'])}</td></tr>"
    head = '<tr>' + ''.join(cell(s, 'th') for s in ('Fault', 'Outcome', 'What you read')) + '</tr>'
    parts = ["# What happens if…\n\n{.lead}\nEach of these faults is injected for real by a test, which wrote this page",
             f"{len(found)} faults injected, {sum(o['survived'] for o in found)} survived. To repeat it: `pytest tests/faults`, "
             "and with `--fault-table docs/faults.json` to write the table. Messages are shown as they were; folders are left out."]
    for k, title in rows.items():
        if of := [row(o) for o in found if o['row'] == k]: parts += [f'## {title}', f'<table class="docutils faults"><thead>{head}</thead><tbody>\n' + '\n'.join(of) + '\n</tbody></table>']
    return '\n\n'.join(parts) + '\n'

def _said(message): return f'<code>{html.escape(message)}</code>' if message else '—'

def stage(dst):
    "Write all pages and the pictures beside the notebooks to the new folder `dst`; returns the number of pages"
    shutil.rmtree(dst, ignore_errors=True)
    pictures = '.png', '.jpg', '.svg', '.gif'
    shutil.copytree(nbs, dst, ignore=lambda d, fs: [f for f in fs if f[0] in '._' or Path(f).suffix not in ('', *pictures)])
    shutil.copy(Path(__file__).parent/'_static'/'colab.svg', dst)
    index, *others = pages = [Page(p) for p in notebooks()]
    docs = {k: v for p in reversed(pages) for k, v in p.docs.items()}    # of two with one name, the earlier
    rows = (json.loads((Path(__file__).parent/o).read_text(encoding='utf-8')) for o in ('faults.json', 'fault_rows.json'))
    (dst/'faults.md').write_text(faults(*rows), encoding='utf-8')
    for p in pages: p.write(dst, docs, toc(others) if p is index else '')
    notes = teachers(pages)
    (dst/'teach').mkdir()
    for name, text in notes.items(): (dst/name).write_text(text, encoding='utf-8')
    return len(pages) + 1 + len(notes)

def toc(pages):
    "The table of contents: lessons by number, the engine room by room, then the rest"
    course = [p for p in pages if p.path in lessons()]
    groups = {'Lessons': [f"{int(p.path.name[:2])}. {p.nb.frontmatter_['title']} <{p.name}>" for p in course], 'For teachers': ['The course in class <teach/index>']}
    for p in pages:
        if p in course: continue
        room = p.path.parent.name
        groups.setdefault('Inside' if room == 'inside' else f'Inside: {room}', []).append(f"{p.nb.frontmatter_['title']} <{p.name}>")
    groups['More'] = ['What happens if… <faults>', 'All names <genindex>', f'GitHub <{cfg.git_url}>']
    trees = (f'```{{toctree}}\n:hidden:\n:caption: "{k}"\n\n' + '\n'.join(v) + '\n```' for k, v in groups.items())
    return '\n\n'.join(trees)
