"""The site for programs that read: each page as Markdown at the address of the page with .md behind it, where the modules' docstrings
point, `llms.txt`, which lists them, and the notebooks to download"""
import html, re, shutil
from fastcore.nbio import read_nb
from owner import settings
from places import badge, linked, near, site

def _outputs(c):
    "The text of a cell's outputs; pictures are left out"
    for o in c.outputs:
        data = o.get('data', {})
        if o.output_type == 'stream': yield _fenced(''.join(o.text))
        elif 'text/markdown' in data: yield ''.join(data['text/markdown']).strip()
        elif 'text/plain' in data and not any(k.startswith('image/') for k in data): yield _fenced(''.join(data['text/plain']))

def _fenced(text, language=''):
    fence = '`'*max(3, 1 + max(map(len, re.findall('`+', text)), default=0))
    return f'{fence}{language}\n{text.rstrip()}\n{fence}' if text.strip() else ''

def _told(text):
    "A picture is what its `alt` says"
    return re.sub(r'!\[([^\]]*)\]\([^)]*\)', r'\1', text)

def notebook(path, name):
    "The notebook at `path`, the page `name`, as Markdown: all code that a reader sees, and what it printed"
    parts = []
    for c in read_nb(path).cells:
        d = c.directives if c.cell_type == 'code' else {}
        if c.cell_type == 'raw' or {'hide', 'default_exp'} & d.keys() or d.get('include') == 'false': continue
        if c.cell_type == 'markdown': parts.append(linked(_told(badge.sub('', c.source)), name, path.parent, suffix='.html.md'))
        else:
            outputs = [] if d.get('output') == 'false' else [*_outputs(c)]
            if 'fig-cap' in d: outputs.append(f"*Figure: {d['fig-cap'].strip(chr(34))}*")
            c.remove_directives()
            if d.get('echo') != 'false': parts.append(_fenced(c.source.strip(), 'python'))
            parts += outputs
    return '\n\n'.join(p.strip('\n') for p in parts if p.strip()) + '\n'

_for_sphinx = [(re.compile(pattern, re.S | re.M), to) for pattern, to in (     # what only Sphinx reads, and what stands for it
    (r'\A---\n.*?\n---\n|\n*```\{toctree\}.*?```|<form.*?</script>|^`{8}\{raw\} html\n.*?^`{8}$|</?(?:table|tbody|details)\b[^>]*>', ''),
    (r'```\{glossary\}\n(.*?)```', r'\1'),
    (r'^:{3,}\{py:\w+\} ([^\n]*)$', r'### `\1`'),
    (r'^:{3,}\{figure\} \S+\n:alt: ([^\n]*)$', r'\1:'),
    (r'<summary>([^<]*?) <span.*?</summary>', r'## \1\n'),
    (r'<thead>.*?</thead>', '| Fault | Outcome | What you read |\n|---|---|---|'),
    (r'<tr[^>]*><td>([^\n]*?)</td><td>([^\n]*?)</td><td>([^\n]*?)</td></tr>', lambda m: html.unescape(re.sub('</?code>', '`', f'| {m[1]} | {m[2]} | {m[3]} |'))),
    (r'^:{3,}[^\n]*\n?|^:\w+:[^\n]*\n|^\{\.[\w-]+\}\n', ''),
    (r'\{doc\}`([^<`]+) <([^>]+)>`', r'[\1](\2.md)'),
    (r'\{\w+(?::\w+)?\}`([^<`]+?)(?: <[^`]*>)?`', r'`\1`'),
    (r'\]\((?!\w+:)([^)#]+?)\.(?:md|ipynb)(#[^)]*)?\)', r'](\1.html.md\2)'))]

def _source(text, name):
    "The source `text` of the page `name` as plain Markdown"
    for pattern, to in _for_sphinx: text = pattern.sub(to, text)
    return re.sub(r'\]\(/([^)]+)\)', lambda m: f']({near(m[1], name)})', _told(text)).strip() + '\n'

def llms(entries):
    "llms.txt: `entries` are `{heading: [(page, title, what it is)]}`"
    ini = settings()
    parts = [f'# {ini["lib_name"]}', f'> {ini["description"]}', f'Every page of {site} is there as Markdown, too: add .md to its address.']
    for heading, pages in entries.items():
        parts += [f'## {heading}', '\n'.join(f'- [{title}]({site}{page}.html.md)' + (f': {said}' if said else '') for page, title, said in pages)]
    return '\n\n'.join(parts) + '\n'

def write(out, texts, pages):
    "Write them to the built site `out`: `texts` are `{path: Markdown}`, `pages` those of the notebooks"
    for name, text in texts.items(): _write(out/f'{name.removesuffix(".md")}.html.md', _source(text, name))
    for p in pages:
        _write(out/f'{p.name}.html.md', notebook(p.path, p.name))
        shutil.copy(p.path, out/f'{p.name}.ipynb')
    def listed(ps): return [(p.name, p.title, p.said) for p in ps]
    others = [('network', 'The network in your browser', ''), ('glossary', 'Glossary', ''), ('faults', 'What happens if…', ''), ('cite', 'Cite, licence, data', '')]
    lessons = [p for p in pages if hasattr(p, 'number')]
    _write(out/'llms.txt', llms({'Start': listed(pages[:1]), 'Lessons': listed(lessons), 'Inside the library: source and tests of each module': listed(p for p in pages if p.mod),
                                 'API': [(n.removesuffix('.md'), n[4:-3].replace('/', '.'), '') for n in texts if n.startswith('api/')], 'More': others}))

def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding='utf-8')
