"The explorers in a real browser: live in JupyterLab, and on a page without kernel or script"
import os
import pytest

cells = ['from camvid_seg.data.explore import AugmentExplorer, MaskExplorer\nfrom camvid_seg.data.scenes import scenes\nfolder = scenes(6, size=(120, 160))',
         'MaskExplorer(folder)', 'AugmentExplorer(folder)']

def test_live_in_lab(lab):
    lab.write('explorers', cells)
    page, troubles = lab.open('explorers')
    masks, moved = (page.locator('.jp-CodeCell').nth(i).locator('.jp-OutputArea-output') for i in (1, 2))
    pictures = [o.locator('.widget-html-content img') for o in (masks, moved)]
    lab.run_all(page)
    moved.locator('.noUi-handle').nth(8).wait_for()
    def changed(i, act):
        "The picture of explorer `i` is another one after `act`"
        before = pictures[i].get_attribute('src')
        act()
        for _ in range(200):
            if pictures[i].get_attribute('src') != before: return before
            page.wait_for_timeout(50)
        pytest.fail(f'picture {i} did not change')
    def slide(where, n, key='ArrowRight'):
        where.locator('.noUi-handle').nth(n).focus()
        page.keyboard.press(key)
    shots = os.environ.get('SHOTS')
    def shot(name): shots and page.screenshot(path=f'{shots}/{name}.png')
    shot('lab-0')
    # mask explorer: frame and opacity by keyboard, a class by name, the button, the pointer
    changed(0, lambda: slide(masks, 0))
    changed(0, lambda: slide(masks, 1, 'End'))
    assert masks.get_by_role('button', name='next frame with it').is_disabled()
    changed(0, lambda: masks.locator('select').select_option('Road'))
    changed(0, lambda: masks.get_by_role('button', name='next frame with it').click())
    changed(0, lambda: masks.locator('select').select_option('all classes'))
    point_and_tab(masks)
    handle = masks.locator('.noUi-handle').first.bounding_box()
    x, y = handle['x'] + handle['width']/2, handle['y'] + handle['height']/2
    def drag(): page.mouse.move(x, y); page.mouse.down(); page.mouse.move(x + 60, y, steps=5); page.mouse.up()
    changed(0, drag)
    shot('lab-1')
    # augmentation explorer: sliders in the order frame, rotate, zoom, zoom_x, zoom_y, warp_x, warp_y, brightness, contrast
    first = pictures[1].get_attribute('src')
    for n in range(1, 9): changed(1, lambda: slide(moved, n, 'PageUp'))
    changed(1, lambda: moved.get_by_role('checkbox').check())
    shot('lab-2')
    moved.get_by_role('button', name='reset').click()
    for _ in range(200):
        if pictures[1].get_attribute('src') == first: break
        page.wait_for_timeout(50)
    assert pictures[1].get_attribute('src') == first
    assert not page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count()
    assert not [t for t in troubles if t.startswith('outside')]
    lab.close(page)

def point_and_tab(where):
    "Pointing at a class shows its label, and so does reaching it by keyboard"
    paths, labels = where.locator('svg.cs-h path'), where.locator('svg.cs-h g')
    assert paths.count() == labels.count() > 5 and not any(labels.nth(i).is_visible() for i in range(labels.count()))
    box, page = where.locator('svg.cs-h').bounding_box(), where.page
    def label(): return [labels.nth(i).text_content() for i in range(labels.count()) if labels.nth(i).is_visible()]
    page.mouse.move(box['x'] + box['width']*0.5, box['y'] + box['height']*0.9)
    assert len(label()) == 1 and label()[0].startswith(('Road', 'Lane'))
    page.mouse.move(1, 1)
    assert not label()
    paths.nth(2).focus()
    page.keyboard.press('Tab')
    assert label() == [paths.nth(3).get_attribute('aria-label')]

def test_page_without_kernel_or_script(browser, tmp_path):
    from camvid_seg.data.explore import AugmentExplorer, MaskExplorer
    from camvid_seg.data.scenes import scenes
    folder = scenes(6, size=(120, 160), cache=tmp_path)
    parts = [e(folder)._repr_mimebundle_()['text/html'] for e in (MaskExplorer, AugmentExplorer)]
    (tmp_path/'page.html').write_text('<!doctype html><meta charset="utf-8"><p>' + '<p>'.join(parts), encoding='utf-8')
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto((tmp_path/'page.html').as_uri())
    assert page.locator('img').count() == 2 and all(page.locator('img').nth(i).bounding_box()['height'] > 100 for i in (0, 1))
    point_and_tab(page.locator('body'))
    context.close()
