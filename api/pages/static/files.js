// Files out of drops and pickers, folders among them, each with its path.

const KINDS = /\.(png|jpe?g|webp|gif|bmp|tiff?|avif|zip|tar|tgz|tar\.gz)$/i;
const PLACED_BY_SYSTEMS = /(^|\/)(\.|__MACOSX\/)/;
// What a page may send twice: once to be told its cost, and once to be worked on.
const SURVEYED_BYTES = 48 * 2 ** 20;
const TYPICAL = { width: 1440, height: 900 };

const list = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
const open = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

async function* walk(entry) {
  if (entry.isFile) yield { file: await open(entry), path: entry.fullPath.replace(/^\//, '') };
  if (!entry.isDirectory) return;
  const reader = entry.createReader();
  for (let some = await list(reader); some.length; some = await list(reader)) {
    for (const each of some) yield* walk(each);
  }
}

/** Whether a file of a folder is one to send; what somebody picks by itself is sent as it is. */
export const isWanted = (path) => KINDS.test(path) && !PLACED_BY_SYSTEMS.test(path);

/** The files of a drop. Entries have to be taken before anything is awaited. */
export async function dropped(transfer) {
  const held = [...transfer.items].filter((item) => item.kind === 'file');
  const entries = held.map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const found = [];
  for (const entry of entries) {
    if (entry instanceof File) found.push({ file: entry, path: entry.name });
    else for await (const each of walk(entry)) if (entry.isFile || isWanted(each.path)) found.push(each);
  }
  return found;
}

/** How many members a zip says it has: the end of its central directory (APPNOTE 4.3.16). */
async function countMembers(file) {
  const tail = new DataView(await file.slice(-65557).arrayBuffer());
  for (let at = tail.byteLength - 22; at >= 0; at--) {
    if (tail.getUint32(at, true) === 0x06054b50) return tail.getUint16(at + 10, true);
  }
  return 1;
}

async function sizeOf(file) {
  try {
    const { width, height } = await createImageBitmap(file);
    return { width, height };
  } catch {
    return TYPICAL;
  }
}

/** What to ask the estimate of: the files themselves, or their number where they are many. */
export async function surveyed(picked, options) {
  const bytes = picked.reduce((sum, { file }) => sum + file.size, 0);
  if (bytes <= SURVEYED_BYTES) return { body: form(picked, options) };
  let images = 0;
  for (const { file, path } of picked) images += /\.zip$/i.test(path) ? await countMembers(file) : 1;
  const first = picked.find(({ file }) => file.type.startsWith('image/'));
  const size = first ? await sizeOf(first.file) : TYPICAL;
  const body = JSON.stringify({ images: Math.max(images, 1), ...size, options });
  return { body, headers: { 'Content-Type': 'application/json' } };
}

// The service keeps no more of a name; its end tells most.
const MOST_NAME = 500;

/** The form that a job is handed in with. */
export function form(picked, options) {
  const data = new FormData();
  data.append('options', JSON.stringify(options));
  for (const { file, path } of picked) data.append('files', file, path.slice(-MOST_NAME));
  return data;
}
