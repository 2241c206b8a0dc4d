export declare const windowsNode: string;
export declare const wineEnvironment: Readonly<Record<'WINEPREFIX' | 'WINEARCH' | 'WINEDEBUG', string>>;
export declare function hasWindows(): boolean;
export declare function installWindows(): void;
