// Short messages at the foot of the page; screen readers hear them.
const SHOWN_MS = 4000;

/** Show a message for a moment. `kind` is 'good' or 'bad'. */
export function say(text, kind = 'good') {
  const toast = document.createElement('p');
  toast.className = `toast ${kind}`;
  toast.textContent = text;
  document.querySelector('.toasts').append(toast);
  setTimeout(() => toast.remove(), SHOWN_MS);
}
