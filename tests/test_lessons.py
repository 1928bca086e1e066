"What a lesson must have, as far as a machine can see it; CONTRIBUTING.md says it in words"
import json, re
import pytest
from conftest import repo_files, root
from lessons import Lesson, lessons, nbs, table, teach
each = pytest.mark.parametrize('path', lessons(), ids=lambda p: p.stem)

last = ['Recap', 'Questionnaire', 'Exercises', 'Further reading']
opening = '| what you will build | CPU | GPU | memory | data |'

def sentences(text):
    "How many sentences"
    text = re.sub(r'`[^`]*`', 'x', re.sub(r'\b(e\.g|i\.e|vs|cf|al|Fig|approx)\.', r'\1', text)).strip()
    ends = re.findall(r'[.!?][*_)"”\']*(?=\s+[*_("“]*[A-Z\d\[$x]|$)', text)
    return len(ends) + (not re.search(r'[.!?][*_)"”\']*$', text))

def bullets(text): return [' '.join(b.split()) for b in re.findall(r'^(?:[-*]|\d+\.) (.+(?:\n(?!\s*$|[-*] |\d+\. ).+)*)', text, re.M)]

# ---- the rules ----

def faults(lesson):
    "What a lesson lacks, in words"
    for rule in parts, recap, predictions, questionnaire, exercises, reading, sizes: yield from rule(lesson)

def parts(lesson):
    if lesson.headings[-4:] != last: yield f"its last headings are {lesson.headings[-4:]}, not {last}"
    second = lesson.cells[1].source if len(lesson.cells) > 1 else ''
    if opening not in second: yield f'its second cell has no table {opening}'
    able = re.search(r'^\*\*You will be able to\*\*:?\s*\n((?:[-*] .+\n?|  .+\n?|\n(?=[-*] ))+)', second, re.M)
    if not able: yield 'its second cell has no list **You will be able to**'
    elif len(bullets(able[1])) not in (3, 4): yield f'{len(bullets(able[1]))} points under **You will be able to**, not 3 or 4'
    badges = re.findall(r'\[!\[Open in Colab\]\([^)]*\)\]\([^)]*/blob/main/([^)]*)\)', lesson.text)
    if badges != [f'nbs/{lesson.path.name}']: yield f'its Colab badges lead to {badges}'
    tables = [c for c in lesson.code if not c.hidden for o in c.outputs for k, v in o.get('data', {}).items()
              if k == 'text/html' and '<table' in ''.join(v) or k == 'text/markdown' and re.search(r'^\|[ :|-]+\|$', ''.join(v), re.M)]
    if not tables: yield 'no cell shows a table of what was measured'

def recap(lesson):
    pieces = [p for p in lesson.section('Recap') if p.source.strip() != '## Recap']
    if len(pieces) != 1 or pieces[0].kind != 'markdown': return (yield f'its recap has {len(pieces)} cells, not one of text')
    kept = [p for p in re.split(r'\n\s*\n', lesson.prose('Recap')) if not p.startswith(('|', 'Next'))] # a table, and where to go from here
    said = bullets('\n\n'.join(kept))
    if said:
        if len(said) != 5: yield f'its recap has {len(said)} points, not 5'
        for b in said:
            if sentences(b) != 1: yield f'a point of its recap has {sentences(b)} sentences: {b}'
    elif sentences(' '.join(kept)) != 5: yield f"its recap has {sentences(' '.join(kept))} sentences, not 5"

def predictions(lesson):
    found = lesson.predictions
    if len(found) < 3: yield f'{len(found)} predictions, not 3 or more'
    for asked, code, answer in found:
        if '?' not in asked: yield f'a prediction asks nothing: {asked}'
        if not code: yield f'no code follows the prediction: {asked}'
        elif not answer: yield f'no folded answer follows the code of the prediction: {asked}'

