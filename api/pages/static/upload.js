// Handing in a job: drop or pick files, see what it would cost, send them, follow the upload.
import { ask, csrf, explain } from './api.js';
import { dropped, form, isWanted, surveyed } from './files.js';
import { say } from './toast.js';

const SETTLE_MS = 400;
const SHOWN_FILES = 200;
const JOBS = '/api/v1/jobs';
const part = (name) => document.querySelector(`[data-upload="${name}"]`);
const box = part('form');
const number = new Intl.NumberFormat('en');
const money = (usd) => new Intl.NumberFormat('en', { style: 'currency', currency: 'USD', maximumFractionDigits: usd && usd < 0.01 ? 4 : 2 }).format(usd);
const bytes = (count) => (count < 2 ** 20 ? `${Math.max(1, Math.round(count / 1024))} KiB` : `${(count / 2 ** 20).toFixed(1)} MiB`);

let picked = [];
let key = null;
let asking = null;
let settling = null;

function options() {
  const data = new FormData(box);
  const text = (name) => data.get(name)?.toString().trim() || null;
  const labels = (text('labels') ?? '').split(',').map((pair) => pair.trim()).filter(Boolean);
  const chosen = {
    name: text('name'),
    token_types: data.getAll('token_types'),
    mode: text('mode'),
    claude: text('claude'),
    model: text('model'),
    priority: text('priority'),
    max_cost_usd: text('max_cost_usd') && Number(text('max_cost_usd')),
    deadline_s: text('deadline_min') && Number(text('deadline_min')) * 60,
    webhook_url: text('webhook_url'),
    force: data.has('force'),
    labels: Object.fromEntries(labels.map((pair) => [pair.split('=')[0].trim(), pair.split('=').slice(1).join('=').trim()])),
  };
  return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== null));
}

function showPicked() {
  const rows = picked.slice(0, SHOWN_FILES).map(({ file, path }) => {
    const row = document.createElement('li');
    const name = document.createElement('bdi');
    const size = document.createElement('span');
    name.textContent = name.title = path;
    size.textContent = bytes(file.size);
    row.append(name, size);
    return row;
  });
  part('list').replaceChildren(...rows);
  const total = picked.reduce((sum, { file }) => sum + file.size, 0);
  part('total').textContent = `${number.format(picked.length)} ${picked.length === 1 ? 'file' : 'files'}, ${bytes(total)}`;
  part('chosen').hidden = !picked.length;
}

function add(files) {
  if (!files.length) return say('No images or archives in there', 'bad');
  const known = new Set(picked.map(({ path, file }) => `${path}\0${file.size}\0${file.lastModified}`));
  picked.push(...files.filter(({ path, file }) => !known.has(`${path}\0${file.size}\0${file.lastModified}`)));
  changed();
}

/** Another choice is another request: it gets a key and an estimate of its own. */
function changed() {
  key = null;
  part('failure').hidden = true;
  showPicked();
  clearTimeout(settling);
  asking?.abort();
  if (!picked.length) return;
  part('estimate').textContent = 'Working out the cost…';
  settling = setTimeout(estimate, SETTLE_MS);
}

async function estimate() {
  asking = new AbortController();
  const { signal } = asking;
  const exact = part('estimate');
  try {
    const question = await surveyed(picked, options());
    const told = await ask(`${JOBS}/estimate`, { method: 'POST', signal, ...question });
    exact.textContent = phrase(told, question.headers !== undefined);
  } catch (error) {
    if (error.name !== 'AbortError') exact.textContent = `No estimate: ${error.message}`;
  }
}

function phrase(told, isGuess) {
  const images = `${isGuess ? 'About ' : ''}${number.format(told.images)} ${told.images === 1 ? 'image' : 'images'}`;
  const facts = [images];
  if (told.mode === 'cv') facts.push('measured and named by rule, no calls, $0');
  else facts.push(`${number.format(told.calls)} ${told.calls === 1 ? 'call' : 'calls'} to ${told.model}`, told.usd === null ? 'price not known' : `about ${money(told.usd)}`);
  if (told.cached && told.mode !== 'cv') facts.push(`${number.format(told.cached)} at hand already${told.saved_usd ? `, saving ${money(told.saved_usd)}` : ''}`);
  if (told.unreadable) facts.push(`${number.format(told.unreadable)} unreadable`);
  return facts.join(' · ');
}

/** Send a form with its progress, which fetch does not tell. */
function send(data, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', JOBS);
    request.setRequestHeader('X-CSRF-Token', csrf);
    request.setRequestHeader('Idempotency-Key', key);
    request.responseType = 'json';
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded, total);
    request.onload = () => (request.status < 300 ? resolve(request.response) : reject(new Error(explain(request.response, request.status))));
    request.onerror = () => reject(new Error('the connection broke'));
    part('stop').onclick = () => { request.abort(); reject(new Error('you stopped it')); };
    request.send(data);
  });
}

function showProgress(loaded, total) {
  const bar = part('bar');
  bar.max = total;
  bar.value = loaded;
  part('sent').textContent = loaded < total ? `${bytes(loaded)} of ${bytes(total)} sent` : 'Sent; the service is storing it…';
}

async function submit(event) {
  event.preventDefault();
  // The same key for the same wish: a repeat after a broken connection makes no second job.
  key ??= crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  part('failure').hidden = true;
  part('sending').hidden = false;
  box.inert = true;
  try {
    const job = await send(form(picked, options()), showProgress);
    location.assign(`/jobs/${job.id}`);
  } catch (error) {
    part('failure').hidden = false;
    part('reason').textContent = error.message;
    box.inert = false;
    part('sending').hidden = true;
  }
}

let depth = 0;
const carriesFiles = (event) => event.dataTransfer?.types.includes('Files');
addEventListener('dragenter', (event) => { if (carriesFiles(event) && ++depth) document.documentElement.classList.add('dropping'); });
addEventListener('dragleave', (event) => { if (carriesFiles(event) && --depth <= 0) document.documentElement.classList.remove('dropping'); });
addEventListener('dragover', (event) => { if (carriesFiles(event)) event.preventDefault(); });
addEventListener('drop', async (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  depth = 0;
  document.documentElement.classList.remove('dropping');
  add(await dropped(event.dataTransfer));
});
addEventListener('paste', (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (files.length) add(files.map((file) => ({ file, path: file.name })));
});
for (const input of [part('files'), part('folder')]) {
  input.addEventListener('change', () => {
    const files = [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
    add(input === part('folder') ? files.filter(({ path }) => isWanted(path)) : files);
    input.value = '';
  });
}
for (const button of document.querySelectorAll('[data-pick]')) {
  button.addEventListener('click', () => part(button.dataset.pick).click());
}
part('clear').addEventListener('click', () => { picked = []; changed(); });
box.addEventListener('change', changed);
box.addEventListener('submit', submit);
part('again').addEventListener('click', () => box.requestSubmit());
