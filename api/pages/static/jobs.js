// The list of jobs: its progress is renewed while a job on it is open and somebody looks.
import './upload.js';
import { refresh } from './live.js';

const EVERY_MS = 1500;

async function renew() {
  const list = document.querySelector('[data-live="list"]');
  if ('open' in list.dataset && !document.hidden) await refresh().catch(() => {});
  setTimeout(renew, EVERY_MS);
}

setTimeout(renew, EVERY_MS);
