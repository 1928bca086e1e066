"Faults in a dataset folder: listed by `check`, refused before training, or read right; never silent"
import io, os, re, shutil, struct, subprocess, sys, threading, unicodedata, warnings, zlib
import numpy as np, pytest
from PIL import Image
from camvid_seg.cli.main import main
from camvid_seg.data import check, loaders, masks
from camvid_seg.core import SegError
from camvid_seg.data.check import check_dataset, require_sound
from camvid_seg.data.classes import class_colors
from camvid_seg.data.dataset import SegFolder
from camvid_seg.data.decode import read_mask
from camvid_seg.train.training import train
from camvid_seg.data.cache import Frames, decode_frame
from camvid_seg.data.loaders import seg_dataloaders
from camvid_seg.data.counts import class_counts, plot_imbalance
from camvid_seg.data.decode import read_image
from camvid_seg.data.explore import show_grid
from camvid_seg.data.masks import show_mask
from camvid_seg.train.plan import Plan
from camvid_seg.train.recipes import quick_recipe

codes, size = 'Sky Road Car Void'.split(), (32,48)
colors = class_colors(codes)

@pytest.fixture
def folder(tmp_path):
    "The path of a small sound dataset: 6 noisy frames of 48 x 32 pixels, 2 of them to validate on"
    p, rng = tmp_path/'streets', np.random.default_rng(0)
    for o in ('images', 'labels'): (p/o).mkdir(parents=True)
    (p/'codes.txt').write_text('\n'.join(codes), encoding='utf-8')
    (p/'valid.txt').write_text('f4.png\nf5.png\n', encoding='utf-8')
    for i in range(6):
        Image.fromarray(rng.integers(0, 256, (*size,3), dtype=np.uint8)).save(p/f'images/f{i}.png')
        Image.fromarray(rng.integers(0, 4, size, dtype=np.uint8)).save(p/f'labels/f{i}_P.png')
    return p

def start(folder, bs=2, small=(32,48)):
    "What `camvid-seg train` calls, in a fresh run folder, which must not be there when it is refused"
    recipe, run = quick_recipe().change_stages(epochs=1, bs=bs, size=small), folder.parent/'run'
    try: train(SegFolder(folder), recipe, run)
    finally: assert not run.exists()

def refused(fault, row, injected, folder, *says):
    "`check` lists the fault in a line with `says`, and training refuses the folder in words of `check` before it does anything"
    errors = check_dataset(folder).errors
    line = next(l for l in errors if all(o in l for o in says))
    with pytest.raises(SegError) as e: start(folder)
    assert any(o in str(e.value) for o in errors)
    fault(row, injected, 'refused before training, and listed by check', line)

def warned(fault, row, injected, folder, *says):
    r = check_dataset(folder)
    assert not r.errors
    fault(row, injected, 'warned of by check', next(l for l in r.warnings if all(o in l for o in says)))

def mask(folder, i=0): return np.array(Image.open(folder/f'labels/f{i}_P.png'))
def put(folder, im, i=0, name='labels/f{}_P.png', **kwargs): (im if isinstance(im, Image.Image) else Image.fromarray(im)).save(folder/name.format(i), 'png', **kwargs)

def png16(a):
    "A PNG of 16-bit RGB, which Pillow does not write"
    def chunk(kind, b): return struct.pack('>I', len(b)) + kind + b + struct.pack('>I', zlib.crc32(kind+b))
    rows = b''.join(b'\0' + r.astype('>u2').tobytes() for r in a)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', a.shape[1], a.shape[0], 16, 2, 0, 0, 0)) + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')

def bomb(w, h):
    "A PNG of 120 bytes that says it has `w` x `h` pixels"
    b = png16(np.zeros((1,1,3), np.uint16))
    head = b'IHDR' + struct.pack('>II', w, h) + b[24:29]
    return b[:12] + head + struct.pack('>I', zlib.crc32(head)) + b[33:]

# ---- ids without a class ----

def test_a_sound_folder_is_sound(folder):
    r = check_dataset(folder)
    assert r.require() and not r.warnings

def test_unknown_id(fault, folder):
    a = mask(folder); a[0,:5] = 200; put(folder, a)
    refused(fault, 'unknown id', 'id 200 in a mask, 4 classes in codes.txt', folder, 'labels/f0_P.png: id 200 in 5 pixels', 'names 4 classes', 'repaint')
    fault.refused('unknown id', 'the same mask, read by a program that did not check', read_mask, folder/'labels/f0_P.png', SegFolder(folder))
    with pytest.raises(SegError, match='id 200 in 5 pixels'): seg_dataloaders(SegFolder(folder), size, 2)

def test_255(fault, folder):
    a = mask(folder); a[a == 3] = 255; put(folder, a)
    refused(fault, 'unknown id', "255 for 'ignore', as other data sets write it", folder, 'id 255', 'give those pixels the id of Void')

# ---- values that stand for classes and are no ids ----

def coded(folder, names, values, how=Image.fromarray):
    "Masks in which the n-th of `values` stands for the n-th class, and what they mean"
    (folder/'codes.txt').write_text('\n'.join(names), encoding='utf-8')
    for i in range(6):
        ids = mask(folder, i)%len(values)
        put(folder, how(np.array(values, np.uint8)[ids]), i)
        yield ids

grey_ramp = np.arange(256)[:,None].repeat(3, 1)
two, three = ['background', 'building'], ['sky', 'road', 'car']
def rgb3(a): return Image.fromarray(np.stack([a]*3, -1))
codings = {'0 and 255': (two, [0,255], Image.fromarray, 'so 255 is your class 1 (building)', 'import binary'), '0 and 255 in three channels': (two, [0,255], rgb3, 'so 255 is your class 1 (building)', 'import binary'),
    '0 and 255, and Void in codes.txt': ([*two, 'Void'], [0,255], Image.fromarray, 'so 255 is your class 1 (building)', 'import binary'), '0 and 255 of 16 bits': (two, [0,255], lambda a: Image.fromarray(a.astype(np.uint16)), 'so 255 is your class 1 (building)', 'import binary'),
    '0, 128 and 255': (three, [0,128,255], Image.fromarray, 'so 255 is your class 2 (car)', "'255 255 255 car'"), '0, 127 and 255': (three, [0,127,255], Image.fromarray, 'so 255 is your class 2 (car)', "'255 255 255 car'"),
    '0, 85, 170 and 255': ([*three, 'tree'], [0,85,170,255], Image.fromarray, 'so 255 is your class 3 (tree)', "'255 255 255 tree'"), 'ids from 1 on': (three, [1,2,3], Image.fromarray, 'so 1 is your class 0 (sky)', 'import ids1'),
    'ids from 1 on for two classes': (two, [1,2], Image.fromarray, 'so 1 is your class 0 (background)', 'import ids1'), '0 and 255 under a palette of greys': (two, [0,255], lambda a: palette(a, grey_ramp), 'so 255 is your class 1 (building)', 'import binary'),
    'a bit a pixel': (two, [0,255], lambda a: Image.fromarray(a > 0), 'a boolean mask (1 bit a pixel)', 'import binary')}

