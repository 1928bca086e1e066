"House rules of the notebooks and of the repository"
import json, re
import pytest
from nbdev.doclinks import nbglob
from conftest import repo_files, root

notebooks = sorted((root/'nbs').glob('*.ipynb'))
chapters = [p for p in notebooks if re.match(r'(?!00)\d\d_', p.name)]
lesson = [p for p in notebooks if p.name != 'index.ipynb']
each = lambda nbs: pytest.mark.parametrize('path', nbs, ids=lambda p: p.stem)

def _cells(path): return [dict(c, source=''.join(c['source'])) for c in json.loads(path.read_text(encoding='utf-8'))['cells']]
def _code(path): return [c for c in _cells(path) if c['cell_type'] == 'code']
def _lines(source): return [l for l in source.splitlines() if l.strip()]

def test_nbdev_sees_every_notebook():
    assert chapters and sorted(nbglob(root/'nbs', as_path=True)) == notebooks   # nbdev-test succeeds when it finds none

@each(notebooks)
def test_first_cell_is_title_and_summary(path):
    first = _cells(path)[0]
    assert first['cell_type'] == 'markdown' and re.fullmatch(r'# \S[^\n]*\n\n> \S[^\n]*\n*', first['source'])

@each(chapters)
def test_chapter_exports_its_module(path):
    second = _cells(path)[1]
    assert second['source'] == f"#| default_exp {path.stem.split('_', 1)[1]}"

@each(lesson)
def test_one_colab_badge(path):
    links = re.findall(r'\[!\[Open in Colab\]\([^)]*\)\]\(([^)]*)\)', '\n'.join(c['source'] for c in _cells(path) if c['cell_type'] == 'markdown'))
    assert [l.split('/blob/main/')[-1] for l in links] == [f'nbs/{path.name}']

@each(chapters)
def test_ends_with_recap_and_exercises(path):
    assert [c['source'] for c in _cells(path) if c['source'].startswith('## ')][-2:] == ['## Recap', '## Exercises']

@each(chapters)
def test_solutions_are_folded_and_run(path):
    solutions = [c['source'] for c in _code(path) if 'Solution' in c['source']]
    assert 3 <= len(solutions) <= 6
    for s in solutions: assert s.startswith('#| code-fold: true\n#| code-summary: "Solution"\n') and 'eval: false' not in s

@each(notebooks)
def test_cells_are_short(path):
    long = {len(_lines(c['source'])): c['source'].strip().split('\n')[0] for c in _code(path) if len(_lines(c['source'])) > 25}
    assert not long

@each(notebooks)
def test_outputs_are_clean(path):
    for c in _code(path):
        assert c['execution_count'] is None
        for o in c['outputs']:
            assert o['output_type'] != 'error', c['source']
            assert o.get('name') != 'stderr', f"{c['source']}\n{o['text']}"
            assert 'application/vnd.jupyter.widget-view+json' not in o.get('data', {}) or {'text/html', 'image/png'} & o['data'].keys(), 'a widget without a static picture'

machine = re.compile(r'(?<![\w.])/(root|work|tmp|home|Users|farm|private|var/folders)/|site-packages|[A-Z]:\\\\?Users')

@each(notebooks)
def test_no_path_of_a_machine(path):
    found = [m for c in _cells(path) for m in machine.findall(c['source'] + json.dumps([{k: v for k, v in o.get('data', o).items() if not k.startswith('image/')} for o in c.get('outputs', [])]))]
    assert not found

def test_readme_says_what_ci_runs():
    readme, ci = ((root/p).read_text(encoding='utf-8') for p in ('README.md', '.ci/run'))
    for command in re.findall(r'^step (?:Notebooks|Tests) (.*)$', ci, re.M): assert command in readme

def test_files_are_small():
    big = {p.as_posix(): n for p in repo_files() if (n := (root/p).stat().st_size) > 1_500_000}
    assert not big

def test_no_camvid_frame():
    "CamVid is for research only: its frames are not ours to hand on"
    frames = [p.as_posix() for p in repo_files() if re.match(r'(0001TP|0006R0|0016E5|Seq05VD)_', p.name)]
    assert not frames
