const two = D.names.length === 2;
const nice = name => name.replaceAll('_', ' ');
const share = value => (100 * value).toFixed(1);
const signed = value => (value >= 0 ? '+' : '−') + Math.abs(100 * value).toFixed(1);
const whole = value => value.toLocaleString('en');
function table(head, rows, attributes = {}) {
  const row = (cells, first) => el('tr', {}, ...cells.map((cell, i) =>
    el(i === 0 || first ? 'th' : 'td', { scope: first ? 'col' : i === 0 ? 'row' : null },
      ...(Array.isArray(cell) ? cell : [cell]))));
  return el('table', attributes, el('thead', {}, row(head, true)),
    el('tbody', {}, ...rows.map(cells => row(cells, false))));
}
// The second column has the names of systems.
const named2 = two ? { class: 'systems' } : {};
const named = i => el('span', { class: `key s${i}` }, D.names[i]);

byId('against').textContent = `${whole(D.number)} texts of ${D.gold}`;
D.notes.forEach((notes, i) => notes.forEach(text =>
  byId('notes').append(el('li', {}, ...(two ? [named(i), ': '] : []), text))));

// ---- all texts ----
function range(system, i) {
  const x = value => 6 + 208 * value;
  const [low, high] = system.interval;
  return el('svg', { class: `range s${i}`, viewBox: '0 0 220 18', role: 'img',
    'aria-label': `${share(low)} to ${share(high)} percent` },
    el('path', { d: 'M6 9H214' }), el('line', { x1: x(low), x2: x(high), y1: 9, y2: 9 }),
    el('circle', { cx: x(system.all[5]), cy: 9, r: 5 }));
}
{
  const rows = [];
  for (const [view, { systems }] of Object.entries(D.views)) {
    systems.forEach((s, i) => rows.push([i === 0 ? nice(view) : '',
      ...(two ? [[named(i)]] : []), share(s.all[5]), [range(s, i)],
      `${share(s.interval[0])} – ${share(s.interval[1])}`, share(s.all[3]), share(s.all[4]),
      s.macro === null ? '' : share(s.macro), ...s.all.slice(0, 3).map(whole)]));
  }
  byId('scores').append(table(['view', ...(two ? ['system'] : []), 'F1', '0 to 100 %',
    '95 %', 'precision', 'recall', 'macro F1', 'correct', 'predicted', 'given'], rows, named2));
  if (two) {
    byId('tests').append(el('h3', {}, 'The second less the first'),
      el('div', { class: 'scroll' }, table(['F1 of', 'difference', '95 %',
        'p, paired bootstrap', 'p, randomisation'],
      Object.entries(D.views).map(([view, { test }]) => [nice(view), signed(test[0]),
        test[1].map(signed).join(' to '), test[2].toFixed(4), test[3].toFixed(4)]))));
  }
}

// ---- parts ----
function groups(title, view, kind) {
  const { systems } = D.views[view];
  const sides = systems.map(s => new Map(s[kind]));
  const names = [...new Set(systems.flatMap(s => s[kind].map(([name]) => name)))];
  if (names.length === 0) return [];
  const rows = names.map(name => {
    const counts = sides.map(side => side.get(name));
    return [name, whole(counts.find(c => c)[2]), ...counts.flatMap((c, i) => [
      ...(two ? [] : c ? [share(c[3]), share(c[4])] : ['', '']),
      c ? [el('span', { class: `bar s${i}`, style: `width:${(60 * c[5]).toFixed(0)}px` }),
        share(c[5])] : ''])];
  });
  const head = two ? D.names.map((_, i) => [named(i)]) : ['precision', 'recall', 'F1'];
  return [el('div', {}, el('h3', {}, title + (two ? ', F1' : '')),
    table([kind === 'labels' ? title.replace('By ', '') : 'words', 'given', ...head], rows))];
}
function showGroups() {
  const view = byId('view').value;
  const label = D.views[view].relations ? 'By relation' : 'By type';
  byId('groups').replaceChildren(...groups(label, view, 'labels'),
    ...groups('By words between head and tail', view, 'distances'),
    ...groups('By words of the text', view, 'lengths'));
}
for (const view of Object.keys(D.views)) {
  byId('view').append(el('option', { value: view,
    selected: view === D.view ? '' : null }, nice(view)));
}
byId('view').addEventListener('change', showGroups);
if (Object.keys(D.views).length) showGroups();

// ---- what is lost ----
{
  const relations = [...new Set(D.lost.flatMap(lost => Object.keys(lost)))];
  const found = D.lost.flatMap(lost => Object.values(lost)).flatMap(Object.keys);
  const reasons = D.reasons.filter(r => r === 'found' || found.includes(r));
  const rows = relations.flatMap(name => D.lost.map((lost, i) => {
    const counts = lost[name] || {};
    const total = Object.values(counts).reduce((a, b) => a + b, 0);
    return [i === 0 ? name : '', ...(two ? [[named(i)]] : []), whole(total),
      ...reasons.map(r => counts[r] ? whole(counts[r]) : '')];
  }));
  byId('lost').append(table(['relation', ...(two ? ['system'] : []), 'given', ...reasons],
    rows, named2));
  byId('spurious').append(table(['', ...D.wrong], D.spurious.map((counts, i) =>
    [[named(i)], ...counts.map(whole)])));
  byId('lost-section').hidden = relations.length === 0 && !D.spurious.flat().some(n => n);
}

