"""The network in a page: in the browser itself with onnxruntime-web, and by the server of `camvid-seg demo`. The first needs npm, which fetches
the runtime once, and is skipped where there is none"""
import io, re, sys
from contextlib import ExitStack
from functools import partial
import numpy as np, pytest
from fastai.basics import set_seed
from PIL import Image
from camvid_seg.data.scenes import scenes
from camvid_seg.model.weights import save_weights
from camvid_seg.touch.demo import demo
from camvid_seg.touch.network import MOST, example_frames, network_page
from camvid_seg.use.export import export_onnx, onnx_session
from camvid_seg.use.inference import Predictor
from camvid_seg.use.int8 import model_facts, quantize_onnx
from conftest import root
from .conftest import Folder, Server, shell, skip, watch

sys.path.insert(0, str(root/'docs'))
import network

wide, phone = dict(width=1100, height=900), dict(width=360, height=740)
looks = dict(light=dict(viewport=wide), dark=dict(viewport=wide, color_scheme='dark'), phone=dict(viewport=phone, has_touch=True, reduced_motion='reduce'))
size = 96, 128

@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    "A few steps of training: the classes of a network that knows nothing hang on the last bit"
    from camvid_seg.data.loaders import seg_dataloaders
    from camvid_seg.train.learner import unet_learner
    folder = scenes(n=8, size=(128,160), per_drive=2)
    set_seed(0)         # before the loader, which draws the seed of its order
    learn = unet_learner(seg_dataloaders(folder, size, bs=2, device='cpu'), 'efficientnet_lite0', decoder='lean')
    learn.unfreeze()
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(12, 2e-3)
    return save_weights(learn.model, tmp_path_factory.mktemp('network')/'w.safetensors', codes=folder.codes, colors=folder.colors.tolist(), size=[*size])

@pytest.fixture(scope='module')
def served(weights):
    with demo(weights) as d: yield d

@pytest.fixture(scope='module', params=['32 bits', '8 bits'])
def model(request, weights, tmp_path_factory):
    "A folder with an exported network and the runtime"
    home = tmp_path_factory.mktemp('network')/'network'
    home.mkdir()
    try: network.runtime_files(home)
    except network.NoRuntime as e: skip(f'onnxruntime-web: {e}')
    full = export_onnx(weights, home/'full.onnx')
    if request.param == '32 bits': full.rename(home/'model.onnx')
    else:
        frames = [np.array(Image.open(p).resize(size[::-1], Image.Resampling.BILINEAR))[None] for p in scenes(n=8, size=(128,160), per_drive=2).images]
        quantize_onnx(full, home/'model.onnx', frames)
    return home

def html_of(home, **changes):
    facts = model_facts(onnx_session(home/'model.onnx'))
    how = network.addresses(home) | changes
    return shell.replace('{}', network_page(facts['codes'], facts['colors'], facts['size'], example_frames(facts['codes']), 'a U-Net', **how)._repr_html_())

@pytest.fixture
def opened(browser):
    "`opened(folder or address, **look)`: the page there, watched"
    seen = []
    with ExitStack() as servers:
        def opened(where, allowed=(), **look):
            if not str(where).startswith('http'): where = servers.enter_context(Server(partial(Folder, directory=where))).url + '/index.html'
            page = browser.new_page(**look)
            seen.append((page, watch(page), allowed))
            page.goto(where)
            page.locator('camvid-network[ready]').wait_for()
            return page
        yield opened
        for page, _, _ in seen: page.context.close()
    assert not [t for _, troubles, allowed in seen for t in troubles if not any(o in t for o in allowed)]

def png(image):
    buf = io.BytesIO()
    Image.fromarray(image).save(buf, 'PNG')
    return buf.getvalue()

def drop_in(page, data, name='own.png', mime='image/png'): page.locator('camvid-network input[type=file]').set_input_files(dict(name=name, mimeType=mime, buffer=data))

def said(page, text):
    page.locator('camvid-network .say', has_text=text).wait_for(timeout=60_000)
    return page.locator('camvid-network .say').inner_text()

def ids_of(page): return np.array(page.evaluate("Array.from(document.querySelector('camvid-network').result.ids)"), np.uint8)

# ---- in the browser itself ----

def test_it_labels_as_onnxruntime_in_python_does(opened, model):
    (model.parent/'index.html').write_text(html_of(model), encoding='utf-8')
    page = opened(model.parent, **looks['light'])
    asked = []
    page.on('request', lambda r: asked.append(r.url))
    assert 'Load the network' in said(page, 'On the stage')
    page.get_by_role('button', name='Load the network').click()
    said(page, 'labelled:')
    assert {u.rpartition('/')[2] for u in asked if not u.startswith('data:')} == {'model.onnx', network.runtime, network.wasm}
    session, equal = onnx_session(model/'model.onnx'), []
    for p in scenes(n=4, size=(240,320), seed=2, per_drive=1).images:
        image = np.array(Image.open(p).convert('RGB'))
        page.evaluate("document.querySelector('camvid-network').result.old = true")
        drop_in(page, png(image))
        page.wait_for_function("() => { const {result} = document.querySelector('camvid-network'); return result && !result.old }", timeout=60_000)
        seen = np.array(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))
        want = session.run(None, {'image': seen[None]})[0]
        equal.append(ids_of(page) == want.ravel())
        assert len(np.unique(want)) > 2
    assert np.mean(equal) >= .999

