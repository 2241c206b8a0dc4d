/** What the program is called with to look, in the background, whether channels have moved. */
export const lookCommand = '__channels';
