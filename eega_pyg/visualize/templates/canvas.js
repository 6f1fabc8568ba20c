// ---- drawing ----
let colors = {};
function readColors() {
  const style = getComputedStyle(document.documentElement);
  ['ink', 'soft', 'line', 'back', 'focus']
    .forEach(name => { colors[name] = style.getPropertyValue('--' + name).trim(); });
}
const paths = Object.fromEntries(Object.entries(SHAPES).map(([name, d]) =>
  [name, new Path2D(d)]));
const screen = n => [(n.x - view.x) * view.scale + canvas.clientWidth / 2,
  (n.y - view.y) * view.scale + canvas.clientHeight / 2];
const radius = n => Math.max(2 + 0.8 * Math.min(5, Math.log2(1 + n.edges.length)),
  n.radius * view.scale);
let asked = false;
function draw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; paint(); });
}
// The room on the canvas that is taken, in cells, so that finding it takes no time.
function room(W, H) {
  const size = 32, cells = new Map();
  function* keys([x1, y1, x2, y2]) {
    for (let i = Math.floor(x1 / size); i <= Math.floor(x2 / size); i++) {
      for (let j = Math.floor(y1 / size); j <= Math.floor(y2 / size); j++) yield i * 4096 + j;
    }
  }
  function take(box) {
    for (const key of keys(box)) {
      if (!cells.has(key)) cells.set(key, []);
      cells.get(key).push(box);
    }
  }
  function free(box, own) {
    if (box[0] < 2 || box[1] < 2 || box[2] > W - 2 || box[3] > H - 2) return false;
    for (const key of keys(box)) {
      for (const b of cells.get(key) || []) {
        if (b !== own && overlap(b, box)) return false;
      }
    }
    return true;
  }
  return { take, free };
}
const overlap = (b, c) => b[0] < c[2] && c[0] < b[2] && b[1] < c[3] && c[1] < b[3];
let labelled = { nodes: [], edges: [] };  // What has its name beside it now, and where.
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
  const visible = [];
  for (const e of shownEdges) {
    const on = selected !== null && (e.head === selected || e.tail === selected);
    const [a, b] = [screen(nodes[e.head]), screen(nodes[e.tail])];
    if (Math.max(a[0], b[0]) < 0 || Math.min(a[0], b[0]) > W ||
        Math.max(a[1], b[1]) < 0 || Math.min(a[1], b[1]) > H) continue;
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
    const bend = e.bend * Math.min(44, 0.5 * length) / length;
    const c = [(a[0] + b[0]) / 2 - bend * (b[1] - a[1]), (a[1] + b[1]) / 2 + bend * (b[0] - a[0])];
    visible.push([e, a, b, c, length, on]);
    context.strokeStyle = context.fillStyle = on ? colors.focus : colors.soft;
    context.globalAlpha = on ? 1 : selected === null ? 0.55 : 0.25;
    context.lineWidth = on ? 2 : 1;
    context.beginPath();
    context.moveTo(...a);
    context.quadraticCurveTo(...c, ...b);
    context.stroke();
    if (e.directed && length > 24) tip(c, b, radius(nodes[e.tail]));
  }
  context.globalAlpha = 1;
  const { take, free } = room(W, H);
  for (const id of ['tools', 'details']) {
    const box = byId(id);
    if (!box.hidden) take([box.offsetLeft, box.offsetTop, box.offsetLeft + box.offsetWidth,
      box.offsetTop + box.offsetHeight]);
  }
  const drawn = [];
  for (const i of shownNodes) {
    const n = nodes[i], [x, y] = screen(n), r = radius(n);
    if (x < -r || x > W + r || y < -r || y > H + r) continue;
    const dim = !near.has(i) && !(searching ? n.hit : selected === null);
    const own = [x - r, y - r, x + r, y + r];
    take(own);
    drawn.push([i, x, y, r, dim, own]);
    context.globalAlpha = dim ? 0.2 : selected !== null && !near.has(i) ? 0.5 : 1;
    context.save();
    context.translate(x, y);
    context.scale(r, r);
    context.fillStyle = typeColor(n.type);
    context.fill(paths[D.marks[n.type][1]]);
    if (i === selected || i === hovered) {
      context.strokeStyle = colors.focus;
      context.lineWidth = 3 / r;
      context.stroke(paths[D.marks[n.type][1]]);
    }
    context.restore();
  }
  context.globalAlpha = 1;
  labelled = { nodes: [], edges: [] };
  // Those that matter most first: what is chosen, then what has most relations.
  const weight = ([i]) => (i === selected || i === hovered ? 2 : near.has(i) ||
    (searching && nodes[i].hit) ? 1 : 0);
  drawn.map((d, k) => [weight(d), k, d]).sort((a, b) => b[0] - a[0] || a[1] - b[1])
    .slice(0, 1500).forEach(([wanted, , d], k) => {
      if (!d[4] || wanted) label(d, wanted, k < NAMED, take, free);
    });
  visible.sort((a, b) => b[5] - a[5] || b[4] - a[4]).slice(0, 600).forEach(v => {
    edgeLabel(v, take, free);
  });
  context.globalAlpha = 1;
}
// So many names are shown even where they cover nodes, those of the largest hubs.
const NAMED = 15;
const shorten = (text, size) => text.length > size ? text.slice(0, size - 1) + '…' : text;
function write(text, x, y, color) {
  context.lineJoin = 'round';
  context.lineWidth = 3.5;
  context.strokeStyle = colors.back;
  context.strokeText(text, x, y);
  context.fillStyle = color;
  context.fillText(text, x, y);
}
// Where no place around a node is free, its name is left out: the list and the pointer
// give it.
function label([i, x, y, r, , own], wanted, must, take, free) {
  const n = nodes[i], hub = n.edges.length > 4;
  const size = 12 + (hub ? Math.min(4, Math.log2(n.edges.length) - 1) : 0);
  context.font = `${hub ? 600 : 400} ${size}px system-ui, sans-serif`;
  context.textAlign = 'left';
  const name = shorten(n.name, wanted === 2 ? 60 : 28);
  const w = context.measureText(name).width, h = size / 2 + 1;
  const places = [[x + r + 3, y], [x - r - 3 - w, y], [x - w / 2, y + r + h + 2],
    [x - w / 2, y - r - h - 2]];
  const box = ([left, middle]) => [left - 1, middle - h, left + w + 1, middle + h];
  const bare = p => box(p)[0] > 0 && box(p)[2] < canvas.clientWidth && box(p)[1] > 0 &&
    box(p)[3] < canvas.clientHeight && !labelled.nodes.some(([, b]) => overlap(b, box(p)));
  const place = places.find(p => free(box(p), own)) ||
    (must || wanted ? places.find(bare) : null) || (wanted === 2 ? places[0] : null);
  if (!place) return;
  take(box(place));
  labelled.nodes.push([i, box(place)]);
  write(name, place[0], place[1] + 0.35 * size, colors.ink);
}
function edgeLabel([e, a, b, c, length, on], take, free) {
  if (length < 50) return;
  context.font = '11px system-ui, sans-serif';
  context.textAlign = 'center';
  const name = shorten(e.relation, 24), w = context.measureText(name).width;
  for (const t of [0.5, 0.38, 0.62]) {
    const [p, q, r] = [(1 - t) ** 2, 2 * t * (1 - t), t * t];
    const [x, y] = [0, 1].map(k => p * a[k] + q * c[k] + r * b[k]);
    const box = [x - w / 2 - 1, y - 7, x + w / 2 + 1, y + 7];
    if (!free(box)) continue;
    take(box);
    labelled.edges.push([edges.indexOf(e), box]);
    context.globalAlpha = on || selected === null ? 1 : 0.4;
    write(name, x, y + 4, on ? colors.focus : colors.soft);
    return;
  }
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

// ---- moving ----
function show([x1, y1, x2, y2], most) {
  const [W, H] = [canvas.clientWidth, canvas.clientHeight];
  // Names at the right need room.
  view.scale = Math.min(most, Math.max(W - 140, W / 2) / (x2 - x1 + 1), (H - 90) / (y2 - y1 + 1));
  view.x = (x1 + x2) / 2 + 35 / view.scale;
  view.y = (y1 + y2) / 2;
  draw();
}
function fit() {
  if (shownNodes.length) show(around(shownNodes.map(i => nodes[i])), 90);
}
function around(some) {
  const [xs, ys] = [some.map(n => n.x), some.map(n => n.y)];
  return [xs, ys].map(v => v.reduce((a, b) => Math.min(a, b)))
    .concat([xs, ys].map(v => v.reduce((a, b) => Math.max(a, b))));
}
// The largest part that is connected by what is shown; several small ones beside it.
function largest() {
  const part = new Map();
  let best = [];
  for (const start of shownNodes) {
    if (part.has(start)) continue;
    const found = [start];
    part.set(start, start);
    for (const i of found) {
      for (const e of nodes[i].edges) {
        const other = e.head === i ? e.tail : e.head;
        if (e.shown && !part.has(other)) {
          part.set(other, start);
          found.push(other);
        }
      }
    }
    if (found.length > best.length) best = found;
  }
  if (best.length) show(around(best.map(i => nodes[i])), 90);
}
function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const [dx, dy] = [x - canvas.clientWidth / 2, y - canvas.clientHeight / 2];
  const next = Math.min(300, Math.max(Math.min(1, view.scale), view.scale * factor));
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
    const distance = Math.hypot(nx - x, ny - y) - radius(nodes[i]);
    if (distance < least) [best, least] = [i, distance];
  }
  return least < 8 ? best : null;
}
const pointers = new Map();
let moved = false;
canvas.addEventListener('pointerdown', event => {
  if (!pointers.size) moved = false;
  pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener('pointermove', event => {
  const before = pointers.get(event.pointerId);
  if (before) {
    const now = [event.offsetX, event.offsetY];
    const step = [now[0] - before[0], now[1] - before[1]];
    if (!moved && Math.hypot(...step) < 4) return;
    moved = true;
    pointers.set(event.pointerId, now);
    if (pointers.size === 1) {
      view.x -= step[0] / view.scale;
      view.y -= step[1] / view.scale;
      draw();
      return;
    }
    // Two fingers: zoom by their distance, around the one that rests.
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const distance = p => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
    zoom(distance(now) / distance(before), ...other);
    return;
  }
  const hit = nodeAt(event);
  canvas.style.cursor = hit === null ? 'grab' : 'pointer';
  if (hit !== hovered) { hovered = hit; draw(); }
});
canvas.addEventListener('pointerup', event => {
  if (!moved && pointers.size === 1) select(nodeAt(event));
  pointers.delete(event.pointerId);
});
canvas.addEventListener('pointercancel', event => pointers.delete(event.pointerId));
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
  else if (event.key === '1') largest();
  else if (event.key === 'Escape') select(null);
  else return;
  event.preventDefault();
});
byId('in').addEventListener('click', () => zoom(1.3));
byId('out').addEventListener('click', () => zoom(1 / 1.3));
byId('fit').addEventListener('click', fit);
byId('largest').addEventListener('click', largest);
new ResizeObserver(draw).observe(canvas);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  readColors();
  draw();
});
// At first what has relations is shown; a graph without any is shown as it is.
byId('lonely').checked = !edges.length;
byId('lonely-count').textContent = `(${numLonely})`;
readColors();
filter();
if (edges.length) largest();
else fit();
