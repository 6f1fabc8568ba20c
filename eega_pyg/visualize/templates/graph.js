const nodes = D.nodes, edges = D.edges;
const canvas = byId('canvas'), context = canvas.getContext('2d');
nodes.forEach(n => {
  n.edges = [];
  n.search = Object.keys(n.names).concat(n.id).join('\n').toLowerCase();
});
const parallel = new Map();  // The relations between two entities, of whatever direction.
edges.forEach(e => {
  nodes[e.head].edges.push(e);
  nodes[e.tail].edges.push(e);
  const key = `${Math.min(e.head, e.tail)} ${Math.max(e.head, e.tail)}`;
  parallel.set(key, [...(parallel.get(key) || []), e]);
});
for (const group of parallel.values()) {
  group.forEach((e, k) => {
    e.bend = (k - (group.length - 1) / 2) * (e.head < e.tail ? 1 : -1);
  });
}
nodes.forEach(n => { n.radius = 0.1 + 0.04 * Math.sqrt(n.count + n.edges.length); });
// On a phone that is held upright, the graph stands upright, too.
if (canvas.clientWidth < 0.8 * canvas.clientHeight) nodes.forEach(n => { [n.x, n.y] = [n.y, n.x]; });
const numLonely = nodes.filter(n => !n.edges.length).length;
const byCount = nodes.map((_, i) => i).sort((a, b) =>
  nodes[b].edges.length - nodes[a].edges.length || nodes[b].count - nodes[a].count);
const view = { x: 0, y: 0, scale: 20 };
let selected = null, hovered = null;

// ---- filters ----
function checks(target, names, mark) {
  const boxes = names.map(name => {
    const box = el('input', { type: 'checkbox', checked: '' });
    box.addEventListener('change', filter);
    byId(target).append(el('label', {}, box, el('span', {}, ...mark(name), name)));
    return [name, box];
  });
  return () => new Set(boxes.filter(([, box]) => box.checked).map(([name]) => name));
}
const types = checks('types', Object.keys(D.marks), name => [swatch(name), ' ']);
const relations = checks('relations', D.relations, () => []);
let shownNodes = [], shownEdges = [];
function filter() {
  const [type, relation] = [types(), relations()];
  const words = byId('search').value.toLowerCase().trim();
  const least = +byId('probability').value, count = +byId('count').value || 1;
  byId('p-value').textContent = percent(least);
  edges.forEach(e => {
    e.shown = relation.has(e.relation) && e.best >= least && e.count >= count &&
      type.has(nodes[e.head].type) && type.has(nodes[e.tail].type);
  });
  const lonely = byId('lonely').checked;
  nodes.forEach((n, i) => {
    const found = n.search.includes(words);
    // What is searched for is shown, even if it has no relation.
    const fits = type.has(n.type) && (lonely || n.edges.some(e => e.shown) ||
      (words !== '' && found));
    n.shown = fits || i === selected;
    n.hit = fits && found;
  });
  shownNodes = byCount.filter(i => nodes[i].shown);
  shownEdges = edges.filter(e => e.shown);
  const hits = shownNodes.filter(i => nodes[i].hit);
  byId('counts').textContent = `${hits.length} of ${nodes.length} entities, ` +
    `${shownEdges.length} of ${edges.length} relations`;
  const limit = 200;
  byId('list').replaceChildren(...hits.slice(0, limit).map(i => {
    const button = el('button', { type: 'button', 'data-node': i,
      'aria-current': i === selected },
      swatch(nodes[i].type), ' ', nodes[i].name,
      el('small', {}, ` ${nodes[i].type}, ${nodes[i].count}`));
    return el('li', {}, button);
  }));
  if (hits.length > limit) {
    byId('list').append(el('li', {}, el('small', {}, `… and ${hits.length - limit} more`)));
  }
  if (!hits.length) byId('list').append(el('li', {}, el('small', {}, 'none')));
  searching = words !== '';
  draw();
}
let searching = false;
['search', 'probability', 'count', 'lonely'].forEach(id =>
  byId(id).addEventListener('input', filter));
byId('search').addEventListener('keydown', event => {
  const first = byId('list').querySelector('[data-node]');
  if (event.key === 'Enter' && first) select(+first.dataset.node, true);
});
document.addEventListener('click', event => {
  const button = event.target.closest('[data-node]');
  if (!button) return;
  select(+button.dataset.node, true);
  byId('details').focus();  // The list and the panel were made anew.
});
function close() {
  const before = selected;
  select(null);
  (byId('list').querySelector(`[data-node="${before}"]`) || canvas).focus();
}
byId('details').addEventListener('keydown', event => {
  if (event.key === 'Escape') close();
});

