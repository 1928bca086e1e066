"Pictures, tables and outputs of the site: words for who cannot see them, sizes, no leftovers of a running notebook"
import base64, io, json, re
import pytest
from fastcore.basics import AttrDict
from fastcore.nbio import read_nb
from PIL import Image
from conftest import root
from figures import alt, captioned, describe, headed, has_picture, is_plot, labels, listed, plain, size, sized, tidy
from stage import reads

def code(source, *outputs): return AttrDict(cell_type='code', source=source, metadata={}, directives_={}, outputs=[AttrDict(o) for o in outputs])
def text(source): return AttrDict(cell_type='markdown', source=source, metadata={})
def html(s): return dict(output_type='display_data', data={'text/html': s})
def png(colour):
    out = io.BytesIO()
    Image.new('RGB', (90, 60), colour).save(out, 'PNG')
    return dict(output_type='display_data', data={'image/png': base64.b64encode(out.getvalue()).decode()})

picture = png('white')

def test_the_colours_of_fastprogress_are_dropped():
    table, text = html('<div><table class="fastprogress"><tr><td>0</td></tr></table></div>'), dict(output_type='stream', name='stdout', text='50% of | a\n')
    cell = code('learn.fit(1)', html('\n<style>\n    progress { appearance: none }\n</style>\n'), table, text, picture)
    tidy(cell)
    assert cell.outputs == [table, text, picture]

def test_no_bar_of_progress_is_stored():
    "It would stand still for ever"
    for path in (root/'nbs').rglob('*.ipynb'):
        stored = [json.dumps(o, ensure_ascii=False) for c in read_nb(path).cells if c.cell_type == 'code' for o in json.loads(json.dumps(c.outputs, default=list))]
        assert not [s[:200] for s in stored if re.search(r'<progress|\d%\|[█▏▎▍▌▋▊▉ #]*\|', s)], path.name

def test_labels():
    assert labels("fig, ax = plt.subplots()\nax.plot(x)\nax.set(xlabel='step', ylabel='loss', title='One run')") == ('curves', ['One run'], ['step', 'loss'])
    assert labels("for ax, n in zip(axs, names): ax.imshow(n); ax.set_title(f'{n} of 3')") == ('pictures', [], [])
    assert labels('learn.show_results(max_n=2)')[0] == 'frames, their masks and what the network says'
    assert labels("%timeit f()\nshow(a, titles=['a  b', '…'])") == ('pictures', ['a b'], [])
    assert labels('!ls -l')[0] == 'a picture' and labels('1 +')[0] == ''

def test_words_of_a_picture():
    assert plain('## Head\n\nA *mask* of `ids`, see [lesson 2](02.ipynb).\n\n| a |\n\n<details><summary>Answer</summary>\n\nNo.\n\n</details>') == 'A mask of ids, see lesson 2.'
    assert alt("ax.set(xlabel='step')\nax.plot(x)", 'Some text.', 'The `loss`') == 'The loss: curves; axes: step.'
    assert alt('show(a)', 'It is done. Here are the five worst:', 'Worst') == 'Worst: pictures. Here are the five worst.'
    assert alt('show(a)', 'What will you see?', '') == 'Pictures.'
    assert alt('show(a)', 'Read it. (The curve is that of lesson 4.)', '') == 'Pictures. The curve is that of lesson 4.'
    assert alt('show(a)', 'Read it. Each curve is a run (as in lesson 4).', '') == 'Pictures. Each curve is a run (as in lesson 4).'
    assert alt('Image.fromarray(a)', 'See.', 'Import', 'A photo beside its mask.') == 'A photo beside its mask.'
    assert alt('ax.plot(a)', 'See.', 'Import', 'The loss falls.') == 'Import: curves.'

def test_each_picture_gets_its_words():
    cells = [text('# One\n\nText.'), code('show(a)', picture), text('## Two'), code('x'), code("ax.plot(y)\nax.set_title('T')", picture)]
    describe(cells, str)
    assert [c.metadata.get('mystnb', {}).get('image', {}).get('alt') for c in cells] == [None, 'One: pictures.', None, None, 'Two: curves; titles: T.']

