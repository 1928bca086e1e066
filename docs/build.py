"""Build the documentation site from the notebooks: `python docs/build.py`, then open docs/_build/html/index.html.
A warning of Sphinx, a broken link inside the site, or anything the pages would fetch from another host fails the build.
With `--network RUN` a page of the site labels the reader's own pictures with the network of that run."""
import argparse, re, shutil, sys, time, warnings
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit
from sphinx.cmd.build import main as sphinx
warnings.filterwarnings('ignore', category=FutureWarning, module='torch')   # what importing the chapters' modules may say about torch itself
import network
import plain
from camvid_seg.core import SegError
from stage import stage

here = Path(__file__).resolve().parent
out = here/'_build'/'html'

class Links(HTMLParser):
    "Anchors that a page has, what it links to, and what a browser would fetch to show it"
    def __init__(self, path):
        super().__init__()
        self.ids, self.hrefs, self.srcs = set(), [], []
        self.feed(path.read_text(encoding='utf-8'))
    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.ids |= {a[k] for k in ('id', 'name') if a.get(k)}
        if tag == 'a' and 'href' in a: self.hrefs.append(a['href'] or '')
        if tag == 'link' and a.get('rel') not in ('canonical', 'search', 'index', 'next', 'prev'): self.srcs.append(a.get('href') or '')
        self.srcs += [a[k] for k in ('src', 'poster', 'data') if a.get(k) and tag in ('img', 'script', 'iframe', 'video', 'audio', 'source', 'embed', 'object')]
        self.srcs += [s.split()[0] for s in (a.get('srcset') or '').split(',') if s.strip()]

def problems(site):
    "Links and pictures of the pages in folder `site` that lead nowhere, and fetches from other hosts"
    pages = {p.resolve(): Links(p) for p in sorted(site.rglob('*.html'))}
    def broken(page, url, fetched):
        u = urlsplit(url)
        if u.scheme == 'data': return
        if u.scheme or u.netloc:
            if fetched: return 'fetched from another host'
            return None if u.scheme == 'mailto' or u.scheme in ('http', 'https') and re.fullmatch(r'[\w.-]+\.\w+(:\d+)?', u.netloc) else 'malformed'
        target = (page.parent/unquote(u.path)).resolve() if u.path else page
        if target.is_dir(): target /= 'index.html'
        if not target.is_file(): return 'no such file'
        if u.fragment and target in pages and unquote(u.fragment) not in pages[target].ids: return 'no such anchor'
    for page, l in pages.items():
        for fetched, urls in ((False, l.hrefs), (True, l.srcs)):
            for url in dict.fromkeys(urls):
                if why := broken(page, url, fetched): yield f'{page.relative_to(site)}: {url}: {why}'
    for css in site.rglob('*.css'):
        for url in re.findall(r'(?:url\(|@import)\s*["\']?((?:https?:)?//[^"\')\s]+)', css.read_text(encoding='utf-8')): yield f'{css.relative_to(site)}: {url}: fetched from another host'

def main():
    parser = argparse.ArgumentParser(description='Build the documentation site.')
    parser.add_argument('--network', metavar='RUN', help='a run folder whose network the site gets (default: none)')
    start, run = time.time(), parser.parse_args().network
    try: text, files = network.page(run)
    except SegError as e: return f'--network {run}: {e}'
    shutil.rmtree(out, ignore_errors=True)
    texts, pages = stage(out.parent/'notebooks', {'network.md': text})
    rc = sphinx(['-q', '-E', '-W', '--keep-going', '-j', 'auto', '-b', 'html', '-c', str(here), '-d', str(out.parent/'doctrees'), str(out.parent/'notebooks'), str(out)])
    plain.write(out, texts, pages)
    if files: shutil.copytree(files, out/'network')
    bad = list(problems(out))
    print(*bad, f'{len(texts) + len(pages)} pages in {out.relative_to(here.parent).as_posix()}, {len(bad)} broken links, {time.time()-start:.0f} s', sep='\n')
    return bool(rc or bad)

if __name__ == '__main__': sys.exit(main())