// ---- details ----
function marked(sentence, spans) {
  const chars = Array.from(D.sentences[sentence][0]), parts = [];
  let end = 0;
  for (const [start, stop] of spans.sort((a, b) => a[0] - b[0])) {
    if (start < end) continue;
    parts.push(chars.slice(Math.max(end, end ? end : start - 120), start).join(''),
      el('mark', {}, chars.slice(start, stop).join('')));
    end = stop;
  }
  parts.push(chars.slice(end, end + 120).join('') + (chars.length > end + 120 ? '…' : ''));
  const image = D.sentences[sentence][1];
  return [...parts, image ? el('small', {}, ` (image ${image})`) : ''];
}
// The pictures of an entity's sentences, with what it is aligned with in them.
function pictures(n) {
  const boxes = new Map();
  const parts = new Set();
  n.mentions.forEach(([sentence, , , , object]) => {
    const image = D.sentences[sentence][1];
    if (object && object[2] !== null) parts.add(object[2]);
    if (!Object.hasOwn(D.images, image)) return;
    if (!boxes.has(image)) boxes.set(image, []);
    if (object) boxes.get(image).push(object);
  });
  if (!boxes.size) return [];
  const seen = [...parts].slice(0, 8).map(i => el('img', { src: D.parts[i],
    alt: `${n.name}, cut out of a picture` }));
  const some = [...boxes].slice(0, 6).map(([image, objects]) => el('figure', {},
    el('span', { class: 'frame' }, el('img', { src: D.images[image], alt: image }),
      ...objects.filter(([, box]) => box).map(([name, [x1, y1, x2, y2]]) => el('i', { title: name,
        style: `--c:${typeColor(n.type)};left:${100 * x1}%;top:${100 * y1}%;width:${100 * (x2 - x1)}%;` +
          `height:${100 * (y2 - y1)}%` }))),
    el('figcaption', {}, [image, ...new Set(objects.map(o => o[0]))].join(', '))));
  return [...(seen.length ? [el('h3', {}, 'Seen'), el('div', { class: 'parts',
    style: `--c:${typeColor(n.type)}` }, ...seen)] : []), el('h3', {}, 'Pictures'), el('div', { class: 'pictures' }, ...some),
    boxes.size > 6 ? el('p', {}, `… and ${boxes.size - 6} more`) : ''];
}
function select(i, move) {
  selected = i;
  const panel = byId('details');
  panel.hidden = i === null;
  if (i === null) { filter(); return; }
  const n = nodes[i];
  if (move) {
    view.scale = Math.max(view.scale, 70);
    const wide = panel.offsetWidth < 0.6 * canvas.clientWidth;  // Else it lies below.
    view.x = n.x + (wide ? panel.offsetWidth / 2 / view.scale : 0);
    view.y = n.y + (wide ? 0 : 0.27 * canvas.clientHeight / view.scale);
    if (!wide) canvas.parentNode.scrollIntoView();
  }
  const cross = el('button', { class: 'close', type: 'button', 'aria-label': 'Close' }, '✕');
  cross.addEventListener('click', close);
  const names = Object.entries(n.names).map(([name, count]) => `${name} (${count})`);
  panel.replaceChildren(cross, el('h2', {}, n.name),
    el('p', {}, swatch(n.type), ` ${n.type}, named ${n.count} times, best ${percent(n.best)}` +
      (n.wikidata ? `, Wikidata ${n.wikidata}` : '')),
    names.length > 1 ? el('p', {}, `Names: ${names.join(', ')}`) : '',
    ...pictures(n),
    el('h3', {}, 'Relations'),
    el('ul', {}, ...n.edges.map(e => {
      const other = e.head === i ? e.tail : e.head;
      const arrow = !e.directed ? '—' : e.head === i ? '→' : '←';
      const button = el('button', { type: 'button', 'data-node': other },
        `${e.relation} ${arrow} ${nodes[other].name} `, el('small', {},
          `${e.count}×, best ${percent(e.best)}, mean ${percent(e.mean)}`));
      return el('li', {}, button, ...e.evidence.slice(0, 3).map(v =>
        el('div', { dir: 'auto' }, ...marked(v[0], [[v[1], v[2]], [v[3], v[4]]]))));
    }), n.edges.length ? '' : el('li', {}, 'none')),
    el('h3', {}, 'Named in'),
    el('ul', {}, ...n.mentions.slice(0, 10).map(m => el('li', { dir: 'auto' },
      ...marked(m[0], [[m[1], m[2]]]), el('small', {}, ` ${percent(m[3])}`)))),
    n.count > 10 ? el('p', {}, `… and ${n.count - Math.min(n.mentions.length, 10)} more`) : '');
  panel.scrollTop = 0;
  filter();
}
