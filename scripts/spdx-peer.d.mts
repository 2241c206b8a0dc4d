export const spdxPython: string;
export const spdxSchema: string;
export function installSpdx(): void;
