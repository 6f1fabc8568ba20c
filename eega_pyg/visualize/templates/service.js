const GONE = 'The service cannot be reached. Is it still running?';
// Of an error of an item, for the page sends one.
const ITEM = /^items\[0\]: /;
const form = byId('form'), field = { text: byId('text'), caption: byId('caption') };
let image = null;    // The chosen file.
let loaded = Promise.resolve();  // Settles when its content is in memory.
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
      throw new Error(GONE);
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
    // A button that is disabled or hidden loses the focus.
    if (focused !== document.body && document.activeElement === document.body) {
      (focused.disabled || !focused.offsetParent ? byId('h-graph') : focused).focus();
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
    const megabytes = (bytes, round) => (round(10 * bytes / 2 ** 20) / 10).toLocaleString('en');
    byId('error').textContent = `The image has ${megabytes(file.size, Math.ceil)} megabytes, ` +
      `and a request at most ${megabytes(D.limits.body, Math.floor)}: make it smaller.`;
    return;
  }
  image = file;
  loaded = file ? load(file) : Promise.resolve();
  loaded.catch(() => {});  // It is told where it happens.
  byId('preview').hidden = !file;
  byId('image').value = '';
  noteImage();
  if (!file) return;
  byId('image-name').textContent = file.name;
}
// The content is kept, for the file may be changed or removed before it is sent.
async function load(file) {
  let content;
  try {
    content = await file.arrayBuffer();
  } catch {
    const problem = new Error('The image cannot be read: choose it again.');
    if (image === file) {
      choose(null);
      byId('error').textContent = problem.message;
    }
    throw problem;
  }
  if (image !== file) return;
  image = new File([content], named(file.name, content), { type: file.type });
  byId('image-name').textContent = image.name;
  const reader = new FileReader();
  reader.addEventListener('load', () => { byId('shown').src = reader.result; });
  reader.readAsDataURL(image);
}
// Another picture of the same name (all that are pasted are called image.png) is
// called otherwise, or both would be one in the graph.
const pictures = new Map();
function named(name, content) {
  const hash = new Uint8Array(content).reduce((h, byte) => Math.imul(h ^ byte, 0x1000193), 0);
  const [, stem, ending] = name.match(/^(.+?)(\.[^.]*)?$/s) || [null, name];
  for (let k = 1; ; k += 1) {
    const own = k === 1 ? name : `${stem} (${k})${ending || ''}`;
    if ((pictures.get(own) ?? hash) === hash) {
      pictures.set(own, hash);
      return own;
    }
  }
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
    await loaded;
    const body = new FormData();
    for (const [name, node] of Object.entries(field)) {
      if (node.value.trim()) body.append(name, node.value);
    }
    if (image) {
      body.append('image', image);
      body.append('image_id', image.name);  // In a file's name, a form changes quotes.
    }
    if (leastIsChosen) body.append('min_probability', byId('least').value);
    const answer = await ask('v1/explain', { body }, status, signal);
    await show(await answer.json());
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
// A frame that draws data; it is as high as what it holds, if it is to be. What is there
// stays where the service is gone.
async function draw(target, name, title, data, grows) {
  await fetch(`page/${name}`).catch(() => { throw new Error(GONE); });
  const frame = el('iframe', { src: `page/${name}`, title });
  frame.eegaData = data;
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
async function show(answer) {
  await draw('explanation', 'explain', 'What was read', dataOf(answer.page), true);
  found = answer;
  byId('found').hidden = false;
  byId('add').textContent = texts.includes(found) ? 'It is in the graph' : 'Add to the graph';
  byId('add').disabled = texts.includes(found);
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
    if (graph) await draw('drawing', 'graph', 'The graph', graph, false);
    texts = next;
    isSaved = !next.length;
    showGraph(graph);
  }).then(showLine);
}
let line = '';  // What the graph holds.
function showLine() { byId('graph-status').textContent = line; }
function showGraph(graph) {
  byId('graph-part').hidden = !graph;
  byId('add').textContent = texts.includes(found) ? 'It is in the graph' : 'Add to the graph';
  byId('texts').replaceChildren(...texts.map((answer, i) => {
    const { text } = answer.result;
    const [see, remove] = [el('button', { type: 'button', dir: 'auto' }, shorten(text, 120)),
      el('button', { type: 'button', 'aria-label': `Remove text ${i + 1} from the graph` }, '✕')];
    see.addEventListener('click', () => run(byId('graph-status'), byId('graph-error'), async () => {
      await show(answer);
      byId('h-found').focus();
    }).then(showLine));
    remove.addEventListener('click', () => grow(texts.filter(other => other !== answer))
      .then(() => byId('h-graph').focus()));
    return el('li', {}, el('div', {}, see, remove));
  }));
  line = !graph ? '' : `${count(texts.length, 'text')}, ` +
    `${count(graph.nodes.length, 'entity', 'entities')}, ${count(graph.edges.length, 'relation')}`;
  showLine();
  if (!graph) {
    byId('drawing').replaceChildren(el('p', {}, 'The graph is empty. What is found in texts is added to it, and entities with one name become one.'));
  }
}
byId('download').addEventListener('submit', event => {
  event.preventDefault();
  const [error, status] = [byId('graph-error'), byId('graph-status')];
  run(status, error, async signal => {
    const results = texts.map(answer => answer.result);
    const answer = await ask('v1/graph', json({ results, format: byId('format').value }), status, signal);
    const [, name] = answer.headers.get('Content-Disposition').match(/filename="(.*)"/);
    download(await answer.blob(), name);
    isSaved = true;
  }).then(showLine);
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
