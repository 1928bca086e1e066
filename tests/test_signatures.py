"Every public signature says its types, which the API pages show"
import ast
import pytest
from conftest import root

lib = root/'camvid_seg'
modules = [p for p in sorted(lib.rglob('*.py')) if p.name not in ('__init__.py', '__main__.py', '_modidx.py') and p != lib/'all.py']
by_type = 'encodes', 'decodes', 'setups' # of fastai's transforms and losses, which choose what to do by annotation

def functions(body, owner=''):
    "Public functions and methods: (name, node)"
    for o in body:
        if isinstance(o, ast.ClassDef) and not o.name.startswith('_'): yield from functions(o.body, f'{o.name}.')
        if isinstance(o, ast.FunctionDef) and o.name not in by_type and (o.name in ('__init__', '__call__') or o.name[0] != '_'):
            yield owner + o.name, o

def untyped(body):
    for name, f in functions(body):
        a = f.args
        named = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
        for o in named:
            if o.annotation is None and o.arg not in ('self', 'cls'): yield f'line {f.lineno}: {name}({o.arg})'

@pytest.mark.parametrize('path', modules, ids=lambda p: p.relative_to(lib).as_posix())
def test_every_parameter_has_a_type(path):
    assert not [*untyped(ast.parse(path.read_text(encoding='utf-8')).body)]

def test_a_bare_parameter_is_found():
    code = 'class A:\n    def __call__(self, x:int, *y): ...\n    def _b(self, z): ...\ndef c(k, /): ...'
    assert [*untyped(ast.parse(code).body)] == ['line 2: A.__call__(y)', 'line 4: c(k)']
