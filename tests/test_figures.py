"Figures of the notebooks: each is stored, and none is blank. `figure_hook` looks at them while nbdev-test runs; here is its test"
import io, os, re, subprocess, sys
from base64 import b64decode, b64encode
import matplotlib.pyplot as plt, nbformat, numpy as np
import pytest
from PIL import Image
from conftest import root
from figure_hook import blanks
from lessons import Cell, Lesson, Notebook, lessons
from test_notebooks import each, notebooks

# ---- what is stored ----

draws = re.compile(r'\b(imshow|show_\w+|plot_\w+|(ax|plt|axs\[\w+\]|learn\.recorder|recorder)\.\w*(plot|scatter|bar|barh|hist|boxplot|errorbar|fill_between|contour|matshow)|\w+\.plot)\(')
keeps = re.compile(r'\bplt\.close\(|\bsavefig\(|eval: *false')

def undrawn(nb):
    "Shown cells of a notebook that draw and have no picture stored"
    for i, c in enumerate(nb.cells):
        skipped = c.hidden or {'export', 'exports', 'exporti', 'eval'} & c.directives.keys()
        tested = 'inside' in nb.path.parts and re.search(r'\bassert\b|\btest_\w+\(', c.source)     # the engine's tests draw to look at what they drew
        if c.kind != 'code' or skipped or tested or keeps.search(c.source) or not draws.search(nb.does(c)): continue
        if not c.pictures and not re.search('<img|<svg', html(c)): yield f'cell {i} draws and has no picture (was MPLBACKEND set?):\n{c.source}'

def html(cell): return ''.join(''.join(o.get('data', {}).get('text/html', '')) for o in cell.outputs)

def blank_picture(kind, data):
    "Is a stored picture of one colour, or in shades of grey with hardly more than a frame?"
    data = ''.join(data)
    if kind == 'image/svg+xml':
        colours = {c.lower() for c in re.findall(r'#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b', data)}
        return '<image' not in data and all(len(set(re.findall('..' if len(c) == 7 else '.', c[1:]))) == 1 for c in colours)
    picture = Image.open(io.BytesIO(b64decode(data))).convert('RGBA')
    picture = Image.alpha_composite(Image.new('RGBA', picture.size, 'white'), picture).convert('RGB')
    pixels = np.asarray(picture).reshape(-1, 3).astype(int)
    counts = np.unique(pixels @ (1, 256, 256**2), return_counts=True)[1]
    if np.ptp(pixels, axis=1).max() > 24: return len(counts) == 1
    return 1 - counts.max()/len(pixels) < .03

@each(notebooks)
def test_a_cell_that_draws_has_its_picture(path):
    "A run with MPLBACKEND set stores none, without a word"
    found = [*undrawn(Notebook(path))]
    assert not found, '\n'.join(found)

@each(notebooks)
def test_no_stored_picture_is_blank(path):
    for i, c in enumerate(Notebook(path).cells):
        if c.kind == 'code' and not c.hidden:
            for kind, data in c.pictures: assert not blank_picture(kind, data), f'cell {i}: a blank picture:\n{c.source}'

def unsharp(nb):
    "Figures of matplotlib that are not stored at twice the resolution, with the size to show them at"
    for i, c in enumerate(nb.cells):
        for o in c.outputs:
            data, shown = o.get('data', {}), o.get('metadata', {}).get('image/png', {})
            if 'image/jpeg' in data and ''.join(data.get('text/plain', '')).startswith('<Figure'): yield f'cell {i}: a figure as JPEG:\n{c.source}'
            if 'image/png' not in data or not ''.join(data.get('text/plain', '')).startswith('<Figure'): continue
            width = Image.open(io.BytesIO(b64decode(''.join(data['image/png'])))).width
            if width//2 != shown.get('width'): yield f'cell {i}: a figure of {width} pixels, to be shown at {shown.get("width", "all of them")}; run docs/outputs.py:\n{c.source}'

@each(notebooks)
def test_figures_are_sharp(path):
    found = [*unsharp(Notebook(path))]
    assert not found, '\n'.join(found)

@each(lessons())
def test_each_figure_of_a_lesson_has_a_caption(path):
    "One sentence or two, without quotes"
    for i, c in enumerate(Lesson(path).cells):
        if c.kind != 'code' or c.hidden or c.solution or not c.pictures: continue
        assert re.match(r'^[A-Z0-9][^"]{20,}[.?]$', c.directives.get('fig-cap', '')), f'cell {i}: {c.source}'