def questionnaire(lesson):
    found = lesson.questions
    if not 8 <= len(found) <= 12: yield f'{len(found)} questions, not 8 to 12'
    if (ns := numbers(lesson.prose('Questionnaire'))) != [*range(1, len(ns)+1)]: yield f'its questions are numbered {ns}'
    for question, answer in found:
        if not answer: yield f'a question has no folded answer: {question}'

def numbers(text): return [int(n) for n in re.findall(r'^\*\*(\d+)\.', text, re.M)]

def exercises(lesson):
    found = lesson.exercises
    if not 3 <= len(found) <= 6: yield f'{len(found)} exercises, not 3 to 6'
    if (ns := numbers(lesson.prose('Exercises'))) != [*range(1, len(ns)+1)]: yield f'its exercises are numbered {ns}'
    if not any(map(lesson.trained, found)): yield 'no exercise trains anything: no solution comes to call fit, train( or backward('
    for i, e in enumerate(found, 1):
        solutions = [s for s in e.solutions if s.solution]
        if e.open and 'hint' not in e.text.lower(): yield f'exercise {i} is open and gives no hint'
        if e.open and i < len(found): yield f'exercise {i} is open and not the last'
        if not e.open and not solutions: yield f'exercise {i} has no folded solution'
        if solutions and not any(re.search(r'\bassert\b|\btest_\w+\(', s.source) for s in e.solutions): yield f'the solution of exercise {i} tests nothing'
        for s in e.solutions:
            if not (s.hidden or s.source.startswith('#| code-fold: true\n#| code-summary: "Solution"\n')): yield f'exercise {i} has a cell that is no folded solution:\n{s.source}'
            if 'eval' in s.directives: yield f'the solution of exercise {i} is not run'

def reading(lesson):
    found = bullets(lesson.prose('Further reading'))
    if not 3 <= len(found) <= 6: yield f'{len(found)} links in further reading, not 3 to 6'
    for b in found:
        if not re.search(r'\]\(https?://', b): yield f'further reading without a link: {b}'
        if len(re.sub(r'\[[^]]*\]\([^)]*\)', '', b).split()) < 4: yield f'further reading without a reason: {b}'

def sizes(lesson):
    if len(lesson.cells) > 60: yield f'{len(lesson.cells)} cells, not 60 at most'
    if lesson.words > 3000: yield f'{lesson.words} words, not 3,000 at most'
    for c in lesson.code:
        if len(c.lines) > 8: yield f'a cell of {len(c.lines)} lines:\n{c.source}'
        for l in c.lines:
            if len(l) > 88 and not l.lstrip().startswith('!pip'): yield f'a line of {len(l)} columns: {l}'

@each
def test_a_lesson_has_what_it_must(path):
    found = [*faults(Lesson(path))]
    assert not found, '\n'.join([path.name, *found])

def test_numbers_of_lessons_have_no_holes():
    assert [p.name[:3] for p in lessons()] == [f'{i:02}_' for i in range(len(lessons()))]

@each
def test_a_lesson_and_the_engine_link_to_each_other(path):
    there = {(nbs/l).resolve() for l in re.findall(r'\]\((inside/[^)\s#]+\.ipynb)', Lesson(path).text)}
    assert there
    assert any(path.name in Lesson(p).text for p in there) or path.name.startswith('00_')

def test_the_table_has_a_row_for_each_lesson():
    rows = table(map(Lesson, lessons())).splitlines()[2:]
    assert [r.split(' | ')[0].strip('| ') for r in rows] == [p.stem for p in lessons()]

# ---- notes for teachers ----

@each
def test_teachers_have_notes(path):
    note = teach/f'{path.stem}.md'
    assert note.is_file(), f'docs/teach/{note.name} is missing'
    text = note.read_text(encoding='utf-8')
    title = Lesson(path).cells[0].source.split('\n')[0].removeprefix('# ')
    assert text.split('\n')[0] == f'# {path.name[:2]} {title}: notes for teachers'
    assert re.findall(r'^## (.*)', text, re.M) == ['In class', 'Show', 'Pitfalls', 'Grade', 'If there is more time']
    assert 25 <= len(text.splitlines()) and len([l for l in text.splitlines() if l.strip()]) <= 50

