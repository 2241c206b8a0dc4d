import { buildApplication, buildRouteMap, text_en } from '@stricli/core';
import { EngineshedError } from '../errors/index.js';
import { attach } from './commands/attach.js';
import { available } from './commands/available.js';
import { cat } from './commands/cat.js';
import { copy } from './commands/copy.js';
import { current } from './commands/current.js';
import { doctor } from './commands/doctor.js';
import { env } from './commands/env.js';
import { exec } from './commands/exec.js';
import { exportEngine } from './commands/export.js';
import { gc } from './commands/gc.js';
import { history } from './commands/history.js';
import { index } from './commands/image-index.js';
import { importEngines } from './commands/import.js';
import { inspect } from './commands/inspect.js';
import { install } from './commands/install.js';
import { list } from './commands/list.js';
import { login } from './commands/login.js';
import { logout } from './commands/logout.js';
import { ls } from './commands/ls.js';
import { mirror } from './commands/mirror.js';
import { publish } from './commands/publish.js';
import { referrers } from './commands/referrers.js';
import { rollback } from './commands/rollback.js';
import { show } from './commands/show.js';
import { tags } from './commands/tags.js';
import { uninstall } from './commands/uninstall.js';
import { use } from './commands/use.js';
import { verify } from './commands/verify.js';
import { which } from './commands/which.js';
import { failureStatus, formatFailure } from './failure.js';
import type { Host } from './host.js';

/** The command line: its commands, and how their failures are told. A command's code is loaded when it is run. */
export function application(host: Host) {
  const fail = (error: unknown) => formatFailure(host, error);
  const misused = (message: string) => fail(new EngineshedError('USAGE', message));
  return buildApplication<Host>(
    buildRouteMap<string, Host>({
      routes: {
        install,
        available,
        list,
        show,
        use,
        current,
        env,
        exec,
        which,
        history,
        rollback,
        gc,
        doctor,
        verify,
        uninstall,
        publish,
        index,
        copy,
        mirror,
        export: exportEngine,
        import: importEngines,
        attach,
        referrers,
        tags,
        inspect,
        ls,
        cat,
        login,
        logout,
      },
      docs: {
        brief: 'Distribute a product made of several components through any OCI registry',
        fullDescription:
          'Publish components as images, install an engine made of them, switch versions in one atomic step, run it.\n' +
          'Start with: engineshed available, engineshed install, eval "$(engineshed env)".',
      },
    }),
    {
      name: 'engineshed',
      versionInfo: { currentVersion: host.version },
      scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
      documentation: { disableAnsiColor: true },
      localization: {
        text: {
          ...text_en,
          exceptionWhileParsingArguments: (error, ansi) =>
            misused(text_en.exceptionWhileParsingArguments(error, ansi)),
          noCommandRegisteredForInput: (input) => misused(text_en.noCommandRegisteredForInput(input)),
          exceptionWhileRunningCommand: fail,
          exceptionWhileLoadingCommandFunction: fail,
          commandErrorResult: fail,
        },
      },
      determineExitCode: failureStatus,
    },
  );
}
