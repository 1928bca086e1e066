// The filter of the page of faults: rows by text and kind, folds without a row hidden, those with one opened while a filter is set
const form = document.getElementById('fault-filter')
const folds = [...document.querySelectorAll('details.faults')]

function filter() {
  const words = form.text.value.toLowerCase().split(/\s+/).filter(Boolean), kind = form.kind.value
  let all = 0
  for (const fold of folds) {
    let n = 0
    for (const row of fold.querySelectorAll('tbody tr')) {
      const text = row.textContent.toLowerCase()
      row.hidden = (kind && row.dataset.kind !== kind) || !words.every(w => text.includes(w))
      n += !row.hidden
    }
    fold.hidden = !n
    fold.open = n > 0 && (words.length > 0 || kind !== '')
    fold.querySelector('.count').textContent = n
    all += n
  }
  form.shown.textContent = `${all} shown`
}

form.hidden = false
form.addEventListener('input', filter)
form.addEventListener('submit', event => event.preventDefault())
