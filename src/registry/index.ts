export { createRegistryClient, type RegistryClient, type RegistryClientOptions } from './client.js';
export type { Limits } from './limits.js';
export type { LoginAttempt, LoginResult } from './login.js';
