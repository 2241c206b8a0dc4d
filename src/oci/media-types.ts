/** Media types of the OCI image specification and of Docker's schema 2, which is read as the same thing. */
export const mediaTypes = {
  imageManifest: 'application/vnd.oci.image.manifest.v1+json',
  imageIndex: 'application/vnd.oci.image.index.v1+json',
  imageConfig: 'application/vnd.oci.image.config.v1+json',
  layerTar: 'application/vnd.oci.image.layer.v1.tar',
  layerTarGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  layerTarZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  empty: 'application/vnd.oci.empty.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerLayerTar: 'application/vnd.docker.image.rootfs.diff.tar',
} as const;

const dockerSchema1 = [
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
];

/** Tells whether a text is a media type (RFC 6838, 4.2), without parameters. */
export function isMediaType(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/.test(text);
}

/** Tells whether a media type is that of an image manifest, OCI's or Docker's. */
export function isManifestType(mediaType: string): boolean {
  return mediaType === mediaTypes.imageManifest || mediaType === mediaTypes.dockerManifest;
}

/** Tells whether a media type is that of an image index or Docker's manifest list. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.imageIndex || mediaType === mediaTypes.dockerManifestList;
}

/** Tells whether a manifest's config is that of an image; else the manifest is an artifact of another sort. */
export function isImageConfig({ mediaType }: { readonly mediaType: string }): boolean {
  return mediaType === mediaTypes.imageConfig || mediaType === mediaTypes.dockerConfig;
}

/** Tells whether a media type is Docker's schema 1, which is not supported. */
export function isDockerSchema1(mediaType: string): boolean {
  return dockerSchema1.includes(mediaType);
}

/** How a layer's bytes are compressed. */
export type Compression = 'none' | 'gzip' | 'zstd';

/** The compression that a layer's media type names; undefined for a media type that is no layer's. */
export function layerCompression(mediaType: string): Compression | undefined {
  switch (mediaType) {
    case mediaTypes.layerTar:
    case mediaTypes.dockerLayerTar:
      return 'none';
    case mediaTypes.layerTarGzip:
    case mediaTypes.dockerLayerGzip:
      return 'gzip';
    case mediaTypes.layerTarZstd:
      return 'zstd';
    default:
      return undefined;
  }
}

/** The `Accept` header for a manifest request: everything that can be read, OCI's first. */
export const manifestAccept = [
  mediaTypes.imageManifest,
  mediaTypes.imageIndex,
  mediaTypes.dockerManifest,
  mediaTypes.dockerManifestList,
].join(', ');
