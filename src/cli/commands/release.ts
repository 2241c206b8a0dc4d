import { buildRouteMap } from '@stricli/core';
import type { Host } from '../host.js';
import { releaseBisect } from './release-bisect.js';
import { releaseBuild } from './release-build.js';
import { releaseHistory } from './release-history.js';
import { releaseNotes } from './release-notes.js';
import { releasePromote } from './release-promote.js';
import { releaseRenew } from './release-renew.js';
import { releaseRollback } from './release-rollback.js';
import { releaseSbom } from './release-sbom.js';
import { releaseSite } from './release-site.js';
import { releaseTest } from './release-test.js';

/** `engineshed release` */
export const release = buildRouteMap<string, Host>({
  routes: {
    build: releaseBuild,
    test: releaseTest,
    promote: releasePromote,
    rollback: releaseRollback,
    renew: releaseRenew,
    history: releaseHistory,
    notes: releaseNotes,
    sbom: releaseSbom,
    bisect: releaseBisect,
    site: releaseSite,
  },
  docs: {
    brief: 'Compose, test and promote releases',
    fullDescription:
      'What is released, where to, and with which tests is said by [release] in engineshed.toml.',
  },
});
