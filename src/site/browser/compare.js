// The page that compares: two releases are chosen, and how they differ is told, from the data in the page.
start();

/**
 * @typedef {{ source: string, image: string, from: string, version: string | null, revision: string | null, site: number | null }} Component
 * @typedef {{ kind: string, name: string, is: string }} Fact
 * @typedef {{ title: string, day: string, page: string, digest: string, components: number[], facts: number[] }} Release
 * @typedef {{ releases: Release[], groups: { name: string, releases: number[] }[], components: Component[],
 *   sites: { commit: string, compare: string }[], facts: Fact[] }} Data
 * @typedef {'added' | 'removed' | 'changed'} Change
 */

function start() {
  const data = document.getElementById('data');
  const picker = document.querySelector('[data-picker]');
  const [from, to] = [document.getElementById('from'), document.getElementById('to')];
  const result = document.getElementById('differences');
  if (
    data &&
    picker instanceof HTMLElement &&
    from instanceof HTMLSelectElement &&
    to instanceof HTMLSelectElement &&
    result
  )
    compare(JSON.parse(data.textContent ?? ''), picker, from, to, result);
}

/** @param {Data} data @param {HTMLElement} picker @param {HTMLSelectElement} from @param {HTMLSelectElement} to @param {HTMLElement} result */
function compare(data, picker, from, to, result) {
  if (data.releases.length === 0) return;
  for (const part of document.querySelectorAll('[data-without-script]')) part.setAttribute('hidden', '');
  picker.hidden = false;
  fill(data, from);
  fill(data, to);
  const line = data.groups[0]?.releases ?? [];
  to.value = String(line[0] ?? 0);
  from.value = String(line[1] ?? data.releases.length - 1);
  choose();
  update(false);
  for (const select of [from, to]) select.addEventListener('change', () => update(true));
  document.getElementById('swap')?.addEventListener('click', () => {
    [from.value, to.value] = [to.value, from.value];
    update(true);
  });
  addEventListener('hashchange', () => {
    choose();
    update(false);
  });

  /** What the address asks for: #from=DIGEST&to=DIGEST; without a beginning, the release before in its channel. */
  function choose() {
    const asked = new URLSearchParams(location.hash.slice(1));
    /** @param {string} name */
    const place = (name) => {
      const digest = asked.get(name);
      return digest === null || digest === ''
        ? -1
        : data.releases.findIndex((one) => one.digest.startsWith(digest));
    };
    const [wantedFrom, wantedTo] = [place('from'), place('to')];
    if (wantedTo >= 0) {
      to.value = String(wantedTo);
      const group = data.groups.find(({ releases }) => releases.includes(wantedTo))?.releases ?? [];
      const before = group[group.indexOf(wantedTo) + 1];
      if (before !== undefined) from.value = String(before);
    }
    if (wantedFrom >= 0) from.value = String(wantedFrom);
  }

  /** @param {boolean} byHand */
  function update(byHand) {
    const [before, after] = [data.releases[Number(from.value)], data.releases[Number(to.value)]];
    if (!before || !after) return;
    const { nodes, summary } = differences(data, before, after);
    result.replaceChildren(...nodes);
    if (!byHand) return;
    const hash = `#from=${before.digest.slice(0, 16)}&to=${after.digest.slice(0, 16)}`;
    history.replaceState(null, '', hash);
    say(`From ${before.title} to ${after.title}: ${summary}`);
  }
}

/** @param {Data} data @param {HTMLSelectElement} select */
function fill(data, select) {
  for (const { name, releases } of data.groups) {
    const group = document.createElement('optgroup');
    group.label = name === '' ? 'In no channel' : name;
    for (const place of releases) {
      const release = data.releases[place];
      if (!release) continue;
      const option = document.createElement('option');
      option.value = String(place);
      option.textContent = release.day === '' ? release.title : `${release.title}, ${release.day}`;
      group.append(option);
    }
    select.append(group);
  }
}

/** @param {Data} data @param {Release} before @param {Release} after */
function differences(data, before, after) {
  /** @param {Release} release */
  const componentsOf = (release) =>
    new Map(
      release.components.flatMap((place) =>
        data.components[place] ? [[data.components[place].source, data.components[place]]] : [],
      ),
    );
  const [old, now] = [componentsOf(before), componentsOf(after)];
  const rows = [];
  const same = [];
  for (const name of [...new Set([...old.keys(), ...now.keys()])].sort(byCode)) {
    const [was, is] = [old.get(name), now.get(name)];
    if (was && is && was.image === is.image) same.push(name);
    else rows.push({ name, was, is });
  }
  const nodes = [];
  if (rows.length === 0) nodes.push(element('p', 'The components are the same.'));
  else {
    nodes.push(changeTable(data, rows));
    if (same.length > 0) nodes.push(element('p', `Unchanged: ${listed(same)}.`, 'quiet'));
  }
  const others = factChanges(data, before, after);
  nodes.push(...others);
  const links = element('p', '', 'more');
  for (const release of [before, after]) {
    const link = document.createElement('a');
    link.href = release.page;
    link.textContent = `About ${release.title}`;
    links.append(link);
  }
  nodes.push(links);
  return { nodes, summary: summaryOf(rows, others.length) };
}

/** @param {{ was?: Component, is?: Component }[]} rows @param {number} others */
function summaryOf(rows, others) {
  const added = rows.filter(({ was }) => !was).length;
  const removed = rows.filter(({ is }) => !is).length;
  const changed = rows.length - added - removed;
  const words = [];
  if (changed > 0) words.push(`${changed} ${changed === 1 ? 'component' : 'components'} changed`);
  if (added > 0) words.push(`${added} new`);
  if (removed > 0) words.push(`${removed} removed`);
  if (words.length > 0) return words.join(', ');
  return others === 0 ? 'No change' : 'Same components';
}

