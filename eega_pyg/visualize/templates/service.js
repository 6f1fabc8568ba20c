// Of an error of an item, for the page sends one.
const ITEM = /^items\[0\]: /;
const form = byId('form'), field = { text: byId('text'), caption: byId('caption') };
let image = null;    // The chosen file.
let running = null;  // What stops the request that runs.
let found = null;    // The last answer.
let texts = [];      // The answers that are in the graph.
let isSaved = true;

const count = (n, one, many = one + 's') => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
const shorten = (s, most) => s.length > most ? s.slice(0, most - 1) + '…' : s;
const sleep = (seconds, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, 1000 * seconds);
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    reject(signal.reason);
  });
});

// ---- requests ----
// The answer of the service, which is asked again while it is full.
async function ask(path, options, status, signal) {
  for (;;) {
    const answer = await fetch(path, { method: 'POST', signal, ...options }).catch(error => {
      if (signal.aborted) throw error;
      throw new Error('The service cannot be reached. Is it still running?');
    });
    if (answer.ok) return answer;
    const seconds = +answer.headers.get('Retry-After');
    if (answer.status !== 503 || !seconds) throw new Error(await reason(answer));
    for (let left = seconds; left > 0; left -= 1) {
      status.textContent = `Too many wait. Asking again in ${count(left, 'second')} …`;
      await sleep(1, signal);
    }
  }
}
async function reason(answer) {
  const told = await answer.json().catch(() => null);  // A proxy may answer anything.
  return told?.detail ? told.detail.replace(ITEM, '') :
    `The answer is ${answer.status} ${answer.statusText}.`;
}
const json = value => ({ body: JSON.stringify(value),
  headers: { 'Content-Type': 'application/json' } });
// Runs something that can be stopped, and tells what went wrong.
async function run(status, error, work) {
  running = new AbortController();
  const { signal } = running;
  error.textContent = '';
  const focused = document.activeElement;
  busy(true);
  try {
    await work(signal);
  } catch (problem) {
    status.textContent = signal.aborted ? 'Stopped.' : '';
    if (!signal.aborted) error.textContent = problem.message;
  } finally {
    running = null;
    busy(false);
    // A button that is disabled loses the focus.
    if (document.activeElement === document.body) {
      (focused.disabled ? byId('h-graph') : focused).focus();
    }
  }
}
function busy(on) {
  document.querySelectorAll('#read, #add, #download button, #texts button').forEach(node => {
    node.disabled = on;
  });
  byId('add').disabled = on || texts.includes(found);
  byId('stop').hidden = !on;
}
byId('stop').addEventListener('click', () => running?.abort());

// ---- the model ----
{
  const { types, relations } = D.tags;
  const list = (title, items) => el('details', {}, el('summary', {}, title), el('p', {}, ...items));
  byId('model').append(el('span', {}, `Model: ${D.model}`),
    list(count(types.length, 'type'), types.flatMap((type, i) => [i ? ', ' : '', swatch(type), ' ', type])),
    list(count(relations.length, 'relation'), [relations.join(', ')]));
  byId('least').value = D.threshold;
  D.graph_formats.forEach(name => byId('format').append(el('option', {}, name)));
  byId('image-part').hidden = !D.images;
  byId('caption-label').textContent = D.images ?
    'Or a caption: what the image shows, in a sentence' :
    'Caption: what the image shows, in a sentence';
}
// Until somebody moves it, the thresholds of the model hold, of which it shows the first.
let leastIsChosen = false;
function showLeast() { byId('least-value').textContent = percent(+byId('least').value); }
byId('least').addEventListener('input', () => { leastIsChosen = true; showLeast(); });
showLeast();

// ---- the image ----
function choose(file) {
  byId('error').textContent = '';
  if (file && file.size > D.limits.body) {
    byId('error').textContent = `The image has ${count(Math.ceil(file.size / 1e6), 'megabyte')}, ` +
      `and a request at most ${(D.limits.body / 1e6).toFixed(0)}: make it smaller.`;
    return;
  }
  image = file;
  byId('preview').hidden = !file;
  byId('image').value = '';
  noteImage();
  if (!file) return;
  byId('image-name').textContent = file.name;
  const reader = new FileReader();
  reader.addEventListener('load', () => { byId('shown').src = reader.result; });
  reader.readAsDataURL(file);
}
function noteImage() {
  byId('caption-note').textContent = image && field.caption.value.trim() ?
    'The model reads the caption. The image is shown beside what it finds.' : '';
}
field.caption.addEventListener('input', noteImage);
byId('image').addEventListener('change', event => choose(event.target.files[0] || image));
byId('no-image').addEventListener('click', () => {
  choose(null);
  byId('image').focus();
});
for (const name of ['dragover', 'dragleave', 'drop']) {
  document.addEventListener(name, event => {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();  // Or the browser would open the file.
    byId('drop').classList.toggle('over', name === 'dragover' && D.images);
    if (name === 'drop' && D.images) choose(event.dataTransfer.files[0]);
  });
}
document.addEventListener('paste', event => {
  const file = event.clipboardData.files[0];
  if (file && D.images) {
    event.preventDefault();
    choose(file);
  }
});

