const words = D.offsets.map(([start, end]) => D.text.slice(start, end));
const column = new Map(D.shown.map((word, i) => [word, i]));

// ---- the text ----
// JavaScript counts UTF-16 units, the offsets count characters.
const chars = Array.from(D.text);
const cut = (start, end) => chars.slice(start, end).join('');
words.forEach((_, i) => { words[i] = cut(...D.offsets[i]); });
const sentence = byId('sentence');
const wordNodes = [], entityNodes = [];
{
  const opens = new Map(D.entities.map((e, i) => [e.start, i]));
  let end = 0, target = sentence, close = -1;
  words.forEach((word, i) => {
    const gap = cut(end, D.offsets[i][0]);
    if (i === close) target = sentence;
    target.append(gap);
    if (opens.has(i)) {
      const e = D.entities[opens.get(i)];
      target = el('span', { class: 'ent', role: 'button', tabindex: 0,
        style: `--c:${typeColor(e.type)}`, title: `${e.type}, ${percent(e.probability)}` });
      entityNodes[opens.get(i)] = target;
      sentence.append(target);
      close = e.end;
    }
    const node = el('span', { class: 'w', 'data-word': i }, word);
    wordNodes.push(node);
    target.append(node);
    if (i + 1 === close) {
      const { type } = D.entities.find(e => e.end === close);
      target.append(el('small', {}, swatch(type), type));
    }
    end = D.offsets[i][1];
  });
  (end < chars.length) && sentence.append(cut(end));
}

