"""What a notebook cannot test about `camvid()`: processes that are killed, and several at once."""
import hashlib, io, json, os, subprocess, sys, tarfile, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import numpy as np, pytest
from PIL import Image
from camvid_seg.dataset import SegFolder, check_dataset

RUN = "import sys, json, camvid_seg.dataset as d; a = json.loads(sys.argv[1]); {patch}; print(len(d.camvid(progress=False, wait=.01, **a).images))"
KILL = """import os, signal
n, write = [0], d._write
def dying(*args):
    n[0] += 1
    if n[0] > 5: os.kill(os.getpid(), getattr(signal, 'SIGKILL', signal.SIGTERM))
    write(*args)
d._write = dying"""
OFFLINE = """import socket
def no(*args, **kwargs): raise AssertionError('asked the network')
socket.socket = socket.create_connection = socket.getaddrinfo = no"""

class Slow(BaseHTTPRequestHandler):
    "Serves `server.body` in small pieces, from where `Range` asks"
    def do_GET(self):
        s, rng = self.server, self.headers.get('Range')
        a = int(rng[6:-1]) if rng else 0
        s.log.append(a)
        self.send_response(206 if rng else 200)
        if rng: self.send_header('Content-Range', f'bytes {a}-{len(s.body)-1}/{len(s.body)}')
        self.send_header('Content-Length', str(len(s.body)-a))
        self.send_header('ETag', '"1"')
        self.end_headers()
        try:
            for i in range(a, len(s.body), 20_000):
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
    s.body, s.log, s.pause = archive(), [], .03
    threading.Thread(target=s.serve_forever, daemon=True).start()
    yield s
    s.shutdown(); s.server_close()

@pytest.fixture
def start(server, tmp_path):
    "Start a process that calls `camvid`"
    procs = []
    def f(patch='pass'):
        args = dict(cache=str(tmp_path), url=f'http://127.0.0.1:{server.server_port}/toy.tgz', size=len(server.body),
                    md5=hashlib.md5(server.body[:2**20]).hexdigest())
        code = RUN.replace('; {patch}; ', f'\n{patch}\n')
        procs.append(subprocess.Popen([sys.executable, '-c', code, json.dumps(args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      env={**os.environ, 'no_proxy': '127.0.0.1'}))
        return procs[-1]
    yield f
    for p in procs:
        if p.poll() is None: p.kill()
        p.communicate()

def finish(p):
    out, err = p.communicate(timeout=60)
    assert p.returncode == 0, err
    assert err == ''
    return out.strip()

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

def test_killed_download_is_resumed(server, start, tmp_path):
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

def test_two_at_once_download_once(server, start, tmp_path):
    server.pause = .01
    assert [finish(p) for p in [start(), start()]] == ['12', '12']
    assert server.log == [0]
    assert names(tmp_path) == DONE

def test_the_second_goes_on_when_the_first_is_killed(server, start, tmp_path):
    a = start(); begun(tmp_path, 100_000)
    b = start(); begun(tmp_path, 300_000)
    assert server.log == [0] # b waits
    a.kill(); a.communicate()
    assert finish(b) == '12'
    assert len(server.log) == 2 and server.log[1] >= 300_000
    assert names(tmp_path) == DONE

def test_killed_while_unpacking(server, start, tmp_path):
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
