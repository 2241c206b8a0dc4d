// What every page can do beyond being read. Everything is there without it. Text only ever becomes text: `textContent`, never markup.

/** Tells screen readers. The same words again are told again. @param {string} text */
function say(text) {
  const said = document.getElementById('said');
  if (!said) return;
  said.textContent = '';
  setTimeout(() => {
    said.textContent = text;
  }, 50);
}

for (const button of document.querySelectorAll('button[data-copy]')) {
  if (!(button instanceof HTMLButtonElement)) continue;
  button.hidden = false;
  button.addEventListener('click', () => copyOf(button));
}

/** @param {HTMLButtonElement} button */
async function copyOf(button) {
  const text = button.dataset.copy ?? '';
  const code = button.parentElement?.querySelector('code');
  if (await copied(text, code)) {
    show(button, 'Copied');
    say(`Copied: ${text}`);
  } else {
    show(button, 'Selected');
    say('The browser does not allow copying. The text is selected: press Control and C.');
  }
}

/** Where the clipboard is not allowed, the text is at least selected. @param {string} text @param {Element | null | undefined} code */
async function copied(text, code) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (code) getSelection()?.selectAllChildren(code);
    return document.execCommand('copy');
  }
}

/** @param {HTMLButtonElement} button @param {string} text */
function show(button, text) {
  button.textContent = text;
  setTimeout(() => {
    button.textContent = 'Copy';
  }, 2000);
}
