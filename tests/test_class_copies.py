"Copies of the lessons for class"
import json, re, subprocess, sys
import nbformat
import pytest
import class_copies
from conftest import root, run
from lessons import Lesson, lessons, nbs
from owner import settings

def copies(dest): run(sys.executable, 'docs/class_copies.py', dest)
def refused(dest): return subprocess.run([sys.executable, 'docs/class_copies.py', str(dest)], cwd=root, capture_output=True, text=True)

@pytest.fixture(scope='module')
def made(tmp_path_factory):
    dest = tmp_path_factory.mktemp('class')/'week 1'
    copies(dest)
    return dest

def test_two_copies_of_each_lesson(made):
    assert [p.name for p in made.parent.iterdir()] == ['week 1']                            # nothing is left beside them
    for kind in 'clean', 'exercise': assert sorted(p.name for p in (made/kind).iterdir()) == [p.name for p in lessons()]
    for p in made.rglob('*.ipynb'):
        nb = nbformat.read(p, 4)
        nbformat.validate(nb)
        assert not any(c.outputs or c.execution_count for c in nb.cells if c.cell_type == 'code')

def test_clean_copies_have_every_word(made):
    for p in lessons():
        before, after = Lesson(p), Lesson(made/'clean'/p.name)
        assert [c.source for c in before.code] == [c.source for c in after.code]
        words = [re.sub(r'\[!\[Open in Colab\]\S*|\]\([^)]*\)', '', l.text).split() for l in (before, after)]
        assert words[0] == words[1]

def test_exercise_copies_have_no_answer(made):
    for p in lessons():
        before, after = Lesson(p), Lesson(made/'exercise'/p.name)
        assert 'Answer</summary>' not in after.text and not any(c.solution for c in after.code)
        assert after.text.count('*Your answer:*') == before.text.count('<summary>Answer</summary>')
        assert sum(c.source == '# your answer' for c in after.code) == sum(c.solution for c in before.code) > 0
        assert len(after.exercises) == len(before.exercises) and len(after.questions) == len(before.questions)

def test_links_lead_somewhere_and_badges_not_to_the_answers(made):
    for p in made.rglob('*.ipynb'):
        text = Lesson(p).text
        assert 'colab.research' not in text
        for link in re.findall(r'\]\((?!https?:|#)([^)\s#]+)', text): assert (p.parent/link).is_file(), f'{p.name}: {link}'
        for link in re.findall(settings()['git_url'] + r'/(?:blob|raw)/main/([^)\s#]+)', text): assert (root/link).exists(), f'{p.name}: {link}'

def test_a_clone_of_github_gets_badges(tmp_path):
    run('git', 'init', '-q', '-b', 'spring', cwd=tmp_path)
    run('git', 'remote', 'add', 'origin', 'git@github.com:school/vision.git', cwd=tmp_path)
    copies(tmp_path/'weeks')
    for p in (tmp_path/'weeks').rglob('*.ipynb'):
        [badge] = re.findall(r'\]\((https://colab[^)]*\.ipynb)\)', Lesson(p).text)
        assert badge == f'https://colab.research.google.com/github/school/vision/blob/spring/weeks/{p.parent.name}/{p.name}'

def test_refused_in_one_line(tmp_path):
    before = sorted(nbs.rglob('*'))
    for dest, why in (nbs, 'nbdev takes'), (nbs/'class', 'nbdev takes'), (nbs/'inside'/'x', 'nbdev takes'), (tmp_path, 'is there already'), (tmp_path/'a'/'b', 'no such folder'):
        said = refused(dest)
        assert said.returncode == 1 and why in said.stderr and len(said.stderr.splitlines()) == 1, said.stderr
    assert sorted(nbs.rglob('*')) == before and not [*tmp_path.iterdir()]

def test_nothing_is_left_half_written(tmp_path, monkeypatch):
    class Full(Exception): pass
    def full(cell): raise Full('disk')
    monkeypatch.setattr(class_copies, 'bare', full)
    with pytest.raises(Full): class_copies.main(tmp_path/'a')
    assert not [*tmp_path.iterdir()]

def test_answers_go_wherever_they_are():
    cells = [dict(cell_type='markdown', source=s) for s in ('<details><summary>Answer</summary>\n\nYes.\n\n</details>\n\nSo **it** goes.', '## Exercises', '**1.** Why?')]
    cells += [dict(cell_type='code', source=s) for s in ('#| code-fold: true\n#| code-summary: "Solution"\nassert 1', '#| hide\nassert solved')]
    cells += [dict(cell_type='markdown', source='## Further reading'), dict(cell_type='code', source='1')]
    after = [c['source'] for c in class_copies.exercise(cells)]
    assert after == ['*Your answer:*\n\nSo **it** goes.', '## Exercises', '**1.** Why?', '# your answer', '## Further reading', '1']
    assert json.dumps(cells).count('Answer') == 1                                           # the lesson itself is as it was
