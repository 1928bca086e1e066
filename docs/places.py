"Where things are: notebooks, their pages on the site, and the addresses that follow from settings.ini"
import json, os, re
from pathlib import Path
from nbdev.config import get_config, nbpath2html
from lessons import lessons, nbs, root

cfg = get_config(also_settings=True)
github = f'{cfg.git_url}/blob/{cfg.branch}/'
site = f'{cfg.doc_host}{cfg.doc_baseurl}/'
start = 'start'                                  # the page of nbs/index.ipynb: the site's own index is docs/landing.md
badge = re.compile(r'\n*\[!\[Open in Colab\]\([^)]*\)\]\([^)]*\)')
pictures = '.png', '.jpg', '.svg', '.gif'

def rooms():
    "The modules of each room, in import order, as docs/rooms.json has them"
    return json.loads((root/'docs'/'rooms.json').read_text(encoding='utf-8'))

def inside(room, module):
    "The notebook of a module of the engine"
    return nbs/'inside'/('' if room == 'foundation' else room)/f'{module}.ipynb'

def notebooks():
    "Paths of the notebooks in reading order: the index, the lessons by number, then the engine in import order"
    return [nbs/cfg.readme_nb, *lessons()] + [inside(room, m) for room, modules in rooms().items() for m in modules]

def page_of(notebook):
    "The page, without suffix, of a notebook at this path below nbs: numbers are no part of an address"
    return start if str(notebook) == cfg.readme_nb else Path(nbpath2html(Path(notebook))).with_suffix('').as_posix()

def note_of(path):
    "The page, without suffix, of a note for teachers"
    return 'teach/' + ('index' if path.stem == 'README' else re.sub(r'^\d+_', '', path.stem))

def near(target, page):
    "The relative address of file `target` from `page`, both from the root of the site"
    return Path(os.path.relpath(target, Path(page).parent)).as_posix()

def elsewhere(path):
    "Where a notebook at `path` opens on other sites, by what the link says"
    at = github + path.relative_to(root).as_posix()
    return {'Open in Colab': at.replace('https://github.com', 'https://colab.research.google.com/github', 1),
            'Open in Kaggle': f'https://kaggle.com/kernels/welcome?src={at}'}

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

def linked(text, page, folder=nbs, suffix=None):
    """Rewrite the relative links of Markdown `text`, a file of `folder`, for `page` of the site: to the sources of pages, which Sphinx
    resolves, or with `suffix` to addresses of the built site; files that have no page are shown on GitHub"""
    def notebook(nb, anchor): return near(page_of(nb) + (suffix or '.ipynb'), page) + (f'#{anchor.lower()}' if anchor else '')
    def other(p):
        if p.startswith('docs/teach/'): return near(note_of(Path(p)) + (suffix or '.md'), page)
        if p in ('docs/glossary.md', 'docs/cite.md'): return near(Path(p).stem + (suffix or '.md'), page)
        return near(p.removeprefix(f'{nbs.name}/'), page) if p.endswith(pictures) else github + p
    return relink(text, notebook, other, folder)
