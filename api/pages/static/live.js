// Live regions: the page is asked for again, and what differs in its `[data-live]` parts is put in
// place. What the reader is doing there (focus, scrolling, an open question) stays.

function sync(from, to) {
  for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !(name === 'open' && from.localName === 'details')) from.removeAttribute(name);
  }
}

/** Make one element like another, touching no more than what differs. */
export function morph(from, to) {
  sync(from, to);
  const old = [...from.childNodes];
  const fresh = [...to.childNodes];
  fresh.forEach((node, place) => {
    const known = old[place];
    if (!known) from.append(node);
    else if (known.nodeType !== node.nodeType || known.nodeName !== node.nodeName) known.replaceWith(node);
    else if (node.nodeType !== Node.ELEMENT_NODE) {
      if (known.data !== node.data) known.data = node.data;
    } else if (!known.isEqualNode(node)) morph(known, node);
  });
  old.slice(fresh.length).forEach((node) => node.remove());
}

/** Load the page (or another address) and renew its live regions, or the named ones alone. */
export async function refresh(names = null, url = location.href) {
  const answer = await fetch(url, { headers: { 'X-Live': '1' } });
  if (answer.redirected || !answer.ok) return location.reload();
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const region of document.querySelectorAll('[data-live]')) {
    const fresh = page.querySelector(`[data-live="${region.dataset.live}"]`);
    if (fresh && (!names || names.includes(region.dataset.live))) morph(region, fresh);
  }
}

/** Call something at most once in a while, and once more after the last wish. */
export function sparingly(action, every_ms) {
  let busy = false;
  let wanted = false;
  return async function wish() {
    if (busy) { wanted = true; return; }
    busy = true;
    try { await action(); } catch { /* the next wish may fare better */ }
    setTimeout(() => {
      busy = false;
      if (wanted) { wanted = false; wish(); }
    }, every_ms);
  };
}