// ---- what is taken for what ----
function grid(found) {
  const names = [...found.labels, 'none'];
  const most = Math.max(1, ...found.table.flat());
  const head = el('tr', {}, el('td', {}), ...names.map(n => el('th', { scope: 'col' },
    el('span', {}, n))));
  const rows = found.table.map((counts, i) => el('tr', {},
    el('th', { scope: 'row', title: names[i] }, names[i]),
    ...counts.map((count, j) => {
      const heat = count ? 12 + 60 * Math.sqrt(count / most) : 0;
      const cell = el('td', { class: i === j ? 'right' : null,
        'data-note': `${names[i]} is predicted as ${names[j]}: ${whole(count)}`,
        style: `background:color-mix(in srgb, var(--heat) ${heat.toFixed(0)}%, transparent)` },
      count ? whole(count) : '');
      return cell;
    })));
  return el('table', { class: 'grid' }, el('thead', {}, head), el('tbody', {}, ...rows));
}
for (const [title, kind] of [['Types', 'types'], ['Relations', 'relations']]) {
  D[kind].forEach((found, i) => {
    if (found.labels.length === 0) return;
    byId('confusion').append(el('h3', {}, title, ...(two ? [' of ', named(i)] : [])),
      el('div', { class: 'scroll', tabindex: 0 }, grid(found)));
  });
}
byId('confusion').addEventListener('pointerover', event => {
  const cell = event.target.closest('[data-note]');
  byId('cell-note').textContent = cell ? cell.dataset.note : '';
});

// ---- texts ----
// Whether an item belongs to what is chosen.
const KINDS = two ? [
  ['all differences', () => true],
  ...D.names.flatMap((name, i) => [
    [`right in ${name} only`, (given, found) => given && found[i]],
    [`wrong in ${name} only`, (given, found) => !given && found[i]]]),
] : [
  ['all errors', (given, found) => given !== found[0]],
  ['what is missed', (given, found) => given && !found[0]],
  ['what is too much', (given, found) => !given && found[0]],
];
KINDS.forEach(([name], i) => byId('kind').append(el('option', { value: i }, name)));
function verdict(given, found) {
  if (two) {
    const i = found[0] ? 0 : 1;
    return [el('span', { class: `verdict ${given ? 'good' : 'bad'}` },
      given ? '✓ right' : '✗ wrong'), named(i), ' only: '];
  }
  const [name, kind] = !found[0] ? ['✗ missed', 'bad'] :
    given ? ['✓ right', 'good'] : ['✗ too much', 'bad'];
  return [el('span', { class: `verdict ${kind}` }, name)];
}
const end = ([, , text, type]) => type ? `${text} (${type})` : text;
// JavaScript counts UTF-16 units, the places count characters.
function marked(text, items) {
  const chars = Array.from(text), inside = new Array(chars.length).fill(false);
  for (const [ends] of items) {
    for (const [a, z] of ends) inside.fill(true, a, z);
  }
  const parts = [];
  for (let i = 0; i < chars.length;) {
    let j = i;
    while (j < chars.length && inside[j] === inside[i]) j += 1;
    const part = chars.slice(i, j).join('');
    parts.push(inside[i] ? el('mark', {}, part) : part);
    i = j;
  }
  return parts;
}
function article([place, image, text, items]) {
  return el('article', { class: 'panel' },
    el('small', {}, [place, image].filter(Boolean).join(', ')),
    el('p', {}, ...marked(text, items)),
    el('ul', {}, ...items.map(([ends, label, given, found]) => el('li', {},
      ...verdict(given, found), ends.length === 1 ? end(ends[0]) :
        `${end(ends[0])} –${label}– ${end(ends[1])}`))));
}
const STEP = 50;
let shown = [], upTo = 0;
function more() {
  byId('texts').append(...shown.slice(upTo, upTo + STEP).map(article));
  upTo += STEP;
  byId('more').hidden = upTo >= shown.length;
}
function showTexts() {
  const wanted = KINDS[byId('kind').value][1];
  const words = byId('search').value.toLowerCase();
  shown = D.texts.filter(([place, image, text, items]) =>
    items.some(([, , given, found]) => wanted(given, found)) &&
    (!words || `${place} ${image} ${text} ${items.map(i => i[1]).join(' ')}`.toLowerCase()
      .includes(words)));
  byId('texts-note').textContent = `${whole(shown.length)} of ${whole(D.number)} texts ` +
    `(${nice(D.view)})`;
  byId('texts').replaceChildren();
  upTo = 0;
  more();
}
byId('kind').addEventListener('change', showTexts);
byId('search').addEventListener('input', showTexts);
byId('more').addEventListener('click', more);
showTexts();