def test_notes_lead_somewhere():
    "On GitHub; the site's builder tests its own"
    assert {p.stem for p in teach.glob('*.md')} - {'README'} <= {p.stem for p in lessons()}
    for p in teach.glob('*.md'):
        for link in re.findall(r'\]\((?![a-z]+:|#)([^)\s#]+)', p.read_text(encoding='utf-8')): assert (p.parent/link).exists(), f'{p.name}: {link}'

# ---- words ----

house = {r'\bmend(s|ed|ing)?\b': 'fix', r'\butili[sz]\w+': 'use', r'\bwhilst\b': 'while', r'\bin order to\b': 'to', r'\bleverag\w+': 'use',
         r'\b(thereof|hitherto|albeit|wherein|thence|lest)\b': 'a plain word'}

def test_plain_words():
    read = [p for p in repo_files() if p.suffix in ('.md', '.ipynb') or p.parts[0] == 'camvid_seg' and p.suffix == '.py']
    for p in read:
        text = (root/p).read_text(encoding='utf-8')
        if p.suffix == '.ipynb': text = '\n'.join(''.join(c['source']) for c in json.loads(text)['cells'])
        for word, better in house.items():
            found = re.search(word, text, re.I)
            assert not found, f'{p}: say "{better}": …{text[max(0, found.start()-80):found.end()+80]}…'

# ---- the rules, tried on a lesson that is made up ----

def fold(answer='Since it is.'): return f'<details><summary>Answer</summary>\n\n{answer}\n\n</details>'

made_up = [
    ('markdown', '# Sums\n\n> How to add'),
    ('markdown', f'{opening}\n| --- | --- | --- | --- | --- |\n| a sum | 1 min | none | 1 GB | none |\n\n**You will be able to**\n\n- add two numbers\n- train\n  a sum\n- see it\n\n'
                 '[![Open in Colab](badge.svg)](https://colab.research.google.com/github/a/b/blob/main/nbs/17_sums.ipynb)'),
    ('code', '#| hide\nimport camvid_seg'), ('code', 'def fitted(model):\n    model.fit(1)\n    return model'),
    *[o for i in range(3) for o in (('markdown', f'## Part {i}\n\nA sum.\n\n**Predict, then run.** What is\nthe sum?'), ('code', '1 + 1'), ('code', '#| hide\nassert 1'), ('markdown', fold() + '\n\nSo it goes.'))],
    ('table', 'Markdown(rows)'),
    ('markdown', '## Recap'), ('markdown', '- A sum (e.g. 1 + 1) is 2.5 or less.\n' + '- One more.\n'*3 + '- The last\n  of them.\n\n| a | b |\n|---|---|\n\nNext, [masks](02_masks.ipynb). Go on.'),
    ('markdown', '## Questionnaire\n\n' + '\n\n'.join(f'**{i}.** Why?\n\n{fold()}' for i in range(1, 9))),
    ('markdown', '## Exercises\n\n**1.** Add.'), ('solution', 'assert 1 + 1 == 2'), ('markdown', '**2.** Train.'), ('solution', 'assert fitted(model)'),
    ('markdown', '**3. Open.** Add more. Hint: begin small.'),
    ('markdown', '## Further reading\n\n' + '- [A sum](https://example.com/a): it says why sums are sums.\n'*3)]

def lesson_of(cells, folder):
    folded = '#| code-fold: true\n#| code-summary: "Solution"\n'
    def stored(kind, source):
        if kind == 'markdown': return dict(cell_type=kind, source=source)
        outputs = [dict(data={'text/markdown': ['| a | b |\n', '|---|---|\n', '| 1 | 2 |']})] if kind == 'table' else []
        return dict(cell_type='code', source=folded*(kind == 'solution') + source, outputs=outputs)
    path = folder/'17_sums.ipynb'
    path.write_text(json.dumps(dict(cells=[stored(*c) for c in cells])), encoding='utf-8')
    return Lesson(path)

