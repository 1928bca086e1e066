"The fixtures see what they are to see"
import pytest
from .conftest import watch

def test_page(page_of, axe):
    page = page_of('<button onclick="this.textContent = Number(this.textContent) + 1">3</button>', viewport=dict(width=360, height=740), color_scheme='dark')
    page.get_by_role('button').click()
    assert page.get_by_role('button').text_content() == '4' and page.evaluate('innerWidth') == 360
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert not axe(page)

def test_trouble_is_seen(page_of, browser):
    page = page_of('<p>calm</p>')
    other = browser.new_page()
    troubles = watch(other)
    other.goto(page.url)
    for js in ("console.error('loud')", "setTimeout(() => { throw Error('thrown by a timer') })", "fetch('http://camvid.invalid/x').catch(() => 0)"): other.evaluate(js)
    other.wait_for_timeout(300)
    other.context.close()
    for part in 'console: loud', 'thrown by a timer', 'outside: http://camvid.invalid/x': assert any(part in t for t in troubles), part

@pytest.mark.parametrize('bad,rule', [('<img src="data:,">', 'image-alt'), ('<input>', 'label'), ('<p style="color:#ccc;background:#fff">pale', 'color-contrast')])
def test_axe_is_strict(page_of, axe, bad, rule):
    assert [f.split(':')[0] for f in axe(page_of(bad))] == [rule]
