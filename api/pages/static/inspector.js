// The Inspector: what is under the pointer or has the focus lights up, in the image and in the list.

const STEP = 1.25;
const MOST_ZOOM = 16;
const LEAST_ZOOM = 0.1;
const PIXELATED_FROM = 3;
const OPEN_LOOK_MS = 2000;
const root = document.querySelector('.inspector');
const stage = root.querySelector('.stage');

/** Tokens with their boxes, read back from the paths that draw them. */
function readTokens() {
  return [...root.querySelectorAll('.overlay [data-token]')].map((path) => {
    const rects = path.getAttribute('d').matchAll(/M(\d+) (\d+)h(\d+)v(\d+)/g);
    return {
      key: path.dataset.token,
      path,
      layer: root.querySelector(`#layer-${path.parentNode.dataset.layer}`),
      entry: root.querySelector(`details[data-token="${path.dataset.token}"]`),
      boxes: [...rects].map(([, ...numbers]) => numbers.map(Number)),
    };
  });
}

function inspect() {
  const canvas = stage.querySelector('.canvas');
  const svg = stage.querySelector('.overlay');
  const spot = stage.querySelector('.spot');
  const reading = stage.querySelector('.reading');
  const image = svg.viewBox.baseVal;
  const dpr = Number(stage.dataset.dpr);
  const tokens = readTokens();
  let lit = null;
  let pinned = null;

  function light(token, box = null) {
    if (lit && lit !== token) {
      lit.path.classList.remove('lit');
      lit.entry?.classList.remove('lit');
    }
    lit = token;
    root.classList.toggle('lighting', token !== null);
    token?.path.classList.add('lit');
    token?.entry?.classList.add('lit');
    read(token, box);
  }

  /** Write what a place comes to beside it. */
  function read(token, box) {
    reading.hidden = !token || !box;
    spot.setAttribute('d', box ? `M${box[0]} ${box[1]}h${box[2]}v${box[3]}h-${box[2]}z` : '');
    if (reading.hidden) return;
    const [x, y, width, height] = box;
    const value = token.entry.querySelector('summary code').textContent;
    const name = token.entry.querySelector('.finding-name').textContent;
    const px = (length) => `${Math.round((length / dpr) * 10) / 10}`;
    reading.textContent = `${name} ${value} · ${px(width)} × ${px(height)} px here`;
    reading.style.left = `${(100 * x) / image.width}%`;
    reading.style.top = `${(100 * (y + height)) / image.height}%`;
  }

  /** The smallest visible box under a point of the screen: what lies on top of all others. */
  function under({ clientX, clientY }) {
    const at = svg.getBoundingClientRect();
    const x = ((clientX - at.left) * image.width) / at.width;
    const y = ((clientY - at.top) * image.height) / at.height;
    let best = null;
    for (const token of tokens) {
      if (!token.layer.checked) continue;
      for (const box of token.boxes) {
        if (x < box[0] || y < box[1] || x > box[0] + box[2] || y > box[1] + box[3]) continue;
        const area = box[2] * box[3];
        if (!best || area < best.area) best = { token, box, area };
      }
    }
    return best;
  }

  // Light up from the image.
  let dragging = null;
  svg.addEventListener('pointermove', (event) => {
    if (dragging || pinned) return;
    const found = under(event);
    light(found?.token ?? null, found?.box);
  });
  svg.addEventListener('pointerleave', () => { if (!pinned) light(null); });
  svg.addEventListener('click', (event) => {
    if (dragging?.moved) return;
    const found = under(event);
    pinned = found && found.token === pinned ? null : (found?.token ?? null);
    light(found?.token ?? null, found?.box);
    if (!found) return;
    found.token.entry.open = true;
    found.token.entry.scrollIntoView({ block: 'nearest' });
  });

  // Light up from the list; a closed layer is opened for what is chosen.
  for (const token of tokens) {
    if (!token.entry) continue;
    token.entry.addEventListener('pointerenter', () => light(token, token.boxes[0]));
    token.entry.addEventListener('focusin', () => light(token, token.boxes[0]));
    token.entry.addEventListener('pointerleave', () => light(pinned, pinned?.boxes[0]));
    token.entry.addEventListener('focusout', () => { if (!pinned) light(null); });
    token.entry.querySelector('summary').addEventListener('click', () => {
      pinned = token.entry.open ? null : token;
      if (!pinned) return;
      token.layer.checked = true;
      light(token, token.boxes[0]);
      show(token.boxes[0]);
    });
  }

  /** Scroll the stage to a box that is not seen. */
  function show(box) {
    if (!box) return;
    const scale = canvas.clientWidth / image.width;
    const [x, y] = [box[0] * scale, box[1] * scale];
    const seen = x >= stage.scrollLeft && x <= stage.scrollLeft + stage.clientWidth
      && y >= stage.scrollTop && y <= stage.scrollTop + stage.clientHeight;
    if (!seen) stage.scrollTo({ left: x - stage.clientWidth / 2, top: y - stage.clientHeight / 2 });
  }

  // Zoom about a point; null is as wide as the stage.
  let zoom = null;
  const fitting = () => stage.clientWidth / (image.width / dpr);
  function setZoom(wanted, about = null) {
    const before = canvas.getBoundingClientRect();
    const frame = stage.getBoundingClientRect();
    const point = about ?? { clientX: frame.left + stage.clientWidth / 2, clientY: frame.top + stage.clientHeight / 2 };
    const share = [(point.clientX - before.left) / before.width, (point.clientY - before.top) / before.height];
    zoom = wanted === null ? null : Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, wanted));
    canvas.style.width = zoom === null ? '' : `${(image.width / dpr) * zoom}px`;
    canvas.classList.toggle('pixelated', (zoom ?? fitting()) >= PIXELATED_FROM);
    const after = canvas.getBoundingClientRect();
    stage.scrollBy(after.left + share[0] * after.width - point.clientX, after.top + share[1] * after.height - point.clientY);
    root.querySelector('[data-zoom-shown]').textContent = zoom === null ? 'fit' : `${Math.round(zoom * 100)} %`;
  }
  const zooms = {
    in: (about) => setZoom((zoom ?? fitting()) * STEP, about),
    out: (about) => setZoom((zoom ?? fitting()) / STEP, about),
    fit: () => setZoom(null),
    actual: () => setZoom(1),
  };
  for (const button of root.querySelectorAll('[data-zoom]')) {
    button.addEventListener('click', () => zooms[button.dataset.zoom]());
  }
  stage.addEventListener('wheel', (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    (event.deltaY < 0 ? zooms.in : zooms.out)(event);
  }, { passive: false });

  // Drag to pan.
  stage.addEventListener('pointerdown', (event) => {
    if (event.button || event.pointerType !== 'mouse') return;
    dragging = { x: event.clientX, y: event.clientY, left: stage.scrollLeft, top: stage.scrollTop, moved: false };
  });
  addEventListener('pointermove', (event) => {
    if (!dragging || !event.buttons) return;
    const [dx, dy] = [event.clientX - dragging.x, event.clientY - dragging.y];
    dragging.moved ||= Math.hypot(dx, dy) > 4;
    if (dragging.moved) stage.scrollTo(dragging.left - dx, dragging.top - dy);
  });
  // The click that ends a drag comes right after it.
  addEventListener('pointerup', () => setTimeout(() => { dragging = null; }));

  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, select, textarea')) return;
    const link = { n: 'next', p: 'prev' }[event.key];
    if (link) root.querySelector(`a[rel=${link}]`)?.click();
    else if (event.key === 'Escape') {
      pinned = null;
      light(null);
    } else zooms[{ '+': 'in', '=': 'in', '-': 'out', 0: 'fit', 1: 'actual' }[event.key]]?.();
  });

  const chosen = tokens.find(({ entry }) => entry?.open);
  if (chosen) {
    pinned = chosen;
    light(chosen, chosen.boxes[0]);
    chosen.entry.scrollIntoView({ block: 'nearest' });
  }
}

if (stage) inspect();
if (root.querySelector('[data-open]')) setTimeout(() => location.reload(), OPEN_LOOK_MS);
