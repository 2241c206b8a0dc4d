import { components } from '../support/product.js';

/** The engines that every process may install, use and uninstall. */
export const shared = ['hello-1.0.0', 'hello-2.0.0', 'hello'];
/** An engine that nobody uninstalls: it always runs. */
export const kept = 'kept';
/** Error codes that a command may end with because another process was faster; an empty one where it ends otherwise than with 0. */
export const expected: Readonly<Record<string, readonly string[]>> = {
  // With --use: it was uninstalled in between.
  install: ['ENGINE_NOT_INSTALLED'],
  use: ['ENGINE_NOT_INSTALLED'],
  uninstall: ['ENGINE_NOT_INSTALLED', 'ENGINE_ACTIVE', 'ENGINE_NEEDED'],
  // What has a working copy in it is no image.
  export: ['ENGINE_NOT_INSTALLED', 'USAGE'],
  update: ['ENGINE_NOT_INSTALLED'],
  outdated: ['ENGINE_NOT_INSTALLED', ''],
  diff: [''],
  doctor: [''],
  link: ['ENGINE_NOT_INSTALLED'],
  unlink: ['ENGINE_NOT_INSTALLED', 'SOURCE_UNKNOWN'],
  // It becomes the active one where none is: it was uninstalled in between.
  import: ['PATH_NOT_FOUND', 'ENGINE_NOT_INSTALLED'],
  verify: ['ENGINE_NOT_INSTALLED'],
  env: ['ENGINE_NONE_ACTIVE'],
  current: ['ENGINE_NONE_ACTIVE'],
  rollback: ['GENERATION_UNKNOWN', 'GENERATION_INCOMPLETE'],
};

/**
 * A command that some process gives.
 * @param own the name of an engine that is this process' own
 * @param registry has the components at `/acme`
 * @param where `anywhere` may go back in the history, and take what is not used
 */
export function chooseCommand(
  random: () => number,
  own: string,
  registry: string,
  where: 'onward' | 'anywhere',
): readonly string[] {
  const pick = <T>(...items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const name = pick(...shared);
  const version = pick('1.0.0', '2.0.0');
  const component = pick(...components);
  const source = pick(`oci:images/${component}:${version}`, `${registry}/acme/${component}:2`);
  const always = [
    ['install', name],
    ['install', name, '--use'],
    ['install', source, '--name', own],
    ['install', source, '--name', own],
    ['uninstall', own],
    ['uninstall', name],
    ['uninstall', name, '--force'],
    ['use', name],
    ['gc', '--keep', pick('1', '3')],
    ['copy', `oci:images/${component}:${version}`, `oci:images/${component}:edge`],
    ['exec', kept, '--', 'sh', '-c', '"$HELLO_EXECUTOR" Ada'],
    ['env'],
    ['current'],
    ['list'],
    ['history'],
    ['verify'],
    ['verify', name],
    ['verify', '--repair'],
    ['export', name, `${own}.tar`, '--replace'],
    ['import', `${own}.tar`],
    ['update', name],
    ['outdated', name],
    ['outdated'],
    ['diff', name, kept],
    ['show', name],
    ['doctor'],
    ['link', 'engine', 'components/engine', '--engine', 'hello'],
    ['unlink', '--engine', 'hello'],
    ['attach', `oci:images/${component}:${version}`, '--type', 'text/plain', 'bill.json'],
  ];
  const back = [
    ['rollback'],
    ['rollback', '--to', `${1 + Math.floor(random() * 50)}`],
    ['gc', '--unused-for', '0h'],
  ];
  const command = pick(...always, ...(where === 'anywhere' ? [...back, ...back] : []));
  return command.includes('exec') ? command : [...command, '--json'];
}