// ---- relations as arcs ----
const arcs = el('svg', { 'aria-hidden': 'true' });
sentence.append(arcs);
// Thousands of arcs say nothing to a reader, and take a browser minutes.
const drawn = D.quintuples.length <= 200;
const levels = [];
if (drawn) {
  const spans = D.quintuples.map(q => {
    const [a, b] = [D.entities[q.head], D.entities[q.tail]];
    return [Math.min(a.start, b.start), Math.max(a.end, b.end)];
  });
  const order = spans.map((_, i) => i).sort((i, j) =>
    (spans[i][1] - spans[i][0]) - (spans[j][1] - spans[j][0]));
  order.forEach(i => {
    const below = order.filter(j => levels[j] !== undefined &&
      spans[j][0] < spans[i][1] && spans[i][0] < spans[j][1]);
    levels[i] = 1 + Math.max(0, ...below.map(j => levels[j]));
  });
}
const rise = level => 16 + 18 * level;
// Each line is given the room that the arcs above it need.
function makeRoom() {
  sentence.querySelectorAll('.room').forEach(node => node.remove());
  const lines = [];
  wordNodes.forEach(node => {
    const top = node.getClientRects()[0].bottom;
    if (!lines.length || top > lines[lines.length - 1].top + 8) {
      lines.push({ top, first: node, need: 0 });
    }
    node.line = lines[lines.length - 1];
  });
  D.quintuples.forEach((q, i) => [q.head, q.tail].forEach(e => {
    const line = wordNodes[D.entities[e].start].line;
    line.need = Math.max(line.need, rise(levels[i]));
  }));
  lines.forEach(({ first, need }, i) => {
    // The break stays where it is, or the strut would be a new place for one.
    const start = first.parentNode.firstChild === first && first.parentNode !== sentence ?
      first.parentNode : first;
    if (i) start.before(el('br', { class: 'room' }));
    first.append(el('span', { class: 'strut room', style: `height:${0.75 * need + 34}px` }));
  });
}
function drawArcs() {
  makeRoom();
  const frame = sentence.getBoundingClientRect();
  const rightToLeft = getComputedStyle(sentence).direction === 'rtl';
  arcs.replaceChildren(el('defs', {}, el('marker', { id: 'tip', viewBox: '0 0 10 10',
    refX: 8, refY: 5, markerWidth: 7, markerHeight: 7, orient: 'auto-start-reverse' },
    el('path', { d: 'M0 1 L10 5 L0 9 z', fill: 'var(--soft)' }))));
  // All is measured before anything is drawn, or each arc would lay out the page anew.
  const used = new Map();
  const ends = D.quintuples.map(q => [q.head, q.tail].map(e => {
    const box = entityNodes[e].getClientRects()[0];
    const count = used.get(e) || 0;
    used.set(e, count + 1);
    const shift = Math.min(box.width / 2 - 4, 9 * Math.ceil(count / 2)) *
      (count % 2 ? 1 : -1);
    return [box.left - frame.left + box.width / 2 + shift, box.top - frame.top - 1];
  }));
  D.quintuples.forEach((q, i) => {
    const [a, b] = ends[i];
    const h = 0.75 * rise(levels[i]), tipped = q.directed ? 'url(#tip)' : null;
    const piece = (d, x, y, start, end) => arcs.append(
      el('path', { class: 'arc', 'data-quintuple': i, d, 'marker-start': start,
        'marker-end': end }),
      el('text', { class: 'arc-label', 'data-quintuple': i, x, y: y + 4 }, q.relation));
    const curve = h / 0.75;  // The control points of a curve that rises by h.
    if (wordNodes[D.entities[q.head].start].line === wordNodes[D.entities[q.tail].start].line) {
      piece(`M${a} C${a[0]} ${a[1] - curve} ${b[0]} ${b[1] - curve} ${b}`,
        (a[0] + b[0]) / 2, a[1] - h, null, tipped);
      return;
    }
    // Over a line break: out at the end of the upper line, in at the start of the lower.
    const down = a[1] < b[1], [u, l] = down ? [a, b] : [b, a];
    const [left, right, half] = [6, frame.width - 6, 4 * q.relation.length];
    const toRight = (x, tip) => piece(
      `M${x} Q${x[0]} ${x[1] - h} ${Math.min(x[0] + 30, right)} ${x[1] - h} H${right}`,
      Math.min((x[0] + 30 + right) / 2, right - half), x[1] - h, tip ? tipped : null, null);
    const toLeft = (x, tip) => piece(
      `M${left} ${x[1] - h} H${Math.max(x[0] - 30, left)} Q${x[0]} ${x[1] - h} ${x}`,
      Math.max((x[0] - 24) / 2, left + half), x[1] - h, null, tip ? tipped : null);
    (rightToLeft ? toLeft : toRight)(u, !down);
    (rightToLeft ? toRight : toLeft)(l, down);
  });
}
// A long name breaks after its underscores.
const breakable = name => name.split(/(?<=_)/).flatMap(part => [part, el('wbr')]);
const isGrounded = e => e.object_score !== undefined;
const typed = e => [e.text, ' ', el('span', { class: 'tag' }, swatch(e.type), e.type)];
function list(target, names, rows) {
  byId(target).append(el('table', {}, el('thead', {}, el('tr', {}, ...names.map(name =>
    el('th', { scope: 'col' }, name)))), el('tbody', {}, ...rows)));
}
if (D.quintuples.length) {
  if (!drawn) byId('quintuples').append(el('p', {}, 'Too many relations to draw them as arcs.'));
  list('quintuples', ['head', 'relation', 'tail', 'probability'], D.quintuples.map((q, i) =>
    el('tr', { tabindex: 0, 'data-quintuple': i }, el('td', {}, ...typed(D.entities[q.head])),
      el('td', {}, ...breakable(q.relation), q.directed ? ' →' : ' —'),
      el('td', {}, ...typed(D.entities[q.tail])), el('td', {}, percent(q.probability)))));
} else {
  byId('quintuples').append(el('p', {}, 'No relation was found.'));
}
if (D.entities.length) {
  const grounded = D.entities.some(isGrounded);
  // Beside what an entity is in the image, the object it was aligned with misleads.
  const aligned = !grounded && D.entities.some(e => e.objects?.length);
  list('entities', ['entity', 'probability', ...(grounded ? ['in the image'] : []),
    ...(aligned ? ['most aligned with'] : [])],
    D.entities.map((e, i) => el('tr', { tabindex: 0, 'data-entity': i },
      el('td', {}, ...typed(e)), el('td', {}, percent(e.probability)),
      ...(grounded ? [el('td', { class: 'seen', 'data-seen': i }, !isGrounded(e) ? '' :
        `${e.object === null ? 'not seen' : D.objects[e.object].label} ${percent(e.object_score)}`)] : []),
      ...(aligned ? [el('td', {},
        e.objects?.length ? `${e.objects[0].label} ${percent(e.objects[0].strength)}` : '')] : []))));
} else {
  byId('entities').append(el('p', {}, 'No entity was found.'));
}

