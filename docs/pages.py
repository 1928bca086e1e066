"The pages that are no notebook: the landing page with the table of contents, the notes for teachers, faults, and Markdown files"
import html, json, re
from lessons import root, teach
from places import cfg, linked, note_of

docs = root/'docs'

def sections(cells):
    "The cells of a notebook by the heading (##) above them; those before the first stand under the empty name"
    found, name = {}, ''
    for c in cells:
        if c.cell_type == 'markdown' and (m := re.match(r'## (.+)', c.source)): name = m[1].strip()
        found.setdefault(name, []).append(c)
    return found

def landing(cells):
    "The landing page: docs/landing.md, with the table of the lessons and the paths of the readers in the words of nbs/index.ipynb"
    text = linked('\n\n'.join(c.source for c in cells), 'index')
    table = re.search(r'^\| \[.+?(?=\n\n)', text, re.M | re.S)[0]
    readers = re.search(r'^- \*\*.+?(?=\n\n)', text, re.M | re.S)[0]
    page = linked((docs/'landing.md').read_text(encoding='utf-8'), 'index', docs)
    return page.replace('(readers)', readers).replace('(lessons)', '| lesson | what it is about |\n| --- | --- |\n' + table)

def toc(pages):
    "The table of contents: lessons by number, the library, the engine room by room, then the rest"
    groups = {'Start': [f'{pages[0].title} <{pages[0].name}>'],
              'Lessons': [f'{p.number}. {p.title} <{p.name}>' for p in pages if hasattr(p, 'number')],
              'Library': ['API <api/index>', 'Inside <inside/index>'],
              'More': ['The network in your browser <network>', 'For teachers <teach/index>', 'Glossary <glossary>', 'What happens if… <faults>', 'Cite, licence, data <cite>', f'GitHub <{cfg.git_url}>']}
    trees = (f'```{{toctree}}\n:hidden:\n:caption: "{k}"\n\n' + '\n'.join(v) + '\n```' for k, v in groups.items())
    return '\n\n' + '\n\n'.join(trees) + '\n'

# ---- notes for teachers ----

def teachers(pages):
    "`{path of a page: Markdown}` of the notes for teachers, with links to the notebooks' pages; the first lists the others"
    notes = {p: note_of(p) for p in sorted(teach.glob('*.md'))}
    texts = {name: linked(p.read_text(encoding='utf-8'), name, teach) for p, name in notes.items()}
    titles = {p.path.stem: f'{p.number}. {p.title}' for p in pages if hasattr(p, 'number')}
    listed = [f"{titles[p.stem]} <{name.removeprefix('teach/')}>" for p, name in notes.items() if p.stem != 'README']
    texts['teach/index'] += '\n```{toctree}\n:hidden:\n\n' + '\n'.join(listed) + '\n```\n'
    return {f'{name}.md': text for name, text in texts.items()}

def markdown_pages(pages):
    "`{path of a page: Markdown}` of the notes for teachers, the glossary and how to cite"
    own = {f'{n}.md': linked((docs/f'{n}.md').read_text(encoding='utf-8'), n, docs) for n in ('glossary', 'cite')}
    return teachers(pages) | own

# ---- the page of faults ----

def _kind(o): return 'not survived' if not o['survived'] else 'found' if o['message'] else 'passes'

def _row(o):
    said = f"<code>{html.escape(o['message'])}</code>" if o['message'] else 'nothing'
    lost = '' if o['survived'] else ' <strong>not survived</strong>'
    return f"<tr data-kind=\"{_kind(o)}\"><td>{html.escape(o['injected'])}</td><td>{html.escape(o['outcome'])}{lost}</td><td>{said}</td></tr>"

def fault_page(table, rows):
    """The page of what the tests in tests/faults injected, as Markdown: `table` as they wrote it, `rows` from a kind of fault to its
    heading. What was not survived stands first, then what was found and said; a fold for each heading, which faults.js filters"""
    found = sorted((o for file in table.values() for o in file), key=lambda o: ['not survived', 'found', 'passes'].index(_kind(o)))
    count = {k: sum(_kind(o) == k for o in found) for k in ('not survived', 'found', 'passes')}
    head = '<tr>' + ''.join(f'<th scope="col">{s}</th>' for s in ('Fault', 'Outcome', 'What you read')) + '</tr>'
    parts = ["---\nhide-toc: true\n---", "# What happens if…\n\n{.lead}\nEach of these faults is injected for real by a test, which wrote this page",
             f"{len(found)} faults injected, {sum(o['survived'] for o in found)} survived: {count['found']} were found and said in a message, {count['passes']} did no harm "
             "and needed none. To repeat it: `pytest tests/faults`, and with `--fault-table docs/faults.json` to write the table. Messages are shown as they were; folders are left out.",
             _filter(count)]
    for k, title in rows.items():
        if of := [o for o in found if o['row'] == k]:
            body = '\n'.join(map(_row, of))
            parts.append(f'<details class="faults" id="{k.replace(" ", "-")}"><summary>{html.escape(title)} <span class="count">{len(of)}</span></summary>\n'
                         f'<table class="docutils faults"><thead>{head}</thead><tbody>\n{body}\n</tbody></table>\n</details>')
    return '\n\n'.join(parts) + '\n'

def _filter(count):
    "Hidden until its script runs: without one the folds are a plain list"
    said = {'': 'all', 'not survived': 'not survived', 'found': 'found and said', 'passes': 'did no harm'}
    options = ''.join(f'<option value="{k}">{label} ({count[k] if k else sum(count.values())})</option>' for k, label in said.items())
    return (f'<form class="filter" id="fault-filter" hidden><label>Words <input type="search" name="text" placeholder="mask, resume, NaN…"></label> '
            f'<label>Show <select name="kind">{options}</select></label> <output name="shown"></output></form><script src="_static/faults.js" defer></script>')

def faults():
    return fault_page(*(json.loads((docs/o).read_text(encoding='utf-8')) for o in ('faults.json', 'fault_rows.json')))
