// A trained network that labels pictures: in the page with onnxruntime-web, or by the server the page came from.
(() => {
'use strict'
const {Element, define, h, slider, button, canvas, grid} = window.camvidTouch
const mega = n => (n/2**20).toFixed(n < 2**20*10 ? 1 : 0) + '\u00a0MB'
const time = ms => ms < 10 ? ms.toFixed(1) + ' ms' : ms < 1000 ? Math.round(ms) + ' ms' : (ms/1000).toFixed(1) + ' s'
const percent = x => (100*x).toFixed(x < .1 ? 1 : 0) + ' %'
const width = 960                 // pixels that a picture is drawn with, at most

// ---- what run.py does before the network: Pillow's bilinear filter, in the same whole numbers ----

function filter(from, to) {
  const scale = Math.max(from/to, 1), out = []
  for (let i = 0; i < to; i++) {
    const center = (i + .5)*from/to
    const first = Math.max(0, Math.trunc(center - scale + .5)), end = Math.min(from, Math.trunc(center + scale + .5))
    const w = Array.from({length: end - first}, (_, k) => Math.max(0, 1 - Math.abs((k + first - center + .5)/scale)))
    const sum = w.reduce((a, b) => a + b, 0)
    out.push([first, w.map(o => Math.trunc(.5 + o/sum*2**22))])
  }
  return out
}
// `n` lines of `from` pixels of `channels` bytes to `to` pixels of 3, the lines becoming columns
function resizeLines(pixels, channels, from, n, to) {
  const out = new Uint8Array(n*to*3)
  filter(from, to).forEach(([first, weights], i) => {
    for (let line = 0; line < n; line++) for (let c = 0; c < 3; c++) {
      let sum = 2**21, at = (line*from + first)*channels + c
      for (const w of weights) { sum += w*pixels[at]; at += channels }
      out[(i*n + line)*3 + c] = Math.min(255, sum >> 22)
    }
  })
  return out
}
// The pixels of a picture as the network sees it: RGB bytes, on white where it is clear
function seen(bitmap, rows, columns) {
  const c = h('canvas', {width: bitmap.width, height: bitmap.height})
  const g = c.getContext('2d', {willReadFrequently: true, colorSpace: 'srgb'})
  g.fillStyle = '#fff'
  g.fillRect(0, 0, c.width, c.height)
  g.drawImage(bitmap, 0, 0)
  const rgba = g.getImageData(0, 0, c.width, c.height).data
  return resizeLines(resizeLines(rgba, 4, c.width, c.height, columns), 3, c.height, columns, rows)
}

// ---- who labels: a function from a picture to {ids, rows, columns, ms} ----

async function fetched(url, onBytes) {
  let reply
  try { reply = await fetch(url) }
  catch { throw new Error(`${url}: not reached; open the page from a server, not as a file, and try again`) }
  if (!reply.ok) throw new Error(`${url}: ${reply.status}; build the site with its network`)
  const parts = [], reader = reply.body.getReader()
  for (let o; !(o = await reader.read()).done;) { parts.push(o.value); onBytes(o.value.length) }
  return new Blob(parts).arrayBuffer()
}

async function inPage({model, runtime, wasm}, size, onBytes) {
  if (typeof WebAssembly !== 'object') throw new Error('this browser has no WebAssembly, or it is switched off; use another browser')
  const [binary, bytes] = await Promise.all([fetched(wasm, onBytes), fetched(model, onBytes)])
  let session, ort
  try {
    ort = await import(new URL(runtime, document.baseURI))
    Object.assign(ort.env.wasm, {numThreads: 1, wasmBinary: binary})
    session = await ort.InferenceSession.create(new Uint8Array(bytes))
  } catch (e) { throw new Error(`the network does not start here (${firstLine(e)}); use a newer browser`) }
  return async (file, bitmap) => {
    const [rows, columns] = size || [bitmap.height, bitmap.width]
    const image = new ort.Tensor('uint8', seen(bitmap, rows, columns), [1, rows, columns, 3])
    const start = performance.now(), {ids} = await session.run({image})
    return {ids: ids.data, rows, columns, ms: performance.now() - start}
  }
}

function onServer({post}) {
  return async file => {
    let reply
    try { reply = await fetch(post, {method: 'POST', body: file}) }
    catch { throw new Error('the server does not answer; start camvid-seg demo again') }
    const said = await reply.json().catch(() => ({error: `the server answers with ${reply.status}; start it again`}))
    if (said.error) throw new Error(said.error)
    return {...said, ids: Uint8Array.from(atob(said.ids), c => c.charCodeAt(0))}
  }
}
const firstLine = e => String(e && e.message || e).split('\n')[0].slice(0, 160)

class Network extends Element {
  static label = 'The trained network'
  static seen = seen             // for its test
  static css = `
    .stage { position: relative; border-radius: 8px; overflow: hidden; background: var(--panel); }
    .stage canvas { width: 100%; border-radius: 8px; }
    .stage canvas:focus-visible { outline-offset: -3px; }
    .stage.over::after { content: 'Let go: this picture is labelled'; position: absolute; inset: 0; display: grid;
      place-items: center; font-weight: 600; background: var(--bg); opacity: .9; border: 3px dashed var(--accent); border-radius: 8px; }
    .two { display: grid; grid-template-columns: minmax(0, 1fr) 232px; gap: 18px; align-items: start; }
    .side { display: grid; grid-template-columns: minmax(0, 1fr); gap: 12px; } .side input { flex: 1; } .pictures { gap: 8px; }
    .pictures .example { padding: 0; line-height: 0; border-width: 2px; overflow: hidden; background: none; }
    .pictures .example[aria-pressed=true] { background: none; border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
    .pictures img { width: 84px; height: 63px; object-fit: cover; display: block; }
    .start { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; padding: 9px 18px; }
    ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 2px; }
    ul button { width: 100%; display: grid; grid-template-columns: 14px minmax(0, 1fr) auto; gap: 2px 8px; align-items: center;
      text-align: left; border-color: transparent; background: none; padding: 3px 6px; min-height: 30px; }
    ul button[aria-pressed=true] { background: var(--panel); border-color: var(--accent); color: var(--ink); }
    ul .swatch { margin: 0; width: 14px; height: 14px; } ul .share { font-variant-numeric: tabular-nums; color: var(--muted); }
    ul .name { overflow-wrap: anywhere; }
    ul .bar { grid-column: 2/4; height: 4px; border-radius: 2px; background: var(--soft); overflow: hidden; }
    ul .bar i { display: block; height: 100%; background: var(--accent); border-radius: 2px; }
    .figure { font-size: 22px; font-weight: 600; line-height: 1.2; font-variant-numeric: tabular-nums; }
    ul button[aria-pressed=false]:hover:not(:disabled) { border-color: var(--soft); }
    .bad { color: var(--bad); font-weight: 600; }
    @media (max-width: 620px) { .two { grid-template-columns: minmax(0, 1fr); } ul { grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); } }
    @media (pointer: coarse) { ul button { min-height: 44px; } }`

  build(data) {
    Object.assign(this, {data, opacity: .6, chosen: null, result: null, picture: null, labelled: null, turn: 0})
    if (data.how.post) this.labelled = onServer(data.how)
    this.loader = button(`Load the network (${mega(data.how.bytes || 0)})`, () => this.load())
    this.loader.className = 'start'
    this.input = h('input', {type: 'file', accept: 'image/*', hidden: true})
    this.input.addEventListener('change', () => { if (this.input.files[0]) this.take(this.input.files[0], 'your picture'); this.input.value = '' })
    this.examples = data.examples.map((uri, i) => {
      const b = button('', () => this.example(i))
      b.className = 'example'
      b.append(h('img', {src: uri, alt: `Drawn scene ${i + 1}`, width: 84, height: 63}))
      return b
    })
    const own = button('Choose a picture…', () => this.input.click())
    const where = data.how.post ? 'It goes to the program that serves this page, on this machine, and nowhere else.'
                                : 'It never leaves this browser.'
    this.stage = h('div', {className: 'stage'})
    this.under = h('p', {className: 'muted', ariaHidden: 'true'}, ' ')
    this.figure = h('p', {className: 'figure'})
    this.cost = h('p', {className: 'muted'}, 'Time a frame: not measured yet.')
    this.legend = h('ul', {'aria-label': 'Classes in this picture, with their shares'})
    this.line.className = 'say'
    const paint = slider('Opacity', 0, 1, .05, this.opacity, v => { this.opacity = v; this.draw() }, v => Math.round(100*v) + ' %')
    this.box.append(
      h('p', {className: 'muted'}, data.about),
      h('div', {className: 'row pictures'}, ...this.examples, own, this.input),
      h('p', {className: 'muted'}, 'Or drop a picture of your own on the one below. ' + where),
      h('div', {className: 'two'},
        h('div', {className: 'side'}, this.stage, this.line, this.under),
        h('div', {className: 'side'}, ...(this.labelled ? [] : [this.loader]), h('div', {}, this.figure, this.cost), paint, this.legend)))
    this.takeDrops()
    return this.examples.length ? this.example(0) : this.blank()
  }

  blank() {
    this.show(h('canvas', {width: 480, height: 240}), 'No picture yet')
    this.say('Choose a picture, or drop one here.')
  }

  takeDrops() {
    for (const kind of ['dragover', 'dragleave', 'drop']) this.stage.addEventListener(kind, e => {
      e.preventDefault()
      this.stage.classList.toggle('over', kind === 'dragover')
      if (kind !== 'drop') return
      const file = e.dataTransfer.files[0]
      file ? this.take(file, 'your picture') : this.fail('what was dropped is no file; drop a picture, or choose one')
    })
  }

  async load() {
    let got = 0
    const all = this.data.how.bytes
    this.loader.disabled = true
    const onBytes = n => { got += n; this.loader.textContent = `Loading: ${Math.min(100, Math.round(100*got/all))} %` }
    this.say('The network is being loaded.')
    try {
      this.labelled = await inPage(this.data.how, this.data.size, onBytes)
      this.loader.remove()
      await this.work()
    } catch (e) {
      this.loader.disabled = false
      this.loader.textContent = 'Try again'
      this.fail(firstLine(e))
    }
  }

  async example(i) {
    const reply = await fetch(this.data.examples[i])
    return this.take(await reply.blob(), `drawn scene ${i + 1}`, i)
  }

  // A file becomes the picture on the stage, and is labelled
  async take(file, name, i = -1) {
    const turn = ++this.turn, {bytes, pixels} = this.data.most
    let picture
    if (!file.size) return this.fail(`${name}: empty (0 bytes); choose another`)
    if (file.size > bytes) return this.fail(`${name}: ${mega(file.size)}, and ${mega(bytes)} are the most; choose a smaller one`)
    try { picture = await createImageBitmap(file, {colorSpaceConversion: 'none'}) }
    catch { return this.fail(`${name}: no image that this browser can read; choose a PNG or a JPEG`) }
    if (turn !== this.turn) return
    if (picture.width*picture.height > pixels) return this.fail(`${name}: ${picture.width} x ${picture.height} pixels, and ${pixels/1e6} million are the most; choose a smaller one`)
    for (const [k, b] of this.examples.entries()) b.setAttribute('aria-pressed', k === i)
    Object.assign(this, {picture, file, name, result: null, chosen: null})
    this.legend.replaceChildren()
    this.show(picture, name)
    return this.work()
  }

  // Have the picture labelled, if there is who does it
  async work() {
    if (!this.picture) return
    if (!this.labelled) return this.say(`On the stage: ${this.name}. Load the network to have it labelled.`)
    const turn = this.turn
    this.say('Labelling …')
    await new Promise(done => setTimeout(done, 30))     // the line is painted before the network takes the thread
    try {
      const result = await this.labelled(this.file, this.picture)
      if (turn === this.turn) this.accept(result)
    } catch (e) { if (turn === this.turn) this.fail(firstLine(e)) }
  }

  accept(result) {
    const counts = new Map()
    for (const id of result.ids) counts.set(id, (counts.get(id) || 0) + 1)
    this.shares = [...counts].map(([id, n]) => [id, n/result.ids.length]).sort((a, b) => b[1] - a[1])
    this.result = result
    this.mask = h('canvas', {width: result.columns, height: result.rows})
    this.figure.textContent = time(result.ms)
    this.cost.textContent = `The network took this long for the frame, seen at ${result.rows} x ${result.columns} pixels${this.data.how.post ? ', in Python.' : ', on one core in this browser.'}`
    this.list()
    this.paint()
    this.show(this.picture, this.name)
    const most = this.shares.slice(0, 3).map(([id, s]) => `${this.code(id)} ${percent(s)}`).join(', ')
    this.say(`${this.name[0].toUpperCase() + this.name.slice(1)}, labelled: ${most}.`)
  }
  code(id) { return this.data.codes[id] || `class ${id}` }

  list() {
    this.legend.replaceChildren(...this.shares.map(([id, share]) => {
      const swatch = h('span', {className: 'swatch'}), bar = h('i')
      swatch.style.background = `rgb(${this.data.colors[id]})`
      bar.style.width = `${100*share}%`
      const b = button('', () => {
        this.chosen = this.chosen === id ? null : id
        for (const o of this.legend.querySelectorAll('button')) o.setAttribute('aria-pressed', o === b && this.chosen !== null)
        this.paint(); this.draw()
        this.say(this.chosen === null ? 'All classes are shown.' : `Only ${this.code(id)} is shown, ${percent(share)} of the picture.`)
      })
      b.setAttribute('aria-pressed', false)
      b.append(swatch, h('span', {className: 'name'}, this.code(id)), h('span', {className: 'share'}, percent(share)), h('span', {className: 'bar'}, bar))
      return h('li', {}, b)
    }))
  }

  paint() {
    const {ids, rows, columns} = this.result, g = this.mask.getContext('2d'), pixels = g.createImageData(columns, rows)
    for (let i = 0; i < ids.length; i++) {
      pixels.data.set(this.data.colors[ids[i]] || [128, 128, 128], 4*i)
      pixels.data[4*i + 3] = this.chosen === null || this.chosen === ids[i] ? 255 : 0
    }
    g.putImageData(pixels, 0, 0)
  }

  // A new picture or a new result: a canvas of its proportions, with a cursor on it
  show(picture, name) {
    const scale = Math.min(1, width/picture.width), w = Math.max(1, Math.round(picture.width*scale)), t = Math.max(1, Math.round(picture.height*scale))
    this.view = canvas(w, t, name)
    this.cursor = null
    this.at = grid(this.view, w, t, {move: (x, y, how) => this.point(x, y, how), act: (x, y) => this.point(x, y, 'key')})
    this.view.addEventListener('pointerleave', () => { this.under.textContent = ' ' })
    this.stage.replaceChildren(this.view)
    this.under.textContent = ' '
    this.draw()
  }

  point(x, y, how) {
    this.cursor = how === 'key' ? [x, y] : null
    this.draw()
    if (!this.result) return
    const {ids, rows, columns} = this.result, {width, height} = this.view
    const id = ids[Math.floor((y + .5)/height*rows)*columns + Math.floor((x + .5)/width*columns)]
    const text = `Row ${y}, column ${x}: ${this.code(id)}`
    how === 'key' ? this.say(text) : this.under.textContent = text
  }

  draw() {
    const {width, height} = this.view, g = this.view.getContext('2d')
    g.clearRect(0, 0, width, height)
    if (this.picture) g.drawImage(this.picture, 0, 0, width, height)
    if (this.result) {
      g.globalAlpha = this.opacity
      g.imageSmoothingEnabled = false
      g.drawImage(this.mask, 0, 0, width, height)
      g.globalAlpha = 1
      g.imageSmoothingEnabled = true
    }
    if (!this.cursor) return
    const [x, y] = this.cursor, r = width/60
    for (const [color, line] of [['#000', r/2], ['#fff', r/4]]) {
      g.beginPath()
      g.strokeStyle = color
      g.lineWidth = line
      g.arc(x, y, r, 0, 7)
      g.stroke()
    }
  }

  fail(text) { this.say(text); this.line.classList.add('bad') }
  say(text) { this.line.classList.remove('bad'); super.say(text) }
}
define('camvid-network', Network)
})()
