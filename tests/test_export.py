"What leaves the house: an exported file where neither torch nor camvid_seg is, and a folder that is pushed to a hub"
import base64, json, os, subprocess, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import numpy as np, pytest, torch
from PIL import Image
from camvid_seg.cli.main import main
from camvid_seg.data.scenes import scenes
from camvid_seg.model.unet import create_unet
from camvid_seg.model.weights import save_weights
from camvid_seg.use.inference import Predictor

@pytest.fixture(scope='module')
def folder(): return scenes(n=24, size=(96,128), per_drive=2)

@pytest.fixture(scope='module')
def weights(folder, tmp_path_factory):
    torch.manual_seed(0)
    net = create_unet('resnet18', len(folder.codes), 'lean', weights=None)
    return save_weights(net, tmp_path_factory.mktemp('weights')/'w.safetensors', codes=folder.codes, size=[96,128])

def _bare_python(env):
    "The Python of a fresh environment with what run.py asks for and nothing else; the test is skipped where no index answers"
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', env], check=True)
    python = env/'Scripts'/'python.exe' if os.name == 'nt' else env/'bin'/'python'
    pip = [sys.executable, '-m', 'pip', '--python', python, 'install', '--quiet', '--retries', '0', '--timeout', '10']
    done = subprocess.run([*pip, 'onnxruntime', 'numpy', 'pillow'], capture_output=True, text=True)
    if done.returncode: pytest.skip(f'pip: {done.stderr.strip().splitlines()[-1]}')
    return python

def test_the_runner_without_torch(weights, folder, tmp_path, capsys):
    out, photo = tmp_path/'exported', folder.images[0]
    assert main(['export', str(weights), '--int8', '--data', str(folder.path), '--out', str(out)]) == 0
    assert 'times as fast here' in capsys.readouterr().out
    python = _bare_python(tmp_path/'env')
    clean = {k: v for k, v in os.environ.items() if not k.startswith('PYTHON')}
    none = subprocess.run([python, '-c', 'import importlib.util as u; print(*map(u.find_spec, ("torch", "camvid_seg")))'], env=clean, cwd=tmp_path, capture_output=True, text=True)
    assert none.stdout.split() == ['None', 'None']
    for model, least in ('model-int8.onnx', .8), ('model.onnx', .9999):
        text = (out/'run.py').read_text(encoding='utf-8').replace('model-int8.onnx', model)
        (out/'run.py').write_text(text, encoding='utf-8')
        said = subprocess.run([python, out/'run.py', photo], env=clean, cwd=tmp_path, capture_output=True, text=True)
        assert said.returncode == 0, said.stderr
        mask = Image.open(tmp_path/f'{photo.stem}_P.png')
        want = Predictor(weights, device='cpu', precision='fp32')(photo)
        assert mask.mode == 'P' and (np.array(mask) == want.ids).mean() > least
        assert mask.getpalette()[:3*len(want.colors)] == want.colors.ravel().tolist()

class Hub(BaseHTTPRequestHandler):
    "As much of the hub as an upload talks to: it makes a repository, asks for all files in the commit, and keeps them"
    files, repos, tokens = {}, [], set()
    def log_message(self, *args): pass
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length'] or 0))
        self.tokens.add(self.headers['Authorization'])
        here = f"http://{self.headers['Host']}"
        if self.path == '/api/repos/create':
            self.repos.append(json.loads(body))
            answer = dict(url=f'{here}/somebody/street', name='somebody/street', id='1')
        elif self.path == '/api/validate-yaml': answer = dict(errors=[], warnings=[])
        elif '/preupload/' in self.path:
            answer = dict(files=[dict(path=f['path'], uploadMode='regular', shouldIgnore=False) for f in json.loads(body)['files']])
        elif '/commit/' in self.path:
            for line in map(json.loads, body.splitlines()):
                if line['key'] == 'file': self.files[line['value']['path']] = base64.b64decode(line['value']['content'])
            answer = dict(commitUrl=f'{here}/somebody/street/commit/1', commitOid='1', success=True)
        else: return self.send_error(404)
        self._say(answer)
    def do_GET(self): self._say(dict(id='somebody/street', sha='1', siblings=[], private=False))
    def _say(self, answer):
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

@pytest.fixture
def hub():
    server = ThreadingHTTPServer(('127.0.0.1', 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()

def _push(folder, endpoint, home):
    env = os.environ | dict(HF_ENDPOINT=endpoint, HF_TOKEN='hf_made_up', HF_HOME=str(home), HF_HUB_DISABLE_XET='1', HF_HUB_DISABLE_PROGRESS_BARS='1')
    code = f'from camvid_seg.use.hub import push_folder; print(push_folder({str(folder)!r}, "somebody/street"))'
    return subprocess.run([sys.executable, '-W', 'ignore', '-c', code], env=env, capture_output=True, text=True, encoding='utf-8')

def test_push_to_a_hub(hub, tmp_path):
    made = tmp_path/'made'
    made.mkdir()
    (made/'README.md').write_text('---\nlibrary_name: camvid_seg\n---\n\n# é\n', encoding='utf-8')
    (made/'model.safetensors').write_bytes(os.urandom(5000))
    said = _push(made, hub, tmp_path/'hf')
    assert said.returncode == 0, said.stderr
    assert said.stdout.strip().endswith('/somebody/street')
    assert {k: v for k, v in Hub.files.items() if k != '.gitattributes'} == {p.name: p.read_bytes() for p in made.iterdir()}
    assert Hub.repos[0]['name'] == 'street' and Hub.tokens == {'Bearer hf_made_up'}

def test_push_without_a_hub_says_so_in_a_line(tmp_path):
    said = _push(tmp_path, 'http://127.0.0.1:9', tmp_path/'hf')
    assert said.returncode and 'SegError: --push somebody/street: not uploaded (' in said.stderr.splitlines()[-1]
