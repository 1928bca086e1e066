"Bad servers, bad archives, processes that are killed and several at once: never a folder that looks complete and is not"
import hashlib, io, json, os, stat, subprocess, sys, tarfile, threading, time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import numpy as np, pytest, torch
from PIL import Image
from camvid_seg.core import SegError
from camvid_seg.data.camvid import camvid
from camvid_seg.data.check import check_dataset
from camvid_seg.data.dataset import SegFolder
from camvid_seg.data.download import unpack

RUN = """import sys, json, camvid_seg.data.download as d, camvid_seg.data.camvid as c
a = json.loads(sys.argv[1])
{patch}
print(len(c.camvid(wait=.01, **{'progress': False, **a}).images))"""
KILL = """import os, signal
n, write = [0], d.write_member
def dying(*args):
    n[0] += 1
    if n[0] > 5: os.kill(os.getpid(), getattr(signal, 'SIGKILL', signal.SIGTERM))
    write(*args)
d.write_member = dying"""
OFFLINE = """import socket
def no(*args, **kwargs): raise AssertionError('asked the network')
socket.socket = socket.create_connection = socket.getaddrinfo = no"""

class Slow(BaseHTTPRequestHandler):
    """Serves `server.body` in small pieces, from where `Range` asks. Each request takes a step of `server.plan`: a `status`, `headers`, the `end` where it hangs up,
    `length=False` to tell no length"""
    def do_GET(self):
        s, rng = self.server, self.headers.get('Range')
        a, step = int(rng[6:-1]) if rng else 0, s.plan.pop(0) if s.plan else {}
        s.log.append(a)
        self.send_response(step.get('status', 206 if rng else 200))
        if rng: self.send_header('Content-Range', f'bytes {a}-{len(s.body)-1}/{len(s.body)}')
        if step.get('length', True): self.send_header('Content-Length', str(0 if 'status' in step else len(s.body)-a))
        for k, v in {'ETag': '"1"', **step.get('headers', {})}.items(): self.send_header(k, v)
        self.end_headers()
        try:
            for i in range(a, 0 if 'status' in step else step.get('end', len(s.body)), 20_000):
                self.wfile.write(s.body[i:i+20_000])
                time.sleep(s.pause)
        except ConnectionError: pass
    def log_message(self, *args): pass

def archive():
    "A dataset folder of 12 noisy frames as a .tgz of about 1.4 MB"
    rng, f = np.random.default_rng(0), io.BytesIO()
    def png(a): o = io.BytesIO(); Image.fromarray(a).save(o, 'png'); return o.getvalue()
    files = {'codes.txt': b'Road\nSky\n', 'valid.txt': b'a10.png\na11.png\n'}
    for i in range(12):
        files[f'images/a{i}.png'] = png(rng.integers(0, 256, (160, 240, 3), dtype=np.uint8))
        files[f'labels/a{i}_P.png'] = png(rng.integers(0, 2, (160, 240), dtype=np.uint8))
    with tarfile.open(fileobj=f, mode='w:gz') as tar:
        for name, b in files.items():
            m = tarfile.TarInfo(f'toy/{name}'); m.size = len(b)
            tar.addfile(m, io.BytesIO(b))
    return f.getvalue()

@pytest.fixture
def server():
    s = ThreadingHTTPServer(('127.0.0.1', 0), Slow)
    s.body, s.log, s.pause, s.plan = archive(), [], .03, []
    threading.Thread(target=s.serve_forever, daemon=True).start()
    yield s
    s.shutdown(); s.server_close()

def asked(server, cache):
    "Arguments of `camvid`"
    return dict(cache=str(cache), url=f'http://127.0.0.1:{server.server_port}/toy.tgz', size=len(server.body), md5=hashlib.md5(server.body[:2**20]).hexdigest())

@pytest.fixture
def get(server, tmp_path, monkeypatch):
    "Call `camvid` in this process"
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    server.pause = 0
    return lambda **kwargs: camvid(progress=False, wait=.01, **{**asked(server, tmp_path), **kwargs})

