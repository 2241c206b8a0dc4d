// What runs inside of the browser. The functions are sent there as text: they use nothing from outside of themselves.
// biome-ignore-all lint/suspicious/noExplicitAny: the types of the browser are not those of Node
declare const document: any;
declare const getComputedStyle: any;
declare const NodeFilter: any;

/** Texts whose colours are too near to what is behind them (WCAG 2.2, 1.4.3), and frames of fields (1.4.11). */
export function lowContrasts(): string[] {
  type Colour = [number, number, number, number];
  const parse = (text: string): Colour => {
    const numbers = (text.match(/-?[\d.]+(?:e-?\d+)?/g) ?? []).map(Number);
    const scale = text.startsWith('color(') ? 255 : 1;
    const [r = 0, g = 0, b = 0, a = 1] = numbers;
    return [r * scale, g * scale, b * scale, a];
  };
  const over = ([r, g, b, a]: Colour, [R, G, B]: Colour): Colour => [
    r * a + R * (1 - a),
    g * a + G * (1 - a),
    b * a + B * (1 - a),
    1,
  ];
  const behind = (element: any): Colour => {
    if (element === null) return [255, 255, 255, 1];
    const colour = parse(getComputedStyle(element).backgroundColor);
    return colour[3] === 1 ? colour : over(colour, behind(element.parentElement));
  };
  const light = ([r, g, b]: Colour) => {
    const [R = 0, G = 0, B = 0] = [r, g, b].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * R + 0.7152 * G + 0.0722 * B;
  };
  const ratio = (a: Colour, b: Colour) => {
    const [high, low] = [light(a), light(b)].sort((x, y) => y - x) as [number, number];
    return (high + 0.05) / (low + 0.05);
  };
  const faults: string[] = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.textContent.trim() === '' || ['SCRIPT', 'STYLE', 'OPTION', 'OPTGROUP'].includes(element.tagName))
      continue;
    if (element.getClientRects().length === 0) continue;
    seen++;
    const style = getComputedStyle(element);
    const size = Number.parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ground = behind(element);
    const found = ratio(over(parse(style.color), ground), ground);
    if (found < (large ? 3 : 4.5))
      faults.push(`${found.toFixed(2)} ${element.tagName} ${node.textContent.trim().slice(0, 40)}`);
  }
  for (const field of document.querySelectorAll('select, input, #swap')) {
    if (field.getClientRects().length === 0) continue;
    const ground = behind(field.parentElement);
    const found = ratio(over(parse(getComputedStyle(field).borderTopColor), ground), ground);
    if (found < 3) faults.push(`${found.toFixed(2)} frame of ${field.id}`);
  }
  return seen > 10 ? faults : [`only ${seen} texts were seen`];
}

/** What is wrong with the structure of a page, for who does not see it. */
export function structureFaults(): string[] {
  const faults: string[] = [];
  const all = (selector: string): any[] => [...document.querySelectorAll(selector)];
  const nameOf = (element: any): string =>
    (element.getAttribute('aria-label') ?? element.textContent ?? '').trim();
  if (document.documentElement.lang !== 'en') faults.push('no language');
  if (document.title.trim() === '') faults.push('no title');
  for (const landmark of ['header', 'main', 'footer', 'nav'])
    if (all(landmark).length === 0) faults.push(`no ${landmark}`);
  if (all('h1').length !== 1) faults.push(`${all('h1').length} first headings`);
  let level = 0;
  for (const heading of all('h1, h2, h3, h4, h5, h6')) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) faults.push(`h${next} "${heading.textContent}" after h${level}`);
    level = next;
  }
  const ids = all('[id]').map(({ id }) => id);
  if (new Set(ids).size !== ids.length) faults.push('an id twice');
  for (const element of all('[aria-labelledby]'))
    if (document.getElementById(element.getAttribute('aria-labelledby')) === null)
      faults.push(`no ${element.getAttribute('aria-labelledby')}`);
  for (const element of all('a, button')) {
    if (nameOf(element) === '') faults.push(`${element.outerHTML.slice(0, 80)} has no name`);
    if (element.tagName === 'A' && !element.hasAttribute('href')) faults.push('a link that leads nowhere');
  }
  for (const field of all('input, select'))
    if (field.labels.length !== 1) faults.push(`${field.id} has no label`);
  for (const nav of all('nav')) if (nameOf(nav) === '') faults.push('a nav without a name');
  for (const table of all('table'))
    if (table.caption === null || table.querySelectorAll('th[scope]').length === 0)
      faults.push('a table without heads');
  for (const element of all('button, nav a')) {
    const { width, height } = element.getBoundingClientRect();
    if (width > 0 && (width < 24 || height < 20))
      faults.push(`${nameOf(element)} is too small: ${width} x ${height}`);
  }
  if (all('[style], [onclick], [onload], iframe, object, embed, form').length > 0)
    faults.push('what does not belong there');
  return faults;
}

/** Where the focus is, and whether one sees that. */
export function focused(): { name: string; tag: string; visible: boolean; at: number } {
  const element = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const name = element.getAttribute('aria-label') ?? element.id ?? '';
  return {
    name: (name === '' ? element.textContent : name).trim().slice(0, 60),
    tag: element.tagName,
    visible: outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2,
    at: [...document.querySelectorAll('*')].indexOf(element),
  };
}

/** What the picker shows, or one of the lists of a release, as text. */
export function differencesAsText(selector: string): string[] {
  const [first] = document.querySelectorAll(selector);
  const kept = [...first.querySelectorAll('tbody tr, p.quiet, li')].map((element: any) =>
    [...(element.cells ?? [element])]
      .map((cell: any) => `${cell.innerText.trim()} ${cell.querySelector('a')?.href ?? ''}`.trim())
      .join(' | '),
  );
  return kept;
}
