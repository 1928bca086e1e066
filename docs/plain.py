"""The site for programs that read: each page as Markdown at the address of the page with .md behind it, where the modules' docstrings
point, `llms.txt`, which lists them, and the notebooks to download"""
import html, re, shutil
from fastcore.nbio import read_nb
from owner import settings
from places import linked, site

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

def notebook(path, name):
    "The notebook at `path`, the page `name`, as Markdown: all code that a reader sees, and what it printed"
    parts = []
    for c in read_nb(path).cells:
        d = c.directives if c.cell_type == 'code' else {}
        if c.cell_type == 'raw' or {'hide', 'default_exp'} & d.keys() or d.get('include') == 'false': continue
        if c.cell_type == 'markdown': parts.append(linked(c.source, name, path.parent, suffix='.html.md'))
        else:
            outputs = [] if d.get('output') == 'false' else [*_outputs(c)]
            c.remove_directives()
            if d.get('echo') != 'false': parts.append(_fenced(c.source.strip(), 'python'))
            parts += outputs
    return '\n\n'.join(p.strip('\n') for p in parts if p.strip()) + '\n'

def _source(text):
    "The Markdown of a page without what is for Sphinx alone"
    text = re.sub(r'\A---\n.*?\n---\n|\n*```\{toctree\}.*?```', '', text, flags=re.S)
    text = re.sub(r'```\{glossary\}\n(.*?)```', r'\1', text, flags=re.S)
    text = re.sub(r'^:{3,}\{py:\w+\} (.*)$', r'### `\1`', text, flags=re.M)
    text = re.sub(r'^:{3,}\{figure\} (\S+)\n:alt: (.*)$', r'\2:', text, flags=re.M)
    text = re.sub(r'<form.*?</script>|</?(?:table|tbody|details)[^>]*>', '', text, flags=re.S)          # the faults
    text = re.sub(r'<summary>(.*?)(?: <span.*?)?</summary>', r'## \1\n', text)
    text = re.sub(r'<thead>.*</thead>', '| Fault | Outcome | What you read |\n|---|---|---|', text)
    text = re.sub(r'<tr[^>]*><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>', lambda m: html.unescape(f'| {m[1]} | {m[2]} | {m[3]} |'), text)
    text = re.sub(r'^:{3,}.*\n?|^:\w+:.*\n|^\{\.[\w-]+\}\n', '', text, flags=re.M)
    text = re.sub(r'\{\w+(?::\w+)?\}`([^<`]+?)(?: <[^`]*>)?`', r'`\1`', text)
    return re.sub(r'\]\((?!\w+:)([^)#]+?)\.(?:md|ipynb)(#[^)]*)?\)', r'](\1.html.md\2)', text).strip() + '\n'

def llms(entries):
    "llms.txt: `entries` are `{heading: [(page, title, what it is)]}`"
    ini = settings()
    parts = [f'# {ini["lib_name"]}', f'> {ini["description"]}', f'Every page of {site} is there as Markdown, too: add .md to its address.']
    for heading, pages in entries.items():
        parts += [f'## {heading}', '\n'.join(f'- [{title}]({site}{page}.html.md)' + (f': {said}' if said else '') for page, title, said in pages)]
    return '\n\n'.join(parts) + '\n'

def write(out, texts, pages):
    "Write them to the built site `out`: `texts` are `{path: Markdown}`, `pages` those of the notebooks"
    for name, text in texts.items(): _write(out/f'{name.removesuffix(".md")}.html.md', _source(text))
    for p in pages:
        _write(out/f'{p.name}.html.md', notebook(p.path, p.name))
        shutil.copy(p.path, out/f'{p.name}.ipynb')
    def listed(ps): return [(p.name, p.title, p.said) for p in ps]
    others = [('glossary', 'Glossary', ''), ('faults', 'What happens if…', ''), ('cite', 'Cite, licence, data', '')]
    lessons = [p for p in pages if hasattr(p, 'number')]
    _write(out/'llms.txt', llms({'Start': listed(pages[:1]), 'Lessons': listed(lessons), 'Inside the library: source and tests of each module': listed(p for p in pages if p.mod),
                                 'API': [(n.removesuffix('.md'), n[4:-3].replace('/', '.'), '') for n in texts if n.startswith('api/')], 'More': others}))

def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding='utf-8')