@pytest.fixture
def start(server, tmp_path):
    "Start a process that calls `camvid`"
    procs = []
    def f(patch='pass', **kwargs):
        args, code = {**asked(server, tmp_path), **kwargs}, RUN.replace('{patch}', patch)
        procs.append(subprocess.Popen([sys.executable, '-c', code, json.dumps(args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      env={**os.environ, 'no_proxy': '127.0.0.1'}))
        return procs[-1]
    yield f
    for p in procs:
        if p.poll() is None: p.kill()
        p.communicate()

def finish(p):
    out, err = p.communicate(timeout=60)
    assert (p.returncode, err) == (0, b''), err
    return out.decode().strip()

def wait_for(cond, seconds=30):
    end = time.time()+seconds
    while not cond():
        assert time.time() < end, 'waited too long'
        time.sleep(.01)

def begun(folder, n=300_000):
    "Waits until `n` bytes have come"
    part = folder/'toy.tgz.part'
    wait_for(lambda: part.exists() and part.stat().st_size > n)

def names(folder): return sorted(p.name for p in folder.iterdir())
DONE = ['.toy.lock', 'toy', 'toy.tgz', 'toy.tgz.sha256']

def test_killed_download_is_resumed(fault, server, start, tmp_path):
    p = start(); begun(tmp_path); p.kill(); p.communicate()
    assert names(tmp_path) == ['.toy.lock', 'toy.tgz.part', 'toy.tgz.part.json']
    have = (tmp_path/'toy.tgz.part').stat().st_size
    server.pause = 0
    assert finish(start()) == '12'
    assert server.log == [0, have]
    assert names(tmp_path) == DONE
    assert check_dataset(tmp_path/'toy').require()
    digest, name = (tmp_path/'toy.tgz.sha256').read_text().split()
    assert (digest, name) == (hashlib.sha256(server.body).hexdigest(), 'toy.tgz')
    fault('download', 'killed (SIGKILL) while it downloads', 'the next call goes on where it stopped')

def test_two_at_once_download_once(fault, server, start, tmp_path):
    server.pause = .01
    assert [finish(p) for p in [start(), start()]] == ['12', '12']
    assert server.log == [0]
    assert names(tmp_path) == DONE
    fault('download', 'two processes at once', 'one downloads, the other waits for it; both get the folder')

def test_the_second_goes_on_when_the_first_is_killed(fault, server, start, tmp_path):
    a = start(); begun(tmp_path, 100_000)
    b = start(); begun(tmp_path, 300_000)
    assert server.log == [0] # b waits
    a.kill(); a.communicate()
    assert finish(b) == '12'
    assert len(server.log) == 2 and server.log[1] >= 300_000
    assert names(tmp_path) == DONE
    fault('download', 'two processes at once, of which the one that downloads is killed', 'the other goes on where it stopped')

def test_killed_while_unpacking(fault, server, start, tmp_path):
    server.pause = 0
    p = start(KILL); p.communicate(timeout=60)
    assert p.returncode != 0
    left = [o for o in tmp_path.glob('.toy-unpack-*')]
    assert len(left) == 1 and len([o for o in left[0].rglob('*') if o.is_file()]) == 5
    assert not (tmp_path/'toy').exists()
    assert finish(start(OFFLINE)) == '12' # from the archive, with no network
    assert server.log == [0]
    assert names(tmp_path) == DONE
    assert check_dataset(SegFolder(tmp_path/'toy')).require()
    assert finish(start(OFFLINE)) == '12' # and from the folder
    fault('download', 'killed (SIGKILL) while it unpacks', 'no folder under the final name; the next call unpacks again, without a network')

WEIGHTS = """import sys
from unittest import mock
import torchvision, camvid_seg.model.encoders as u
print('ready', flush=True); sys.stdin.readline()
with mock.patch.object(torchvision.models.get_model_weights('resnet18').DEFAULT.value, 'url', sys.argv[1]): print(*u.create_encoder('resnet18').imagenet_state())"""

@pytest.fixture
def weights(server, tmp_path):
    "Start processes that ask for the weights that the server has as `name`, all in the same moment; what each says, and its errors"
    body = io.BytesIO(); torch.save({'conv1.weight': torch.rand(300_000)}, body)
    server.body, server.name = body.getvalue(), f'resnet18-{hashlib.sha256(body.getvalue()).hexdigest()[:8]}.pth'
    def f(n):
        env = {**os.environ, 'no_proxy': '127.0.0.1', 'TORCH_HOME': str(tmp_path)}
        args = [sys.executable, '-W', 'ignore', '-c', WEIGHTS, f'http://127.0.0.1:{server.server_port}/{server.name}']
        procs = [subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) for _ in range(n)]
        try:
            for p in procs: assert p.stdout.readline().strip() == b'ready'
            for p in procs: p.stdin.write(b'\n'); p.stdin.flush()
            return [(out.decode().strip(), err.decode()) for out, err in (p.communicate(timeout=60) for p in procs)]
        finally:
            for p in procs: p.kill()
    return f

def test_weights_are_downloaded_once(fault, server, weights, tmp_path):
    assert [out for out, _ in weights(2)] == ['conv1.weight']*2
    assert server.log == [0] and names(tmp_path/'hub/checkpoints') == [f'.{server.name}.lock', server.name]
    fault('download', 'two processes at once ask for the ImageNet weights, as those of torchrun do', 'one downloads, the other waits for it; both get them')

def test_wrong_weights_are_fetched_again(fault, server, weights, tmp_path):
    server.pause = 0
    path = tmp_path/'hub/checkpoints'/server.name
    path.parent.mkdir(parents=True); path.write_bytes(b'other bytes')
    (out, err), = weights(1)
    assert out == '' and not path.exists() and server.log == []
    said = err.strip().splitlines()[-1].split('SegError: ')[1].replace(server.name, 'resnet18-12345678.pth')
    assert weights(1)[0][0] == 'conv1.weight' and path.read_bytes() == server.body
    fault('download', "ImageNet weights in torch.hub's folder that are not what their name says", 'refused and removed; the next call fetches them', said)

# ---- servers ----

def nothing_left(folder, *but): assert sorted({*names(folder)} - {'.toy.lock', *but}) == [], 'a refused download left something'

def test_cut_short(fault, server, get, tmp_path):
    server.plan = [dict(end=400_000), dict(end=900_000)]
    assert len(get().images) == 12 and server.log == [0, 400_000, 900_000] and names(tmp_path) == DONE
    fault('download', 'the connection ends early, twice', 'goes on where it stopped, without a word')

def test_no_content_length(fault, server, get, tmp_path):
    server.plan = [dict(length=False, end=400_000)]
    assert len(get().images) == 12 and names(tmp_path) == DONE
    fault('download', 'a server without Content-Length that hangs up early', 'the published size tells that something is missing; goes on')

def test_gives_up(fault, server, get, tmp_path):
    server.plan = [dict(end=400_000), *[dict(status=503)]*9]
    said = fault.refused('download', 'a server that is gone after 400,000 bytes', get, tries=2)
    assert '400,000 bytes are kept' in said and names(tmp_path) == ['.toy.lock', 'toy.tgz.part', 'toy.tgz.part.json']
    server.plan = []
    assert len(get().images) == 12 and server.log[-1] == 400_000

@pytest.mark.parametrize('status, headers, what', [(403, {}, 'HTTP 403'), (404, {}, 'HTTP 404'), (302, dict(Location='/toy.tgz'), 'a redirect that leads in a circle'),
                                                   (200, {'Content-Type': 'text/html'}, 'the page of a hotel network instead of the file')])
def test_answers(fault, server, get, tmp_path, status, headers, what):
    server.plan = [dict(headers=headers, **({} if status == 200 else {'status': status}))]*20
    fault.refused('download', what, get, tries=2)
    nothing_left(tmp_path)

def test_wrong_bytes(fault, server, get, tmp_path):
    md5 = hashlib.md5(server.body[:2**20]).hexdigest()
    right, server.body = server.body, bytes(len(server.body))
    fault.refused('download', 'other bytes from the beginning', get, md5=md5)
    nothing_left(tmp_path)
    server.body = right[:1_200_000] + bytes([right[1_200_000]^1]) + right[1_200_001:]
    fault.refused('download', 'one wrong bit after the first megabyte, whose MD5 is right', get, md5=md5)
    nothing_left(tmp_path)
    server.body = right + b'!'
    fault.refused('download', 'a byte too many', get, size=len(right))
    nothing_left(tmp_path)
    server.body = right
    assert len(get().images) == 12 and names(tmp_path) == DONE

def test_prints_one_line(fault, server, start, tmp_path):
    server.pause, server.plan = .005, [dict(end=400_000)]
    p = start(progress=True)
    out, err = p.communicate(timeout=60)
    assert (p.returncode, out.split()) == (0, [b'12'])
    assert b'\n' not in err and {o.split(b':')[0] for o in err.split(b'\r') if o.strip()} == {b'toy.tgz'}
    fault('download', 'a broken connection, seen in a terminal', 'one line of progress, nothing else')

# ---- archives ----

def tgz(*members):
    "A dataset as a .tgz with more `members`, pairs of a name and bytes or fields of a `TarInfo`"
    f = io.BytesIO()
    with tarfile.open(fileobj=f, mode='w:gz') as tar:
        for name, o in [('toy/codes.txt', b'Road\nSky\n'), ('toy/images/a.png', b''), ('toy/labels/a_P.png', b''), *members]:
            m, b = tarfile.TarInfo(name), o if isinstance(o, bytes) else b''
            for k, v in o.items() if isinstance(o, dict) else (): setattr(m, k, v)
            m.size = len(b)
            tar.addfile(m, io.BytesIO(b))
    return f.getvalue()

link, hard, device, fifo = (dict(type=t, linkname='../../target') for t in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE))
evil = {'a member ../../target': [('../../target', b'x')], 'a member toy/../../target': [('toy/../../target', b'x')], 'an absolute member': [('/etc/target', b'x')],
        'an absolute member of Windows': [('C:/target', b'x')], 'a symbolic link': [('toy/x', link)], 'a symbolic link and a file written through it': [('toy/x', link), ('toy/x/target', b'x')],
        'a hard link': [('toy/x', hard)], 'a device': [('toy/x', device)], 'a pipe': [('toy/x', fifo)], 'a setuid file': [('toy/x', dict(mode=0o4755))],
        'a setgid file': [('toy/x', dict(mode=0o2755))], 'one name twice': [('toy/x', b'1'), ('toy/x', b'2')], 'two names that are one on some systems': [('toy/x', b''), ('toy/X', b'')],
        'a file that is also a folder': [('toy/x', b''), ('toy/x/y', b'')], 'a device of Windows': [('toy/con.png', b'')], 'a terminal escape in a name': [('toy/\x1b[31m', b'')],
        'a file that unpacks to 1000 times its size': [('toy/x', bytes(2**27))], 'a tiny one, of 1 kB, that unpacks to 500 kB': [('toy/x', bytes(500_000))], 'a small one, of 61 kB, that unpacks to 60 MB': [('toy/x', bytes(60*2**20))],
        'files that unpack to 100 times their size': [('toy/x', np.random.default_rng(0).bytes(30_000)), ('toy/y', bytes(3_600_000))]}

