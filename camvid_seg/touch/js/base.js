// What all things to touch share: theme, controls, a canvas with a cursor. No framework, no request.
(() => {
'use strict'
if (window.camvidTouch) return

const css = `
:host { display: block; max-width: 100%; margin: 1rem 0; color-scheme: light;
  --bg: #fff; --panel: #f5f7f9; --ink: #1b1f24; --muted: #57606a; --line: #8a939d; --soft: #d5dbe1;
  --accent: #0b5cad; --on-accent: #fff; --good: #1a7f37; --bad: #c0272d; }
:host([dark]) { color-scheme: dark;
  --bg: #16181b; --panel: #212429; --ink: #e8eaed; --muted: #a9b1ba; --line: #747d87; --soft: #3a4047;
  --accent: #77b7ff; --on-accent: #0b1622; --good: #5fce7d; --bad: #ff8a84; }
* { box-sizing: border-box; }
section { background: var(--bg); color: var(--ink); border: 1px solid var(--soft); border-radius: 10px;
  padding: 14px; display: grid; gap: 12px; max-width: 100%; min-width: 0; text-align: left;
  font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
section > * { min-width: 0; }
h3 { font-size: 15px; line-height: 1.3; font-weight: 600; margin: 0; }
p { margin: 0; } .muted { color: var(--muted); }
.row { display: flex; flex-wrap: wrap; gap: 10px 16px; align-items: center; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 280px), 1fr));
  gap: 14px; align-items: start; } .columns > * { min-width: 0; }
button, select { font: inherit; color: var(--ink); background: var(--panel); border: 1px solid var(--line);
  border-radius: 7px; padding: 5px 12px; min-height: 32px; cursor: pointer; max-width: 100%; }
button:hover:not(:disabled), select:hover { border-color: var(--accent); }
button[aria-pressed=true] { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button:disabled { opacity: .5; cursor: default; }
label { display: inline-flex; align-items: center; gap: 8px; max-width: 100%; }
label > output { min-width: 3.2em; font-variant-numeric: tabular-nums; color: var(--muted); }
input { accent-color: var(--accent); margin: 0; font: inherit; } input[type=range] { width: 130px; min-width: 60px; height: 24px; }
input[type=checkbox] { width: 18px; height: 18px; }
canvas { display: block; max-width: 100%; height: auto; border-radius: 6px; }
canvas[tabindex] { cursor: crosshair; }
svg { display: block; width: 100%; font: 12px system-ui, sans-serif; fill: var(--ink); }
.axis { stroke: var(--line); } .rule { stroke: var(--soft); } .tick { fill: var(--muted); } .middle { text-anchor: middle; } .end { text-anchor: end; }
.curve { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; } .dot { fill: var(--accent); stroke: var(--bg); stroke-width: 1.5; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 8px 3px 0; text-align: left; font-weight: 400; } thead th { color: var(--muted); }
td.n, th.n { text-align: right; } tbody tr + tr > * { border-top: 1px solid var(--soft); }
.say { min-height: 1.45em; } .swatch { display: inline-block; width: 12px; height: 12px; border-radius: 3px;
  border: 1px solid var(--line); margin-right: 6px; vertical-align: -1px; }
@media (pointer: coarse) { button, select, label, input[type=range] { min-height: 44px; } }
@media (max-width: 420px) { section { padding: 10px; } .row > label:has(select, [type=range]) { flex: 1 0 100%; }
  .row > label > select, .row > label > [type=range] { margin-left: auto; width: 55%; } }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; animation: none !important; } }`

// h('p', {className: 'muted'}, 'text', node): text is always text, never HTML
function h(tag, props = {}, ...children) {
  const node = document.createElement(tag)
  for (const [k, v] of Object.entries(props)) k in node ? node[k] = v : node.setAttribute(k, v)
  node.append(...children)
  return node
}

// Each control is a <label> with its field as `.input`; `.set(value)` changes it without an event
function slider(label, min, max, step, value, onInput, format = String) {
  const input = h('input', {type: 'range', min, max, step, value, 'aria-label': label})
  const output = h('output', {}, format(+value))
  const show = () => { output.textContent = format(+input.value); input.setAttribute('aria-valuetext', output.textContent) }
  input.addEventListener('input', () => { show(); onInput(+input.value) })
  const node = h('label', {}, label, input, output)
  show()
  return Object.assign(node, {input, set(v) { input.value = v; show() }})
}
// options: strings, or pairs [value, text]
function select(label, options, value, onChange) {
  const pairs = options.map(o => Array.isArray(o) ? o : [o, o])
  const input = h('select', {'aria-label': label}, ...pairs.map(([v, text]) => h('option', {value: v}, text)))
  input.value = value
  input.addEventListener('change', () => onChange(input.value))
  return Object.assign(h('label', {}, label, input), {input, set(v) { input.value = v }})
}
function checkbox(label, checked, onChange) {
  const input = h('input', {type: 'checkbox', checked})
  input.addEventListener('change', () => onChange(input.checked))
  return Object.assign(h('label', {}, input, label), {input, set(v) { input.checked = v }})
}
function button(label, onClick) {
  const node = h('button', {type: 'button'}, label)
  node.addEventListener('click', onClick)
  return node
}
// Buttons of which one is pressed; `.set(value)` presses another without an event
function choice(label, options, value, onChange) {
  const group = h('div', {className: 'row', role: 'group', 'aria-label': label})
  const set = v => { for (const b of group.children) b.setAttribute('aria-pressed', b.value === v) }
  for (const [v, text] of options) group.append(Object.assign(button(text, () => { set(v); onChange(v) }), {value: v}))
  set(value)
  return Object.assign(group, {set})
}
// A picture: drawn in `width` x `height` pixels, as wide as there is room
function canvas(width, height, label) { return h('canvas', {width, height, role: 'img', 'aria-label': label}) }

// A canvas with a cursor on a grid. Pointer and arrow keys (with Shift: ten cells) call move(x, y, how),
// how is 'key', 'hover' or 'drag'; a press, Enter or Space calls act(x, y, how); a release calls done()
function grid(canvas, columns, rows, {move = () => {}, act = () => {}, done = () => {}, x = columns >> 1, y = rows >> 1}) {
  canvas.tabIndex = 0
  canvas.setAttribute('role', 'application')
  const at = {x, y}
  const clip = (v, n) => Math.max(0, Math.min(n - 1, Math.floor(v)))
  const take = e => {
    const r = canvas.getBoundingClientRect()
    at.x = clip((e.clientX - r.left)/r.width*columns, columns)
    at.y = clip((e.clientY - r.top)/r.height*rows, rows)
  }
  let down = false
  canvas.addEventListener('pointerdown', e => {
    if (e.button) return
    down = true
    canvas.setPointerCapture(e.pointerId)
    take(e); act(at.x, at.y, 'press')
  })
  canvas.addEventListener('pointermove', e => { take(e); move(at.x, at.y, down ? 'drag' : 'hover') })
  for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, () => { if (down) { down = false; done() } })
  const steps = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}
  canvas.addEventListener('keydown', e => {
    if (e.ctrlKey || e.metaKey || e.altKey) return
    if (e.key in steps) {
      const [dx, dy] = steps[e.key], k = e.shiftKey ? 10 : 1
      at.x = clip(at.x + k*dx, columns); at.y = clip(at.y + k*dy, rows)
      move(at.x, at.y, 'key')
    } else if (e.key === 'Enter' || e.key === ' ') { act(at.x, at.y, 'key'); done() }
    else return
    e.preventDefault()
  })
  return at
}

