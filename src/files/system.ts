import { sep } from 'node:path';

/**
 * Whether files are kept by Windows: not everybody may make symbolic links there, a file has no mode that says whether it can be run,
 * and nothing takes the place of a file that somebody reads.
 */
export const onWindows = sep === '\\';
