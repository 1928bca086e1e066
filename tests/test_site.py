"The site's builder: what it takes from a notebook, and that it notices what is broken"
import sys
from types import SimpleNamespace
import nbformat, pytest
from conftest import root, run
from build import problems
from lessons import lessons, teach
from api import api
from pages import fault_page, teachers
from places import notebooks, relink
from plain import llms, notebook

@pytest.mark.parametrize('html, problem', [
    ('<a href="b.html#here">', None), ('<a href="#top"><p id="top">', None), ('<a href="https://example.com/x">', None), ('<img src="data:image/png;base64,AA">', None),
    ('<a href="c.html">', 'no such file'), ('<a href="b.html#gone">', 'no such anchor'), ('<img src="x.png">', 'no such file'),
    ('<a href="https://">', 'malformed'), ('<a href="htp://example.com">', 'malformed'),
    ('<img src="https://example.com/x.png">', 'another host'), ('<script src="//example.com/x.js">', 'another host'), ('<link rel="stylesheet" href="https://example.com/x.css">', 'another host')])
def test_problems(tmp_path, html, problem):
    (tmp_path/'a.html').write_text(html, encoding='utf-8')
    (tmp_path/'b.html').write_text('<p id="here">', encoding='utf-8')
    found = list(problems(tmp_path))
    assert len(found) == bool(problem) and all(problem in f for f in found)

def test_problems_in_a_stylesheet(tmp_path):
    (tmp_path/'a.css').write_text('a { background: url("https://example.com/x.png") } b { background: url(x.png) }', encoding='utf-8')
    assert len(list(problems(tmp_path))) == 1

def test_relink():
    marks = lambda nb, anchor: f'{nb}!{anchor}', lambda p: f'{p}!'
    new = relink('[a](02_masks.ipynb#A-b) [b](../LICENSE) ![c](images/c.png) [d](#e) [f](https://g.h/i.ipynb)', *marks)
    assert new == '[a](02_masks.ipynb!A-b) [b](LICENSE!) ![c](nbs/images/c.png!) [d](#e) [f](https://g.h/i.ipynb)'
    new = relink('[a](../../02_masks.ipynb) [b](decode.ipynb#x) [c](../../../setup.py)', *marks, folder=root/'nbs'/'inside'/'data')
    assert new == '[a](02_masks.ipynb!) [b](inside/data/decode.ipynb!x) [c](setup.py!)'

class Shape:
    "Something with an area"
    def __init__(self,
        side:float=1, # length of a side, metres
        *names # what it is called
    ): self.side = side
    def grow(self,
        by:'int|float'=2 # factor
    )->float: # the new side, metres
        "Make it larger"
    @property
    def area(self): "Square metres"
    def _private(self): "Not shown"
    def undocumented(self): pass

def test_every_notebook_has_a_page():
    assert sorted(notebooks()) == sorted(p for p in (root/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts)

def test_api():
    names, text = api('Shape', sys.modules[__name__])
    assert names == ['Shape', 'Shape.grow', 'Shape.area']
    for part in ('{py:class} Shape(side: float = 1, *names)', '{py:method} Shape.grow(by: int|float = 2) -> float\n', '{py:property} Shape.area\n', 'Something with an area',
                 '| `side` | length of a side, metres |', '| `*names` | what it is called |', '| `by` | factor |', '| **returns** | the new side, metres |'): assert part in text

def test_faults():
    row = dict(injected='a <b>', outcome='refused', message='<script>"x"\x26</script>', row='sizes', survived=False)
    page = fault_page({'a.py': [row], 'b.py': [{**row, 'survived': True, 'message': ''}]}, {'sizes': 'Sizes & all', 'nan': 'Never'})
    for part in ('2 faults injected, 1 survived', '<summary>Sizes &amp; all <span class="count">2</span>', '<td>a &lt;b&gt;</td>', '&lt;script&gt;&quot;x&quot;&amp;&lt;/script&gt;', 'not survived'): assert part in page
    assert '<script>' not in page and 'Never' not in page
    assert page.index('not survived</strong>') < page.index('data-kind="passes"'), 'what was not survived stands first'

def test_a_notebook_as_markdown(tmp_path):
    "What a reader sees of it, with what was printed, without pictures, hidden cells and directives"
    new = nbformat.v4
    printed, picture = new.new_output('stream', text='2\n'), new.new_output('display_data', data={'image/png': 'AAAA', 'text/plain': '<Figure>'})
    cells = [new.new_markdown_cell('# Sums\n\n![A plus](plus.png)'), new.new_code_cell('#| hide\nimport os'), new.new_code_cell('#| echo: false\nprint(1)', outputs=[printed]),
             new.new_code_cell('#| export\n#| fig-cap: "A fence."\ndef f(): return "```"', outputs=[picture])]
    nbformat.write(new.new_notebook(cells=cells), tmp_path/'a.ipynb')
    assert notebook(tmp_path/'a.ipynb', 'a') == '# Sums\n\nA plus\n\n```\n2\n```\n\n````python\ndef f(): return "```"\n````\n\n*Figure: A fence.*\n'

def test_llms_txt():
    assert '## Lessons\n\n- [U-Net](https://example.github.io/camvid_seg/unet.html.md): a net\n- [Loss](' in llms({'Lessons': [('unet', 'U-Net', 'a net'), ('loss', 'Loss', '')]})

def test_notes_for_teachers():
    notes = teachers([SimpleNamespace(path=p, title=p.stem, number=int(p.name[:2])) for p in lessons()])
    assert len(notes) == len([*teach.glob('*.md')]) and 'teach/index.md' in notes
    index = notes.pop('teach/index.md')
    assert '](../unet.ipynb)' in index and '](https://github.com/example/camvid_seg/blob/main/README.md)' in index
    for p in lessons():
        if (teach/f'{p.stem}.md').is_file(): assert f'{int(p.name[:2])}. {p.stem} <{p.stem[3:]}>' in index and f'teach/{p.stem[3:]}.md' in notes

def test_what_is_folded_has_a_name(tmp_path):
    "A screen reader says Solution, and Markdown in a fold is rendered"
    solution = nbformat.v4.new_code_cell('1 + 1', metadata=dict(tags=['hide-cell'], mystnb=dict(code_prompt_show='Solution', code_prompt_hide='Solution')))
    text = nbformat.v4.new_markdown_cell('# Folds\n\n<details><summary>Answer</summary>\n\nIt **is** so.\n\n</details>')
    nbformat.write(nbformat.v4.new_notebook(cells=[text, solution], metadata=dict(language_info=dict(name='python'))), tmp_path/'index.ipynb')
    run(sys.executable, '-m', 'sphinx', '-q', '-W', '-b', 'html', '-c', root/'docs', tmp_path, tmp_path/'html')
    page = (tmp_path/'html'/'index.html').read_text(encoding='utf-8')
    for part in '<summary>Solution</summary>', '<summary>Answer</summary>\n<p>It <strong>is</strong> so.</p>\n</details>': assert part in page
    assert 'Toggle hidden content' not in page
