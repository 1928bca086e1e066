"The house: imports run one way, names have one meaning, code is as wide and as long as a reader can hold"
import ast, json, re, subprocess, sys
from collections import defaultdict
import pytest
from conftest import root, run

lib = root/'camvid_seg'
rooms = json.loads((root/'docs'/'rooms.json').read_text(encoding='utf-8'))
order = [m if room == 'foundation' else f'{room}.{m}' for room, ms in rooms.items() for m in ms]
generated = [p for p in sorted(lib.rglob('*.py')) if p.name not in ('__init__.py', '__main__.py', '_modidx.py')
             and p != lib/'all.py']
trees = {p: ast.parse(p.read_text(encoding='utf-8')) for p in generated}
by_module = pytest.mark.parametrize('path', generated, ids=lambda p: p.relative_to(lib).as_posix())

def name(path): return '.'.join(path.relative_to(lib).with_suffix('').parts)

def arrows(path):
    "The modules of the package that the module imports, also from within a function"
    for o in ast.walk(trees[path]):
        if isinstance(o, ast.Import):
            for a in o.names:
                if a.name.startswith('camvid_seg.'): yield a.name.split('.', 1)[1], None
        if not isinstance(o, ast.ImportFrom): continue
        full = o.module or ''
        if o.level:
            package = ['camvid_seg', *path.relative_to(lib).parts[:-1]]
            full = '.'.join(package[:len(package) - o.level + 1] + ([o.module] if o.module else []))
        if full.split('.')[0] != 'camvid_seg': continue
        for a in o.names:
            inner = f'{full}.{a.name}'.split('.', 1)[1]
            yield (inner, None) if inner in order else (full.partition('.')[2], a.name)

def test_every_module_names_its_notebook():
    for p in generated:
        said = re.search(r'File to edit: (\S+\.ipynb)', p.read_text(encoding='utf-8'))
        assert said and (p.parent/said[1]).resolve().is_file(), f'{name(p)}: stale, or made by hand'
    assert sorted(map(name, generated)) == sorted(order), 'docs/rooms.json lists the modules of each room'

def test_no_arrow_runs_up():
    place = {m: i for i, m in enumerate(order)}
    up = [f'{name(p)} imports {m}' for p in generated for m, _ in arrows(p) if m and place[m] >= place[name(p)]]
    assert not up

def test_no_arrow_hides_in_a_string():
    "Only the benchmarks start programs by name, in processes of their own"
    for p in generated:
        if name(p).startswith('bench.'): continue
        calls = [ast.unparse(o) for o in ast.walk(trees[p]) if isinstance(o, ast.Call)
                 and re.search(r'import_module|__import__|sys\.modules', ast.unparse(o.func))]
        assert not calls, f'{name(p)}: {calls}'

@by_module
def test_private_names_stay_at_home(path):
    taken = [f'{m}.{n}' for m, n in arrows(path) if n and n.startswith('_') and not n.startswith('__')]
    assert not taken

def _tops(path):
    for o in trees[path].body:
        if isinstance(o, (ast.FunctionDef, ast.ClassDef)):
            if not any('patch' in ast.unparse(d) for d in o.decorator_list): yield o.name
        elif isinstance(o, ast.Assign):
            for t in o.targets: yield from (e.id for e in getattr(t, 'elts', [t]) if isinstance(e, ast.Name))

def test_no_name_has_two_meanings():
    homes = defaultdict(list)
    for p in generated:
        for n in set(_tops(p)) - {'__all__'}: homes[n].append(name(p))
    subcommands = {'run', 'add_flags'}                # each subcommand has these two
    twice = {n: ms for n, ms in homes.items() if len(ms) > 1
             and not (n in subcommands and all(m.startswith(('cli.', 'bench.')) for m in ms))}
    assert not twice

@by_module
def test_patches_are_for_classes_of_the_same_notebook(path):
    own = {o.name for o in trees[path].body if isinstance(o, ast.ClassDef)}
    patched = {ast.unparse(o.args.args[0].annotation) for o in trees[path].body if isinstance(o, ast.FunctionDef)
               if any(ast.unparse(d).startswith('patch') for d in o.decorator_list)}
    assert patched <= own

@by_module
def test_module_is_of_a_size_a_reader_can_hold(path):
    lines = path.read_text(encoding='utf-8').splitlines()
    assert len(lines) <= 450
    listed = next(o for o in trees[path].body if isinstance(o, ast.Assign))     # __all__, which nbdev writes
    body = lines[listed.end_lineno:] if ast.unparse(listed.targets[0]) == '__all__' else lines
    assert not [l for l in body if len(l) > 100]

def _joined(path):
    "Lines with more than one statement, but for pairs of short ones"
    at = defaultdict(list)
    for o in ast.walk(trees[path]):
        for body in (getattr(o, k, None) for k in ('body', 'orelse', 'finalbody')):
            for s in body if isinstance(body, list) else ():
                if not hasattr(s, 'body'): at[s.lineno].append(s)
    lines = path.read_text(encoding='utf-8').splitlines()
    for i, statements in at.items():
        simple = all(isinstance(s, (ast.Assign, ast.AugAssign, ast.Expr, ast.Return, ast.Raise)) for s in statements)
        if len(statements) > 2 or len(statements) == 2 and not (simple and len(lines[i-1].strip()) <= 72): yield i, lines[i-1]

