/**
 * Every error code, with its kind. The kind decides the exit status of the command line, in the manner of
 * `sysexits.h`, so that a script can tell "try again" from "never will" without reading a message.
 */
export const errorKinds = {
  /** The command line or an argument is wrong. */
  usage: 64,
  /** What was received or stored is not what it must be: digests, manifests, archives. */
  data: 65,
  /** The thing asked for does not exist. */
  notFound: 66,
  /** A registry or the network did not answer as needed; trying again later may help. */
  unavailable: 69,
  /** What is there is not proven as a policy wants it, or contradicts what was proven before. */
  trust: 76,
  /** A fault of the program itself. */
  internal: 70,
  /** The disk or file system refused. */
  io: 74,
  /** Access was refused, by a registry or by the operating system. */
  permission: 77,
  /** A configuration or catalog file is wrong. */
  config: 78,
} as const;

/** The kind of an error, which decides the exit status. */
export type ErrorKind = keyof typeof errorKinds;

/** The table from error code to kind. */
export const errorCodes = {
  USAGE: 'usage',
  REFERENCE_INVALID: 'usage',
  DIGEST_INVALID: 'usage',
  NAME_INVALID: 'usage',
  ENGINE_ACTIVE: 'usage',
  ENGINE_NEEDED: 'usage',

  DIGEST_MISMATCH: 'data',
  SIZE_MISMATCH: 'data',
  DIFFID_MISMATCH: 'data',
  JSON_INVALID: 'data',
  MANIFEST_INVALID: 'data',
  MANIFEST_TOO_LARGE: 'data',
  MEDIA_TYPE_UNSUPPORTED: 'data',
  PLATFORM_UNMATCHED: 'data',
  LAYER_INVALID: 'data',
  LAYER_UNSAFE: 'data',
  LAYER_LIMIT: 'data',
  LAYOUT_INVALID: 'data',
  ARCHIVE_INVALID: 'data',
  CONTENT_UNPUBLISHABLE: 'data',
  RESPONSE_INVALID: 'data',
  TAG_IMMUTABLE: 'data',
  TESTS_FAILED: 'data',
  RELEASE_UNTESTED: 'data',
  KEY_INVALID: 'data',
  CHANNEL_MOVED: 'unavailable',

  REFERENCE_NOT_FOUND: 'notFound',
  CONTENT_NOT_FOUND: 'notFound',
  ENGINE_UNKNOWN: 'notFound',
  ENGINE_NOT_INSTALLED: 'notFound',
  ENGINE_NONE_ACTIVE: 'notFound',
  GENERATION_UNKNOWN: 'notFound',
  GENERATION_INCOMPLETE: 'notFound',
  SOURCE_UNKNOWN: 'notFound',
  PART_UNKNOWN: 'notFound',
  PATH_NOT_FOUND: 'notFound',
  COMMAND_NOT_FOUND: 'notFound',

  REGISTRY_UNAVAILABLE: 'unavailable',
  NETWORK_FAILED: 'unavailable',
  TIMEOUT: 'unavailable',
  RATE_LIMITED: 'unavailable',
  TLS_FAILED: 'unavailable',
  REFERRERS_CONFLICT: 'unavailable',
  STORE_BUSY: 'unavailable',
  OFFLINE: 'unavailable',

  SIGNATURE_MISSING: 'trust',
  SIGNATURE_INVALID: 'trust',
  SIGNATURE_UNSUPPORTED: 'trust',
  CHANNEL_UNPROVEN: 'trust',
  CHANNEL_ROLLBACK: 'trust',
  CHANNEL_EQUIVOCATION: 'trust',
  CHANNEL_EXPIRED: 'trust',

  UNAUTHORIZED: 'permission',
  FORBIDDEN: 'permission',
  DELETION_REFUSED: 'permission',
  CREDENTIALS_FAILED: 'permission',
  KEY_LOCKED: 'permission',
  FILE_PERMISSION: 'permission',

  CONFIG_INVALID: 'config',
  LOCK_INVALID: 'config',
  LOCK_OUTDATED: 'config',
  STORE_VERSION: 'config',

  DISK_FULL: 'io',
  IO_FAILED: 'io',
  FILE_IN_THE_WAY: 'io',
  STORE_CORRUPT: 'data',

  INTERNAL: 'internal',
} as const satisfies Record<string, ErrorKind>;

/** A stable name of what went wrong; programs match on it, never on a message. */
export type ErrorCode = keyof typeof errorCodes;