def test_a_caption_is_shown_beside_the_words():
    cell = code('ax.plot(y)', picture)
    cell.directives_ = {'fig-cap': '"The loss falls."'}
    describe([text('# One'), cell], str)
    assert cell.metadata['mystnb'] == dict(image=dict(alt='One: curves.', classes='plot'), figure=dict(caption='The loss falls.'))

@pytest.mark.parametrize('does, colour, dark', [('ax.plot(y)', 'white', True), ('ax.bar(x, y); plt.show()', 'white', True), ('ax.plot(y)', 'navy', False),
    ('ax.imshow(frame)', 'white', False), ('show_mask(mask, folder)', 'white', False), ('learn.show_results()', 'white', False), ('mask_gallery(a)', 'white', False), ('ax.tricontourf(x, y, z)', 'white', False)])
def test_what_a_dark_page_turns_dark(does, colour, dark): assert is_plot(code('', png(colour)), does) == dark

def test_every_stored_picture_has_words():
    "Never a file's name, never empty"
    for path in sorted((root/'nbs').rglob('*.ipynb')):
        cells = read_nb(path).cells
        for c in cells: c.directives_ = c.directives if c.cell_type == 'code' else {}
        describe(cells, reads(path))
        for c in cells:
            if c.cell_type == 'code' and has_picture(c): assert len(re.findall(r'\w{3,}', c.metadata['mystnb']['image']['alt'])) >= 2, c.source

@pytest.mark.parametrize('dpi,shown', [((100, 100), (300, 200)), ((200, 200), (150, 100)), (None, (300, 200)), ((72, 72), (300, 200))])
def test_size(dpi, shown, tmp_path):
    "A picture of 200 pixels an inch is sharp on a good screen, and no larger than one of 100"
    path = tmp_path/'a.png'
    Image.new('RGB', (300, 200)).save(path, **dict(dpi=dpi) if dpi else {})
    assert size(path) == shown
    assert sized('<p><img alt="x" src="../_images/a.png" /></p>', {'a.png': path}) == f'<p><img alt="x" src="../_images/a.png" width="{shown[0]}" height="{shown[1]}" /></p>'
    own = '<img src="../_images/a.png" width="3" />'
    assert sized(own, {'a.png': path}) == own

def test_pictures_that_keep_their_size():
    for same in '<img src="data:image/png;base64,x">', '<img width="3" src="a.png">', '<img src="a.png" width="3">', '<img src="b.png" width="3">': assert sized(same, {'a.png': None}) == same

def figure(inside, n, said): return (f'<figure class="align-default" id="id{n}">\n{inside}\n<figcaption>\n<p><span class="caption-text">{said}</span>'
                                    f'<a class="headerlink" href="#id{n}" title="Link to this image">¶</a></p>\n</figcaption>\n</figure>')

def test_a_caption_stands_below_the_last_picture_alone():
    picture = '<img src="a.png" />'
    assert captioned(figure('<pre>3</pre>', 1, 'A.') + figure(picture, 2, 'A.') + figure(picture, 3, 'A.') + figure(picture, 4, 'B.')) == (
        '<pre>3</pre>\n' + picture + '\n' + figure(picture, 3, 'A.') + figure(picture, 4, 'B.'))

def test_heads_of_tables():
    assert headed('<table><thead>\n<tr class="row-odd"><th class="head"></th>\n<th class="head"><p></p></th>\n</tr>\n</thead><tbody>') == '<table><tbody>'
    assert headed('<thead><tr><th></th><th>miou</th></tr></thead>') == '<thead><tr><td></td><th>miou</th></tr></thead>'

def test_lines_of_a_signature():
    body = '<dt class="sig">f(<dl>\n<dd><em>a</em>,</dd>\n</dl>\n)</dt><dl class="py"><dt>x</dt><dd>y</dd></dl>'
    assert listed(body) == body.replace('<dl>', '<dl role="presentation">')
