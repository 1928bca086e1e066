"The page on this machine gets what is hostile: it says a line, and goes on"
import io, json, os, re, signal, socket, struct, subprocess, sys, threading, time, zlib
import pytest, torch
from PIL import Image
from camvid_seg.model.unet import create_unet
from camvid_seg.model.weights import save_weights
from camvid_seg.touch import demo as module
from camvid_seg.touch.demo import demo
from camvid_seg.use.inference import Predictor

@pytest.fixture(scope='module')
def predictor():
    torch.manual_seed(0)
    return Predictor(create_unet('resnet18', 3, 'lean', None), size=(32,48), device='cpu')

@pytest.fixture
def page(predictor):
    with demo(predictor) as page: yield page

def picture(size=(48,32), kind='PNG'):
    buf = io.BytesIO()
    Image.effect_noise(size, 50).save(buf, kind)
    return buf.getvalue()

def chunk(name, data): return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))

def bomb(side):
    "A PNG of a few bytes that says it has side x side pixels"
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>2I5B', side, side, 8, 0, 0, 0, 0)) + chunk(b'IDAT', zlib.compress(bytes(10**6))) + chunk(b'IEND', b'')

def talk(page, *parts, pause=0.):
    "Send the parts over one connection; all that comes back"
    with socket.create_connection(('127.0.0.1', page.server.port), timeout=30) as s:
        try:
            for o in parts:
                s.sendall(o)
                if pause: time.sleep(pause)
        except OSError: pass # it does not want the rest
        got = b''
        try:
            while part := s.recv(2**16): got += part
        except OSError: pass
    return got

def request(page, body=b'', method='POST', path='/label', host=None, length=None, **heads):
    heads = {'Host': host or f'127.0.0.1:{page.server.port}', 'Content-Length': len(body) if length is None else length, **heads}
    return f'{method} {path} HTTP/1.1\r\n'.encode() + ''.join(f'{k}: {v}\r\n' for k, v in heads.items()).encode() + b'\r\n' + body

def answer(got):
    head, _, body = got.partition(b'\r\n\r\n')
    return int(head.split()[1]), json.loads(body)

def survives(page, fault, capsys, what, got, codes, outcome='refused, the server goes on'):
    code, said = answer(got)
    assert code in codes, (code, said)
    err = capsys.readouterr().err.strip().splitlines()
    assert len(err) == 1 and err[0].startswith('demo: ') and 'Traceback' not in err[0]
    fault('command', f'camvid-seg demo gets {what}', outcome, said['error'])
    assert answer(talk(page, request(page, picture())))[0] == 200

files = dict([('0 bytes', b''), ('a text that is called a picture', b'hello'), ('a web page', b'<!doctype html><script>alert(1)</script>'), ('a PNG cut off in the middle', picture((200,200))[:5000]),
              ('a JPEG cut off in the middle', picture((200,200), 'JPEG')[:2000]), ('a PNG with a spoilt checksum', picture()[:60] + b'xxxx' + picture()[64:]), ('a PNG of 1 kB that says it has 30,000 x 30,000 pixels', bomb(30_000)),
              ('a PNG of 1 kB that says it has 2 billion pixels a side', bomb(2**31 - 1)), ('a PNG whose pixels are fewer than it says', bomb(7000)), ('a TIFF, which browsers do not show', picture(kind='TIFF')), ('an archive', b'PK\x03\x04' + bytes(500)), ('an SVG', b'<svg xmlns="http://www.w3.org/2000/svg"/>')])

@pytest.mark.parametrize('what', files)
def test_a_hostile_file(fault, page, capsys, what): survives(page, fault, capsys, what, talk(page, request(page, files[what])), [400])

def test_a_narrow_picture(fault, capsys):
    "Of 1 x 1,000,000 pixels: in the same proportions the network would see many more"
    own = Predictor(create_unet('resnet18', 3, 'lean', None), device='cpu')
    own.trained = (256,320)
    with demo(own) as page:
        buf = io.BytesIO()
        Image.new('1', (1, 1_000_000)).save(buf, 'PNG')
        survives(page, fault, capsys, 'a picture of 1 x 1,000,000 pixels', talk(page, request(page, buf.getvalue())), [400])

odd = {'a header of 100 kB': (dict(X='a'*100_000), [431]), '200 headers': ({f'X{i}': 'a' for i in range(200)}, [431]), 'an address of 100 kB': (dict(path='/' + 'a'*100_000), [414]),
       'an address that climbs, /../../etc/passwd': (dict(method='GET', path='/../../etc/passwd'), [404]), 'an address that climbs in disguise, /%2e%2e/%2e%2e/settings.ini': (dict(method='GET', path='/%2e%2e/%2e%2e/settings.ini'), [404]),
       'the address of a file, /camvid_seg/core.py': (dict(method='GET', path='/camvid_seg/core.py'), [404]), 'DELETE': (dict(method='DELETE'), [501]), 'a method of control characters': (dict(method='\x1b[31mPOST'), [501]),
       'no length': (dict(length=''), [411]), 'a negative length': (dict(length=-5), [411]), 'a length of 10**30 bytes': (dict(length=10**30), [413]), 'a length of 1 GB': (dict(length=10**9), [413]),
       'another name of this machine (DNS rebinding)': (dict(host='evil.example'), [403]), 'a request of a page of another host': (dict(Origin='https://evil.example'), [403]), 'a request of a page that hides its host': (dict(Origin='null'), [403])}

@pytest.mark.parametrize('what', odd)
def test_a_hostile_request(fault, page, capsys, what):
    changes, codes = odd[what]
    survives(page, fault, capsys, what, talk(page, request(page, **changes)), codes)

