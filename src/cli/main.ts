#!/usr/bin/env node
import { homedir, tmpdir } from 'node:os';
import { run } from '@stricli/core';
import { errorKinds } from '../errors/index.js';
import { application } from './app.js';
import type { Host } from './host.js';

declare const ENGINESHED_VERSION: string;

const host: Host = {
  process: { stdout: process.stdout, stderr: process.stderr },
  environment: process.env,
  arguments: process.argv.slice(2),
  directory: process.cwd(),
  platform: process.platform,
  architecture: process.arch,
  pid: process.pid,
  userId: process.getuid?.(),
  home: homedir(),
  temporary: tmpdir(),
  version: ENGINESHED_VERSION,
  now: () => new Date(),
};

// A reader such as `head` may stop reading; that is its right and no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

run(application(host), host.arguments, host).then(() => {
  const status = Number(host.process.exitCode ?? 0);
  // The parser's own statuses are negative and mean that the command line was wrong.
  process.exitCode = status < 0 ? errorKinds.usage : status;
});
