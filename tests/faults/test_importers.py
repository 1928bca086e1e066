"Sources of other tools, spoiled: what comes is a sound folder and a list of what was refused, or one line"
import base64, io, json, os, shutil, signal, struct, subprocess, sys, time, zlib
import numpy as np, pyarrow as pa, pyarrow.parquet as pq, pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image
from camvid_seg.core import SegError
from camvid_seg.data.check import check_dataset
from camvid_seg.data.dataset import SegFolder
from camvid_seg.data.decode import read_mask
from camvid_seg.data.importers import import_dataset, importers
from camvid_seg.data.import_masks import voc_colors

pytestmark = pytest.mark.filterwarnings('ignore')
size, names = (6,8), ['d1_001', 'd1_002', 'd2_001']
rng = np.random.default_rng(0)
def noise(): return Image.fromarray(rng.integers(0, 256, (*size,3), dtype=np.uint8))
def ids(n=2): return rng.integers(0, n, size, dtype=np.uint8)

def put(path, im, **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    (im if isinstance(im, Image.Image) else Image.fromarray(im)).save(path, **kwargs)

def text(path, s):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(s if isinstance(s, str) else json.dumps(s), encoding='utf-8')

def png(im):
    out = io.BytesIO()
    (im if isinstance(im, Image.Image) else Image.fromarray(im)).save(out, 'PNG')
    return out.getvalue()

# ---- a small sound source of each format, after its documentation: three images, two classes ----

def tree(p, mask):
    for o in names: put(p/f'images/{o}.jpg', noise()); put(p/f'masks/{o}.png', mask())
    text(p/'classes.txt', 'road\ncar\n')

def cvat(p):
    colors = np.array([[0,0,0], [128,64,128], [64,0,128]], np.uint8)
    text(p/'label_colors.txt', '0 0 0 Void\n128 64 128 road\n64 0 128 car\n')
    for o in names: put(p/f'default/{o}.png', noise()); put(p/f'defaultannot/{o}.png', colors[ids(3)])
    text(p/'default.txt', ''.join(f'/default/{o}.png defaultannot/{o}.png\n' for o in names))

def voc(p):
    for o in names:
        im = Image.fromarray(np.where(rng.random(size) < .2, 255, ids(21)).astype(np.uint8))
        im.putpalette(voc_colors().tobytes())
        put(p/f'JPEGImages/{o}.jpg', noise()); put(p/f'SegmentationClass/{o}.png', im)
    text(p/'ImageSets/Segmentation/train.txt', 'd1_001\nd1_002\n'); text(p/'ImageSets/Segmentation/val.txt', 'd2_001\n')

def cityscapes(p):
    for part, city, n in ('train', 'ulm', 1), ('train', 'ulm', 2), ('val', 'bonn', 1):
        name = f'{part}/{city}/{city}_000000_{n:06}'
        put(p/f'leftImg8bit/{name}_leftImg8bit.png', noise()); put(p/f'gtFine/{name}_gtFine_labelIds.png', ids(34))

def coco(p):
    for o in names: put(p/f'images/{o}.jpg', noise())
    images = [dict(id=i, file_name=f'{o}.jpg', width=size[1], height=size[0]) for i, o in enumerate(names)]
    annotations = [dict(id=1, image_id=0, category_id=3, segmentation=[[1,1,6,1,6,4,1,4]], iscrowd=0, area=15., bbox=[1,1,5,3]),
                   dict(id=2, image_id=1, category_id=7, segmentation=dict(size=[*size], counts=[10,20,18]), iscrowd=1),
                   dict(id=3, image_id=2, category_id=7, segmentation=[[0,0,7,0,7,5]], iscrowd=0)]
    text(p/'annotations/instances_default.json', dict(images=images, annotations=annotations, categories=[dict(id=3, name='car'), dict(id=7, name='road')]))

def labelme(p):
    for o in names:
        put(p/f'{o}.jpg', noise())
        shapes = [dict(label='road', points=[[0,3],[7,3],[7,5],[0,5]], group_id=None, shape_type='polygon', flags={}),
                  dict(label='car', points=[[1,1],[4,4]], group_id=None, shape_type='rectangle', flags={}),
                  dict(label='sun', points=[[6,1],[7,1]], group_id=None, shape_type='circle', flags={}),
                  dict(label='car', points=[[0,0],[2,2]], group_id=None, shape_type='mask', mask=base64.b64encode(png(ids())).decode(), flags={})]
        text(p/f'{o}.json', dict(version='5.4.1', flags={}, shapes=shapes, imagePath=f'{o}.jpg', imageData=None, imageHeight=size[0], imageWidth=size[1]))

def yolo(p):
    for part, o in zip(('train', 'train', 'val'), names):
        put(p/f'images/{part}/{o}.jpg', noise()); text(p/f'labels/{part}/{o}.txt', '0 0.1 0.1 0.9 0.1 0.9 0.9\n1 0.2 0.2 0.4 0.2 0.4 0.6 0.2 0.6\n')
    text(p/'data.yaml', 'train: images/train\nval: images/val\nnames:\n  0: road\n  1: car\n')

def roboflow(p):
    for part, o in zip(('train', 'train', 'valid'), names):
        put(p/f'{part}/{o}.jpg', noise()); put(p/f'{part}/{o}_mask.png', ids(3)); text(p/f'{part}/_classes.csv', 'Pixel Value, Class\n0, background\n1, road\n2, car\n')

def hf(p):
    file, table = pa.struct([('bytes', pa.binary()), ('path', pa.string())]), lambda ims: pa.array([dict(bytes=png(o), path=f'{n}.png') for n, o in zip(names, ims)], file)
    (p/'data').mkdir(parents=True)
    pq.write_table(pa.table(dict(image=table([noise() for _ in names]), annotation=table([ids() for _ in names]))), p/'data/train-00000-of-00001.parquet')
    text(p/'id2label.json', {'0': 'road', '1': 'car'})

sources = dict(cvat=cvat, voc=voc, cityscapes=cityscapes, coco=coco, labelme=labelme, yolo=yolo, binary=lambda p: tree(p, lambda: ids()*255),
               ids1=lambda p: tree(p, lambda: ids(3)), roboflow=roboflow, hf=hf)
by_format = pytest.mark.parametrize('format', sources)

def content(path): return {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob('*') if p.is_file()}

def imported(format, source, dest, **kwargs):
    "The report of an import, or None where it was refused in a line; the source is as it was, and nothing else was written"
    before, beside = content(source), {p.name for p in source.parent.iterdir()}
    try: report = import_dataset(format, source, dest, **kwargs)
    except SegError as e:
        assert str(e).isprintable() and str(e)
        assert {p.name for p in source.parent.iterdir()} == beside
        return None
    assert {p.name for p in source.parent.iterdir()} == beside | {dest.name}
    assert content(source) == before and all(o.isprintable() for o in str(report).splitlines())
    return report

def test_every_format_is_tested(): assert sources.keys() == importers.keys()

@by_format
def test_a_sound_source(tmp_path, format):
    sources[format](tmp_path/'src')
    report = imported(format, tmp_path/'src', tmp_path/'out')
    assert report and report.images == 3 and not check_dataset(tmp_path/'out').errors
    folder = SegFolder(tmp_path/'out')
    assert folder.void_code is not None and len(folder.split().valid) == 1 and folder.codes == report.classes
    assert json.loads((tmp_path/'out/import.json').read_text())['images'] == 3

# ---- 200 sources and more that are wrong somewhere ----

odd_values = st.one_of(st.none(), st.booleans(), st.integers(-3, 300), st.sampled_from([10**9, -10**9, 10**30, 1e308, .5, 'x', '', '../../x.png', '/etc/passwd', 'a\0b', '\ud800', 'ü' * 300, 'C:\\x', [], {}, [[]], [1], [[1,2]],
    [[99,99,120,99,120,120]], [[0,0,1e9,0,0,1e9]], [[-5,-5,20,-5,20,20,-5,20]], dict(size=[6,8], counts=[48]), dict(size=[6,8], counts='~~'), dict(size=[6,8], counts=[-1,49]), dict(size=[10**6]*2, counts=[10**12])]))
ops = st.tuples(st.sampled_from(['cut', 'flip', 'insert', 'empty', 'gone', 'folder', 'json', 'json', 'line', 'copy', 'rename']), st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True), odd_values, st.integers(0, 255))

