// Recorded runs: the slider chooses the rate, the buttons the schedule
(() => {
'use strict'
const {Element, define, h, slider, choice, chart} = window.camvidTouch
const name = r => r >= .001 ? String(+r.toPrecision(2)) : r.toExponential().replace('e-', ' · 10⁻').replace(/\d$/, c => '⁰¹²³⁴⁵⁶⁷⁸⁹'[c])
const power = v => { const p = Math.round(Math.log10(v)); return p < -2 ? '10⁻' + '⁰¹²³⁴⁵⁶⁷⁸⁹'[-p] : String(+v.toPrecision(2)) }
const end = r => r.smooth[r.smooth.length - 1]

class Rates extends Element {
  static label = 'Recorded runs by learning rate'
  static css = `input[type=range] { width: 220px; } label > output { min-width: 5em; } label { white-space: nowrap; }
@media (max-width: 480px) { input[type=range] { width: 120px; } }
figure { margin: 0; } figcaption { color: var(--muted); margin-bottom: 2px; }
.faint { stroke: var(--line); stroke-width: 1; opacity: .45; } .raw { stroke-width: 1; opacity: .4; }
.bad { stroke: var(--bad); } .dot.bad { fill: var(--bad); stroke: var(--bg); } .dot.faint { fill: var(--bg); stroke: var(--line); stroke-width: 1.5; opacity: 1; }
.dot.faint.bad { stroke: var(--bad); }`

  build(data) {
    const first = data.runs[0].losses[0], least = Math.min(...data.runs.flatMap(r => r.smooth))
    const steps = data.runs[0].rates.length, {peaks} = data
    const loss = [Math.max(0, least - .15*(first - least)), 1.5*first] // higher losses run along the upper edge
    Object.assign(this, {data, warm: data.warms[0], at: peaks.length >> 1})
    const schedules = data.warms.map((w, i) => [String(i), w === null ? 'constant' : `one cycle, ${100*w} % up`])
    const whole = {x: [0, steps], xName: 'step'}, across = {x: {log: [peaks[0]/1.5, peaks[peaks.length - 1]*1.5]}, xFormat: power}
    this.charts = {
      loss: chart({...whole, y: loss, height: 190}), ends: chart({...across, y: loss, height: 190, xName: 'rate (highest of the run)'}),
      rate: chart({...whole, y: [0, 1.08], height: 130}),
      mom: chart({...whole, y: [.84, .96], height: 130})}
    const titles = {loss: 'Loss of the chosen run, and of the other rates', ends: 'Smooth loss at the end, by rate',
                    rate: 'Learning rate by step, as a share of its peak', mom: 'Momentum by step'}
    const pick = Object.assign(slider('Learning rate', 0, peaks.length - 1, 1, this.at, i => { this.at = i; this.show() }, i => name(peaks[i])))
    this.box.append(h('h3', {}, 'What does this rate do?'), h('div', {className: 'row'}, pick),
      choice('Schedule', schedules, '0', i => { this.warm = data.warms[i]; this.show() }), this.line,
      h('div', {className: 'columns'}, ...Object.keys(titles).map(k => h('figure', {}, h('figcaption', {}, titles[k]), this.charts[k]))))
    this.show()
  }

  show() {
    const {peaks, runs} = this.data, same = runs.filter(r => r.warm === this.warm), run = same[this.at]
    const line = (r, key, kind) => ({points: r[key].map((v, i) => [i, v]), kind}), bad = run.diverged ? 'bad' : ''
    const best = same.filter(r => !r.diverged).sort((a, b) => end(a) - end(b))[0]
    const {loss, ends, rate, mom} = this.charts, last = run.smooth.length - 1
    loss.show([...same.filter(r => r !== run).map(r => line(r, 'smooth', 'faint')), line(run, 'losses', `raw ${bad}`), line(run, 'smooth', bad)],
      [{x: last, y: end(run), kind: bad}], `Loss by step at rate ${name(run.peak)}: from ${run.losses[0].toFixed(2)} to ${end(run).toFixed(2)}`)
    ends.show([{points: same.map(r => [r.peak, end(r)]), kind: 'faint'}],
      [...same.map(r => ({x: r.peak, y: end(r), kind: `faint ${r.diverged ? 'bad' : ''}`})), {x: run.peak, y: end(run), kind: bad}],
      'Smooth loss at the end: ' + same.map(r => `${name(r.peak)}: ${end(r).toFixed(2)}`).join(', '))
    rate.show([{points: run.rates.map((v, i) => [i, v/run.peak])}], [], `Learning rate by step: highest ${name(run.peak)}`)
    mom.show([line(run, 'moms', '')], [], `Momentum by step: from ${run.moms[0]}, lowest ${Math.min(...run.moms)}`)
    const stopped = run.losses.length < run.rates.length ? ` After step ${run.losses.length} it is no number any more.` : ''
    this.say(`Rate ${name(run.peak)}, ${this.warm === null ? 'constant' : `one cycle, ${100*this.warm} % of the steps up`}: the loss goes from `
      + `${run.losses[0].toFixed(2)} to ${end(run) < 1000 ? end(run).toFixed(2) : end(run).toPrecision(2)}.${stopped} `
      + (run.diverged ? 'It diverged on the way: the steps are too long.' : run === best ? 'No other rate ends lower with this schedule.'
         : `The best rate with this schedule, ${name(best.peak)}, ends at ${end(best).toFixed(2)}.`))
  }
}
define('camvid-rates', Rates)
})()