@by_module
def test_no_cleverness(path):
    clever = [*_joined(path)]
    for o in ast.walk(trees[path]):
        if isinstance(o, ast.Expr) and isinstance(o.value, (ast.ListComp, ast.SetComp, ast.DictComp, ast.BoolOp)):
            clever.append((o.lineno, f'for its side effect: {ast.unparse(o)}'))
        if isinstance(o, ast.BinOp) and isinstance(o.op, ast.Mult) and isinstance(o.left, (ast.List, ast.Tuple)):
            if isinstance(o.right, (ast.Compare, ast.BoolOp)) or 'bool(' in ast.unparse(o.right):
                clever.append((o.lineno, f'an if reads better: {ast.unparse(o)}'))
    assert not clever

# what Python has on POSIX systems only, by its documentation ("Availability: Unix")
posix = re.compile(r"""\b(os\.(?:chown|chroot|ctermid|eventfd\w*|fchdir|fchmod|fchown|fdatasync|fork\w*|fpathconf|fstatvfs|get(?:e?[ug]id|groups|loadavg|pgid|pgrp|priority|res[ug]id|sid|xattr)|grantpt|initgroups
    |killpg|l?chflags|lchmod|lchown|listxattr|lockf|major|makedev|memfd_create|minor|mkfifo|mknod|nice|openpty|pathconf|pidfd_open|pipe2|posix_\w+|p?(?:read|write)v2?|pread|pwrite|register_at_fork|sched_\w+|sendfile
    |set(?:e?[ug]id|groups|ns|pgid|pgrp|priority|re[ug]id|res[ug]id|sid|xattr)|splice|statvfs|sync|sysconf|tcgetpgrp|tcsetpgrp|ttyname|uname|unshare|wait|wait[34]|waitid|W[A-Z]+|O_(?:DIRECTORY|NOFOLLOW|CLOEXEC|SYNC|DIRECT))
    |signal\.(?:alarm|pause|pthread_\w+|setitimer|sig(?:pending|wait\w*|timedwait|interrupt)|SIG(?:ALRM|CHLD|CONT|HUP|KILL|PIPE|QUIT|STOP|USR1|USR2|WINCH))
    |socket\.AF_UNIX|time\.(?:tzset|clock_\w+|pthread_\w+)|(?:fcntl|resource|pwd|grp|pty|tty|termios|syslog|posix)\.\w+)\b""", re.X)

def unguarded(text):
    "Names in a piece of code that Windows does not have, without a question for them beside"
    for module, name in {tuple(m[1].split('.', 1)) for m in posix.finditer(text)}:
        asked = rf"hasattr\({module}, '{name}'\)|getattr\({module}, '{name}',|os\.name\b|sys\.platform\b|if {module}\b|{module} is None|import {module}\b"
        if not re.search(asked, text): yield f'{module}.{name}'

@by_module
def test_no_name_that_only_posix_has_stands_unguarded(path):
    bare = [(n, ast.unparse(o).splitlines()[0]) for o in trees[path].body for n in unguarded(ast.unparse(o))]
    assert not bare

def test_the_lint_of_posix_names_sees_them():
    for bad in 'os.setpgid(0, 0)', 'os.killpg(p, 9)', 'signal.SIGKILL', "if hasattr(os, 'sync'): os.fork()", 'fcntl.flock(f, 2)', 'resource.getrusage(0)', 'os.O_DIRECTORY', 'signal.alarm(3)': assert [*unguarded(bad)], bad
    for good in "if hasattr(os, 'setpgid'): os.setpgid(0, 0)", 'signal.SIGTERM', 'os.replace(a, b)', 'if fcntl: fcntl.flock(f, 2)', 'time.monotonic()', 'os.rename(a, b)': assert not [*unguarded(good)], good

def test_ruff():
    "No unused name, no shadowed builtin (its rules stand in pyproject.toml)"
    run(sys.executable, '-m', 'ruff', 'check', '--no-cache', 'camvid_seg', 'tests', 'docs', 'benchmarks')

def test_the_command_starts_light():
    code = ("import sys, camvid_seg, camvid_seg.core, camvid_seg.train.recipes, camvid_seg.cli.main as m; m.parser(); "
            "print({'torch', 'fastai', 'matplotlib'} & sys.modules.keys())")
    said = subprocess.run([sys.executable, '-c', code], cwd=root, capture_output=True, text=True)
    assert said.stdout.strip() == 'set()', said.stdout + said.stderr

def test_all_has_every_public_name():
    code = "from camvid_seg.all import *; print(SegFolder, unet_learner, SegLearner, Predictor, Recipe, train, scenes)"
    run(sys.executable, '-W', 'ignore', '-c', code)

def test_version_stands_in_one_place():
    version = re.search(r'__version__ = "(.+)"', (lib/'__init__.py').read_text(encoding='utf-8'))[1]
    for p in ('settings.ini', 'setup.py', 'pyproject.toml', 'CITATION.cff', 'docs/conf.py'):
        others = re.sub(r'==[\d.]+', '', (root/p).read_text(encoding='utf-8')) # of what we depend on
        assert version not in others, p
    assert f'## {version}' in (root/'CHANGELOG.md').read_text(encoding='utf-8')

def test_owner_is_one_setting(tree):
    run(sys.executable, 'docs/owner.py', 'somebody-else', cwd=tree)
    left = [p.relative_to(tree).as_posix() for p in tree.rglob('*') if p.is_file() and p.name != '_modidx.py' and p.suffix in
            ('.py', '.md', '.ipynb', '.ini', '.toml', '.yaml', '.cff') and re.search(
            r'github\.com/example/|//example\.github\.io|github/example/', p.read_text(encoding='utf-8'))]
    assert left == ['tests/test_house.py']
