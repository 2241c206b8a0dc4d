/** The names of the peers that are Go modules. */
export const goPeers: readonly string[];

/** Where one of them is, once it is built. */
export function goPeerPath(name: string): string;