def stored(source, *outputs): return Cell(dict(cell_type='code', source=source, outputs=[dict(data=o) for o in outputs]))

def png(fig=None, array=None):
    out = io.BytesIO()
    if fig: fig.savefig(out)
    else: Image.fromarray(array).save(out, 'PNG')
    return b64encode(out.getvalue()).decode()

@pytest.fixture
def axes():
    fig, ax = plt.subplots()
    yield ax
    plt.close(fig)

def test_blank_pictures_are_seen(axes):
    checks = np.indices((8, 8)).sum(0)%2*255
    assert blank_picture('image/png', png(axes.figure))                                     # a frame and its ticks
    assert blank_picture('image/png', png(array=np.full((9, 9, 3), (9, 99, 9), np.uint8)))
    assert not blank_picture('image/png', png(array=checks.astype(np.uint8)))               # a binary mask
    axes.plot([1, 3, 2])
    assert not blank_picture('image/png', png(axes.figure))
    assert blank_picture('image/svg+xml', '<svg><path style="stroke: #000000; fill: #ffffff"/></svg>')
    assert not blank_picture('image/svg+xml', '<svg><path style="stroke: #1f77b4"/></svg>')

@pytest.mark.parametrize('source, picture, fault', [
    ('plt.plot([1, 2])', False, True), ('plt.plot([1, 2])', True, False), ('look(3)', False, True), ('look(3)', True, False),
    ('def look(n): show_mask(n)', False, False), ('plot_unet(model);', False, True), ('plt.plot([1]); plt.close()', False, False),
    ('#| hide\nplt.plot([1, 2])', False, False), ('1 + 1', False, False), ('fig, ax = plt.subplots(); ax.barh([1], [2])', False, True)])
def test_a_picture_that_is_not_stored_is_seen(source, picture, fault):
    nb = Notebook.__new__(Notebook)
    nb.path = root/'nbs'/'02_masks.ipynb'
    nb.cells = nb.code = [stored('def look(n): show_mask(n)'), stored(source, *[{'image/png': ''}]*picture)]
    assert len([*undrawn(nb)]) == fault

# ---- what is drawn: `blanks` of the hook ----

good = {
    'line': lambda ax: ax.plot([1, 3, 2]), 'one point': lambda ax: ax.plot([1], [1], 'o'), 'line with a hole': lambda ax: ax.plot([1, np.nan, 2, 3]),
    'line through the limits': lambda ax: (ax.plot([0, 10]), ax.set(xlim=(.4, .6), ylim=(4, 6))), 'log': lambda ax: ax.loglog([1, 10], [1, 10]),
    'image': lambda ax: ax.imshow(np.zeros((4, 4))), 'image, axis off': lambda ax: (ax.imshow(np.zeros((4, 4, 3))), ax.set_axis_off()),
    'bars': lambda ax: ax.bar([1, 2], [3, 4]), 'histogram': lambda ax: ax.hist([1, 2, 2]), 'points': lambda ax: ax.scatter([1, 2], [3, 4]),
    'band': lambda ax: ax.fill_between([1, 2], [1, 2], [2, 3]), 'mesh': lambda ax: ax.pcolormesh(np.eye(3)), 'contour': lambda ax: ax.contour(np.arange(9.).reshape(3, 3)),
    'words in place of axes': lambda ax: (ax.text(.5, .5, 'no frame'), ax.set_axis_off()), 'an empty cell of a grid': lambda ax: (ax.set_visible(False), ax.figure.add_subplot().plot([1, 2])),
    'colour bar': lambda ax: ax.figure.colorbar(ax.imshow(np.eye(3))), 'drawing': lambda ax: ax.add_patch(plt.Rectangle((.2, .2), .5, .5)),
    'bar that covers the limits': lambda ax: (ax.bar([1], [9], width=9), ax.set(xlim=(0, 1), ylim=(1, 2)))}