// ---- the image and the scene graph ----
const objectNodes = D.objects.map(() => []);
// The entities that each object is.
const entitiesOf = D.objects.map((_, k) => D.entities.filter(e => e.object === k));
const isAny = entitiesOf.some(some => some.length);
function objectNode(i, shape, x, y) {
  const o = D.objects[i], own = entitiesOf[i];
  const names = [...new Set(own.map(e => e.text)), o.label].join(', ');
  const node = el('g', { class: isAny && !own.length ? 'object other' : 'object', tabindex: 0,
    role: 'button', 'data-object': i, 'aria-label': `object ${names}, ${percent(o.score)}`,
    style: own.length ? `--c:${typeColor(own[0].type)}` : null }, shape,
    el('text', { x, y }, own.length ? own[0].text : o.label),
    el('title', {}, `${names}, ${percent(o.score)}`));
  objectNodes[i].push(node);
  return node;
}
const picture = byId('picture'), scene = byId('scene');
// The part of the image in which an entity is seen; of somebody who stands the upper part.
function cutout({ box: [x1, y1, x2, y2], text, type }, W, H) {
  const w = Math.max((x2 - x1) * W, 1), h = Math.min(Math.max((y2 - y1) * H, 1), 1.4 * w);
  const scale = Math.min(56 / h, 84 / w);
  return el('span', { class: 'cutout', style: `--c:${typeColor(type)};width:${w * scale}px;` +
    `height:${h * scale}px` }, el('img', { src: D.image, alt: `${text}, cut out of the image`,
    style: `width:${W * scale}px;left:${-x1 * W * scale}px;top:${-y1 * H * scale}px` }));
}
if (D.image) {
  const img = el('img', { src: D.image, alt: D.imageId || 'the image' });
  const boxes = el('svg', {});
  picture.append(el('div', { class: 'frame' }, img, boxes));
  const caption = D.imageId + (D.objects.some(o => o.box) ? '' :
    ' (no boxes: what is in it comes from a caption)');
  if (caption.trim()) picture.append(el('figcaption', {}, caption));
  img.addEventListener('load', () => {
    const [W, H] = [img.naturalWidth, img.naturalHeight];
    boxes.setAttribute('viewBox', `0 0 ${W} ${H}`);
    const unit = W / img.clientWidth;  // What a pixel of the screen is in the drawing.
    // Large boxes first, so that small ones can be reached.
    const area = o => (o.box[2] - o.box[0]) * (o.box[3] - o.box[1]);
    D.objects.map((o, i) => [o, i]).filter(([o]) => o.box)
      .sort((a, b) => area(b[0]) - area(a[0])).forEach(([o, i]) => {
        const [x1, y1, x2, y2] = o.box;
        const node = objectNode(i, el('rect', { x: x1 * W, y: y1 * H,
          width: (x2 - x1) * W, height: (y2 - y1) * H }), x1 * W + 4 * unit, y1 * H + 14 * unit);
        node.querySelector('text').style.fontSize = `${13 * unit}px`;
        boxes.append(node);
      });
    D.entities.forEach((e, i) => {
      if (e.box) document.querySelector(`[data-seen="${i}"]`).prepend(cutout(e, W, H));
    });
  });
} else {
  picture.remove();
}
if (D.objects.length) {
  const at = o => [300 + 215 * o.x, 175 + 135 * o.y];
  const drawing = el('svg', { viewBox: '0 0 600 350' });
  const between = new Map();
  D.predicates.forEach(p => {
    const key = `${p.subject},${p.object}`;
    between.set(key, [...(between.get(key) || []), p.predicate]);
  });
  drawing.append(el('defs', {}, el('marker', { id: 'tip2', viewBox: '0 0 10 10',
    refX: 22, refY: 5, markerWidth: 9, markerHeight: 9, orient: 'auto',
    markerUnits: 'userSpaceOnUse' },
    el('path', { d: 'M0 1 L10 5 L0 9 z', fill: 'var(--soft)' }))));
  for (const [key, names] of between) {
    const [s, o] = key.split(',').map(i => at(D.objects[i]));
    drawing.append(el('line', { class: 'edge', x1: s[0], y1: s[1], x2: o[0], y2: o[1],
      'marker-end': 'url(#tip2)' }),
      el('text', { class: 'edge-label', x: .55 * s[0] + .45 * o[0],
        y: .55 * s[1] + .45 * o[1] - 4 }, names.join(', ')));
  }
  D.objects.forEach((o, i) => {
    const [x, y] = at(o);
    const node = objectNode(i, el('circle', { cx: x, cy: y, r: 9 }), x + 13, y + 4);
    if (x > 420) {  // A name has no room on the right.
      const name = node.querySelector('text');
      name.setAttribute('x', x - 13);
      name.setAttribute('text-anchor', 'end');
    }
    drawing.append(node);
  });
  scene.append(drawing, el('figcaption', {}, 'What the model was told of the image.'));
} else {
  scene.remove();
}
if (!D.image && !D.objects.length) byId('seen').remove();

