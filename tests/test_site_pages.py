"What the built site has: docs/_build/html as it was built last, built here if there is none"
import json, re, sys
from importlib import import_module
from urllib.parse import unquote_plus, urlsplit
import pytest
from bs4 import BeautifulSoup
from pygments.styles import get_style_by_name
from api import room_title
from conftest import root, run
from lessons import Lesson, lessons
from owner import settings
from places import notebooks, page_of, rooms

ini = settings()
address = f"https://{ini['user']}.github.io/{ini['repo']}/"
modules = [m if room == 'foundation' else f'{room}.{m}' for room, ms in rooms().items() for m in ms]
by_lesson = pytest.mark.parametrize('path', lessons(), ids=lambda p: p.stem)

@pytest.fixture(scope='session')
def site():
    out = root/'docs'/'_build'/'html'
    if not (out/'llms.txt').is_file(): run(sys.executable, 'docs/build.py')
    return out

@pytest.fixture(scope='session')
def pages(site):
    "The pages, parsed, by their names; not those that Sphinx makes itself"
    return {p.relative_to(site).with_suffix('').as_posix(): BeautifulSoup(p.read_text(encoding='utf-8'), 'html.parser')
            for p in sorted(site.rglob('*.html')) if p.name not in ('genindex.html', 'search.html')}

def name(path): return page_of(path.relative_to(root/'nbs'))

# ---- addresses ----

@pytest.mark.parametrize('module', modules)
def test_the_docstring_of_a_module_leads_to_its_page(site, module):
    said = re.search(r'Docs: (\S+)', import_module(f'camvid_seg.{module}').__doc__)[1]
    assert said.startswith(address)
    text = (site/said.removeprefix(address)).read_text(encoding='utf-8')
    assert text.startswith('# ') and '```python' in text

def test_every_page_is_there_as_markdown(site, pages):
    for page in pages:
        text = (site/f'{page}.html.md').read_text(encoding='utf-8')
        prose = re.sub(r'^(`{3,}).*?^\1$|`[^`\n]+`', '', text, flags=re.S | re.M)
        assert text.startswith('# ') and not re.search(r'[A-Za-z0-9+/]{300}', text) and not re.search(r'!\[|\{toctree\}', prose), page
        lost = [a for a in re.findall(r'\]\(([^):#\s]+\.html\.md)', prose) if not (site/page).parent.joinpath(a).is_file()]
        assert not lost, page

@by_lesson
def test_markdown_of_a_lesson_has_its_code_and_what_it_printed(site, path):
    text = (site/f'{name(path)}.html.md').read_text(encoding='utf-8')
    shown = [c for c in Lesson(path).code if not c.hidden]
    printed = [''.join(o['text']).strip() for c in shown if c.directives.get('output') != 'false' for o in c.outputs if o['output_type'] == 'stream']
    for s in printed: assert s in text
    assert text.count('```python\n') >= len([c for c in shown if c.source.strip()]) - 2
    for link in re.findall(r'\]\(([^):#]+\.html\.md)', text): assert (site/name(path)).parent.joinpath(link).is_file(), link

def test_llms_txt_lists_every_page(site, pages):
    text = (site/'llms.txt').read_text(encoding='utf-8')
    listed = re.findall(r'\]\((\S+)\.html\.md\)', text)
    assert text.startswith(f"# {ini['lib_name']}\n\n> {ini['description']}")
    assert {a.removeprefix(address) for a in listed} | {'index'} >= {p for p in pages if not p.startswith('teach/')} - {'inside/index'}
    for a in listed: assert (site/f'{a.removeprefix(address)}.html.md').is_file()

# ---- the landing page ----

def test_landing_page(pages):
    page = pages['index']
    assert [img['src'].rpartition('/')[2] for img in page.select('.views img')] == ['scene.webp', 'target.png', 'prediction.png']
    assert all(img['alt'] for img in page.select('.views img'))
    start = page.select_one('.buttons a')
    assert start['href'] == 'image_segmentation.html' and 'Start' in start.text
    assert [li.strong.text for li in page.select('.readers li')] == ['Student', 'Practitioner', 'Teacher']
    assert len(page.select('table.docutils tbody tr')) == len(lessons())

# ---- every page ----

def test_a_page_says_what_it_is(pages):
    for page, soup in pages.items():
        meta = {m.get('name') or m.get('property'): m['content'] for m in soup.select('meta[content]')}
        assert 10 < len(meta['description']) <= 203 and meta['og:description'] == meta['description'], page
        assert meta['og:url'] == f'{address}{page}.html' and meta['og:title'] and meta['og:image'].startswith(address), page

def test_a_problem_is_reported_with_the_page_named(pages):
    for page, soup in pages.items():
        [link] = [a['href'] for a in soup.select('.page-links a') if a.text == 'Report a problem with this page']
        assert link.startswith(f"https://github.com/{ini['user']}/{ini['repo']}/issues/new?") and f'{page}.html' in unquote_plus(urlsplit(link).query)

def test_from_each_page_to_the_next(pages):
    ends = {page for page, soup in pages.items() if not soup.select('.related-pages .next-page') or not soup.select('.related-pages .prev-page')}
    assert len(ends) == 2 and 'index' in ends

