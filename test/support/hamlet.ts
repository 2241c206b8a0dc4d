import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The components of the hamlet engine, as small stand-ins with the directories that its catalog names. */
export const hamletComponents = [
  'engine',
  'executor-bash',
  'engine-plugin-aws',
  'engine-plugin-azure',
  'engine-core',
] as const;

/**
 * Makes stand-ins of hamlet's components in `directory/NAME`.
 * @param release what they say of themselves
 */
export function makeHamlet(directory: string, release: string): void {
  const write = (path: string, content: string, mode = 0o644) => {
    mkdirSync(join(directory, path, '..'), { recursive: true });
    writeFileSync(join(directory, path), content, { mode });
  };
  write('engine/client/client.ftl', `engine ${release}\n`);
  write('engine-plugin-aws/aws/aws.ftl', 'aws\n');
  write('engine-plugin-azure/azure/azure.ftl', 'azure\n');
  for (const system of ['Linux', 'Darwin']) {
    write(
      `engine-core/image/freemarker-wrapper-${system}/bin/freemarker-wrapper`,
      '#!/bin/sh\ncat "$@"\n',
      0o755,
    );
  }
  write('engine-core/freemarker-wrapper.jar', 'a jar\n');
  write('executor-bash/automation/jenkins/aws/setContext.sh', 'true\n');
  write(
    'executor-bash/cli/createTemplate.sh',
    [
      '#!/usr/bin/env bash',
      'set -euo pipefail',
      '"$GENERATION_WRAPPER_SCRIPT_FILE" "$GENERATION_ENGINE_DIR/client/client.ftl"',
      `IFS=';' read -ra PLUGINDIRS <<< "$GENERATION_PLUGIN_DIRS"`,
      `for dir in "\${PLUGINDIRS[@]}"; do name="\${dir##*/}"; find "$dir" -name "\${name##*-}.ftl" -exec cat {} +; done`,
      '',
    ].join('\n'),
    0o755,
  );
}