// ---- extraction ----
form.addEventListener('submit', event => {
  event.preventDefault();
  if (running) return;
  const [error, status] = [byId('error'), byId('status')];
  Object.values(field).forEach(node => node.removeAttribute('aria-invalid'));
  run(status, error, async signal => {
    if (!field.text.value.trim()) throw new Error('text: enter at least one word');
    status.textContent = 'Reading …';
    const body = new FormData();
    for (const [name, node] of Object.entries(field)) {
      if (node.value.trim()) body.append(name, node.value);
    }
    if (image) body.append('image', image);
    if (leastIsChosen) body.append('min_probability', byId('least').value);
    const answer = await ask('v1/explain', { body }, status, signal);
    show(await answer.json());
    status.textContent = `Found ${count(found.result.entities.length, 'entity', 'entities')} ` +
      `and ${count(found.result.quintuples.length, 'relation')}.`;
  }).then(() => {
    if (!error.textContent) return;
    const wrong = field[error.textContent.split(':')[0]];
    wrong?.setAttribute('aria-invalid', 'true');
    wrong?.focus();
  });
});
form.addEventListener('keydown', event => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
byId('example').addEventListener('click', () => {
  field.text.value = 'Emmanuel Macron and his wife Brigitte arrived in Paris on Friday';
  field.caption.value = 'a man and a woman in front of a tower';
  choose(null);
  field.text.focus();
});
// A frame that draws data; it is as high as what it holds, if it is to be.
function draw(target, name, title, data, grows) {
  const frame = el('iframe', { src: `page/${name}`, title });
  frame.data = data;
  if (grows) {
    frame.addEventListener('load', () => {
      const { documentElement } = frame.contentDocument;
      const fit = () => {
        frame.style.height = `${Math.ceil(documentElement.getBoundingClientRect().height)}px`;
      };
      new frame.contentWindow.ResizeObserver(fit).observe(documentElement);
    });
  }
  byId(target).replaceChildren(frame);
}
// The pages hold what they show as JSON.
const dataOf = page => JSON.parse(
  page.match(/<script type="application\/json" id="data">(.*?)<\/script>/s)[1]);
function show(answer) {
  found = answer;
  byId('found').hidden = false;
  byId('add').textContent = texts.includes(found) ? 'It is in the graph' : 'Add to the graph';
  byId('add').disabled = texts.includes(found);
  draw('explanation', 'explain', 'What was read', dataOf(found.page), true);
}
byId('save').addEventListener('click', () =>
  download(new Blob([found.page], { type: 'text/html' }), 'explanation.html'));

// ---- the graph ----
byId('add').addEventListener('click', () => grow([...texts, found]));
byId('clear').addEventListener('click', () => {
  if (confirm(`Throw away the graph of ${count(texts.length, 'text')}?`)) grow([]);
});
function grow(next) {
  const [error, status] = [byId('graph-error'), byId('graph-status')];
  return run(status, error, async signal => {
    let graph = null;
    if (next.length) {
      const results = next.map(answer => answer.result);
      const answer = await ask('v1/graph', json({ results, format: 'html' }), status, signal);
      graph = dataOf(await answer.text());
    }
    texts = next;
    isSaved = !next.length;
    showGraph(graph);
  });
}
function showGraph(graph) {
  byId('graph-part').hidden = !graph;
  byId('add').textContent = texts.includes(found) ? 'It is in the graph' : 'Add to the graph';
  byId('texts').replaceChildren(...texts.map((answer, i) => {
    const { text } = answer.result;
    const [see, remove] = [el('button', { type: 'button' }, shorten(text, 120)),
      el('button', { type: 'button', 'aria-label': `Remove text ${i + 1} from the graph` }, '✕')];
    see.addEventListener('click', () => {
      show(answer);
      byId('h-found').focus();
    });
    remove.addEventListener('click', () => grow(texts.filter(other => other !== answer))
      .then(() => byId('h-graph').focus()));
    return el('li', {}, el('div', {}, see, remove));
  }));
  if (!graph) {
    byId('graph-status').textContent = '';
    byId('drawing').replaceChildren(el('p', {}, 'The graph is empty. What is found in texts is added to it, and entities with one name become one.'));
    return;
  }
  byId('graph-status').textContent = `${count(texts.length, 'text')}, ` +
    `${count(graph.nodes.length, 'entity', 'entities')}, ${count(graph.edges.length, 'relation')}`;
  draw('drawing', 'graph', 'The graph', graph, false);
}
byId('download').addEventListener('submit', event => {
  event.preventDefault();
  const [error, status] = [byId('graph-error'), byId('graph-status')];
  const before = status.textContent;
  run(status, error, async signal => {
    const results = texts.map(answer => answer.result);
    const answer = await ask('v1/graph', json({ results, format: byId('format').value }), status, signal);
    const [, name] = answer.headers.get('Content-Disposition').match(/filename="(.*)"/);
    download(await answer.blob(), name);
    isSaved = true;
  }).then(() => { status.textContent = before; });
});
function download(blob, name) {
  const link = el('a', { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
window.addEventListener('beforeunload', event => {
  if (!isSaved) event.preventDefault();
});
showGraph(null);
