import type { EngineLock } from '../../src/engine/index.js';
import { type Admission, admit } from '../../src/trust/admission.js';

/** Lets the images of an engine into a store, as where there is no policy. */
export function admitted({ sources }: Pick<EngineLock, 'sources'>): Promise<Admission> {
  const unused = () => {
    throw new Error('nobody asks where no policy is');
  };
  return admit({
    candidates: Object.values(sources).flatMap((source) =>
      source.kind === 'directory'
        ? []
        : [
            {
              reference: source.reference,
              repository: 'test',
              place: 'test',
              images: [],
              engines: [],
              tag: undefined,
              resolved: source.resolved,
              manifest: source.manifest,
              target: unused,
            },
          ],
    ),
    policies: [],
    memory: unused,
    now: unused,
  });
}
