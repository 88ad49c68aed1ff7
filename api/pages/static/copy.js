// Buttons with `data-copy` put their text on the clipboard, those with `data-copy-from` what an
// address answers, and those with `data-copy-token` a token in the format chosen on the page.
import { say } from './toast.js';

const CHOICE = 'copythat-format';
const choose = () => document.querySelector('[data-copy-format]');

async function textOf(button) {
  if (button.dataset.copy) return button.dataset.copy;
  const { copyFrom, copyToken } = button.dataset;
  const select = choose();
  const answer = await fetch(copyFrom ?? `${select.dataset.copyBase}${copyToken}?format=${select.value}`);
  if (!answer.ok) throw new Error('it could not be read');
  return answer.text();
}

document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy], [data-copy-from], [data-copy-token]');
  if (!button) return;
  try {
    await navigator.clipboard.writeText(await textOf(button));
    say('Copied');
  } catch (error) {
    say(`Not copied: ${error.message}`, 'bad');
  }
});

// A page that is renewed may come with another select, so the choice is kept outside of it.
const select = choose();
if (select) {
  select.value = localStorage.getItem(CHOICE) ?? select.value;
  select.addEventListener('change', () => localStorage.setItem(CHOICE, select.value));
}
