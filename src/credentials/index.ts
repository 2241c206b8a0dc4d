export { withoutLogins } from './environment.js';
export type { CredentialHelper, HelperLogin, HelperOf } from './helper.js';
export { scopeKey } from './keys.js';
export { type ListedLogin, listLogins } from './list.js';
export { type LoginPlace, type LoginStoreOptions, removeLogin, storeLogin } from './logins.js';
export { type CredentialSourceOptions, credentialSource, noCredentials } from './source.js';
export type { Credential, CredentialSource, LoginScope, StorableLogin } from './types.js';
