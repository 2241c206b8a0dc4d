import type { Descriptor, Digest, PathReference, RegistryReference } from '../oci/index.js';
import type { Requirement } from '../requirements/types.js';

/** Where an engine takes a component from. */
export type SourceDefinition =
  | { readonly kind: 'image'; readonly reference: RegistryReference }
  | { readonly kind: 'layout'; readonly reference: PathReference }
  | { readonly kind: 'directory'; readonly path: string };

/** A functional piece of an engine: a path inside a source. */
export interface PartDefinition {
  /** What the part is for, unique in the engine, for instance `core-engine`. */
  readonly type: string;
  /** The name of the source that it lies in. */
  readonly source: string;
  /** The path inside the source, with `/`; `.` is the whole source. */
  readonly path: string;
}

/** How one environment variable is made. A rule whose part the engine lacks sets nothing. */
export type EnvironmentRule =
  /** A fixed value. */
  | { readonly name: string; readonly kind: 'value'; readonly value: string }
  /** The path of a part, or of something inside it; `path` may differ by platform (`process.platform` names). */
  | {
      readonly name: string;
      readonly kind: 'part';
      readonly part: string;
      readonly path: string | Readonly<Record<string, string>> | undefined;
    }
  /** The paths of those parts that the engine has, joined; nothing where it has none. */
  | {
      readonly name: string;
      readonly kind: 'parts';
      readonly parts: readonly string[];
      readonly separator: string;
    }
  /** One of two values, by whether the engine has a part. */
  | {
      readonly name: string;
      readonly kind: 'has-part';
      readonly part: string;
      readonly yes: string;
      readonly no: string;
    };

/** A command that an engine gives to its users: a file in one of its parts. */
export interface CommandDefinition {
  /** What users call it, unique in the engine, upper and lower case apart. */
  readonly name: string;
  /** The type of the part that it lies in. An engine that lacks the part lacks the command. */
  readonly part: string;
  /** The path inside the part; it may differ by platform (`process.platform` names). */
  readonly path: string | Readonly<Record<string, string>>;
}

/** What sort of name an engine has. */
export type EngineKind = 'channel' | 'dated' | 'version' | 'custom';

/** An engine as it is asked for: sources by reference. Plain data, all references absolute. */
export interface EngineDefinition {
  readonly name: string;
  readonly description: string;
  readonly kind: EngineKind;
  /** The catalog that defines it: `hamlet` for the built-in one, else the path of a file; `REF` for a bare reference. */
  readonly catalog: string;
  readonly sources: Readonly<Record<string, SourceDefinition>>;
  readonly parts: readonly PartDefinition[];
  readonly environment: readonly EnvironmentRule[];
  /** Left out where there are none. */
  readonly commands?: readonly CommandDefinition[];
  /** What it needs of the machine; what its components need is said by their images. */
  readonly requires?: readonly Requirement[];
}

/** A layer of a resolved source. */
export interface LockedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}

/** An image, by digest. */
export interface LockedImage {
  /** The manifest of the image. */
  readonly manifest: Descriptor;
  /** The platform that the image states, `OS/ARCHITECTURE[/VARIANT]`; left out where it states none. */
  readonly platform?: string;
  /** The config of the image. */
  readonly config: Descriptor;
  /** The layers, lowest first. */
  readonly layers: readonly LockedLayer[];
  /** The manifest's annotations. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** A source that is an image, resolved; what it says of the image is that of the one that was chosen for a platform. */
export interface LockedImageSource extends LockedImage {
  readonly kind: 'image' | 'layout';
  /** The reference that was asked for. */
  readonly reference: string;
  /** The digest that it stood for: that of an index, or of the manifest itself. */
  readonly resolved: Digest;
  /**
   * The images of all platforms, in the order of the index, where the source was locked for all; left out else. Where there are
   * several, the id of the engine counts them all, and so is the same on every platform.
   */
  readonly images?: readonly LockedImage[];
}

/** A source, resolved. */
export type LockedSource = LockedImageSource | { readonly kind: 'directory'; readonly path: string };

/** An engine as it was found: sources by digest. Plain data. */
export interface EngineLock {
  readonly name: string;
  readonly description: string;
  readonly kind: EngineKind;
  readonly catalog: string;
  readonly sources: Readonly<Record<string, LockedSource>>;
  readonly parts: readonly PartDefinition[];
  readonly environment: readonly EnvironmentRule[];
  /** Left out where there are none. */
  readonly commands?: readonly CommandDefinition[];
  /** What it needs of the machine, where it says so. It does not count in its id. */
  readonly requires?: readonly Requirement[];
  /** The platform that it was asked for, `OS/ARCHITECTURE[/VARIANT]`; left out where that is the machine's own. */
  readonly platform?: string;
  /** Set where directories stand in for components on one machine. */
  readonly linked?: LinkedState;
}

/** What a state stands in for that has a user's directories in the place of components. */
export interface LinkedState {
  /** The id of the state without them. */
  readonly base: string;
  /** The components, sorted; each is a source that is a directory. */
  readonly sources: readonly string[];
}

/** Environment variables to set and, because another engine may have set them, to unset. */
export interface EngineEnvironment {
  readonly set: Readonly<Record<string, string>>;
  readonly unset: readonly string[];
}
