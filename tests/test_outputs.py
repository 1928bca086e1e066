"`docs/outputs.py` runs notebooks and stores what they show"
import io, os, subprocess, sys
from base64 import b64decode, b64encode
import nbformat, numpy as np, pytest
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image
from conftest import root
from outputs import smaller

def png(array):
    out = io.BytesIO()
    Image.fromarray(array).save(out, 'PNG')
    return b64encode(out.getvalue()).decode()

def pixels(png): return np.asarray(Image.open(io.BytesIO(b64decode(png))).convert('RGBA')).astype(int)

def test_a_picture_of_few_colours_keeps_each_pixel():
    picture = np.random.default_rng(0).choice([0, 90, 255], (64, 80, 3)).astype(np.uint8)
    assert (pixels(smaller(png(picture))) == pixels(png(picture))).all()

def test_a_picture_of_many_colours_gets_smaller_and_stays_like_itself():
    y, x = np.mgrid[:256, :256]
    noise = np.random.default_rng(0).integers(0, 8, (256, 256))
    picture = np.stack([y, x, (x + y)//2 + noise - 4], -1).clip(0, 255).astype(np.uint8)
    stored = smaller(png(picture))
    assert len(stored) < .5*len(png(picture))
    assert abs(pixels(stored) - pixels(png(picture))).mean() < 6

def test_transparent_pixels_stay():
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 4)).astype(np.uint8)
    assert smaller(png(picture)) == png(picture)

def run(folder, *sources, **env):
    path = folder/'a.ipynb'
    nbformat.write(new_notebook(cells=[new_code_cell(s) for s in sources]), path)
    before, own = path.read_text(encoding='utf-8'), {k: v for k, v in os.environ.items() if k != 'MPLBACKEND'}
    done = subprocess.run([sys.executable, root/'docs'/'outputs.py', path], cwd=root, env=own | env, capture_output=True, text=True)
    return done, path, before

def test_what_a_notebook_shows_is_stored(tmp_path):
    done, path, _ = run(tmp_path, 'import matplotlib.pyplot as plt\nplt.figure(figsize=(2, 1)); plt.plot([1, 2]);', '#| eval: false\n1/0', '6*7')
    assert done.returncode == 0, done.stderr
    figure, unrun, last = nbformat.read(path, 4).cells
    shown = figure.outputs[-1]
    assert pixels(shown.data['image/png']).shape[1]//2 == shown.metadata['image/png']['width']
    assert unrun.cell_type == 'code' and not unrun.outputs
    assert last.outputs[0].data['text/plain'] == '42' and last.execution_count is None

@pytest.mark.parametrize('sources, env, said', [(['1/0'], {}, 'ZeroDivisionError'), (['6*7'], dict(MPLBACKEND='agg'), 'MPLBACKEND is set')])
def test_a_notebook_that_cannot_be_run_stays_as_it_was(tmp_path, sources, env, said):
    done, path, before = run(tmp_path, *sources, **env)
    assert done.returncode and said in done.stderr
    assert path.read_text(encoding='utf-8') == before
