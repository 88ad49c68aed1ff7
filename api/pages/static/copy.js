// Buttons with `data-copy` put their text on the clipboard and say so.
import { say } from './toast.js';

document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    say('Copied');
  } catch {
    say('The browser does not allow copying here; select the text instead', 'bad');
  }
});