@pytest.mark.parametrize('what', codings)
def test_values(fault, folder, what):
    names, values, how, meaning, fix = codings[what]
    ids = [*coded(folder, names, values, how)]
    refused(fault, 'unknown id', f'masks of {what}', folder, meaning, fix, 'label_colors.txt')
    if 'bit a' not in what: assert len(check_dataset(folder).errors) == 1 # not a line for each mask
    if 'palette' in what: return # its colours, not its indices, are compared with label_colors.txt
    (folder/'label_colors.txt').write_text('\n'.join(f'{v} {v} {v} {n}' for v, n in zip(values, names)), encoding='utf-8')
    assert all(np.array_equal(read_mask(folder/f'labels/f{i}_P.png', SegFolder(folder)), o) for i, o in enumerate(ids)) and check_dataset(folder).require()
    fault('unknown id', f'masks of {what}, these values named in label_colors.txt', 'read right')

def test_ids_in_three_channels(fault, folder):
    for i in range(6): put(folder, rgb3(mask(folder, i)), i)
    assert np.array_equal(read_mask(folder/'labels/f0_P.png', SegFolder(folder)), np.array(Image.open(folder/'labels/f0_P.png'))[...,0]) and check_dataset(folder).require()
    fault('coded mask', 'ids repeated in three equal channels', 'read right')
    put(folder, rgb3(0*mask(folder)[...,0]))
    refused(fault, 'coded mask', 'the same, and one mask all black, the colour of Void', folder, 'labels/f0_P.png: all black', 'three channels')

# ---- masks that code their classes in some way ----

def palette(a, colors):
    im = Image.fromarray(a); im.putpalette(np.asarray(colors, np.uint8).tobytes())
    return im

def right(fault, row, injected, folder, ids, said=''):
    "The mask is read as `ids` exactly, and the folder is sound"
    got = read_mask(folder/'labels/f0_P.png', SegFolder(folder))
    assert got.dtype == np.uint8 and np.array_equal(got, ids) and check_dataset(folder).errors == []
    fault(row, injected, 'read right', said)

def test_palette_of_ids(fault, folder):
    ids = mask(folder); put(folder, palette(ids, np.random.default_rng(1).integers(0, 256, (4,3))))
    right(fault, 'coded mask', 'mode P, the palette is decoration: the indices are the ids', folder, ids)

def test_palette_of_colors(fault, folder):
    ids, order = mask(folder), np.array([2,0,3,1])
    put(folder, palette(order.argsort()[ids].astype(np.uint8), colors[order]))
    right(fault, 'coded mask', "mode P, the palette holds the classes' colours in another order", folder, ids)

order = np.array([2,0,3,1])
voc = np.array([[0,0,0], [128,0,0], [0,128,0], [128,128,0], [0,0,128], [128,0,128], [0,128,128], [128,128,128]])

@pytest.mark.parametrize('what, names, entries', [
    ('padded with black, which no class has', codes[:3], lambda c: np.r_[c, np.zeros((253,3))]), ('and one colour of no class that no pixel uses', codes, lambda c: np.r_[c, [[1,2,3]]]),
    ('padded with greys', codes, lambda c: np.r_[c, np.arange(252)[:,None].repeat(3, 1)])])
def test_palette_with_more(fault, folder, what, names, entries):
    (folder/'codes.txt').write_text('\n'.join(names), encoding='utf-8')
    n = len(names)
    for i in range(6): put(folder, mask(folder, i)%n, i)
    ids, mixed = mask(folder), order[:n] if n == 4 else np.array([2,0,1])
    put(folder, palette(mixed.argsort()[ids].astype(np.uint8), entries(colors[mixed])))
    right(fault, 'coded mask', f"mode P, the classes' colours in another order, {what}", folder, ids)

@pytest.mark.parametrize('what, names, entries, up_to', [
    ('all black, the colour of Void', codes, np.zeros((256,3)), 4), ('the colours of PASCAL VOC, some of which are colours of CamVid', ['Sky', 'Tree', 'Building', 'Void'], np.r_[voc, grey_ramp[8:]], 4),
    ('the colours of PASCAL VOC, of which only such are used', ['Sky', 'Tree', 'Building', 'Void'], np.r_[voc, grey_ramp[8:]], 2), ('greys', codes, grey_ramp, 4), ('greys, and only black is used', codes, grey_ramp, 1),
    ('black and colours of no class, and only black is used', codes, [[0,0,0], [255,0,0], [0,255,0], [0,0,255]], 1), ('one class colour for all ids', codes, [colors[1]]*4, 4)])
def test_palette_of_decoration(fault, folder, what, names, entries, up_to):
    (folder/'codes.txt').write_text('\n'.join(names), encoding='utf-8')
    ids = mask(folder)%up_to
    put(folder, palette(ids, entries))
    right(fault, 'coded mask', f'mode P, ids under a palette of decoration: {what}', folder, ids)

def test_palette_with_an_unknown_color(fault, folder):
    a = order.argsort()[mask(folder)].astype(np.uint8); a[0,:3] = 4
    put(folder, palette(a, np.r_[colors[order], [[1,2,3]], np.zeros((251,3))]))
    refused(fault, 'coded mask', "mode P, the classes' colours and, in 3 pixels, one that no class has", folder, '(1, 2, 3) in 3 pixels', 'label_colors.txt', 'mode L')
    (folder/'codes.txt').write_text('\n'.join([*codes, 'Tree']), encoding='utf-8') # now index 4 is an id, too
    refused(fault, 'coded mask', 'the same with one class more, so that every index is an id', folder, '(1, 2, 3) in 3 pixels')

