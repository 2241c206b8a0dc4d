/** Flags that several commands share. */
export const jsonFlag = {
  kind: 'boolean',
  brief: 'Print the result as one JSON document',
  optional: true,
  withNegated: false,
} as const;

/** Replaces the registry of a catalog. */
export const registryFlag = {
  kind: 'parsed',
  parse: String,
  brief:
    "Take the catalogs' images from this registry instead, for instance a mirror: HOST keeps their path, HOST/PATH and HOST/ replace it",
  placeholder: 'HOST[:PORT][/PATH]',
  optional: true,
} as const;

/** Registries that speak plain http. */
export const plainHttpFlag = {
  kind: 'parsed',
  parse: String,
  brief: 'Speak plain http with this registry (repeatable; loopback addresses need no flag)',
  placeholder: 'HOST[:PORT]',
  optional: true,
  variadic: true,
} as const;

/** Keeps a command from asking registries. */
export const offlineFlag = {
  kind: 'boolean',
  brief: 'Ask no registry: take what the store, image layouts and directories have, or fail',
  optional: true,
  withNegated: false,
} as const;

/** What {@link offlineFlag} says where something newer is looked for. */
export const newerOfflineBrief =
  'Ask no registry: look into image layouts and directories, or fail where a tag of a registry would have to be asked for';

/** Lets a command tell what it would do. */
export const dryRunFlag = {
  kind: 'boolean',
  brief: 'Say what would be written where, and change nothing',
  optional: true,
  withNegated: false,
} as const;

/** Annotations of what is pushed. */
export const annotationFlag = {
  kind: 'parsed',
  parse: String,
  brief: 'Annotate it (repeatable)',
  placeholder: 'KEY=VALUE',
  optional: true,
  variadic: true,
} as const;

/** The name of an engine as a positional argument. */
export function engineArgument<const Optional extends boolean>(brief: string, optional: Optional) {
  return { brief, parse: String, placeholder: 'ENGINE', optional } as const;
}

/** The engine that is meant instead of the selected one. */
export const engineFlag = {
  kind: 'parsed',
  parse: String,
  brief: 'Of this engine instead of the selected one',
  placeholder: 'ENGINE',
  optional: true,
} as const;

/** The platform to choose from an index. */
export const platformFlag = {
  kind: 'parsed',
  parse: String,
  brief: 'The platform to choose where there are images for several, by default that of this machine',
  placeholder: 'OS/ARCH[/VARIANT]',
  optional: true,
} as const;

/** An image as a positional argument. */
export const imageArgument = {
  brief: 'The image: registry/repository[:tag][@digest], or oci:DIR:tag',
  parse: String,
  placeholder: 'REF',
} as const;

/** Brings along what refers to an image. */
export const referrersFlag = {
  kind: 'boolean',
  brief: 'Bring along what refers to the images: signatures, documents and the like',
  optional: true,
  withNegated: false,
} as const;

/** Lets an archive take the place of a file. */
export const replaceFlag = {
  kind: 'boolean',
  brief: 'Put the archive in the place of a file that is there, as a whole',
  optional: true,
  withNegated: false,
} as const;

/** A length of time as flags have it, `12h`, `30d` or `8w`, in milliseconds. */
export function parseDuration(text: string): number {
  const [, number, unit = ''] = /^(\d{1,5})([hdw])$/.exec(text) ?? [];
  if (number === undefined) throw new Error(`"${text}" is not a time such as 12h, 30d or 8w`);
  return Number(number) * 3_600_000 * ({ h: 1, d: 24, w: 168 }[unit] ?? 0);
}