// ---- grids ----
// A table whose cells are reached with the arrow keys; `show(i, j)` tells of a cell.
function grid(target, rows, columns, paint, show, label) {
  const cells = rows.map((_, i) => columns.map((_, j) => {
    const cell = el('td', { tabindex: -1, role: 'gridcell', 'data-i': i, 'data-j': j });
    paint(cell, i, j);
    return cell;
  }));
  const heads = columns.map(name => el('th', { scope: 'col' }, el('span', {}, name)));
  const names = rows.map(name => el('th', { scope: 'row', title: name }, name));
  const node = el('table', { class: 'grid', role: 'grid', 'aria-label': label },
    el('thead', {}, el('tr', {}, el('td', { style: 'border:0' }), ...heads)),
    el('tbody', {}, ...rows.map((_, i) => el('tr', {}, names[i], ...cells[i]))));
  let last = null;
  function mark(i, j) {
    if (last) [names[last[0]], heads[last[1]], cells[last[0]][last[1]]]
      .forEach(n => n.classList.remove('on'));
    last = [i, j];
    [names[i], heads[j], cells[i][j]].forEach(n => n.classList.add('on'));
    show(i, j);
  }
  const at = event => {
    const cell = event.target.closest('td[data-i]');
    return cell && [+cell.dataset.i, +cell.dataset.j];
  };
  node.addEventListener('pointerover', e => { const c = at(e); if (c) mark(...c); });
  node.addEventListener('focusin', e => { const c = at(e); if (c) mark(...c); });
  node.addEventListener('keydown', e => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1],
      ArrowRight: [0, 1] }[e.key];
    const c = at(e);
    if (!step || !c) return;
    e.preventDefault();
    const next = cells[c[0] + step[0]]?.[c[1] + step[1]];
    if (next) {
      cells[c[0]][c[1]].tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    }
  });
  if (rows.length && columns.length) cells[0][0].tabIndex = 0;
  target.append(node);
  return { mark, heads, names, cells };
}
// What the shades of a grid mean.
const legend = (...parts) => el('p', { class: 'legend' }, ...parts);
const heat = (shade, low, high) => el('span', {}, low, el('span', { class: 'ramp',
  style: `background:linear-gradient(to right, transparent, ${shade})` }), high);
const shownWords = D.shown.map(i => words[i]);
const plans = {};
if (D.plans) {
  for (const [name, title] of [['nodes', 'Node plan'], ['edges', 'Edge plan']]) {
    const plan = D.plans[name];
    const top = Math.max(...plan.flat(), 1e-9);
    plans[name] = grid(byId('plan-' + name), D.objects.map(o => o.label), shownWords,
      (cell, i, j) => { cell.style.background =
        `color-mix(in srgb, var(--heat) ${(100 * plan[i][j] / top).toFixed(0)}%, transparent)`; },
      (i, j) => selectBoth(D.shown[j], i, `${title}: ${percent(plan[i][j])} of ` +
        `“${shownWords[j]}” goes to “${D.objects[i].label}”`), title);
    byId('plan-' + name).firstChild.classList.add('plan');
    byId('plan-' + name).before(legend(heat('var(--heat)', '0 %', percent(top))));
  }
} else {
  byId('alignment').remove();
}
if (D.pairs) {
  const { tags, numTypes, cells } = D.pairs;
  const tagColor = t => t <= numTypes ? typeColor(tags[t]) : 'var(--ink)';
  const patch = style => el('span', { class: 'patch', style });
  byId('pairs').before(legend(
    ...tags.slice(1, numTypes + 1).map(tag => el('span', {},
      patch(`background:${typeColor(tag)}`), tag)),
    ...(tags.length > numTypes + 1 ? [el('span', {}, patch('background:var(--ink)'),
      'a relation')] : []),
    heat('var(--ink)', '0 %', '100 %'),
    ...(cells.flat().includes(null) ? [el('span', {}, el('span', { class: 'patch unseen' }),
      'too far apart to be read together')] : [])));
  grid(byId('pairs'), shownWords, shownWords, (cell, i, j) => {
    const value = cells[i][j];
    if (!value) { cell.className = 'unseen'; return; }
    const k = value[0][0] === 0 ? 1 : 0;
    cell.style.background = `color-mix(in srgb, ${tagColor(value[0][k])} ` +
      `${(100 * value[1][k]).toFixed(0)}%, transparent)`;
  }, (i, j) => {
    const value = cells[i][j];
    byId('pair-note').textContent = `“${shownWords[i]}”, “${shownWords[j]}”: ` + (value ?
      value[0].map((t, k) => `${tags[t]} ${percent(value[1][k])}`).join(', ') :
      'too far apart to be read together');
  }, 'Word pairs');
  if (D.shown.length < words.length) {
    byId('pair-note').textContent =
      `The text has ${words.length} words: the tables show ${D.shown.length} of its entities.`;
  }
} else {
  byId('pair-section').remove();
}

