"""The API, from the modules themselves: an index by room, and for each module a page with a summary and one directive of Sphinx's
Python domain per exported name."""
import inspect, re
from fastcore.docments import docments, docstring, empty
from places import near, root

def _type(a):
    if a in (empty, type(None)): return ''
    s = a if isinstance(a, str) else inspect.formatannotation(a)
    return re.sub(r'(?:\w+\.)+', '', s).replace(' | ', '|')

class _Shown:
    "A type or a default as a reader would write it, in what is still Python"
    def __init__(self, text): self.text = text
    def __repr__(self): return self.text

def _default(v):
    r = getattr(v, '__name__', None) or repr(v)
    return _Shown(f'{type(v).__name__}(...)' if ' at 0x' in r else r)

def _signature(f):
    "Names, types and defaults; meanings stand in the table. `self`, which the metaclass of fastai's transforms shows, is nobody's to pass"
    try: s = inspect.signature(f)
    except (TypeError, ValueError): return '()'
    def shown(p):
        anno = _type(p.annotation)
        return p.replace(annotation=_Shown(anno) if anno else p.empty, default=p.default if p.default is p.empty else _default(p.default))
    ps = [shown(p) for p in s.parameters.values() if p.name != 'self']
    result = _type(s.return_annotation)
    return str(s.replace(parameters=ps, return_annotation=_Shown(result) if result else s.empty))

def _table(f):
    "The docments of `f` as a table: each parameter, and the result, beside what it means"
    d = {k: v for k, v in docments(f, full=True).items() if k != 'self'}
    if not any(v.docment for v in d.values()): return ''
    def row(k, v):
        stars = {inspect.Parameter.VAR_POSITIONAL: '*', inspect.Parameter.VAR_KEYWORD: '**'}.get(v.get('kind'), '')
        return '**returns**' if k == 'return' else f'`{stars}{k}`', ' '.join((v.docment or '').split())
    rows = [row(k, v) for k, v in d.items() if k != 'return' or v.docment]
    return '\n'.join(['| parameter | meaning |', '|---|---|', *('| ' + ' | '.join(c.replace('|', r'\|') for c in r) + ' |' for r in rows)])

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

def first_line(name, mod):
    "What `name` of module `mod` does, in its docstring's first sentence or line"
    obj = mod
    for o in name.split('.'): obj = inspect.getattr_static(obj, o)
    said = docstring(getattr(obj, 'fget', None) or getattr(obj, 'func', None) or obj)
    return re.split(r'\n\n|(?<=[.!?])\s', said.strip(), maxsplit=1)[0].replace('\n', ' ').replace('|', r'\|')

def short(mod): return mod.__name__.partition('.')[2]

def page_of_module(mod): return 'api/' + short(mod).replace('.', '/')

def module_page(mod, title, entries, notebook):
    "The page of module `mod` as Markdown: `entries` are `{name: directive}`, `notebook` is the page that builds and tests them"
    here = page_of_module(mod)
    rows = [f'| {{py:obj}}`{n} <{mod.__name__}.{n}>` | {first_line(n, mod)} |' for n in entries]
    summary = ['| name | what it does |', '|---|---|', *rows] if rows else ['It exports no function and no class.']
    return '\n\n'.join([f'# {short(mod)}', f'{{.lead}}\n{title}', f'Source and tests: [{notebook}]({near(notebook + ".ipynb", here)})',
                        '\n'.join(summary), *entries.values()]) + '\n'

def said_of(room):
    "What is in a room, in the words of CONTRIBUTING.md"
    text = (root/'CONTRIBUTING.md').read_text(encoding='utf-8')
    return re.search(rf"^\| `{'core' if room == 'foundation' else room + '/'}`.*?\| (?:the foundation: )?(.+) \|$", text, re.M)[1]

def room_title(room): return 'Command' if room == 'cli' else room.capitalize()

def index_page(title, lead, modules):
    """An index by room as Markdown: `modules` are `{room: [(page, its name in the index, what it is)]}`"""
    parts = [f'# {title}', f'{{.lead}}\n{lead}']
    for room, listed in modules.items():
        rows = [f'| {{doc}}`{name} </{page}>` | {said} |' for page, name, said in listed]
        tree = '\n'.join(f'{name} </{page}>' for page, name, _ in listed)
        said = said_of(room)
        parts += [f'## {room_title(room)}', f'{said[0].upper()}{said[1:]}.', '\n'.join(['| module | what it is |', '|---|---|', *rows]),
                  f'```{{toctree}}\n:hidden:\n\n{tree}\n```']
    return '\n\n'.join(parts) + '\n'
