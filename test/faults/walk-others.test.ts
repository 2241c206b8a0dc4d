import { changeNames } from './walk.js';
import { walkThrough } from './walking.js';

// Half of the commands; the other half is in a file of its own, so that both run side by side.
walkThrough(changeNames.filter((_, at) => at % 2 === 1));