// ---- hovering ties it together ----
function tint(strengths) {  // of the objects, or null
  objectNodes.forEach((nodes, i) => nodes.forEach(node => {
    const shape = node.querySelector('rect, circle');
    // What is in a box of the image is to be seen.
    const most = shape.localName === 'rect' ? 0.3 : 0.85;
    shape.style.fillOpacity = strengths ? (most * strengths[i]).toFixed(3) : '';
    node.classList.toggle('on', !!strengths && strengths[i] === Math.max(...strengths));
  }));
}
function shade(shares) {  // of the words, or null
  const top = shares ? Math.max(...shares) : 1;
  wordNodes.forEach((node, w) => {
    const share = shares && column.has(w) ? shares[column.get(w)] / top : 0;
    node.style.background = share ?
      `color-mix(in srgb, var(--heat) ${(60 * share).toFixed(0)}%, transparent)` : '';
  });
}
function note(text) { if (D.plans) byId('plan-note').textContent = text; }
function selectBoth(word, object, text) {
  tint(D.objects.map((_, i) => i === object ? 1 : 0));
  shade(D.shown.map(w => w === word ? 1 : 0));
  note(text);
}
function selectWord(w) {
  if (!D.plans || !column.has(w)) return;
  const j = column.get(w);
  tint(D.plans.nodes.map(row => row[j]));
  note(`“${words[w]}”: ` + D.objects.map((o, i) =>
    `${o.label} ${percent(D.plans.nodes[i][j])}`).join(', '));
}
function selectEntity(i) {
  const e = D.entities[i];
  const strengths = D.objects.map((_, k) => Number(k === e.object));
  if (!isGrounded(e)) e.objects?.forEach(o => { strengths[o.object] = o.strength; });
  tint(strengths.some(s => s > 0) ? strengths : null);
  if (e.objects) {
    note(`“${e.text}”: ` + e.objects.map(o => `${o.label} ${percent(o.strength)}`).join(', '));
  }
}
function selectObject(i) {
  D.entities.forEach((e, k) => entityNodes[k].classList.toggle('on', e.object === i));
  if (!D.plans) return;
  shade(D.plans.nodes[i]);
  tint(D.objects.map((_, k) => k === i ? 1 : 0));
  note(`“${D.objects[i].label}” and the words: stronger is more`);
}
function selectQuintuple(i) {
  document.querySelectorAll('[data-quintuple]').forEach(node =>
    node.classList.toggle('on', node.dataset.quintuple === String(i)));
}
function clear() {
  tint(null);
  shade(null);
  selectQuintuple(-1);
  entityNodes.forEach(node => node.classList.remove('on'));
}
for (const [start, stop] of [['pointerover', 'pointerout'], ['focusin', 'focusout']]) {
  document.addEventListener(start, event => {
    const find = selector => event.target.closest?.(selector);
    let hit;
    if ((hit = find('[data-object]'))) selectObject(+hit.dataset.object);
    else if ((hit = find('.ent'))) selectEntity(entityNodes.indexOf(hit));
    else if ((hit = find('tr[data-entity]'))) selectEntity(+hit.dataset.entity);
    else if ((hit = find('.w'))) selectWord(+hit.dataset.word);
    else if ((hit = find('tr[data-quintuple]'))) selectQuintuple(+hit.dataset.quintuple);
  });
  document.addEventListener(stop, clear);
}
let width = 0;
if (drawn) new ResizeObserver(() => {  // Drawing changes the height alone.
  if (sentence.clientWidth !== width) {
    width = sentence.clientWidth;
    drawArcs();
  }
}).observe(sentence);