def test_palette_that_nobody_can_read(fault, folder):
    put(folder, palette(mask(folder)//2, [colors[1], colors[0], *np.random.default_rng(1).integers(200, 256, (9,3))]))
    refused(fault, 'coded mask', 'mode P, two class colours in a palette of foreign ones', folder, 'index 0 is id 0 or, by its colour, id 1', 'mode L')

def test_rgb(fault, folder):
    ids = mask(folder); put(folder, colors[ids])
    right(fault, 'coded mask', 'RGB in the colours of the classes, as the original *_L.png of CamVid', folder, ids)

def test_own_colors(fault, folder):
    ids, own = mask(folder), np.array([[9,9,9], [1,2,3], [3,2,1], [0,0,7]], np.uint8)
    (folder/'label_colors.txt').write_text('\n'.join(f'{r} {g} {b} {n}' for (r,g,b), n in zip(own.tolist(), codes)), encoding='utf-8')
    put(folder, own[ids])
    right(fault, 'coded mask', 'RGB in colours of your own, named in label_colors.txt', folder, ids)

def test_unknown_color(fault, folder):
    a = colors[mask(folder)]; a[0,:3] = 1, 2, 3; put(folder, a)
    refused(fault, 'coded mask', 'RGB with a colour that no class has', folder, '(1, 2, 3) in 3 pixels', 'label_colors.txt')

def test_name_of_camvid(fault, folder):
    shutil.move(folder/'labels/f0_P.png', folder/'labels/f0_L.png')
    refused(fault, 'coded mask', 'masks named X_L.png as CamVid publishes them', folder, 'images/f0.png: has no mask labels/f0_P.png; rename labels/f0_L.png')
    assert any('labels/f0_L.png: the name of a mask ends in _P.png' in o for o in check_dataset(folder).warnings)

# ---- masks in other formats ----

@pytest.mark.parametrize('how, said', [('JPEG', 'smears'), ('WEBP', 'smears'), ('1', '1 bit'), ('16', 'value 300'), ('RGBA', 'alpha'), ('LA', 'alpha'), ('F', 'mode F'), ('16-bit RGB', '16 bits')])
def test_mask_format(fault, folder, how, said):
    ids, path = mask(folder), folder/'labels/f0_P.png'
    clear = np.full(size, 255, np.uint8); clear[0,:4] = 128
    if how in ('JPEG', 'WEBP'): Image.fromarray(ids).convert('RGB').save(path, how)
    elif how == '1': put(folder, Image.fromarray(ids > 1))
    elif how == '16': a = ids.astype(np.uint16); a[0,0] = 300; put(folder, a)
    elif how == 'RGBA': put(folder, np.dstack([colors[ids], clear]))
    elif how == 'LA': put(folder, np.dstack([ids, clear]))
    elif how == 'F': Image.fromarray(ids.astype(np.float32)).save(path, 'tiff')
    else: path.write_bytes(png16(colors[ids].astype(np.uint16)*257))
    what = {'JPEG': 'a JPEG', 'WEBP': 'a WebP', '1': 'a picture of 1 bit a pixel', '16': '16 bits with a value above 255', 'F': 'floating-point numbers',
            'RGBA': 'RGBA, partly transparent', 'LA': 'grey and alpha, partly transparent', '16-bit RGB': 'RGB of 16 bits'}[how]
    refused(fault, 'mask format', f'{what} for a mask', folder, 'labels/f0_P.png', said)

@pytest.mark.parametrize('how', ['16', 'RGBA', 'LA', '2 bit', '4 bit'])
def test_mask_read_exactly(fault, folder, how):
    ids, full = mask(folder), np.full(size, 255, np.uint8)
    put(folder, {'16': ids.astype(np.uint16), 'RGBA': np.dstack([colors[ids], full]), 'LA': np.dstack([ids, full]), '2 bit': palette(ids, colors[:4]),
                 '4 bit': palette(ids, colors[:4])}[how], **({'bits': int(how[0])} if 'bit' in how else {}))
    right(fault, 'mask format', {'16': '16 bits, all values below 256', 'RGBA': 'colours and alpha, opaque', 'LA': 'ids and alpha, opaque'}.get(how, f'{how}s a pixel'), folder, ids)

# ---- sizes ----

def test_sizes(fault, folder):
    put(folder, mask(folder)[::2,::2])
    refused(fault, 'sizes', 'a mask of half the size of its image', folder, 'labels/f0_P.png: is 24 x 16 but images/f0.png is 48 x 32')
    fault.refused('sizes', 'the same pair, read without a check', decode_frame, SegFolder(folder), folder/'images/f0.png', size)

def test_turned(fault, folder):
    put(folder, mask(folder).T)
    refused(fault, 'sizes', 'a mask that lies on its side', folder, 'is 32 x 48 but images/f0.png is 48 x 32')

# ---- damaged files ----

damage = {'cut short': lambda b: b[:len(b)//2], 'of zero bytes': lambda b: b'', 'that is a web page': lambda b: b'<!DOCTYPE html><html>not found</html>',
          'with one flipped bit': lambda b: b[:-30] + bytes([b[-30]^1]) + b[-29:], 'of 60,000 x 60,000 pixels in 120 bytes': lambda b: bomb(60_000, 60_000)}

@pytest.mark.parametrize('name', ['images/f0.png', 'labels/f0_P.png'])
@pytest.mark.parametrize('how', damage)
def test_damaged(fault, folder, name, how):
    (folder/name).write_bytes(damage[how]((folder/name).read_bytes()))
    refused(fault, 'damaged file', f"{'an image' if 'images' in name else 'a mask'} {how}", folder, name, '; replace the file')

@pytest.mark.parametrize('name', ['images/f0.png', 'labels/f0_P.png'])
@pytest.mark.parametrize('how', [k for k in damage if 'bit' not in k])
def test_damaged_in_a_worker(fault, folder, name, how, monkeypatch):
    monkeypatch.setattr('torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL', .2) # seconds PyTorch waits for its processes to end
    dls = seg_dataloaders(SegFolder(folder), size, 4, augment=False, cache=False, num_workers=1, device='cpu')
    (folder/name).write_bytes(damage[how]((folder/name).read_bytes()))
    said = fault.refused('damaged file', f"{'an image' if 'images' in name else 'a mask'} {how}, met by a loader's process", lambda: [*dls.train])
    assert said.startswith(name) and 'Traceback' not in said

DYING = """import os, signal, sys
from camvid_seg.data import cache
decode, n = cache.decode_frame, []
def dying(*args):
    n.append(0)
    if len(n) > 3: os.kill(os.getpid(), getattr(signal, 'SIGKILL', signal.SIGTERM))
    return decode(*args)
cache.decode_frame = dying
folder = cache.SegFolder(sys.argv[1])
cache.Frames(folder, folder.images, (32,48))"""

def test_killed_while_decoding(fault, folder, monkeypatch):
    monkeypatch.setenv('CAMVID_SEG_HOME', str(folder.parent/'home'))
    assert subprocess.run([sys.executable, '-c', DYING, folder], capture_output=True).returncode not in (0, 1)
    kept, f = folder.parent/'home/frames', SegFolder(folder)
    left = [o.name for o in kept.iterdir() if 'staging' in o.name]
    assert len(left) == 1
    (kept/'.other-staging-12345678').mkdir() # of another cache: nobody is at work while we hold the lock of all
    frames = Frames(f, f.images, size)
    assert {o.name for o in kept.iterdir()} == {'.lock', frames.dir.name} and left[0].startswith(f'.{frames.dir.name}-')
    assert all(np.array_equal(frames.mask(p), mask(folder, i)) for i, p in enumerate(f.images))
    fault('killed', 'kill -9 while the frames are decoded into the cache', 'the next call clears the half-made cache away and decodes')

def test_bomb_that_pillow_would_load(fault, folder):
    (folder/'images/f0.png').write_bytes(bomb(10_000, 10_000))   # Pillow itself only warns up to twice its limit
    refused(fault, 'damaged file', 'an image of 10,000 x 10,000 pixels in 120 bytes', folder, 'more than Pillow allows')

def test_in_parallel_and_in_sight(folder, monkeypatch, capsys):
    two, pair = threading.Barrier(2, timeout=20), check.check_pair
    def together(*args): two.wait(); return pair(*args)
    monkeypatch.setattr(os, 'cpu_count', lambda: 2)
    monkeypatch.setattr(check, 'check_pair', together)
    check_dataset(folder, progress=True)
    assert re.search('check.* [0-6]/6', capsys.readouterr().err)

def test_all_in_one_pass(fault, folder):
    for i,f in enumerate(damage.values()): p = folder/f'images/f{i}.png'; p.write_bytes(f(p.read_bytes()))
    put(folder, mask(folder, 5)+9, 5)
    r = check_dataset(folder, progress=True)
    assert [l.split(':')[0] for l in r.errors] == [*(f'images/f{i}.png' for i in range(5)), 'labels/f5_P.png']
    with pytest.raises(SegError, match='and 5 more errors') as e: start(folder)
    fault('damaged file', 'six faults in six frames', 'all listed in one pass of check; training names the first and the number', e.value)

# ---- names and splits ----

def test_missing_mask(fault, folder):
    (folder/'labels/f0_P.png').unlink()
    refused(fault, 'names and splits', 'an image without a mask', folder, 'images/f0.png: has no mask labels/f0_P.png')

def test_orphan(fault, folder):
    (folder/'images/f0.png').unlink()
    warned(fault, 'names and splits', 'a mask without an image', folder, 'labels/f0_P.png: there is no images/f0.png')

def read_right(fault, row, injected, folder, said=''):
    "Every mask and the split are found as they were, and training may begin"
    f = SegFolder(folder)
    assert [Image.open(f.label(p)).size for p in f.images] == [size[::-1]]*6 and len(f.split().valid) == 2
    assert check_dataset(folder).require()
    require_sound(f)
    assert len(Frames(f, f.images, size).index) == 6
    fault(row, injected, 'read right', said)

def ask(folder, *says):
    "The only lines of `check` that hold `says`, one for each"
    r = check_dataset(folder)
    lines = [next(l for l in [*r.errors, *r.warnings] if o in l) for o in says]
    assert not any('delete' in l for l in [*r.errors, *r.warnings])
    return lines

@pytest.mark.parametrize('image, label', [('f{}.PNG', 'f{}_P.PNG'), ('F{}.png', 'f{}_P.png'), ('f{}.Png', 'F{}_p.pNG'), ('f{}.jpeg', 'f{}_P.jpg')])
def test_capitals(fault, folder, image, label):
    for i in range(6):
        os.rename(folder/f'images/f{i}.png', folder/'images'/image.format(i))
        os.rename(folder/f'labels/f{i}_P.png', folder/'labels'/label.format(i))
    read_right(fault, 'names and splits', f'images {image.format(0)} with PNG masks {label.format(0)}', folder)

def test_jpeg_mask_beside(fault, folder):
    Image.open(folder/'labels/f0_P.png').convert('RGB').save(folder/'labels/f0_P.JPG', 'jpeg')
    line, = ask(folder, 'labels/f0_P.JPG: not used')
    assert check_dataset(folder).require()
    fault('names and splits', 'a mask as PNG and, beside it, as JPEG', 'the PNG is used, the other warned of', line)
    os.remove(folder/'labels/f0_P.png')
    refused(fault, 'names and splits', 'a mask as JPEG beside the image, and no other', folder, 'labels/f0_P.JPG: a mask in JPEG')

@pytest.mark.parametrize('name, fix', [('f0.png', 'rename labels/f0.png so'), ('f0_mask.png', 'rename labels/f0_mask.png so'), ('F0-label.PNG', 'rename labels/F0-label.PNG so'), ('f0_P.tif', 'convert labels/f0_P.tif to it'), ('other.png', 'add it')])
def test_mask_under_another_name(fault, folder, name, fix):
    os.rename(folder/'labels/f0_P.png', folder/'labels'/name)
    line, = ask(folder, 'images/f0.png: has no mask labels/f0_P.png')
    assert line.endswith(fix)
    with pytest.raises(SegError): start(folder)
    fault('names and splits', f'a mask under the name {name}', 'refused, with what to do, which is never to delete something', line)

@pytest.mark.parametrize('form', ['NFC', 'NFD'])
@pytest.mark.parametrize('part', ['images', 'labels', 'valid.txt'])
def test_unicode_forms(fault, folder, form, part):
    "One of the three comes from a Mac, or went over one"
    other = dict(NFC='NFD', NFD='NFC')[form]
    def name(i, of): return unicodedata.normalize(form if of == part else other, f'\u00c5rstra\u00dfe \u30ac {i}')
    for i in range(6):
        os.rename(folder/f'images/f{i}.png', folder/'images'/f"{name(i, 'images')}.png")
        os.rename(folder/f'labels/f{i}_P.png', folder/'labels'/f"{name(i, 'labels')}_P.png")
    (folder/'valid.txt').write_text('\n'.join(name(i, 'valid.txt') + '.png' for i in (4,5)), encoding='utf-8')
    read_right(fault, 'names and splits', f'accents stored as {form} in {part} and otherwise elsewhere, as names from a Mac are', folder)

@pytest.mark.parametrize('a, b', [('caf\u00e9', 'cafe\u0301'), ('Street', 'street')])
def test_two_images_look_the_same(fault, folder, a, b):
    for i, o in enumerate((a, b)): os.rename(folder/f'images/f{i}.png', folder/f'images/{o}.png')
    os.rename(folder/'labels/f0_P.png', folder/f'labels/{a}_P.png')
    os.remove(folder/'labels/f1_P.png')
    if len(list((folder/'images').iterdir())) < 6: pytest.skip('this file system knows one of the two names')
    refused(fault, 'names and splits', 'two images whose names differ in capitals or accents alone, and one mask', folder, '2 images have names that differ in capitals or accents alone and so share one mask')
    shutil.copy(folder/'labels/f2_P.png', folder/f'labels/{b}_P.png')
    assert check_dataset(folder).require() # each has its own

@pytest.mark.parametrize('lines', ['images/f4.png labels/f4_P.png\nimages/f5.png labels/f5_P.png', 'f4.png,f4_P.png\nf5.png,f5_P.png', '"f4.png";"valid"\n"f5.png";"valid"', 'f4\t1\nf5\t1',
    '\n'.join(f"f{i}.png,{'valid' if i > 3 else 'train'}" for i in range(6)), 'F4.PNG\nF5.PNG', '/data/images/f4.png /data/labels/f4_P.png\nC:\\data\\f5.png C:\\data\\f5_P.png'])
def test_columns_in_valid(fault, folder, lines):
    (folder/'valid.txt').write_text(lines, encoding='utf-8')
    read_right(fault, 'names and splits', f'a valid.txt with the line {lines.splitlines()[-1]!r}', folder)

def test_one_stem(fault, folder):
    Image.open(folder/'images/f0.png').save(folder/'images/f0.jpg')
    refused(fault, 'names and splits', 'two images with one stem, f0.png and f0.jpg', folder, 'images/f0: 2 images have this stem')

def test_absent_names(fault, folder):
    (folder/'valid.txt').write_text('f4.png\nf5.png\nf77.png\n', encoding='utf-8')
    refused(fault, 'names and splits', 'a name in valid.txt that no image has', folder, 'valid.txt: 1 of 3 names have no image (f77)')

def test_both_sides(fault, folder):
    shutil.copy(folder/'images/f0.png', folder/'images/f5.png')
    refused(fault, 'names and splits', 'one picture under two names, to train and to validate on', folder, 'images/f5.png: the same picture as images/f0.png', '(train and valid)')

def street(folder, i):
    "An image with some light and shade"
    y, x = np.mgrid[:size[0],:size[1]]
    return np.stack([127+80*np.sin(x/9+i)*np.cos(y/(5+i))+30*np.sin(i*y/7+c) for c in range(3)], -1).clip(0, 255).astype(np.uint8)

def test_near_duplicates(fault, folder):
    for i in range(6): put(folder, street(folder, i), i, 'images/f{}.png')
    assert check_dataset(folder).warnings == []
    rng = np.random.default_rng(0)
    for i in (4,5):
        grainy = (street(folder, 0)*.7+20+rng.integers(-8, 9, (*size,3))).clip(0, 255).astype(np.uint8)
        put(folder, grainy, i, 'images/f{}.png')
    warned(fault, 'names and splits', 'held-out images that are training images with other light and grain', folder, '2 of 2 held-out images look almost the same', 'images/f0.png', 'clips')
    Image.fromarray(street(folder, 0)).save(folder/'images/f4.png', 'jpeg', quality=80)
    warned(fault, 'names and splits', 'a held-out image that is a training image saved as JPEG', folder, '2 of 2 held-out images look almost the same')

def test_twice_in_train(fault, folder):
    shutil.copy(folder/'images/f0.png', folder/'images/f1.png')
    warned(fault, 'names and splits', 'one picture twice among those to train on', folder, 'images/f1.png: the same picture as images/f0.png; it counts twice')

@pytest.mark.parametrize('text, said', [('Sky\nRoad\nSky\nVoid', "'Sky' stands on 2 lines"), ('', 'names no class'), ('\n'.join(map(str, range(300))), 'names 300 classes')])
def test_codes(fault, folder, text, said):
    (folder/'codes.txt').write_text(text, encoding='utf-8')
    refused(fault, 'names and splits', f"a codes.txt {'with one name twice' if '2' in said else 'with 300 classes' if '300' in said else 'without a name'}", folder, said)

def test_labelme_list(fault, folder):
    (folder/'codes.txt').write_text('__ignore__\n_background_\nroad\ncar', encoding='utf-8')
    refused(fault, 'names and splits', "labelme's labels.txt as codes.txt, with __ignore__ first", folder, "'__ignore__' on line 1", 'call it Void, else begin with the next line')

def test_color_names(fault, folder):
    own = np.array([[9,9,9], [1,2,3], [3,2,1], [0,0,7]], np.uint8)
    (folder/'label_colors.txt').write_text('\n'.join(f'{r} {g} {b} {n.upper()}' for (r,g,b), n in zip(own.tolist(), codes)), encoding='utf-8')
    ids = mask(folder); put(folder, own[ids])
    right(fault, 'coded mask', 'names in label_colors.txt in other capitals than in codes.txt', folder, ids)
    with open(folder/'label_colors.txt', 'a') as f: f.write('\n4 4 4 Rode\n')
    warned(fault, 'coded mask', 'a name in label_colors.txt that no class has', folder, "'Rode' is no class of codes.txt")

def nested(folder, *of, parts=('train', 'val')):
    "Move the files of folders into folders of the split"
    for k in of:
        for part in parts: (folder/k/part).mkdir()
        for p in [p for p in (folder/k).iterdir() if p.is_file()]: p.rename(folder/k/parts[p.stem[:2] in ('f4', 'f5')]/p.name)

@pytest.mark.parametrize('parts', [('train', 'val'), ('train2017', 'val2017'), ('Training', 'Validation')])
@pytest.mark.parametrize('gone', [(), ('valid.txt',), ('codes.txt', 'valid.txt')])
def test_nested(fault, folder, parts, gone):
    nested(folder, 'images', 'labels', parts=parts)
    for o in gone: os.remove(folder/o)
    errors = check_dataset(folder).errors
    assert "'camvid-seg import yolo SOURCE DEST'" in errors[0] and not any('delete' in o or 'convert' in o for o in [*errors, *check_dataset(folder).warnings])
    with pytest.raises(SegError, match="'camvid-seg import yolo SOURCE DEST'"): start(folder)
    fault('names and splits', f"images/{parts[0]} and images/{parts[1]}{', and no ' + gone[0] if gone else ''}", 'refused, with the command that imports them', errors[0])

@pytest.mark.parametrize('format, files', [('voc', ['JPEGImages/a.jpg', 'SegmentationClass/a.png']), ('cityscapes', ['leftImg8bit/train/x/a.png', 'gtFine/train/x/a.png']), ('coco', ['annotations/instances_val.json', 'val/a.jpg']),
    ('cvat', ['annotations.xml', 'images/a.png']), ('roboflow', ['train/_classes.csv', 'train/a.jpg']), ('labelme', ['a.jpg', 'a.json']), ('yolo', ['train/images/a.jpg', 'train/labels/a.png']), ('yolo', ['images/a.png', 'masks/a.png'])])
def test_layouts(fault, tmp_path, format, files):
    for o in files: (tmp_path/'theirs'/o).parent.mkdir(parents=True, exist_ok=True); (tmp_path/'theirs'/o).touch()
    said = fault.refused('names and splits', f'a folder with {files[0]}', SegFolder, tmp_path/'theirs')
    assert f"'camvid-seg import {format} SOURCE DEST'" in said

def test_not_utf8(fault, folder):
    (folder/'codes.txt').write_bytes('Stra\xdfe'.encode('latin-1'))
    refused(fault, 'names and splits', 'a codes.txt in Latin-1', folder, 'codes.txt: not UTF-8 text')

def test_no_dataset(fault, tmp_path):
    fault.refused('names and splits', 'a folder that holds no dataset', SegFolder, tmp_path)
    fault.refused('names and splits', 'a folder that is not there', SegFolder, 'my_photos')

def test_command(fault, folder, capsys):
    (folder/'images/f1.png').write_bytes(b'')
    assert main(['check', '--data', str(folder)]) == 1
    assert 'error: images/f1.png: empty (0 bytes)' in capsys.readouterr().out
    assert main(['train', '--data', str(folder), '--preset', 'quick', '--out', str(folder.parent/'run')]) == 2
    out, err = capsys.readouterr()
    assert out == '' and err.count('\n') == 1 and not (folder.parent/'run').exists()
    fault('damaged file', 'a dataset with an error, given to camvid-seg train', 'refused, exit code 2', err.strip())

# ---- too little ----

def test_empty_parts(fault, folder):
    (folder/'valid.txt').write_text('', encoding='utf-8')
    refused(fault, 'too little', 'an empty valid.txt', folder, 'valid.txt: missing or empty')
    (folder/'valid.txt').write_text('\n'.join(f'f{i}' for i in range(6)), encoding='utf-8')
    refused(fault, 'too little', 'a valid.txt that names all images', folder, 'leaves no image in train')
    (folder/'valid.txt').unlink()
    refused(fault, 'too little', 'no valid.txt', folder, 'valid.txt: missing or empty')

@pytest.mark.parametrize('part, of', [('train', range(4)), ('valid', (4,5))])
def test_only_void(fault, folder, part, of):
    for i in of: put(folder, np.full(size, 3, np.uint8), i)
    refused(fault, 'too little', f'a {part} part whose masks are all Void', folder, f'valid.txt: no pixel of the {len(of)} masks in {part} has a class other than Void')
    a = mask(folder, of[-1]); a[0,0] = 0; put(folder, a, of[-1])
    assert check_dataset(folder).require()

def repaint(folder, of, f):
    for i in of: put(folder, f(mask(folder, i)), i)

def says(fault, folder, injected, warning, *notes):
    "`check` warns, the note of a sound folder keeps it, and the plan says it"
    r = check_dataset(folder)
    line = next(l for l in r.warnings if l.startswith(warning))
    assert r.require() and require_sound(SegFolder(folder)) == r.warnings == require_sound(SegFolder(folder))
    plan = Plan(SegFolder(folder), quick_recipe(weights=None).change_stages(size=size, bs=2), device='cpu').notes
    assert line in plan and all(any(n in o for o in plan) for n in notes)
    fault('too little', injected, 'warned of by check and by the plan', line)

def test_class_without_a_training_pixel(fault, folder):
    repaint(folder, range(4), lambda a: np.where(a == 2, 1, a))
    says(fault, folder, 'a class without a training pixel', 'train: no pixel of Car, so nothing is learned of it')
    (folder/'codes.txt').write_text('\n'.join([*codes, *'ABCDEF']), encoding='utf-8')
    says(fault, folder, 'seven classes without a training pixel', 'train: no pixel of Car, A, B, C, D and 2 more, so')

def test_class_without_a_validation_pixel(fault, folder):
    repaint(folder, (4,5), lambda a: np.where(a == 1, 0, a))
    says(fault, folder, 'a class without a validation pixel', 'valid: no pixel of Road, so no figure speaks of it')

def test_only_background(fault, folder):
    repaint(folder, (4,5), lambda a: np.where(a == 3, a, 0))
    says(fault, folder, 'validation masks that are all background, so that a constant scores 1.0', 'valid: every labelled pixel is Sky, so whatever says so scores 1.0', 'valid: no pixel of Road, Car')
    repaint(folder, range(4), lambda a: np.where(a == 3, a, 0))
    says(fault, folder, 'all masks are background', 'train: every labelled pixel is Sky, so nothing else is learned', 'valid: every labelled')

def test_merged_classes_without_a_pixel(fault, folder):
    repaint(folder, (4,5), lambda a: np.where(a == 1, 3, a))
    merged = SegFolder(folder).merge(dict(Sky='Far', Road='Near', Car='Near', Void=''))
    assert check_dataset(merged).warnings == []   # Road is missing, Near is not
    line, = check_dataset(SegFolder(folder).merge(dict(Sky='Far', Road='Near', Car='Far', Void=''))).warnings[:1]
    assert 'every labelled pixel is Far' in line

def test_thin_class(fault, folder):
    def pole(a): a = np.where(a == 2, 1, 0).astype(np.uint8); a[:,5] = 2; return a.repeat(8, 0).repeat(8, 1)
    for i in range(6):
        put(folder, pole(mask(folder, i)), i)
        put(folder, np.array(Image.open(folder/f'images/f{i}.png')).repeat(8, 0).repeat(8, 1), i, 'images/f{}.png')
    poles = Plan(SegFolder(folder), quick_recipe(weights=None).change_stages(size=[(32,48),(32,40),(32,40)], bs=2), device='cpu').notes
    line = next(o for o in poles if o.startswith('at 32x40'))
    assert 'Car (0.83 pixels)' in line and not any('at 32x48' in o and 'Car' in o for o in poles)
    assert 'Car at 32x48' in str(check_dataset(folder))
    fault('too little', 'a class that is thinner than a pixel at the size of a stage', 'said by the plan; check says below which size', line)

def test_no_images(fault, folder):
    for p in (folder/'images').iterdir(): p.unlink()
    refused(fault, 'too little', 'no images', folder, 'images: empty; put')

def test_batch_too_large(fault, folder):
    fault.refused('too little', 'a batch larger than the training set', start, folder, bs=5)
    fault.refused('too little', 'the same, asked of the loaders', seg_dataloaders, SegFolder(folder), size, 5)

def test_more_processes_than_frames(fault, folder, monkeypatch):
    for name, n in ('rank', 0), ('world_size', 3): monkeypatch.setattr(loaders, name, lambda n=n: n)
    fault.refused('processes', '3 processes and 2 images to validate on', seg_dataloaders, SegFolder(folder), size, 1)
    for name, n in ('rank', 1), ('world_size', 2): monkeypatch.setattr(loaders, name, lambda n=n: n)
    assert len(seg_dataloaders(SegFolder(folder), size, 1, device='cpu').valid) == 1

def test_batch_of_one(fault, folder): fault.refused('too little', 'batch norm over one image of 32x32 pixels', start, folder, bs=1, small=(32,32))

def test_lr_find_with_one(fault, folder, tmp_path, capsys):
    assert main(['lr-find', '--data', str(folder), '--preset', 'quick', '--bs', '1', '--size', '32', '32', '--out', str(tmp_path/'lr')]) == 2
    said = capsys.readouterr().err.strip()
    assert 'batch norm' in said and '\n' not in said and not (tmp_path/'lr').exists()
    fault('too little', 'the same, camvid-seg lr-find', 'refused', said)

# ---- images ----

art = np.random.default_rng(0).integers(0, 256, (*size,3), dtype=np.uint8)
grey = art[...,0]
def rgb(a): return np.stack([a]*3, -1)
def save(im, kind='png', **kwargs): o = io.BytesIO(); im.save(o, kind, **kwargs); return o.getvalue()
def img(a): return Image.fromarray(np.ascontiguousarray(a))
def exif(k): e = Image.Exif(); e[0x112] = k; return e

transpose = lambda a: a.transpose(1,0,2)
turned = {2: np.fliplr, 3: lambda a: a[::-1,::-1], 4: np.flipud, 5: transpose, 6: np.rot90, 7: lambda a: transpose(a[::-1,::-1]), 8: lambda a: np.rot90(a, -1)}
inks = np.random.default_rng(1).integers(0, 256, (*size,4), dtype=np.uint8)
half = np.where(np.arange(size[1]) < 24, 0, 255).astype(np.uint8)*np.ones(size, np.uint8)
wide = np.random.default_rng(2).integers(0, 65536, (*size,3), dtype=np.uint16)
cases = {**{f'EXIF orientation {k}': (lambda k=k, f=f: save(img(f(art)), exif=exif(k)), lambda b: art) for k,f in turned.items()},
    'greyscale': (lambda: save(img(grey)), lambda b: rgb(grey)),
    '16-bit grey': (lambda: save(img(wide[...,0])), lambda b: rgb((wide[...,0]>>8).astype(np.uint8))),
    '16-bit RGB': (lambda: png16(wide), lambda b: (wide>>8).astype(np.uint8)),
    'RGBA, half of it clear': (lambda: save(img(np.dstack([art,half]))), lambda b: np.where(half[...,None] == 255, art, 255)),
    'grey and alpha': (lambda: save(img(np.dstack([grey,half]))), lambda b: np.where(half == 255, grey, 255)[...,None].repeat(3, 2)),
    'palette': (lambda: save(palette(grey//64, colors)), lambda b: colors[grey//64]),
    '1 bit': (lambda: save(img(grey > 99)), lambda b: rgb(np.uint8(255)*(grey > 99))),
    'CMYK JPEG': (lambda: save(Image.frombytes('CMYK', size[::-1], inks.tobytes()), 'jpeg', quality=100), lambda b: _ink(np.array(Image.open(io.BytesIO(b))))),
    'turned JPEG': (lambda: save(img(np.rot90(art)), 'jpeg', exif=exif(6)), lambda b: np.rot90(np.array(Image.open(io.BytesIO(b))), -1))}

def _ink(a):
    "CMYK to RGB by the plain formula, rounded as Pillow does"
    a = a.astype(np.int64); k = 255-a[...,3:]
    t = a[...,:3]*k+128
    return (k-(t+(t>>8)>>8)).clip(0, 255).astype(np.uint8)

@pytest.mark.parametrize('kind', cases)
def test_image(fault, folder, kind):
    b, want = cases[kind][0](), cases[kind][1]
    (folder/'images/f0.png').write_bytes(b)
    got, _ = decode_frame(SegFolder(folder), folder/'images/f0.png', size)
    assert got.dtype == np.uint8 and np.array_equal(got, want(b))
    assert check_dataset(folder).errors == []
    fault('image format', kind, 'read right, every pixel')

@pytest.mark.parametrize('bits', [8, 10, 12, 14])
def test_deep_greys(fault, folder, bits):
    rng, a = np.random.default_rng(3), []
    for i in range(6):
        a.append(rng.integers(0, 2**bits >> (3 if i == 0 else 0), size).astype(np.uint16)) # the first frame is dark
        a[-1][0,0] = 2**bits - 1 if i else 0
        put(folder, a[-1], i, 'images/f{}.png')
    f = SegFolder(folder)
    for cache in (True, False):
        frames = Frames(f, f.images, size, cache)
        assert all(np.array_equal(frames.image(p).permute(1,2,0), rgb((o >> (bits-8)).astype(np.uint8))) for p, o in zip(f.images, a))
    warned(fault, 'image format', f'data of {bits} bits in 16-bit PNGs', folder, f'end at {2**bits-1:,}, so all are read as {bits} bits')

def test_deep_colors(fault, folder):
    for i in range(6): (folder/f'images/f{i}.png').write_bytes(png16(np.roll(wide >> 4, i, 0)))
    refused(fault, 'image format', 'colours of 12 bits in 16-bit PNGs', folder, 'would leave 16 levels', 'divide all by 16')
    (folder/'images/f1.png').write_bytes(png16(wide)) # one is bright: all have 16 bits
    assert check_dataset(folder).require()

def test_fourth_band(fault, folder):
    put(folder, np.dstack([art, street(folder, 1)[...,0]]), 0, 'images/f{}.png')
    refused(fault, 'image format', 'red, green, blue and infrared as the four channels of a PNG', folder, 'images/f0.png: channel 4 looks like a band of its own', 'choose three')
    fault.refused('image format', 'the same, asked of the decoder', read_image, folder/'images/f0.png')

def test_image_without_colors(fault, folder):
    Image.fromarray(grey.astype(np.float32)).save(folder/'images/f0.png', 'tiff')
    refused(fault, 'image format', 'floating-point numbers for a picture', folder, 'images/f0.png: pixels are floating-point numbers')

def test_postscript(fault, folder):
    (folder/'images/f0.png').write_bytes(b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 48 32\n(x) run\n')
    with pytest.raises(SegError, match='not one of the formats'): read_image(folder/'images/f0.png')
    refused(fault, 'image format', 'PostScript, a program, under the name of a PNG', folder, 'images/f0.png: not one of the formats PNG')

# ---- a cache of frames ----

@pytest.fixture
def frames(folder, monkeypatch):
    "A function that makes `Frames` of the folder and returns them with the only warning of it, if any"
    monkeypatch.setenv('CAMVID_SEG_HOME', str(folder.parent/'home'))
    def make():
        with warnings.catch_warnings(record=True) as w:
            warnings.simplefilter('always', UserWarning)
            f = SegFolder(folder)
            made = Frames(f, f.images, size)
        assert all(np.array_equal(made.mask(p), mask(folder, i)) for i, p in enumerate(f.images))
        said = [str(o.message) for o in w if o.category is UserWarning]
        return made, *(said or [''])
    return make

def flip(b, at): return b[:at] + bytes([b[at]^5]) + b[at+1:]

@pytest.mark.parametrize('name', ['images', 'masks', 'sums'])
@pytest.mark.parametrize('what, change', [('a flipped byte', lambda b: flip(b, -7 % len(b))), ('a flipped byte of its header', lambda b: flip(b, 60)), ('its end lost', lambda b: b[:-9]),
    ('bytes behind its end', lambda b: b + b'123'), ('nothing in it', lambda b: b''), ('its shape turned', lambda b: b.replace(b', 32, 48', b', 48, 32').replace(b'(6, 2)', b'(2, 6)'))])
def test_cache_spoiled(fault, folder, frames, name, what, change):
    file = frames()[0].dir/f'{name}.npy'
    was = file.read_bytes()
    assert change(was) != was
    file.unlink()
    file.write_bytes(change(was))
    _, said = frames()
    assert 'is damaged' in said and 'decoding them again' in said and file.read_bytes() == was
    assert frames()[1] == ''
    fault('cache', f'decoded frames: {name}.npy with {what}', 'decoded again, said in a line', re.sub('[0-9a-f]{20}', 'NAME', said))

def test_cache_of_other_shapes(fault, folder, frames):
    made, = frames()[:1]
    other = Frames(made.folder, made.folder.images, (48,32))
    for o in other.dir.glob('*.npy'): shutil.copy(o, made.dir)
    _, said = frames()
    assert 'other shapes' in said
    fault('cache', 'decoded frames of another size in the place of ours', 'decoded again, said in a line', re.sub('[0-9a-f]{20}', 'NAME', said))

FULL = """import os, resource, sys, warnings
warnings.simplefilter('ignore', ResourceWarning)
from camvid_seg.data.cache import *
from camvid_seg.data.cache import SegFolder
if sys.argv[2] == 'unreserved': del os.posix_fallocate
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
f = SegFolder(sys.argv[1])
print(Frames(f, f.images, (32,48)).mask(f.images[0]).shape)"""

@pytest.mark.skipif(not hasattr(os, 'posix_fallocate'), reason='needs limits of POSIX')
@pytest.mark.parametrize('how', ['reserved', 'unreserved'])
def test_cache_meets_a_full_disk(fault, folder, how):
    home = folder.parent/'home'
    r = subprocess.run([sys.executable, '-c', FULL, folder, how], capture_output=True, text=True, env={**os.environ, 'CAMVID_SEG_HOME': str(home)})
    assert r.returncode == 0 and '32, 48' in r.stdout and [o.name for o in (home/'frames').iterdir()] == ['.lock']
    said, = re.findall('UserWarning: (.*)', r.stderr)
    assert said.startswith('decoding in every epoch')
    fault('cache', f"the disk is full while frames are decoded, {'and says so at once' if how == 'reserved' else 'on a file system that reserves nothing'}", 'decoded in every epoch, said in a line', re.sub('[(].*[)]', '(File too large)', said))

def test_letters_without_a_font(fault, folder, monkeypatch):
    plt = pytest.importorskip('matplotlib.pyplot')
    (folder/'codes.txt').write_text('\u7a7a\nRoad\nCar\nVoid', encoding='utf-8')
    f = SegFolder(folder)
    monkeypatch.setattr(masks, '_families', re.compile('no such font'))
    with warnings.catch_warnings():
        warnings.filterwarnings('error', message='Glyph')
        figures = show_grid(f, f.images[:2]), show_mask(mask(folder), f).figure, plot_imbalance(class_counts(f)).figure
        for o in figures: o.canvas.draw()
        names = [t.get_text() for o in figures for t in o.findobj(plt.Text)]
    plt.close('all')
    assert sum('class 0' in o for o in names) >= 3 and not any('\u7a7a' in o for o in names)
    fault('names and splits', 'class names in letters that no font of the machine has', 'drawn by number, without a warning')