def test_no_request_at_all(fault, page, capsys):
    survives(page, fault, capsys, 'bytes that are no request', talk(page, b'\x16\x03\x01\x02 \x00\x01 \xff\xfe\r\n\r\n'), [400])

def test_more_than_it_takes(fault, page, capsys):
    survives(page, fault, capsys, 'a picture of 40 MB', talk(page, request(page, bytes(40*2**20))), [413])

def test_cut_off(fault, page, capsys):
    with socket.create_connection(('127.0.0.1', page.server.port), timeout=30) as s:
        s.sendall(request(page, b'half', length=1000))
        s.shutdown(socket.SHUT_WR)
        got = b''
        while part := s.recv(2**16): got += part
    survives(page, fault, capsys, 'a request that ends before its body', got, [400])

@pytest.mark.parametrize('where', ['body', 'head'])
def test_slow(fault, page, capsys, monkeypatch, where):
    monkeypatch.setattr(module, 'SECONDS', 1)
    whole, start = request(page, picture()), time.monotonic()
    cut = len(whole) - 20 if where == 'body' else 5
    got = talk(page, whole[:cut], *(bytes([o]) for o in whole[cut:cut+16]), pause=.2)
    assert time.monotonic() - start < 10
    if where == 'body': return survives(page, fault, capsys, 'a picture one byte at a time', got, [408])
    assert got == b'' and 'timed out' in capsys.readouterr().err
    fault('command', 'camvid-seg demo gets a header one byte at a time', f'hung up after {20} s, the server goes on')
    assert answer(talk(page, request(page, picture())))[0] == 200

def test_many_connections(fault, page, monkeypatch):
    "Open and silent, more than it takes: the last are closed, and when the first have had their time, it answers again"
    monkeypatch.setattr(module, 'SECONDS', 2)
    silent = [socket.create_connection(('127.0.0.1', page.server.port), timeout=30) for _ in range(module.CONNECTIONS + 20)]
    time.sleep(.5)
    assert threading.active_count() < module.CONNECTIONS + 20
    end = time.monotonic() + 20
    while not (got := talk(page, request(page, picture()))) and time.monotonic() < end: time.sleep(.3)
    assert answer(got)[0] == 200
    for s in silent: s.close()
    fault('command', f'camvid-seg demo gets {module.CONNECTIONS + 20} connections that say nothing', f'{module.CONNECTIONS} wait, the others are closed; answers again when their time is over')

def test_many_pictures(fault, page, monkeypatch):
    "More at once than wait for their turn"
    gate, label = threading.Event(), module.label_posted
    monkeypatch.setattr(module, 'label_posted', lambda *args: gate.wait(30) and label(*args))
    got = []
    jobs = [threading.Thread(target=lambda: got.append(answer(talk(page, request(page, picture()))))) for _ in range(module.LABELLING + 3)]
    for j in jobs: j.start()
    end = time.monotonic() + 20
    while len(got) < 3 and time.monotonic() < end: time.sleep(.05)
    gate.set()
    for j in jobs: j.join()
    busy = [said['error'] for code, said in got if code == 503]
    assert len(busy) == 3 and sum(code == 200 for code, _ in got) == module.LABELLING
    fault('command', f'camvid-seg demo gets {len(jobs)} pictures at once', f'{module.LABELLING} labelled one after the other, 3 refused', busy[0])

def test_gone_before_the_answer(fault, page, capsys):
    s = socket.create_connection(('127.0.0.1', page.server.port))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.sendall(request(page, picture()))
    s.close() # with a reset
    time.sleep(.5)
    assert answer(talk(page, request(page, picture())))[0] == 200
    assert 'Traceback' not in capsys.readouterr().err
    fault('command', 'camvid-seg demo loses the browser before it answers', 'the server goes on')

def test_out_of_memory(fault, page, capsys, monkeypatch):
    def full(*args): raise MemoryError
    monkeypatch.setattr(page.server.predictor, 'ids', full, raising=False)
    got = talk(page, request(page, picture()))
    monkeypatch.undo()
    survives(page, fault, capsys, 'a picture that does not fit into memory', got, [400])

def test_only_this_machine(fault, page):
    "Not reached at another address of this machine"
    assert page.server.server_address[0] == '127.0.0.1'
    with pytest.raises(OSError): socket.create_connection(('127.0.0.2', page.server.port), timeout=2).close()
    fault('command', 'camvid-seg demo is asked at another address of the machine', 'nobody listens there')

def test_the_port_is_taken(fault, page, predictor): fault.refused('command', 'camvid-seg demo with a port that is taken', demo, predictor, page.server.port)

@pytest.mark.skipif(os.name == 'nt', reason='no Ctrl-C for one process')
def test_ctrl_c(fault, tmp_path):
    w = save_weights(create_unet('resnet18', 3, 'lean', None), tmp_path/'w.safetensors', codes=[*'abc'], size=[32,48])
    hear = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)   # a job in the background of a shell is born deaf to it
    with subprocess.Popen([sys.executable, '-m', 'camvid_seg', 'demo', str(w), '--port', '0'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hear) as p:
        try:
            p.stdout.readline()
            port = int(re.search(r':(\d+)/', p.stdout.readline())[1])
            with socket.create_connection(('127.0.0.1', port)): # one that says nothing does not hold it up
                p.send_signal(signal.SIGINT)
                out, err = p.communicate(timeout=60)
        finally: p.kill()
    assert p.returncode == 0 and out == 'stopped\n' and not err
    fault('command', 'Ctrl-C while camvid-seg demo has a silent connection', 'stops at once, exit code 0', 'stopped')