bad = {
    'nothing': lambda ax: None, 'axis off': lambda ax: ax.set_axis_off(), 'line of NaN': lambda ax: ax.plot([np.nan, np.nan]), 'empty line': lambda ax: ax.plot([], [], label='loss'),
    'line outside': lambda ax: (ax.plot([1, 2]), ax.set_ylim(5, 6)), 'points outside': lambda ax: (ax.scatter([0, 9], [0, 9]), ax.set(xlim=(4, 5), ylim=(4, 5))),
    'histogram of nothing': lambda ax: ax.hist([]), 'bars of no height': lambda ax: ax.bar([1, 2], [0, 0]), 'image of NaN': lambda ax: ax.imshow(np.full((3, 3), np.nan)),
    'image outside': lambda ax: (ax.imshow(np.eye(3)), ax.set_xlim(10, 20)), 'a mark alone': lambda ax: ax.axvline(1), 'invisible line': lambda ax: ax.plot([1, 2], ls='', marker=''),
    'title alone': lambda ax: ax.set_title('loss'), 'no axes': lambda ax: ax.remove(), 'hidden line': lambda ax: ax.plot([1, 2], visible=False), 'words in a frame': lambda ax: ax.text(.5, .5, 'a')}

@pytest.mark.parametrize('what', good)
def test_a_good_figure_passes(axes, what):
    good[what](axes)
    assert not [*blanks(plt.gcf())]

@pytest.mark.parametrize('what', bad)
def test_a_blank_axes_is_seen(axes, what):
    bad[what](axes)
    assert len([*blanks(plt.gcf())]) == 1

def test_the_fault_names_the_axes():
    fig, axs = plt.subplots(1, 3)
    axs[0].plot([1, 2]); axs[2].imshow(np.eye(2)); axs[1].set_title('the loss')
    assert [*blanks(fig)] == ['axes 2 of 3 (the loss): no line, image, bar or point within its limits']
    plt.close(fig)

@pytest.fixture(scope='module')
def learn():
    from camvid_seg.data.loaders import seg_dataloaders
    from camvid_seg.data.scenes import scenes
    from camvid_seg.train.learner import unet_learner
    dls = seg_dataloaders(scenes(n=20, size=(32,48), per_drive=2), (32,48), bs=4, device='cpu', num_workers=0)
    return unet_learner(dls, 'resnet18', weights=None, decoder='lean')

def blank(draw):
    draw()
    found = [*blanks(plt.gcf())]
    plt.close()
    return found

def test_pictures_of_batches_and_results_have_no_blank_axes(learn):
    assert not blank(lambda: learn.dls.show_batch(max_n=4))             # three in a row
    with learn.no_bar(): assert not blank(lambda: learn.show_results(max_n=2))

def test_a_learning_curve_after_validate_is_seen(learn):
    "`validate` empties the recorder: plotted then, its curve has no line"
    with learn.no_bar(), learn.no_logging():
        learn.fit(2)
        assert not blank(learn.recorder.plot_loss)
        learn.validate()
        assert blank(learn.recorder.plot_loss) == ['axes 1 of 1 (learning curve): no line, image, bar or point within its limits']

# ---- the hook in nbdev-test, as .ci/run calls it ----

cells = {
    'good': 'plt.plot([1, 2]);', 'closed': 'plt.plot([]); plt.close()', 'hidden': '#| hide\nplt.plot([]);', 'blank': 'plt.figure(); plt.plot([], label="loss");',
    'displayed': 'from IPython.display import display\nfig, ax = plt.subplots()\ndisplay(fig)\nplt.close(fig)', 'returned': 'fig, ax = plt.subplots()\nplt.close(fig)\nfig',
    'in a function': 'def plot_loss(): plt.plot([])\nplot_loss()'}

@pytest.mark.parametrize('what', cells)
def test_nbdev_test_fails_where_a_figure_is_blank(tmp_path, what):
    sources = 'import matplotlib.pyplot as plt', 'plt.plot([3, 4]);', cells[what]
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources]), tmp_path/'lesson.ipynb')
    profile = re.search(r'IPYTHONDIR="\$PWD/([^"]+)"', (root/'.ci'/'run').read_text(encoding='utf-8'))[1]
    code = f'import sys; from nbdev.test import test_nb; sys.exit(not test_nb({str(tmp_path/"lesson.ipynb")!r})[0])'
    said = subprocess.run([sys.executable, '-c', code], env=os.environ | dict(IPYTHONDIR=str(root/profile)), cwd=tmp_path, capture_output=True, text=True)
    if what in ('good', 'closed', 'hidden'): assert said.returncode == 0, said.stderr
    else:
        assert said.returncode == 1
        for part in 'BlankFigure', 'lesson.ipynb', 'Cell #3', 'figure 1, axes 1 of 1', cells[what].split('\n')[-1]: assert part in said.stderr
