"House rules of all notebooks and of the repository; those of lessons are in test_lessons.py, of figures in test_figures.py"
import json, re
import pytest
from nbdev.doclinks import nbglob
from conftest import repo_files, root

nbs = root/'nbs'
notebooks = sorted(nbs.rglob('*.ipynb'))
notebooks = [p for p in notebooks if '.ipynb_checkpoints' not in p.parts]
lessons = [p for p in notebooks if p.parent == nbs and p.name != 'index.ipynb']
inside = [p for p in notebooks if p.is_relative_to(nbs/'inside')]
def each(paths): return pytest.mark.parametrize('path', paths, ids=lambda p: p.relative_to(nbs).with_suffix('').as_posix())

def _cells(path): return [dict(c, source=''.join(c['source'])) for c in json.loads(path.read_text(encoding='utf-8'))['cells']]
def _code(path): return [c for c in _cells(path) if c['cell_type'] == 'code']
def _lines(source): return [l for l in source.splitlines() if l.strip()]
def _exported(source): return re.match(r'#\|\s*export[is]?\b', source)

def test_nbdev_sees_every_notebook():
    assert lessons and inside
    assert sorted(nbglob(nbs, as_path=True)) == notebooks              # nbdev-test succeeds when it finds none
    assert notebooks == sorted([*lessons, *inside, nbs/'index.ipynb'])

@each(notebooks)
def test_first_cell_is_title_and_summary(path):
    first = _cells(path)[0]
    assert first['cell_type'] == 'markdown' and re.fullmatch(r'# \S[^\n]*\n\n> \S[^\n]*\n*', first['source'])

@each(inside)
def test_inside_notebook_exports_its_module(path):
    module = '.'.join(path.relative_to(nbs/'inside').with_suffix('').parts)
    assert _cells(path)[1]['source'] == f'#| default_exp {module}'
    assert any(_exported(c['source']) for c in _code(path))

@each(inside)
def test_cells_of_an_inside_notebook(path):
    assert len(_cells(path)) <= 120
    for c in _code(path):
        assert len(_lines(c['source'])) <= 30, c['source']
        wide = [l for l in c['source'].splitlines() if len(l) > 100]
        assert not wide

@each(notebooks)
def test_links_between_notebooks_lead_somewhere(path):
    "On GitHub and in Jupyter; the site's builder tests its own"
    for c in _cells(path):
        if c['cell_type'] != 'markdown': continue
        for link in re.findall(r'\]\((?![a-z]+:|#)([^)\s#]+)', c['source']):
            assert (path.parent/link).exists(), link

@each(notebooks)
def test_outputs_are_clean(path):
    for c in _code(path):
        assert c['execution_count'] is None
        assert not ('eval: false' in c['source'] and c['outputs']), 'the output of a cell that is not to be run'
        for o in c['outputs']:
            assert o['output_type'] != 'error', c['source']
            assert o.get('name') != 'stderr', f"{c['source']}\n{o['text']}"
            data = o.get('data', {})
            if 'application/vnd.jupyter.widget-view+json' in data:
                assert {'text/html', 'image/png'} & data.keys(), 'a widget without a static picture'

machine = re.compile(r'(?<![\w.])/(root|work|tmp|home|Users|farm|private|var/folders)/|site-packages|[A-Z]:\\\\?Users')

@each(notebooks)
def test_no_path_of_a_machine(path):
    for c in _cells(path):
        shown = [{k: v for k, v in o.get('data', o).items() if not k.startswith('image/')} for o in c.get('outputs', [])]
        assert not machine.findall(c['source'] + json.dumps(shown))

def test_readme_says_what_ci_runs():
    readme, ci = ((root/p).read_text(encoding='utf-8') for p in ('README.md', '.ci/run'))
    for command in re.findall(r'^step (?:Notebooks|Tests) (.*)$', ci, re.M): assert command in readme

def test_old_names_are_gone():
    old = r'camvid_seg\.(dataset|scenes|masks|explore|loaders|metrics|unet|lr_finder|training|fullsize|inference)\b|fullsize|nbs/(0[1-9]|1\d)_(dataset|scenes|explore|loaders|training|inference|cli|bench)'
    for p in repo_files():
        if p.suffix not in ('.py', '.md', '.ipynb', '.yaml', '.toml', '.ini', '.sh') or p.name in ('test_notebooks.py', 'CHANGELOG.md'): continue
        found = re.search(old, (root/p).read_text(encoding='utf-8'))
        assert not found, f'{p}: {found[0]}'

def test_files_are_small():
    big = {p.as_posix(): n for p in repo_files() if (n := (root/p).stat().st_size) > 1_500_000}
    assert not big

def test_no_camvid_frame():
    "CamVid is for research only: its frames are not ours to hand on"
    frames = [p.as_posix() for p in repo_files() if re.match(r'(0001TP|0006R0|0016E5|Seq05VD)_', p.name)]
    assert not frames
