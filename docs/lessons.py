"""Read the notebooks as a reader finds them: cells, sections, questions, exercises. `python docs/lessons.py` prints what each lesson
has, as a table in Markdown; tests/test_lessons.py and docs/class_copies.py take the parts from here."""
import ast, json, re
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from statistics import median

root = Path(__file__).resolve().parents[1]
nbs, teach = root/'nbs', root/'docs'/'teach'
folded_answer = re.compile(r'<details><summary>Answer</summary>\n\n(.+?)\n\n</details>', re.S)
trains = re.compile(r"\.fit\w*\(|'fit\w*'|\btrain\(|\.backward\(|camvid_seg\('train|camvid-seg train")

defines = ast.FunctionDef, ast.ClassDef

def lessons():
    "Paths of the lessons, by number"
    return sorted(p for p in nbs.glob('*.ipynb') if p.name != 'index.ipynb')

class Cell:
    "A cell as it is stored: its kind, source, directives and outputs"
    def __init__(self, stored):
        self.kind, self.source, self.outputs = stored['cell_type'], ''.join(stored['source']), stored.get('outputs', [])
        self.directives = {k: v.strip('" ') for k, v in re.findall(r'^#\| *([\w-]+):? *(.*)$', self.source, re.M)}
    @property
    def hidden(self): return self.kind == 'code' and ('hide' in self.directives or self.directives.get('include') == 'false')
    @property
    def solution(self): return self.directives.get('code-summary') == 'Solution'
    @property
    def lines(self):
        "Lines of code, without blank ones and directives"
        return [l for l in self.source.splitlines() if l.strip() and not l.startswith('#|')]
    @property
    def pictures(self): return [(k, v) for o in self.outputs for k, v in o.get('data', {}).items() if k.startswith('image/')]
    @property
    def statements(self):
        "Top-level statements; none in a cell of shell commands"
        try: return ast.parse(self.source).body
        except SyntaxError: return []

class Notebook:
    "The cells of the notebook at `path`"
    def __init__(self, path):
        self.path = path
        self.cells = [Cell(c) for c in json.loads(path.read_text(encoding='utf-8'))['cells']]
        self.code = [c for c in self.cells if c.kind == 'code']
        self.markdown = [c for c in self.cells if c.kind == 'markdown']
        self.text = '\n\n'.join(c.source for c in self.markdown)

    @cached_property
    def definitions(self):
        "The functions and classes that the notebook defines for itself, by name"
        own = [c for c in self.code if not {'export', 'exports', 'exporti'} & c.directives.keys()]
        return {s.name: ast.unparse(s) for c in own for s in c.statements if isinstance(s, defines)}

    def does(self, cell):
        "The statements of `cell`, with the notebook's own functions that they come to call"
        text, seen = '\n'.join(ast.unparse(s) for s in cell.statements if not isinstance(s, defines)), set()
        while new := (set(re.findall(r'\w+', text)) & self.definitions.keys()) - seen:
            seen |= new
            text += ''.join('\n' + self.definitions[n] for n in sorted(new))
        return text

class Exercise:
    def __init__(self, text): self.text, self.solutions, self.open = text, [], text.startswith('Open.')

class Lesson(Notebook):
    "The parts of a lesson"
    @cached_property
    def pieces(self):
        "The cells, those of Markdown cut at their headings"
        cut = lambda c: re.split(r'^(?=## )', c.source, flags=re.M) if c.kind == 'markdown' else [c.source]
        return [Cell(dict(cell_type=c.kind, source=s, outputs=c.outputs)) for c in self.cells for s in cut(c) if s.strip()]

    @property
    def headings(self): return re.findall(r'^## (.+?)\s*$', self.text, re.M)

    def section(self, heading):
        "The pieces below `heading`"
        found, inside = [], False
        for p in self.pieces:
            if p.source.startswith('## '): inside = p.source.split('\n')[0].strip() == f'## {heading}'
            if inside: found.append(p)
        return found

    def prose(self, heading):
        "The text of a section, without its heading"
        text = '\n\n'.join(p.source for p in self.section(heading) if p.kind == 'markdown')
        return text.removeprefix(f'## {heading}').strip()

    @property
    def words(self): return sum(len(c.source.split()) for c in self.markdown)

    @property
    def questions(self):
        "`(question, folded answer or None)` of the questionnaire"
        parts = re.split(r'^\*\*\d+\.\*\* ', self.prose('Questionnaire'), flags=re.M)[1:]
        answers = [folded_answer.search(p) for p in parts]
        return [(p.split('<details>')[0].strip(), a and a[1]) for p, a in zip(parts, answers)]

    @property
    def predictions(self):
        "`(question, cells of code that follow, folded answer or None)` of each prediction"
        found, shown = [], [c for c in self.cells if not c.hidden]
        for i, c in enumerate(shown):
            if c.kind == 'code': continue
            code = [*takewhile(lambda c: c.kind == 'code', shown[i+1:])]
            after = shown[i+1+len(code):]
            answer = folded_answer.match(after[0].source) if after else None
            for asked in re.findall(r'^\*\*Predict, then run\.\*\*(.*(?:\n.+)*)', c.source, re.M):
                found.append((asked.strip(), code, answer and answer[1]))
        return found

    @property
    def exercises(self):
        found = []
        for p in self.section('Exercises'):
            if p.kind == 'code':
                if found: found[-1].solutions.append(p)
            else:
                parts = re.split(r'^\*\*\d+\. *(?:\*\* *|(?=Open\.\*\*))', p.source, flags=re.M)[1:]
                found += [Exercise(t.strip()) for t in parts]
        return found

    def trained(self, exercise):
        "Does the solution of `exercise` train something?"
        return any(trains.search(self.does(s)) for s in exercise.solutions)

    @property
    def measures(self):
        shown = [c for c in self.code if not c.hidden and not c.solution]
        own = [l for c in self.code for l in c.lines if not l.lstrip().startswith('!')]
        return dict(cells=len(self.cells), words=self.words, questions=len(self.questions), exercises=len(self.exercises),
            training=sum(map(self.trained, self.exercises)), figures=sum(bool(c.pictures) for c in self.code if not c.hidden),
            median=f'{median(len(c.lines) for c in shown):g}', longest=max(len(c.lines) for c in self.code), widest=max(map(len, own)))

def table(found):
    "What each of the lessons `found` has, as a table in Markdown"
    head = 'lesson', 'cells', 'words', 'questions', 'exercises', 'that train', 'figures', 'lines of a cell, median', 'at most', 'widest line'
    rows = [(l.path.stem, *map(str, l.measures.values())) for l in found]
    return '\n'.join(['| ' + ' | '.join(head) + ' |', '|:--|' + '--:|'*(len(head)-1), *('| ' + ' | '.join(r) + ' |' for r in rows)])

if __name__ == '__main__':
    print(table(map(Lesson, lessons())))
