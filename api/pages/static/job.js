// A job's page, live: its events say when to look again, and more of its images come as one scrolls.
import './copy.js';
import { morph, refresh, sparingly } from './live.js';

const HEAD_MS = 700;
const BODY_MS = 4000;
const main = document.querySelector('[data-job]');
const job = main.dataset.job;
// What is shown stays what it is, though a job that ends would begin with its colors.
const here = new URL(location.href);
if (!here.searchParams.has('show')) here.searchParams.set('show', document.querySelector('[data-view]').dataset.view);
const region = (name) => document.querySelector(`[data-live="${name}"]`);

/** The elements that an address has, out of its page. */
async function load(url, selector) {
  // Before the many images that wait for their turn.
  const answer = await fetch(url, { priority: 'high' });
  if (!answer.ok || answer.redirected) throw new Error(`${url} cannot be read`);
  return new DOMParser().parseFromString(await answer.text(), 'text/html').querySelectorAll(selector);
}

const renewHead = sparingly(() => refresh(['head'], `/jobs/${job}/head`), HEAD_MS);

/** Tiles that changed are renewed chunk by chunk; what is not on the page yet waits to be scrolled to. */
const changed = new Set();
const renewBody = sparingly(async () => {
  const chunks = document.querySelectorAll('[data-chunk]:not([data-filtered])');
  if (!chunks.length) return refresh(['tabs', 'body'], here);
  for (const chunk of chunks) {
    const { first, last } = chunk.dataset;
    const isLast = chunk === chunks[chunks.length - 1];
    const touched = [...changed].some((index) => index >= first && (index <= last || isLast));
    if (!touched) continue;
    const [fresh] = await load(`${chunk.dataset.chunk}&part=images`, '[data-chunk]');
    if (fresh) morph(chunk, fresh);
  }
  changed.clear();
  await refresh(['tabs'], here);
}, BODY_MS);

function follow() {
  const source = new EventSource(`/api/v1/jobs/${job}/events`);
  source.addEventListener('item', ({ data }) => {
    changed.add(JSON.parse(data).index);
    renewHead();
    renewBody();
  });
  source.addEventListener('job', ({ data }) => {
    renewHead();
    if (JSON.parse(data).finished_at === null) return renewBody();
    source.close();
    const scrolled = document.querySelectorAll('[data-chunk]').length > 1;
    refresh(scrolled ? ['head', 'tabs'] : null, here);
    if (scrolled) renewBody();
  });
  source.addEventListener('deleted', () => location.assign('/'));
  return source;
}

/** Streams are few in a browser: a page that nobody sees leaves its own to others. */
let source = null;
function attend() {
  if (document.hidden) { source?.close(); source = null; }
  else if ('open' in region('head').dataset && !source) {
    source = follow();
    renewHead();
  }
}
document.addEventListener('visibilitychange', attend);
attend();

/** The next images come before the end of these is seen. */
const watcher = new IntersectionObserver(async ([{ isIntersecting, target }]) => {
  if (!isIntersecting || target.inert) return;
  target.inert = true;
  const [chunk, next] = await load(`${target.href}&part=images`, '[data-chunk], a[rel=next]').catch(() => []);
  target.inert = false;
  // Who has no connection may ask again.
  target.parentNode.style.visibility = chunk ? 'hidden' : '';
  if (!chunk) return;
  document.querySelector('#chunks').append(chunk);
  watcher.unobserve(target);
  if (!next) return target.remove();
  target.href = next.href;
  watcher.observe(target);
}, { rootMargin: '4000px' });
const more = document.querySelector('a[rel=next]');
if (more) {
  // What comes by itself needs no link, which each of its comings would push away.
  more.parentNode.style.visibility = 'hidden';
  watcher.observe(more);
}