def json_places(o, path=()):
    "Every place in what a JSON file holds"
    for k, v in o.items() if isinstance(o, dict) else enumerate(o) if isinstance(o, list) else ():
        yield (*path, k)
        yield from json_places(v, (*path, k))

def spoil_json(p, at, v):
    try: o = json.loads(p.read_bytes())
    except ValueError: return
    places = [*json_places(o)]
    if not places: return
    *way, last = places[int(at*len(places))]
    at = o
    for k in way: at = at[k]
    at[last] = v
    p.write_text(json.dumps(o))

def spoil_source(path, op):
    kind, which, at, v, byte = op
    files = sorted(p for p in path.rglob('*') if p.is_file())
    if kind == 'json': files = [p for p in files if p.suffix == '.json'] or files
    if kind == 'line': files = [p for p in files if p.suffix in ('.txt', '.csv', '.yaml')] or files
    if not files: return
    p = files[int(which*len(files))]
    b, i = bytearray(p.read_bytes()), int(at*p.stat().st_size)
    if kind == 'cut': del b[i:]
    elif kind == 'flip' and i < len(b): b[i] ^= 1 << byte % 8
    elif kind == 'insert': b[i:i] = bytes([byte])*(byte % 5 + 1)
    elif kind == 'empty': b.clear()
    if kind in ('cut', 'flip', 'insert', 'empty'): p.write_bytes(b)
    elif kind == 'gone': p.unlink()
    elif kind == 'folder': p.unlink(); p.mkdir()
    elif kind == 'json' and p.suffix == '.json': spoil_json(p, at, v)
    elif kind == 'line': p.write_bytes(bytes(b) + f'\n{v}\n'.encode('utf-8', 'replace'))
    elif kind == 'copy': put(p.with_name(f'é {byte} 😀 d1_001.png'), noise())
    elif kind == 'rename': p.rename(p.with_name(f'ß\u2028 {byte}{p.suffix}'))