@pytest.mark.parametrize('what', evil)
def test_archive(fault, tmp_path, what):
    home = tmp_path/'a'/'b'; home.mkdir(parents=True)
    (home/'toy.tgz').write_bytes(tgz(*evil[what]))
    said = fault.refused('archive', what, partial(camvid, home, 'http://127.0.0.1:9/toy.tgz', None, None, progress=False))
    assert 'refused, get the archive from its publisher' in said
    assert [p.relative_to(tmp_path).as_posix() for p in sorted(tmp_path.rglob('*'))] == ['a', 'a/b', 'a/b/.toy.lock'] # refused whole, nothing beside it
    assert not any(os.path.exists(o) for o in ('/etc/target', 'C:/target'))

@pytest.mark.parametrize('what', evil)
def test_refused_archive_writes_nothing(what, tmp_path):
    (tmp_path/'out').mkdir(); (tmp_path/'out/mine.txt').write_text('mine'); (tmp_path/'a.tgz').write_bytes(tgz(*evil[what]))
    with pytest.raises(SegError): unpack(tmp_path/'a.tgz', tmp_path/'out')
    assert names(tmp_path) == ['a.tgz', 'out'] and names(tmp_path/'out') == ['mine.txt']

def test_archive_that_grows_much(fault, tmp_path):
    (tmp_path/'out').mkdir(); (tmp_path/'a.tgz').write_bytes(tgz(('toy/x', np.random.default_rng(0).bytes(30_000)), ('toy/y', bytes(3_060_000))))
    assert unpack(tmp_path/'a.tgz', tmp_path/'out') == 5
    fault('archive', 'files that unpack to 90 times their size, within 64 MB', 'unpacked')

def test_good_archive_has_plain_modes(fault, tmp_path):
    (tmp_path/'toy.tgz').write_bytes(tgz(('toy/x', dict(mode=0o777))))
    folder = camvid(tmp_path, 'http://127.0.0.1:9/toy.tgz', None, None, progress=False)
    assert os.name == 'nt' or not (folder.path/'x').stat().st_mode & (stat.S_IXUSR|stat.S_IXGRP|stat.S_IXOTH|stat.S_IWOTH)
    fault('archive', 'a member that may be run and written by everybody', 'written as a plain file with your own permissions')
