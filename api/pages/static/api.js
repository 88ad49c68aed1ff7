// What pages say to the service: with the page's token, and with problems as errors.

export const csrf = document.body.dataset.csrf;

/** An answer that is a problem (RFC 9457); `status` is 0 where there was no answer. */
export class Problem extends Error {
  constructor(text, status = 0) {
    super(text);
    this.status = status;
  }
}

/** The words of a problem's JSON. */
export function explain(body, status) {
  const details = (body?.errors ?? []).map((each) => each.detail);
  return [body?.detail ?? `the service answered ${status}`, ...details.slice(1)].join('; ');
}

/** Ask the API and return its JSON. */
export async function ask(path, { method = 'GET', body, headers = {}, signal } = {}) {
  let answer;
  try {
    answer = await fetch(path, { method, body, signal, headers: { 'X-CSRF-Token': csrf, ...headers } });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem('the service cannot be reached');
  }
  const json = await answer.json().catch(() => null);
  if (!answer.ok) throw new Problem(explain(json, answer.status), answer.status);
  return json;
}