// A piece of an SVG picture
function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [k, v] of Object.entries(attributes)) node.setAttribute(k, v)
  node.append(...children)
  return node
}
// An SVG picture as wide as there is room: draw(width) gives {height, parts, label}; .draw() draws anew
function plot(draw) {
  const node = svg('svg', {role: 'img'})
  let width = 0
  node.draw = () => {
    if (!width) return
    const {height, parts, label} = draw(width)
    for (const [k, v] of Object.entries({viewBox: `0 0 ${width} ${height}`, height, 'aria-label': label})) node.setAttribute(k, v)
    node.replaceChildren(...parts)
  }
  new ResizeObserver(([e]) => {
    const now = Math.round(e.contentRect.width)
    if (now !== width) { width = now; node.draw() }
  }).observe(node)
  return node
}
// Lines in axes. x, y: [low, high] or {log: [low, high]}; .show(lines, dots, label) draws:
// lines [{points: [[x, y], ...], kind}] from back to front, dots [{x, y, kind}]; kind is a class of CSS
function chart({x, y, height = 150, xName, yFormat = String, xFormat = String}) {
  const scaled = (axis, from, to) => {
    const f = axis.log ? Math.log10 : v => v, [a, b] = (axis.log || axis).map(f)
    return v => { const p = f(v); return from + (Math.min(Math.max(Number.isNaN(p) ? b : p, a), b) - a)/(b - a)*(to - from) }
  }
  const ticks = (axis, n) => {
    if (axis.log) {
      const [a, b] = axis.log.map(v => Math.log10(v)), all = []
      for (let p = Math.ceil(a - 1e-9); p <= b + 1e-9; p++) all.push(10**p)
      return all.filter((_, i) => i % Math.ceil(all.length/n) === 0)
    }
    const [a, b] = axis, raw = (b - a)/n, ten = 10**Math.floor(Math.log10(raw))
    const step = [1, 2, 5, 10].map(k => k*ten).find(s => s >= raw), out = []
    for (let v = Math.ceil(a/step - 1e-9)*step; v <= b + step*1e-9; v += step) out.push(+v.toPrecision(9))
    return out
  }
  let lines = [], dots = [], label = ''
  const node = plot(width => {
    const left = 46, bottom = height - (xName ? 36 : 22), px = scaled(x, left, width - 10), py = scaled(y, bottom, 8), parts = []
    for (const v of ticks(y, height < 130 ? 3 : 5)) parts.push(svg('line', {class: 'rule', x1: left, x2: width - 10, y1: py(v), y2: py(v)}),
      svg('text', {class: 'tick end', x: left - 6, y: py(v) + 4}, yFormat(v)))
    for (const v of ticks(x, width < 360 ? 4 : 6)) parts.push(svg('line', {class: 'axis', x1: px(v), x2: px(v), y1: bottom, y2: bottom + 4}),
      svg('text', {class: 'tick middle', x: px(v), y: bottom + 16}, xFormat(v)))
    parts.push(svg('line', {class: 'axis', x1: left, x2: width - 10, y1: bottom, y2: bottom}))
    if (xName) parts.push(svg('text', {class: 'tick middle', x: (left + width)/2, y: height - 4}, xName))
    for (const {points, kind = ''} of lines) parts.push(svg('polyline', {class: `curve ${kind}`, points: points.map(([a, b]) => `${px(a).toFixed(1)},${py(b).toFixed(1)}`).join(' ')}))
    for (const d of dots) parts.push(svg('circle', {class: `dot ${d.kind || ''}`, cx: px(d.x), cy: py(d.y), r: 5}))
    return {height, parts, label}
  })
  node.show = (...what) => { [lines, dots, label] = what; node.draw() }
  return node
}