@pytest.mark.parametrize('path', notebooks(), ids=lambda p: p.stem)
def test_what_one_can_do_with_a_notebook(site, pages, path):
    links = {a.text: a['href'] for a in pages[name(path)].select('.actions a')}
    at = f"{ini['user']}/{ini['repo']}/blob/{ini['branch']}/{path.relative_to(root).as_posix()}"
    assert links['Open in Colab'] == f'https://colab.research.google.com/github/{at}'
    assert links['Open in Kaggle'] == f'https://kaggle.com/kernels/welcome?src=https://github.com/{at}'
    copy = site/name(path)/'..'/links['Download notebook']
    assert copy.resolve().read_bytes() == path.read_bytes()
    assert pages[name(path)].select('img[alt="Open in Colab"]') == []

def test_contents_of_a_page_are_short(pages):
    for page, soup in pages.items():
        assert not soup.select('.toc-tree ul ul ul'), page
        assert len(soup.select('.toc-tree li')) <= 30, page

# ---- reading ----

@by_lesson
def test_nothing_spoils_a_prediction(pages, path):
    "The output of each cell between a question and its answer is folded"
    asked = [c for _, code, _ in Lesson(path).predictions for c in code if c.outputs]
    folds = [s for s in pages[name(path)].select('details.hide > summary') if s.text == 'Output']
    assert len(folds) >= len(asked) > 0
    for q in pages[name(path)].find_all('strong', string='Predict, then run.'):
        after = q.find_parent('section').find_all('div', class_='cell')
        cell = next(c for c in after if c.sourceline > q.sourceline)
        assert not [o for o in cell.find_all(class_='cell_output', recursive=False)], cell

def contrast(a, b):
    def light(c):
        parts = [int(c[i:i+2], 16)/255 for i in (0, 2, 4)]
        return sum(w*(v/12.92 if v <= .04045 else ((v + .055)/1.055)**2.4) for w, v in zip((.2126, .7152, .0722), parts))
    x, y = sorted((light(a), light(b)))
    return (y + .05)/(x + .05)

@pytest.mark.parametrize('key', ['pygments_style', 'pygments_dark_style'])
def test_code_is_legible(key):
    "4.5:1 for each kind of token"
    said = (root/'docs'/'conf.py').read_text(encoding='utf-8')
    names = re.search(r"^pygments_style, pygments_dark_style = '(.+)', '(.+)'$", said, re.M)
    style = get_style_by_name(names[1 if key == 'pygments_style' else 2])
    ground = style.background_color.lstrip('#')
    assert contrast('000000', 'ffffff') == pytest.approx(21)
    for token, s in style:
        if s['color']: assert contrast(s['color'], s['bgcolor'] or ground) >= 4.5, token

# ---- the API, the glossary, the faults ----

def test_a_page_for_each_module(pages):
    index = pages['api/index']
    assert [h.find(string=True) for h in index.select('h2')] == [room_title(r) for r in rooms()]
    assert [a.text for a in index.select('table a')] == modules
    for m in modules:
        soup = pages[f"api/{m.replace('.', '/')}"]
        own = [dt['id'] for dt in soup.select('section > dl.py > dt')]
        assert soup.h1.find(string=True) == m
        if own: assert [a['title'] for a in soup.select_one('table').select('tr td:first-child a')] == own

def test_the_summary_says_what_a_name_does(pages):
    said = [tr.select('td')[1].text for m in modules for t in pages[f"api/{m.replace('.', '/')}"].select('section > .table-wrapper > table') for tr in t.select('tbody tr')]
    assert len(said) > 400 and sum(map(bool, said)) > .97*len(said)

def test_signatures_have_types(pages):
    sig = pages['api/data/scenes'].find('dt', id='camvid_seg.data.scenes.scenes').text
    assert 'n: int = 100' in re.sub(r'\s+', ' ', sig) and 'SegFolder' in sig

def test_glossary_leads_to_the_lessons(pages):
    terms = pages['glossary'].select('dl.glossary > dt')
    said = [*pages['glossary'].select('dl.glossary > dd')]
    assert len(terms) == len(said) > 40
    for dt, dd in zip(terms, said):
        assert dd.select('a[href*=".html"]') and len(re.findall(r'[.!?](?:\s|$)', dd.text)) <= 3, dt.text

def test_faults_without_a_script(pages):
    table = json.loads((root/'docs'/'faults.json').read_text(encoding='utf-8'))
    soup = pages['faults']
    assert len(soup.select('details.faults tbody tr')) == sum(map(len, table.values()))
    assert soup.select_one('#fault-filter').has_attr('hidden')
    order = ['not survived', 'found', 'passes']
    for fold in soup.select('details.faults'):
        kinds = [order.index(tr['data-kind']) for tr in fold.select('tbody tr')]
        assert kinds == sorted(kinds) and fold.summary.select_one('.count').text == str(len(kinds))

def test_our_scripts_are_small():
    assert sum(p.stat().st_size for p in (root/'docs'/'_static').rglob('*.js')) < 200_000
