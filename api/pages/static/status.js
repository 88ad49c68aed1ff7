// The status page looks again every few seconds while somebody sees it.
import { refresh } from './live.js';

const EVERY_MS = 4000;
setInterval(() => { if (!document.hidden) refresh().catch(() => {}); }, EVERY_MS);
