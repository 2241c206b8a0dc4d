// The page of all releases: a field that leaves only those rows that have its words.
narrowDown();

function narrowDown() {
  const filter = document.querySelector('[data-filter]');
  const field = document.getElementById('filter');
  if (!(filter instanceof HTMLElement) || !(field instanceof HTMLInputElement)) return;
  filter.hidden = false;
  const rows = [...document.querySelectorAll('main tbody tr')].flatMap((row) =>
    row instanceof HTMLElement ? [{ row, text: (row.textContent ?? '').toLowerCase() }] : [],
  );
  field.addEventListener('input', () => {
    const words = field.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const { row, text } of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown++;
    }
    say(`${shown} of ${rows.length} shown`);
  });
}
