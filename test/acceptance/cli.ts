import { temporaryDirectory } from '../support/temporary.js';
import { type User, userIn } from './user.js';

export { program, type Run, run, type User } from './user.js';

/** A new user, gone when the test ends. */
export function newUser(): User {
  return userIn(temporaryDirectory());
}
