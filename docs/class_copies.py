"""Copies of the lessons for class: `python docs/class_copies.py DEST` makes the folder DEST with two copies of each lesson.
DEST/clean has no outputs. DEST/exercise has no answers either: a cell `# your answer` stands where a solution was.
Their badges open the copies in Colab if DEST is in a clone of a repository of GitHub; else they have none."""
import json, re, shutil, subprocess, sys, tempfile
from pathlib import Path
from lessons import folded_answer, lessons, nbs, root
from owner import settings

def source(cell): return ''.join(cell['source'])
def bare(cell): return cell | dict(metadata={}, outputs=[], execution_count=None) if cell['cell_type'] == 'code' else cell

def exercise(cells):
    "`cells` without answers and solutions"
    below = False
    for c in cells:
        if c['cell_type'] == 'markdown':
            for heading in re.findall(r'^## (.*\S)', source(c), re.M): below = heading == 'Exercises'
            yield c | dict(source=folded_answer.sub('*Your answer:*', source(c)))
        elif '#| code-summary: "Solution"' in source(c): yield c | dict(source='# your answer')
        elif not below: yield c                              # below, hidden cells look at the solutions' results

def relinked(text, badge):
    "Text of a lesson whose links lead out of its new folder; with the address `badge` for its badge, or without one"
    ini = settings()
    def moved(m):
        start, link = m.groups()
        file = (nbs/link.partition('#')[0]).resolve()
        if file in lessons(): return m[0]
        kind = 'raw' if start[0] == '!' else 'blob'
        return f"{start}{ini['git_url']}/{kind}/{ini['branch']}/{file.relative_to(root).as_posix()}" + (link[link.index('#'):] if '#' in link else '')
    text = re.sub(r'\n*\[!\[Open in Colab\]\(([^)]*)\)\]\([^)]*\)', lambda m: f'\n\n[![Open in Colab]({m[1]})]({badge})' if badge else '', text)
    return re.sub(r'(!?\[[^\]]*\]\()(?![a-z]+:|[#/])([^)\s]+)', moved, text)

def colab(dest):
    "Where Colab opens what lies in `dest`, if that is in a clone of a repository of GitHub and gets pushed"
    def git(*args): return subprocess.run(['git', *args], cwd=dest.parent, capture_output=True, text=True).stdout.strip()
    origin = shutil.which('git') and re.search(r'github\.com[:/]([\w.-]+/[\w.-]+?)(\.git)?$', git('remote', 'get-url', 'origin'))
    if not origin: return None
    inside = dest.relative_to(Path(git('rev-parse', '--show-toplevel')).resolve()).as_posix()
    return f"https://colab.research.google.com/github/{origin[1]}/blob/{git('branch', '--show-current')}/{inside}"

def write(dest, badges):
    "Both copies of each lesson to the folder `dest`"
    for kind, change in (('clean', iter), ('exercise', exercise)):
        (dest/kind).mkdir(parents=True)
        for path in lessons():
            nb = json.loads(path.read_text(encoding='utf-8'))
            nb['metadata'].pop('widgets', None)
            nb['cells'] = [bare(c) for c in change(nb['cells'])]
            for c in nb['cells']:
                if c['cell_type'] == 'markdown': c['source'] = relinked(source(c), badges and f'{badges}/{kind}/{path.name}')
                c['source'] = source(c).splitlines(True)
            (dest/kind/path.name).write_text(json.dumps(nb, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')

def main(dest):
    dest = Path(dest).resolve()
    if dest == nbs or nbs in dest.parents: sys.exit(f'{dest}: nbdev takes every notebook in nbs/ for a source; name a folder elsewhere')
    if dest.exists(): sys.exit(f'{dest}: is there already, perhaps with work of a class in it; name a new folder')
    if not dest.parent.is_dir(): sys.exit(f'{dest.parent}: no such folder; make it first')
    badges = colab(dest)
    with tempfile.TemporaryDirectory(prefix='.class_copies_', dir=dest.parent) as work:      # whole, or not at all
        write(Path(work)/'copies', badges)
        (Path(work)/'copies').rename(dest)
    print(f'{len(lessons())} lessons in {dest}/clean and {dest}/exercise;', f'commit and push them: their badges open {badges}' if badges else 'without badges: the folder is in no clone of a repository of GitHub')

if __name__ == '__main__':
    if len(sys.argv) != 2: sys.exit('usage: python docs/class_copies.py DEST')
    main(sys.argv[1])