@pytest.mark.parametrize('own', [(240,320), (97,131), (64,300), (50,70), (96,128)])
def test_the_network_sees_what_pillow_makes(opened, served, own):
    "Smaller, larger, of other proportions: each byte is Pillow's"
    image = np.random.default_rng(0).integers(0, 256, (*own, 3), np.uint8)
    page = opened(served.url, **looks['light'])
    got = page.evaluate("""async ([bytes, rows, columns]) => {
        const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]), {colorSpaceConversion: 'none'})
        return Array.from(customElements.get('camvid-network').seen(bitmap, rows, columns)) }""", [list(png(image)), *size])
    want = np.array(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))
    assert (np.array(got).reshape(want.shape) == want).all()

def test_what_is_missing_is_said_in_a_line(opened, tmp_path, weights):
    how = dict(model='network/model.onnx', runtime='network/r.mjs', wasm='network/r.wasm', bytes=1)
    def page_with(script=''):
        (tmp_path/'index.html').write_text(shell.replace('{}', script + network_page(['a', 'b'], [(0,0,0), (9,9,9)], size, [], 'x', **how)._repr_html_()), encoding='utf-8')
        page = opened(tmp_path, allowed=['404'], **looks['light'])
        page.get_by_role('button', name='Load the network').click()
        return page
    assert 'network/' in said(page_with(), '404; build the site with its network')     # whichever file was missed first
    assert said(page_with('<script>delete window.WebAssembly</script>'), 'no WebAssembly')
    (tmp_path/'network').mkdir()
    for name in 'model.onnx', 'r.mjs', 'r.wasm': (tmp_path/'network'/name).write_bytes(b'no such thing')
    page = page_with()
    assert said(page, 'the network does not start here') and page.get_by_role('button', name='Try again').is_enabled()

# ---- by the server ----

@pytest.mark.parametrize('look', looks)
def test_mouse_keyboard_and_looks(opened, served, axe, look):
    page = opened(served.url, **looks[look])
    text = said(page, 'labelled:')
    assert not axe(page)
    assert page.evaluate('document.documentElement.scrollWidth <= innerWidth')
    before = page.evaluate("document.querySelector('camvid-network').view.toDataURL()")
    page.get_by_role('slider', name='Opacity').focus()
    for _ in range(4): page.keyboard.press('ArrowRight')
    assert page.evaluate("document.querySelector('camvid-network').view.toDataURL()") != before and page.get_by_text('80 %').is_visible()
    first = page.locator('camvid-network ul button').first
    first.press('Enter')
    assert first.get_attribute('aria-pressed') == 'true' and said(page, 'Only ')
    first.click()
    assert said(page, 'All classes are shown')
    stage = page.locator('camvid-network canvas')
    stage.focus()
    page.keyboard.press('ArrowLeft')
    assert said(page, 'Row 120, column 159: ')
    stage.hover(position=dict(x=10, y=10))
    assert 'Row ' in page.locator('camvid-network .stage ~ .muted').inner_text()
    page.get_by_role('button', name='Drawn scene 2').click()
    assert said(page, 'Drawn scene 2, labelled:') != text
    assert re.fullmatch(r'[\d.]+ m?s', page.locator('camvid-network .figure').inner_text())

def test_the_server_labels_as_a_predictor(opened, served, weights):
    image = np.array(Image.open(scenes(n=4, size=(240,320), seed=2, per_drive=1).images[0]).convert('RGB'))
    page = opened(served.url, **looks['light'])
    drop_in(page, png(image))
    said(page, 'Your picture, labelled:')
    seen = np.array(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))
    assert (ids_of(page) == Predictor(weights).ids(seen).ravel()).all()

def test_a_picture_is_dropped(opened, served):
    page = opened(served.url, **looks['light'])
    said(page, 'Drawn scene 1, labelled:')
    drop = """bytes => {
        const data = new DataTransfer()
        if (bytes) data.items.add(new File([new Uint8Array(bytes)], 'mine.png', {type: 'image/png'}))
        document.querySelector('camvid-network').stage.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true})) }"""
    page.evaluate(drop, list(png(np.full((40,60,3), 200, np.uint8))))
    assert said(page, 'Your picture, labelled:')
    page.evaluate(drop, None)
    assert said(page, 'no file')

@pytest.mark.parametrize('data,says', [(b'', 'empty (0 bytes)'), (b'hello', 'no image that this browser can read'),
                                       (png(np.zeros((50,50,3), np.uint8))[:60], 'no image that this browser can read'), (None, '32\u00a0MB are the most')])
def test_a_bad_file_is_one_line_and_the_page_goes_on(opened, served, tmp_path, data, says):
    page = opened(served.url, **looks['light'])
    said(page, 'Drawn scene 1, labelled:')
    file = tmp_path/'own.png'
    with file.open('wb') as f: f.write(data) if data is not None else f.truncate(MOST['bytes'] + 1)
    page.locator('camvid-network input[type=file]').set_input_files(file)
    assert '\n' not in said(page, says)
    page.get_by_role('button', name='Drawn scene 3').click()
    assert said(page, 'Drawn scene 3, labelled:')

def test_the_server_is_gone(opened, weights):
    with demo(weights) as d:
        page = opened(d.url, allowed=['ERR_CONNECTION'], **looks['light'])
        said(page, 'labelled:')
    page.get_by_role('button', name='Drawn scene 2').click()
    assert said(page, 'the server does not answer')
