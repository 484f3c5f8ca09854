// How long a password must and may be, in characters.

export const SHORTEST_PASSWORD = 10;
export const LONGEST_PASSWORD = 128;
