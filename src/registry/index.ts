export { createRegistryClient, type RegistryClient, type RegistryClientOptions } from './client.js';
export type { Credential, CredentialSource } from './credential.js';
export {
  type CredentialSourceOptions,
  credentialSource,
  type HelperRunner,
  noCredentials,
} from './credentials.js';
export type { Limits } from './limits.js';
