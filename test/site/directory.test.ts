import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { refuseForeignDirectory, writeSiteDirectory } from '../../src/cli/site-directory.js';
import { ownerOf } from '../../src/files/index.js';
import { temporaryDirectory } from '../support/temporary.js';

const owner = ownerOf(process.pid);
const file = (path: string, text = path) => ({ path, text });
const namesIn = (directory: string) => readdirSync(directory, { recursive: true }).map(String).sort();

describe('the directory of a site', () => {
  it('is replaced as a whole, with what an older site had gone, and left alone where nothing changed', () => {
    const site = `${temporaryDirectory()}/a/site`;
    const first = [file('index.html'), file('releases/one.html')];
    expect(writeSiteDirectory(site, first, owner)).toMatchObject({ files: 2, changed: true });
    expect(writeSiteDirectory(site, first, owner)).toMatchObject({ files: 2, changed: false });
    expect(writeSiteDirectory(site, [file('index.html', 'new')], owner)).toMatchObject({ changed: true });
    expect(namesIn(site)).toEqual(['.engineshed-site.json', 'index.html']);
    expect(readFileSync(`${site}/index.html`, 'utf8')).toBe('new');
    expect(readdirSync(`${site}/..`)).toEqual(['site']);
  });

  it('is never one that somebody else has something in', () => {
    const directory = temporaryDirectory();
    const site = `${directory}/site`;
    mkdirSync(site);
    writeSiteDirectory(site, [file('index.html')], owner);
    for (const prepare of [
      () => writeFileSync(`${site}/CNAME`, 'example.com'),
      () => {
        mkdirSync(`${site}/deep/er`, { recursive: true });
        symlinkSync('/etc', `${site}/deep/er/link`);
      },
      () => writeFileSync(`${site}/.engineshed-site.json`, '{'),
      () => rmSync(`${site}/.engineshed-site.json`),
    ]) {
      rmSync(site, { recursive: true });
      writeSiteDirectory(site, [file('index.html')], owner);
      prepare();
      const before = namesIn(site);
      expect(() => refuseForeignDirectory(site)).toThrow(
        expect.objectContaining({ code: 'FILE_IN_THE_WAY' }),
      );
      expect(() => writeSiteDirectory(site, [file('other.html')], owner)).toThrow(
        expect.objectContaining({ code: 'FILE_IN_THE_WAY' }),
      );
      expect(namesIn(site)).toEqual(before);
    }
    writeFileSync(`${directory}/plain`, '');
    expect(() => refuseForeignDirectory(`${directory}/plain`)).toThrow(/is no directory/);
    expect(() => refuseForeignDirectory(directory)).toThrow(/not part of a site/);
  });

  it('stays where a link leads to it', () => {
    const directory = temporaryDirectory();
    mkdirSync(`${directory}/there`);
    symlinkSync('there', `${directory}/link`);
    writeSiteDirectory(`${directory}/link`, [file('index.html')], owner);
    expect(namesIn(`${directory}/there`)).toContain('index.html');
    expect(readdirSync(directory).sort()).toEqual(['link', 'there']);
  });

  it('stays as it is where writing fails in the middle, with nothing left beside it', () => {
    const directory = temporaryDirectory();
    const site = `${directory}/site`;
    writeSiteDirectory(site, [file('index.html')], owner);
    function* failing() {
      yield file('index.html', 'new');
      throw new Error('in the middle');
    }
    expect(() => writeSiteDirectory(site, failing(), owner)).toThrow();
    expect(readFileSync(`${site}/index.html`, 'utf8')).toBe('index.html');
    expect(readdirSync(directory)).toEqual(['site']);
  });

  it('rids its neighbourhood of what a killed run left, and of nothing else', () => {
    const directory = temporaryDirectory();
    const dead = `1-1-${owner.place}-0123456789ab`;
    for (const name of [`.site.engineshed-new-${dead}`, '.site.engineshed-new-mine', '.other'])
      mkdirSync(`${directory}/${name}`);
    mkdirSync(`${directory}/.site.engineshed-old-${dead}`);
    writeFileSync(`${directory}/.site.engineshed-old-${dead}/letter`, 'of somebody');
    writeSiteDirectory(`${directory}/site`, [file('index.html')], owner);
    expect(readdirSync(directory).sort()).toEqual([
      '.other',
      '.site.engineshed-new-mine',
      `.site.engineshed-old-${dead}`,
      'site',
    ]);
  });
});
