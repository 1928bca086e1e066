"""Write README.md from the notebook nbs/index.ipynb: `python docs/readme.py`; with `--check`, fail if it is not up to date.
Links to chapters lead to the notebooks, pictures among the outputs go to docs/readme_files/."""
import sys
from base64 import b64decode
from fastcore.nbio import read_nb
from places import cfg, nbs, relink, root

pictures = 'docs/readme_files'

def _text(o): return o if isinstance(o, str) else ''.join(o)

def _output(o, name, files, said):
    "One output as Markdown, its picture added to `files`; `said` is what the picture shows"
    if o.output_type == 'stream': return f"```\n{_text(o.text).rstrip()}\n```"
    d = o.data
    for mime, ext in (('image/svg+xml', 'svg'), ('image/png', 'png'), ('image/jpeg', 'jpg')):
        if mime in d:
            files[f'{pictures}/{name}.{ext}'] = _text(d[mime]).encode() if ext == 'svg' else b64decode(_text(d[mime]))
            return f'![{said}]({pictures}/{name}.{ext})'
    for mime in ('text/markdown', 'text/html'):
        if mime in d: return _text(d[mime]).strip()
    return f"```\n{_text(d['text/plain']).rstrip()}\n```"

def readme():
    "`{path: bytes}` of README.md and its pictures"
    files, parts = {}, [f'<!-- written by docs/readme.py from {nbs.name}/{cfg.readme_nb}: edit that -->']
    for i, c in enumerate(read_nb(nbs/cfg.readme_nb).cells):
        d = c.directives
        if c.cell_type == 'raw' or 'hide' in d or d.get('include') == 'false': continue
        if c.cell_type == 'markdown':
            parts.append(relink(c.source, lambda p, anchor: f'{nbs.name}/{p}' + (f'#{anchor}' if anchor else ''), lambda p: p))
            continue
        c.remove_directives()
        if d.get('echo') != 'false' and c.source.strip(): parts.append(f'```python\n{c.source.strip()}\n```')
        if d.get('output') != 'false': parts += [_output(o, f'cell-{i}-{j}', files, d.get('fig-cap', '').strip('"')) for j, o in enumerate(c.outputs)]
    return {'README.md': ('\n\n'.join(p.strip('\n') for p in parts) + '\n').encode(), **files}

def main(check=False):
    files = readme()
    stale = [k for k, v in files.items() if not (root/k).is_file() or (root/k).read_bytes() != v]
    extra = [p for p in (root/pictures).glob('*') if p.relative_to(root).as_posix() not in files]
    if check: return f"not up to date: {', '.join(stale + [p.name for p in extra])}; run python docs/readme.py" if stale or extra else 0
    for p in extra: p.unlink()
    for k in stale:
        (root/k).parent.mkdir(parents=True, exist_ok=True)
        (root/k).write_bytes(files[k])

if __name__ == '__main__': sys.exit(main('--check' in sys.argv))
