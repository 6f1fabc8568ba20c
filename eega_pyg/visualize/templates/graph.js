const nodes = D.nodes, edges = D.edges;
const color = type => typeColor(D.types.indexOf(type));
const canvas = byId('canvas'), context = canvas.getContext('2d');
nodes.forEach(n => {
  n.edges = [];
  n.count = n.mentions.length;
  n.search = Object.keys(n.names).concat(n.id).join('\n').toLowerCase();
  n.radius = 0.16 + 0.05 * Math.sqrt(n.count);
});
edges.forEach(e => { nodes[e.head].edges.push(e); nodes[e.tail].edges.push(e); });
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
const types = checks('types', D.types, name =>
  [el('span', { class: 'dot', style: `--c:${color(name)}` })]);
const relations = checks('relations', D.relations, () => []);
let shownNodes = [], shownEdges = [];
function filter() {
  const [type, relation] = [types(), relations()];
  const words = byId('search').value.toLowerCase().trim();
  const least = +byId('probability').value, count = +byId('count').value || 1;
  byId('p-value').textContent = percent(least);
  edges.forEach(e => {
    e.shown = relation.has(e.relation) && e.best >= least && e.evidence.length >= count &&
      type.has(nodes[e.head].type) && type.has(nodes[e.tail].type);
  });
  const lonely = byId('lonely').checked;
  nodes.forEach(n => {
    n.shown = type.has(n.type) && (lonely || n.edges.some(e => e.shown));
    n.hit = n.shown && n.search.includes(words);
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
      el('span', { class: 'dot', style: `--c:${color(nodes[i].type)}` }), nodes[i].name,
      el('small', {}, ` ${nodes[i].type}, ${nodes[i].count}`));
    return el('li', {}, button);
  }));
  if (hits.length > limit) {
    byId('list').append(el('li', {}, el('small', {}, `… and ${hits.length - limit} more`)));
  }
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
  if (button) select(+button.dataset.node, true);
});

// ---- drawing ----
let colors = {};
function readColors() {
  const style = getComputedStyle(document.documentElement);
  ['ink', 'soft', 'line', 'back', 'focus', 't0', 't1', 't2', 't3', 't4', 't5', 't6', 't7']
    .forEach(name => { colors[name] = style.getPropertyValue('--' + name).trim(); });
}
const screen = n => [(n.x - view.x) * view.scale + canvas.clientWidth / 2,
  (n.y - view.y) * view.scale + canvas.clientHeight / 2];
let asked = false;
function draw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; paint(); });
}
function paint() {
  const ratio = window.devicePixelRatio || 1;
  const [W, H] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== W * ratio || canvas.height !== H * ratio) {
    canvas.width = W * ratio;
    canvas.height = H * ratio;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, W, H);
  const near = new Set(selected === null ? [] : nodes[selected].edges.filter(e => e.shown)
    .flatMap(e => [e.head, e.tail]));
  if (selected !== null) near.add(selected);
  for (const e of shownEdges) {
    const on = selected !== null && (e.head === selected || e.tail === selected);
    const [a, b] = [screen(nodes[e.head]), screen(nodes[e.tail])];
    if (Math.max(a[0], b[0]) < 0 || Math.min(a[0], b[0]) > W ||
        Math.max(a[1], b[1]) < 0 || Math.min(a[1], b[1]) > H) continue;
    context.strokeStyle = context.fillStyle = on ? colors.focus : colors.soft;
    context.globalAlpha = on ? 1 : selected === null ? 0.55 : 0.25;
    context.lineWidth = on ? 2 : 1;
    context.beginPath();
    context.moveTo(...a);
    context.lineTo(...b);
    context.stroke();
    if (e.directed && view.scale > 12) tip(a, b, nodes[e.tail].radius * view.scale);
    if (on && Math.hypot(b[0] - a[0], b[1] - a[1]) > 90) {
      context.font = '11px system-ui, sans-serif';
      context.textAlign = 'center';
      context.fillText(e.relation, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2 - 4);
    }
  }
  context.globalAlpha = 1;
  const taken = [];
  for (const i of shownNodes) {
    const n = nodes[i], [x, y] = screen(n), r = Math.max(2, n.radius * view.scale);
    if (x < -50 || x > W + 50 || y < -20 || y > H + 20) continue;
    const dim = !near.has(i) && !(searching ? n.hit : selected === null);
    context.globalAlpha = dim ? 0.15 : selected !== null && !near.has(i) ? 0.5 : 1;
    context.fillStyle = colors['t' + D.types.indexOf(n.type) % 8];
    context.beginPath();
    context.arc(x, y, r, 0, 2 * Math.PI);
    context.fill();
    if (i === selected || i === hovered) {
      context.strokeStyle = colors.focus;
      context.lineWidth = 3;
      context.stroke();
    }
    const wanted = i === hovered || near.has(i) || (searching && n.hit);
    if (!dim && (wanted || (view.scale > 9 && taken.length < 400))) label(n, x, y, r, taken);
  }
  context.globalAlpha = 1;
}
function label(n, x, y, r, taken) {
  context.font = '12px system-ui, sans-serif';
  context.textAlign = 'left';
  const name = n.name.length > 28 ? n.name.slice(0, 27) + '…' : n.name;
  const box = [x + r + 3, y - 8, x + r + 3 + context.measureText(name).width, y + 6];
  // Labels that would cover another are left out; the list and the pointer name them.
  if (taken.some(b => b[0] < box[2] && box[0] < b[2] && b[1] < box[3] && box[1] < b[3])) return;
  taken.push(box);
  context.lineWidth = 3;
  context.strokeStyle = colors.back;
  context.strokeText(name, box[0], y + 4);
  context.fillStyle = colors.ink;
  context.fillText(name, box[0], y + 4);
}
function tip(a, b, r) {
  const angle = Math.atan2(b[1] - a[1], b[0] - a[0]);
  const [x, y] = [b[0] - (r + 2) * Math.cos(angle), b[1] - (r + 2) * Math.sin(angle)];
  context.beginPath();
  context.moveTo(x, y);
  for (const turn of [0.4, -0.4]) {
    context.lineTo(x - 8 * Math.cos(angle + turn), y - 8 * Math.sin(angle + turn));
  }
  context.fill();
}

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
function select(i, move) {
  selected = i;
  const panel = byId('details');
  panel.hidden = i === null;
  if (i === null) { filter(); return; }
  const n = nodes[i];
  if (move) {
    view.scale = Math.max(view.scale, 70);
    view.x = n.x + panel.offsetWidth / 2 / view.scale;  // Beside the panel.
    view.y = n.y;
  }
  const close = el('button', { class: 'close', type: 'button', 'aria-label': 'Close' }, '✕');
  close.addEventListener('click', () => { select(null); canvas.focus(); });
  const names = Object.entries(n.names).map(([name, count]) => `${name} (${count})`);
  panel.replaceChildren(close, el('h2', {}, n.name),
    el('p', { style: `--c:${color(n.type)}` }, el('span', { class: 'dot' }),
      `${n.type}, named ${n.count} times, best ${percent(n.best)}` +
      (n.wikidata ? `, Wikidata ${n.wikidata}` : '')),
    names.length > 1 ? el('p', {}, `Names: ${names.join(', ')}`) : '',
    el('h3', {}, 'Relations'),
    el('ul', {}, ...n.edges.map(e => {
      const other = e.head === i ? e.tail : e.head;
      const arrow = !e.directed ? '—' : e.head === i ? '→' : '←';
      const button = el('button', { type: 'button', 'data-node': other },
        `${e.relation} ${arrow} ${nodes[other].name} `, el('small', {},
          `${e.evidence.length}×, best ${percent(e.best)}, mean ${percent(e.mean)}`));
      return el('li', {}, button, ...e.evidence.slice(0, 3).map(v =>
        el('div', {}, ...marked(v[0], [[v[1], v[2]], [v[3], v[4]]]))));
    }), n.edges.length ? '' : el('li', {}, 'none')),
    el('h3', {}, 'Named in'),
    el('ul', {}, ...n.mentions.slice(0, 10).map(m => el('li', {},
      ...marked(m[0], [[m[1], m[2]]]), el('small', {}, ` ${percent(m[3])}`)))),
    n.mentions.length > 10 ? el('p', {}, `… and ${n.mentions.length - 10} more`) : '');
  panel.scrollTop = 0;
  filter();
}