// Pixels of a picture that Python wrote as a data URI
async function picture(uri) {
  const image = new Image()
  image.src = uri
  await image.decode()
  return image
}
// Values of a grey PNG, as written: class ids, shares of 255
async function values(uri) {
  const image = await picture(uri)
  const c = h('canvas', {width: image.naturalWidth, height: image.naturalHeight})
  const g = c.getContext('2d', {willReadFrequently: true, colorSpace: 'srgb'})
  g.imageSmoothingEnabled = false
  g.drawImage(image, 0, 0)
  const rgba = g.getImageData(0, 0, c.width, c.height).data
  return Uint8Array.from({length: c.width*c.height}, (_, i) => rgba[4*i])
}

function isDark() {
  const body = document.body, dark = matchMedia('(prefers-color-scheme: dark)').matches
  const furo = body.dataset.theme, lab = body.dataset.jpThemeLight, code = body.dataset.vscodeThemeKind
  if (furo === 'light' || furo === 'dark') return furo === 'dark'
  if (lab) return lab === 'false'
  if (code) return /dark|contrast$/.test(code)
  return dark
}

// A subclass has build(data), which fills this.box; it may have `static css`, and retheme() to draw anew
class Element extends HTMLElement {
  connectedCallback() {
    const follow = () => {
      const was = this.dark
      this.dark = isDark()
      this.toggleAttribute('dark', this.dark)
      if (this.started && was !== this.dark) this.retheme()
    }
    this.media = matchMedia('(prefers-color-scheme: dark)')
    this.media.addEventListener('change', this.follow = follow)
    this.observer = new MutationObserver(follow)
    this.observer.observe(document.body, {attributes: true})
    follow()
    if (document.readyState !== 'loading') this.start()
  }
  disconnectedCallback() {
    this.media.removeEventListener('change', this.follow)
    this.observer.disconnect()
  }
  // While a page loads, an element stands before what is in it is read: then the script behind it starts it
  start() {
    const json = this.querySelector('script[type="application/json"]')
    if (this.started || !json) return
    this.started = true
    this.root = this.attachShadow({mode: 'open'})
    this.box = h('section', {'aria-label': this.constructor.label || this.localName})
    this.line = h('p', {className: 'say', 'aria-live': 'polite'})
    this.root.append(h('style', {}, css + (this.constructor.css || '')), this.box)
    // JupyterLab takes arrows, Enter and letters as its own: keys without Ctrl, Alt and Meta end here
    this.addEventListener('keydown', e => { if (!e.ctrlKey && !e.altKey && !e.metaKey) e.stopPropagation() })
    this.ready = Promise.resolve(this.build(JSON.parse(json.textContent)))
      .then(() => { if (!this.line.isConnected) this.box.append(this.line); this.setAttribute('ready', '') })
  }
  retheme() {}
  say(text) { if (this.line.textContent !== text) this.line.textContent = text }
  color(name) { return getComputedStyle(this).getPropertyValue('--' + name).trim() }
}
const helpers = {h, slider, select, checkbox, button, choice, canvas, grid, svg, plot, chart, picture, values}
Object.assign(Element.prototype, helpers)

function define(name, type) {
  if (!customElements.get(name)) customElements.define(name, type)
  for (const node of document.querySelectorAll(name)) node.start()
}
window.camvidTouch = {Element, define, ...helpers}
})();