total = int(os.environ.get('CAMVID_SEG_FUZZ', 2000))

@by_format
def test_fuzzed_sources(tmp_path, fault, format):
    sources[format](tmp_path/'sound')
    many = settings(max_examples=total//100, deadline=None, database=None, derandomize=total <= 2000, suppress_health_check=list(HealthCheck))
    came = []
    @many
    @given(st.lists(ops, min_size=1, max_size=3))
    def check(spoils):
        room = tmp_path/'room'
        shutil.rmtree(room, ignore_errors=True)
        shutil.copytree(tmp_path/'sound', room/'src')
        for o in spoils: spoil_source(room/'src', o)
        report = imported(format, room/'src', room/'out')
        came.append(report)
        if report is None: return
        errors = [e for e in check_dataset(room/'out').errors if 'has a class other than Void' not in e and 'leaves no image in' not in e and 'missing or empty' not in e]
        assert report.images and not errors
    check()
    assert any(came) and not all(came)
    fault('import', f"{format}: {total//100} sources of three images, files cut, gone, renamed, and odd values in their lists", 'a sound folder and a list of what was refused, or one line')

# ---- faults by name ----

def refuse(fault, tmp_path, format, injected, says):
    "The whole source is refused in a line"
    said = fault.refused('import', injected, import_dataset, format, tmp_path/'src', tmp_path/'out')
    assert says in said and not (tmp_path/'out').exists()

def leave_out(fault, tmp_path, format, injected, says):
    "An image is refused in a line, the others are imported"
    report = imported(format, tmp_path/'src', tmp_path/'out')
    assert report.images == 2 and len(report.refused) == 1 and says in report.refused[0]
    fault('import', injected, 'left out and listed, the others imported', report.refused[0])

def change_coco(path, change):
    file = path/'src/annotations/instances_default.json'
    o = json.loads(file.read_text()); change(o); text(file, o)

@pytest.mark.parametrize('name', ['../../secret.png', '/etc/passwd', 'C:\\secret.png', '..\\..\\secret.png'])
def test_a_hostile_name(fault, tmp_path, name):
    coco(tmp_path/'src'); put(tmp_path/'secret.png', noise())
    change_coco(tmp_path, lambda o: o['images'][0].update(file_name=name))
    leave_out(fault, tmp_path, 'coco', f'an annotation file names the image {name}', 'leads out of the source')

def test_a_polygon_that_would_fill_the_memory(fault, tmp_path):
    coco(tmp_path/'src')
    change_coco(tmp_path, lambda o: o['annotations'][0].update(segmentation=[[0,0]+[1e9,0,0,1e9]*50]))
    leave_out(fault, tmp_path, 'coco', 'a polygon with corners at 10^9', 'longer than 1,000,000 pixels')

def test_run_lengths_of_another_image(fault, tmp_path):
    coco(tmp_path/'src')
    change_coco(tmp_path, lambda o: o['annotations'][1].update(segmentation=dict(size=[6,8], counts=[10,10**12])))
    leave_out(fault, tmp_path, 'coco', 'run lengths of 10^12 pixels', 'do not add up to 8 x 6')

def test_a_value_without_a_class(fault, tmp_path):
    tree(tmp_path/'src', lambda: ids(3)); put(tmp_path/'src/masks/d1_001.png', np.full(size, 9, np.uint8))
    leave_out(fault, tmp_path, 'ids1', 'a value that the list of classes does not reach', 'value 9 in 48 pixels')

def test_a_mask_of_another_size(fault, tmp_path):
    voc(tmp_path/'src'); put(tmp_path/'src/SegmentationClass/d1_001.png', np.zeros((3,3), np.uint8))
    leave_out(fault, tmp_path, 'voc', 'a mask of 3 x 3 for an image of 8 x 6', 'its mask is 3 x 3')

def test_a_bomb(fault, tmp_path):
    tree(tmp_path/'src', ids); b = png(noise())
    head = b'IHDR' + struct.pack('>II', 60000, 60000) + b[24:29]
    (tmp_path/'src/images/d1_001.jpg').write_bytes(b[:12] + head + struct.pack('>I', zlib.crc32(head)) + b[33:])
    leave_out(fault, tmp_path, 'ids1', 'a small image that says it has 60,000 x 60,000 pixels', 'pixels')

def test_no_classes(fault, tmp_path):
    tree(tmp_path/'src', ids); (tmp_path/'src/classes.txt').unlink()
    refuse(fault, tmp_path, 'ids1', 'no file names the classes', 'names no class')

def test_two_labels_of_one_colour(fault, tmp_path):
    cvat(tmp_path/'src'); text(tmp_path/'src/label_colors.txt', '0 0 0 Void\n1 1 1 road\n1 1 1 car\n')
    refuse(fault, tmp_path, 'cvat', 'two labels have one colour', "'road' and 'car' have the same colour")

def test_a_destination_in_the_source(fault, tmp_path):
    tree(tmp_path/'src', ids)
    fault.refused('import', 'DEST lies in SOURCE', import_dataset, 'ids1', tmp_path/'src', tmp_path/'src/out')
    assert not (tmp_path/'src/out').exists()

def test_the_same_name_in_two_folders(fault, tmp_path):
    for part in 'train', 'val':
        put(tmp_path/f'src/images/{part}/1.jpg', noise()); put(tmp_path/f'src/masks/{part}/1.png', ids())
    text(tmp_path/'src/classes.txt', 'road\ncar\n')
    assert imported('yolo', tmp_path/'src', tmp_path/'out').images == 2
    assert [p.name for p in SegFolder(tmp_path/'out').images] == ['train_1.jpg', 'val_1.jpg']
    fault('import', 'two folders hold an image of the same name', 'kept apart', 'images/train_1.jpg and images/val_1.jpg')

def test_a_table_that_wants_a_pickle_loaded(fault, tmp_path):
    "An extension type of pyarrow before 14.0.1 unpickled what the schema of a file held"
    hf(tmp_path/'src'); file = tmp_path/'src/data/train-00000-of-00001.parquet'
    table = pq.read_table(file)
    evil = table.schema.field('image').with_metadata({b'ARROW:extension:name': b'arrow.py_extension_type', b'ARROW:extension:metadata': b'cos\nsystem\n(Vtouch ' + str(tmp_path/'gone').encode() + b'\ntR.'})
    pq.write_table(table.cast(pa.schema([evil, *[f for f in table.schema if f.name != 'image']])), file)
    imported('hf', tmp_path/'src', tmp_path/'out')
    assert not (tmp_path/'gone').exists()
    fault('import', "a table whose schema holds a pickle that runs a command", 'read without it, or refused; nothing is run')

@pytest.mark.skipif(not hasattr(signal, 'SIGKILL'), reason='kills a process')
def test_killed_and_called_again(fault, tmp_path):
    for i in range(150): put(tmp_path/f'src/images/a_{i:03}.png', noise()); put(tmp_path/f'src/masks/a_{i:03}.png', ids())
    text(tmp_path/'src/classes.txt', 'road\ncar\n')
    code = f"from camvid_seg.data.importers import import_dataset; import_dataset('yolo', {str(tmp_path/'src')!r}, {str(tmp_path/'out')!r})"
    p = subprocess.Popen([sys.executable, '-c', code])
    half = lambda: [*tmp_path.glob('.out-import/*/labels/a_*_P.png')]
    for _ in range(6000):
        if len(half()) > 20 or p.poll() is not None: break
        time.sleep(.005)
    p.kill(); p.wait()
    done = {o.name: o.stat().st_mtime_ns for o in half()}
    assert 20 < len(done) < 150 and not (tmp_path/'out').exists()
    for o in half(): Image.open(o).load()                                        # each is whole
    assert import_dataset('yolo', tmp_path/'src', tmp_path/'out').images == 150
    assert all((tmp_path/'out/labels'/k).stat().st_mtime_ns == t for k, t in done.items())
    assert not [*tmp_path.glob('.out-import*')] and not check_dataset(tmp_path/'out').errors
    fault('import', 'SIGKILL in the middle of an import, then the same command', 'it goes on: finished files stay, and DEST appears when it is whole')

def test_there_and_back(fault, tmp_path):
    from camvid_seg.data.cvat import to_cvat
    voc(tmp_path/'src'); imported('voc', tmp_path/'src', tmp_path/'out')
    to_cvat(tmp_path/'out', tmp_path/'there'); import_dataset('cvat', tmp_path/'there', tmp_path/'back')
    a, b = SegFolder(tmp_path/'out'), SegFolder(tmp_path/'back')
    assert a.codes == b.codes and (a.colors == b.colors).all() and a.valid_names == b.valid_names
    for p, q in zip(a.images, b.images, strict=True):
        assert p.name == q.name and p.read_bytes() == q.read_bytes() and (read_mask(a.label(p), a) == read_mask(b.label(q), b)).all()
    fault('import', "a folder written for CVAT and imported again", 'equal to the bit: images, ids, colours, split')
