export const hamletDirectory: string;
export const hamletProgram: string;
export function installHamlet(): void;
