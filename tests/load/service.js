// What the scripts share: who they are, what they send, how they read answers.

import http from "k6/http";
import { check } from "k6";

export const BASE = __ENV.BASE_URL;
export const API = `${BASE}/api/v1`;
export const STATS = ["med", "p(95)", "p(99)", "max"];
const PASSWORD = "correct horse battery";
const ENDED = ["succeeded", "partially_succeeded", "failed", "canceled"];

// With the key that `up` left, unless another token is named.
export function bearer(token = __ENV.API_KEY) {
  return { headers: { Authorization: `Bearer ${token}` } };
}

// Make an account of its own and return the form that signs it in.
export function register(name) {
  const account = { email: `${name}@load.example`, password: PASSWORD };
  const answer = http.post(`${API}/auth/register`, JSON.stringify(account), {
    headers: { "Content-Type": "application/json" },
  });
  check(answer, { "registered": (each) => each.status === 201 });
  return { username: account.email, password: account.password };
}

// Make an account and return what gets it in.
export function sign_in(name) {
  const pair = http.post(`${API}/auth/login`, register(name));
  check(pair, { "signed in": (each) => each.status === 200 });
  return bearer(pair.json("access_token"));
}

// A name that nobody else has in any run.
export function unique(word) {
  return `${word}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}

// A BMP of a card on a page, in colors that hang on the seed: so each is measured anew.
export function picture(seed) {
  const [width, height] = [96, 64];
  const bytes = new Uint8Array(54 + width * height * 3).fill(245, 54);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, 54, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, width, true);
  view.setInt32(22, height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  for (let y = 16; y < 48; y += 1) {
    for (let x = 16; x < 80; x += 1) {
      bytes.set([seed & 255, (seed >> 8) & 255, (seed >> 16) & 255], 54 + (y * width + x) * 3);
    }
  }
  return bytes.buffer;
}

// Submit pictures as one job. The form is made here, since k6 sends one file a field name.
export function submit(seeds, params = bearer()) {
  const boundary = "----copythat-load";
  const part = (head) => `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n`;
  const pieces = [text(`${part('name="options"')}${JSON.stringify({ mode: "cv" })}\r\n`)];
  for (const seed of seeds) {
    pieces.push(text(part(`name="files"; filename="${seed}.bmp"`)));
    pieces.push(new Uint8Array(picture(seed)), text("\r\n"));
  }
  pieces.push(text(`--${boundary}--\r\n`));
  const type = `multipart/form-data; boundary=${boundary}`;
  const headers = { ...params.headers, "Content-Type": type };
  return http.post(`${API}/jobs`, joined(pieces).buffer, { ...params, headers });
}

function text(words) {
  return Uint8Array.from([...words], (letter) => letter.charCodeAt(0));
}

function joined(pieces) {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

export function has_ended(job) {
  return ENDED.includes(job.status);
}

// Wait for a job's end as a client does that knows `Prefer`.
export function finish(id, params = bearer()) {
  const patient = { headers: { ...params.headers, Prefer: "wait=10" }, tags: { name: "waiting" } };
  let job = http.get(`${API}/jobs/${id}`, patient).json();
  while (!has_ended(job)) {
    job = http.get(`${API}/jobs/${id}`, patient).json();
  }
  return job;
}
