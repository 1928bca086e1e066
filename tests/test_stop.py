"Training stopped for real, with signals, and resumed: what a notebook cannot do to its own process."
import csv, os, signal, subprocess, sys, time
import pytest
from camvid_seg.data.scenes import scenes
from camvid_seg.model.weights import read_weights

recipe = '--preset quick --epochs 1 3 1 --size 32 48 --full-size 64 96 --seed 5'.split()
posix = pytest.mark.skipif(os.name == 'nt', reason='Windows has no POSIX signals')

def command(*args): return [sys.executable, '-m', 'camvid_seg', *map(str, args)]

@pytest.fixture(scope='module')
def data(): return scenes(n=40).path

@pytest.fixture(scope='module')
def whole(data, tmp_path_factory):
    "The run folder of an uninterrupted training"
    out = tmp_path_factory.mktemp('whole')/'run'
    subprocess.run(command('train', '--data', data, *recipe, '--out', out), check=True, capture_output=True)
    return out

def rows(run):
    with open(run/'history.csv', newline='', encoding='utf-8') as f: return [{k:v for k,v in r.items() if k != 'seconds'} for r in csv.DictReader(f)]

def stop_in_stage_2(data, out, how, after=0, *options):
    "Start a training, send it the signal `how` `after` seconds into the second epoch of stage 2; exit code and stderr"
    hear = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)   # a job in the background of a shell is born deaf to it
    p = subprocess.Popen(command('train', '--data', data, *recipe, '--out', out, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         preexec_fn=hear, start_new_session=True)
    deadline = time.time() + 240
    while not (out/'history.csv').exists() or len(rows(out)) < 2:
        assert p.poll() is None and time.time() < deadline, p.communicate()
        time.sleep(0.02)
    time.sleep(after)
    os.killpg(p.pid, how)   # to all of its processes, as a scheduler or Ctrl-C does
    return p.wait(timeout=60), p.communicate()[1]

def same(a, b):
    for name in 'stage-1', 'stage-2', 'full-size', 'best':
        x, y = (read_weights(r/f'{name}.safetensors')[0] for r in (a, b))
        assert x.keys() == y.keys() and all(x[k].equal(y[k]) for k in x), name
    assert rows(a) == rows(b)

@posix
@pytest.mark.parametrize('after', [0.05, 0.6])
def test_kill_9_in_stage_2_then_resume(data, whole, tmp_path, after):
    out = tmp_path/'run'
    assert stop_in_stage_2(data, out, signal.SIGKILL, after)[0] == -signal.SIGKILL
    assert not (out/'metrics.json').exists()
    subprocess.run(command('train', '--resume', out), check=True, capture_output=True)
    same(whole, out)

@posix
@pytest.mark.parametrize('how, code, options', [(signal.SIGINT, 130, []), (signal.SIGTERM, 143, []), (signal.SIGTERM, 143, ['--no-cache'])])
def test_stopped_politely(data, whole, tmp_path, how, code, options):
    out = tmp_path/'run'
    got, err = stop_in_stage_2(data, out, how, 0, *options)
    assert got == code and f'--resume {out}' in err and 'Traceback' not in err
    done = subprocess.run(command('train', '--resume', out), capture_output=True, text=True)
    assert done.returncode == 0 and f'run folder: {out}' in done.stdout
    same(whole, out)
