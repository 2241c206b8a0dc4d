export const powershellPython: string;
export const powershellInstalled: string;
export function installPowershell(): void;