def test_a_lesson_in_form_passes(tmp_path):
    lesson = lesson_of(made_up, tmp_path)
    assert not [*faults(lesson)]
    assert lesson.measures == dict(cells=len(made_up), words=lesson.words, questions=8, exercises=3, training=1, figures=0, median='1', longest=3, widest=20)

@pytest.mark.parametrize('old, new, fault', [
    ('## Questionnaire', '## Questions', 'last headings'), ('| GPU |', '|', 'no table | what'), ('You will', 'You may', 'no list **You'), ('- train\n  a sum\n- see it\n', '', '1 points under'),
    ('nbs/17_sums', 'nbs/16_sums', 'badges lead to'), ('Markdown(rows)', None, 'no cell shows a table'), ('## Recap', None, 'recap has 0 cells'), ('- One more.\n', '', 'recap has 2 points'),
    ('- The last', '- Two. The last', 'recap has 2 sentences'), ('- The last', 'The last', None), ('**Predict, then run.** What', 'What', '0 predictions'), ('the sum?', 'the sum.', 'asks nothing'),
    ('1 + 1', None, 'no code follows'), ('\n\nSo it goes.', '', None), ('So it goes.', 'A\n\nB', None), (fold() + '\n\nSo', 'So', 'no folded answer follows the code'),
    ('**8.** Why?', 'Why?', '7 questions'), ('**8.** Why?', '**9.** Why?', 'questions are numbered'), ('**1.** Why?\n\n' + fold(), '**1.** Why?', 'a question has no folded answer'),
    ('**3. Open.** Add', 'Add', '2 exercises'), ('Hint: begin', 'Begin', 'no hint'), ('**3. Open.**', '**3.**', 'exercise 3 has no folded solution'), ('**2.** Train.', '**2. Open.** Train, hint.', 'open and not the last'),
    ('model.fit(1)', 'model.show(1)', 'no exercise trains'), ('assert fitted(model)', 'fitted(model)', 'solution of exercise 2 tests nothing'), ('assert fitted(model)', '#| eval: false\nassert fitted(model)', 'is not run'),
    ('https://example', 'http:example', 'without a link'), ('it says why sums are sums', 'why', 'without a reason'), ('A sum.\n', 'A sum. ' + 'word '*1000 + '\n', 'words, not'),
    ('def fitted(model):\n', 'def fitted(model):\n' + '    model\n'*8, 'a cell of 11 lines'), ('return model', 'return model # ' + '='*88, 'a line of 107 columns')])
def test_a_lesson_that_lacks_something_fails(tmp_path, old, new, fault):
    cells = [(k, s if new is None else s.replace(old, new)) for k, s in made_up if not (new is None and s == old)]
    assert cells != made_up
    found = [*faults(lesson_of(cells, tmp_path))]
    assert any(fault in f for f in found) if fault else not [f for f in found if 'recap' not in f], found

def test_a_cell_that_is_no_solution_fails(tmp_path):
    i = made_up.index(('solution', 'assert 1 + 1 == 2'))
    found = [*faults(lesson_of([*made_up[:i], ('code', '1 + 1'), *made_up[i:]], tmp_path))]
    assert len(found) == 1 and 'exercise 1 has a cell that is no folded solution' in found[0]

def test_a_recap_of_sentences(tmp_path):
    for n in 4, 5:
        cells = [(k, 'It *is* so. '*n + '\n\n| a |\n|---|' if s.startswith('- A sum (') else s) for k, s in made_up]
        assert [*faults(lesson_of(cells, tmp_path))] == ([] if n == 5 else ['its recap has 4 sentences, not 5'])
