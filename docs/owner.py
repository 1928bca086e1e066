"""Move the project to another owner on GitHub: `python docs/owner.py NAME` changes `user` in settings.ini and every address that
follows from it (badges, clone commands, links to the site). Then `nbdev-export` and commit."""
import re, sys
from configparser import ConfigParser
from pathlib import Path

root = Path(__file__).resolve().parents[1]
kinds = '.py', '.md', '.ipynb', '.ini', '.toml', '.yaml', '.cff'

def settings():
    ini = ConfigParser(delimiters=['='])
    ini.read(root/'settings.ini', encoding='utf-8')
    return ini['DEFAULT']

def main(new):
    if not re.fullmatch(r'[A-Za-z0-9][A-Za-z0-9-]{0,38}', new): sys.exit(f'{new!r}: not a name that GitHub allows; give a user or an organization')
    old, repo = settings()['user'], settings()['repo']
    swaps = {f'github.com/{old}/{repo}': f'github.com/{new}/{repo}', f'github/{old}/{repo}': f'github/{new}/{repo}',
             f'//{old}.github.io/{repo}': f'//{new}.github.io/{repo}', f'user = {old}\n': f'user = {new}\n'}
    files = [p for p in root.rglob('*') if p.suffix in kinds and '.git' not in p.parts and '.venv' not in p.parts and '_build' not in p.parts]
    for p in files:
        text = changed = p.read_text(encoding='utf-8')
        for a, b in swaps.items(): changed = changed.replace(a, b)
        if changed != text: p.write_text(changed, encoding='utf-8')
    print(f'{old} is now {new}: run nbdev-export, then commit')

if __name__ == '__main__':
    if len(sys.argv) != 2: sys.exit('usage: python docs/owner.py NAME')
    main(sys.argv[1])
