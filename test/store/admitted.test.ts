import { describe, expect, it } from 'vitest';
import { applyInstall, beginTrial, withSources } from '../../src/store/index.js';
import { admitted } from '../support/admission.js';
import { layoutOf } from './layered.js';
import { makeSample } from './sample.js';

describe('an image that nobody looked at', () => {
  it('F01 does not come into the store by any way', async () => {
    const sample = await makeSample();
    const plan = await sample.plan('first', 'base', 'extra');
    const { base } = plan.lock.sources;
    if (base === undefined) throw new Error('there is no base');
    const admission = await admitted({ sources: { base } });
    const content = () => layoutOf(sample);
    const inputs = { content, remembered: new Map(), admission, platform: 'linux' };
    const refused = { code: 'INTERNAL', message: expect.stringContaining('extra of first') };
    await expect(applyInstall(sample.store, plan, inputs)).rejects.toMatchObject(refused);
    await expect(beginTrial(sample.store, plan.lock, inputs)).rejects.toMatchObject(refused);
    await expect(
      withSources(sample.store, 'a test', plan.lock, inputs, async () => {}),
    ).rejects.toMatchObject(refused);
  });
});