// ---- moving ----
function fit() {
  const shown = shownNodes.map(i => nodes[i]);
  if (!shown.length) return;
  const [xs, ys] = [shown.map(n => n.x), shown.map(n => n.y)];
  const [x1, x2] = [Math.min(...xs), Math.max(...xs)];
  const [y1, y2] = [Math.min(...ys), Math.max(...ys)];
  view.x = (x1 + x2) / 2;
  view.y = (y1 + y2) / 2;
  view.scale = Math.min(80, canvas.clientWidth / (x2 - x1 + 3),
    canvas.clientHeight / (y2 - y1 + 3));
  draw();
}
function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const [dx, dy] = [x - canvas.clientWidth / 2, y - canvas.clientHeight / 2];
  const next = Math.min(300, Math.max(1, view.scale * factor));
  view.x += dx / view.scale - dx / next;
  view.y += dy / view.scale - dy / next;
  view.scale = next;
  draw();
}
function nodeAt(event) {
  const [x, y] = [event.offsetX, event.offsetY];
  let best = null, least = 14;
  for (const i of shownNodes) {
    const [nx, ny] = screen(nodes[i]);
    const distance = Math.hypot(nx - x, ny - y) - nodes[i].radius * view.scale;
    if (distance < least) [best, least] = [i, distance];
  }
  return least < 8 ? best : null;
}
let drag = null;
canvas.addEventListener('pointerdown', event => {
  drag = { x: event.offsetX, y: event.offsetY, moved: false };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener('pointermove', event => {
  if (drag) {
    const [dx, dy] = [event.offsetX - drag.x, event.offsetY - drag.y];
    if (!drag.moved && Math.hypot(dx, dy) < 4) return;
    view.x -= dx / view.scale;
    view.y -= dy / view.scale;
    drag = { x: event.offsetX, y: event.offsetY, moved: true };
    draw();
    return;
  }
  const hit = nodeAt(event);
  canvas.style.cursor = hit === null ? 'grab' : 'pointer';
  if (hit !== hovered) { hovered = hit; draw(); }
});
canvas.addEventListener('pointerup', event => {
  if (drag && !drag.moved) select(nodeAt(event));
  drag = null;
});
canvas.addEventListener('wheel', event => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
}, { passive: false });
canvas.addEventListener('keydown', event => {
  const step = 60 / view.scale;
  const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step],
    ArrowDown: [0, step] }[event.key];
  if (move) { view.x += move[0]; view.y += move[1]; draw(); }
  else if (event.key === '+' || event.key === '=') zoom(1.3);
  else if (event.key === '-') zoom(1 / 1.3);
  else if (event.key === '0') fit();
  else if (event.key === 'Escape') select(null);
  else return;
  event.preventDefault();
});
byId('in').addEventListener('click', () => zoom(1.3));
byId('out').addEventListener('click', () => zoom(1 / 1.3));
byId('fit').addEventListener('click', fit);
new ResizeObserver(draw).observe(canvas);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  readColors();
  draw();
});
readColors();
filter();
fit();
