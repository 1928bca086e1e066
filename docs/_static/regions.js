// What scrolls sideways or down is reached by Tab and moved by the arrow keys. Whether it scrolls depends on the screen, so ask when it is shown
(() => {
  const boxes = 'pre, .cell_output, .table-wrapper, .output.text_html, .output.text_markdown, math[display="block"]'
  const name = e => e.closest('.cell_input') ? 'Code' : e.closest('.cell_output') ? 'Output' : e.matches('pre') ? 'Code' : e.matches('math') ? 'Formula' : 'Table'
  const all = [...document.querySelectorAll(boxes)]
  const mark = e => {
    const style = getComputedStyle(e)
    const scrolls = e.scrollWidth > e.clientWidth + 1 && /auto|scroll/.test(style.overflowX) || e.scrollHeight > e.clientHeight + 1 && /auto|scroll/.test(style.overflowY)
    if (scrolls) { e.tabIndex = 0; e.setAttribute('role', 'region'); e.setAttribute('aria-label', `${name(e)} ${all.indexOf(e) + 1}, scrollable`) }
    else if (e.getAttribute('role') == 'region') for (const a of ['tabindex', 'role', 'aria-label']) e.removeAttribute(a)
  }
  const seen = new ResizeObserver(entries => entries.forEach(o => mark(o.target)))
  all.forEach(e => seen.observe(e))
})()