/** @param {Data} data @param {{ name: string, was?: Component, is?: Component }[]} rows */
function changeTable(data, rows) {
  const heads = ['Component', 'What', 'From', 'To', 'Commits'];
  const table = element('table');
  const caption = element('caption', 'Components that changed', 'unseen');
  const head = element('thead');
  const body = element('tbody');
  const line = element('tr');
  for (const text of heads) {
    const cell = element('th', text);
    cell.setAttribute('scope', 'col');
    cell.setAttribute('role', 'columnheader');
    line.append(cell);
  }
  head.append(line);
  table.append(caption, head, body);
  for (const { name, was, is } of rows) {
    const row = element('tr');
    const cells = [
      [name],
      [badge(!was ? 'added' : !is ? 'removed' : 'changed')],
      versionOf(data, was),
      versionOf(data, is),
      commits(data, name, was, is),
    ];
    for (const [at, content] of cells.entries()) {
      const cell = element(at === 0 ? 'th' : 'td');
      cell.setAttribute('role', at === 0 ? 'rowheader' : 'cell');
      if (at === 0) cell.setAttribute('scope', 'row');
      else cell.dataset.head = heads[at];
      const inner = at === 0 ? cell : cell.appendChild(element('div'));
      inner.append(...content);
      row.append(cell);
    }
    body.append(row);
  }
  table.setAttribute('role', 'table');
  for (const group of [head, body]) group.setAttribute('role', 'rowgroup');
  for (const row of table.querySelectorAll('tr')) row.setAttribute('role', 'row');
  return table;
}

/** @param {Data} data @param {Component | undefined} component @returns {(Node | string)[]} */
function versionOf(data, component) {
  if (!component) return [element('span', '–', 'quiet')];
  const { version, revision, site, image, from } = component;
  /** @type {(Node | string)[]} */
  const nodes = [];
  if (version !== null) nodes.push(element('span', version, 'version'));
  if (revision !== null) {
    const form = site === null ? undefined : data.sites[site];
    const code = element('code', /^[0-9a-f]{7,64}$/.test(revision) ? revision.slice(0, 10) : revision);
    code.title = revision;
    if (nodes.length > 0) nodes.push(' ');
    nodes.push(form ? link(form.commit.replace('{revision}', revision), code) : code);
  }
  if (nodes.length > 0) return nodes;
  if (image === '') return [from];
  const digest = element('code', image.slice(0, 12), 'digest');
  digest.title = `sha256:${image}`;
  return [digest];
}

/** @param {Data} data @param {string} name @param {Component | undefined} was @param {Component | undefined} is */
function commits(data, name, was, is) {
  const none = [element('span', '–', 'quiet')];
  if (!was || !is || was.site === null || was.site !== is.site) return none;
  const form = data.sites[was.site];
  if (!form || was.revision === null || is.revision === null || was.revision === is.revision) return none;
  const address = form.compare.replace('{from}', was.revision).replace('{to}', is.revision);
  return [link(address, 'compare', element('span', ` the commits of ${name}`, 'unseen'))];
}

/** @param {Data} data @param {Release} before @param {Release} after */
function factChanges(data, before, after) {
  const nodes = [];
  for (const kind of ['Parts', 'Environment', 'Commands']) {
    /** @param {Release} release */
    const factsOf = (release) =>
      new Map(
        release.facts.flatMap((place) =>
          data.facts[place]?.kind === kind ? [[data.facts[place].name, data.facts[place].is]] : [],
        ),
      );
    const [old, now] = [factsOf(before), factsOf(after)];
    const items = [...new Set([...old.keys(), ...now.keys()])].sort(byCode).flatMap((name) => {
      if (old.get(name) === now.get(name)) return [];
      const item = element('li');
      item.append(
        badge(!old.has(name) ? 'added' : !now.has(name) ? 'removed' : 'changed'),
        ' ',
        element('code', name),
      );
      return [item];
    });
    if (items.length === 0) continue;
    const entries = element('ul', '', 'plain');
    entries.append(...items);
    nodes.push(element('h3', kind), entries);
  }
  return nodes;
}

/** @param {Change} change */
function badge(change) {
  const [tone, sign, text] = {
    added: ['good', '✓', 'new'],
    removed: ['bad', '✕', 'removed'],
    changed: ['accent', '●', 'changed'],
  }[change] ?? ['plain', '–', ''];
  const node = element('span', '', `badge ${tone}`);
  const mark = element('span', sign);
  mark.setAttribute('aria-hidden', 'true');
  node.append(mark, ` ${text}`);
  return node;
}

/** Addresses were checked when the page was written; only what leads to the web by https is one. @param {string} address @param {(Node | string)[]} content */
function link(address, ...content) {
  if (!address.startsWith('https://')) return element('span', String(content[0]));
  const node = document.createElement('a');
  node.href = address;
  node.rel = 'noopener noreferrer external';
  node.append(...content);
  return node;
}

/** @param {string} tag @param {string} text @param {string} kind */
function element(tag, text = '', kind = '') {
  const node = document.createElement(tag);
  if (text !== '') node.textContent = text;
  if (kind !== '') node.className = kind;
  return node;
}

/** @param {string[]} names */
function listed(names) {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** @param {string} a @param {string} b */
function byCode(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
