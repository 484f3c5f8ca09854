// Finds faults in JSON text that a parser silently accepts: nesting so deep that recursion overflows the stack, and
// repeated members, of which the last one wins.

/** Bodies of this API are nested at most 4 deep. */
export const DEEPEST = 32;

/** Whether JSON text is nested deeper than DEEPEST. It reads no further than that. */
export function isTooDeep(text: string): boolean {
  return shapeOf(text).depth > DEEPEST;
}

/** Pointers to the repeated members of a text that is not too deep. `value` is the parsed text. */
export function repeatedMembers(text: string, value: unknown): string[] {
  // Counting takes a tenth of the time of searching.
  return shapeOf(text).members === countMembers(value) ? [] : findRepeated(text);
}

const [QUOTE, BACKSLASH, COLON, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [34, 92, 58, 91, 93, 123, 125];

/** The depth of JSON text, up to DEEPEST + 1, and the number of members until there. */
function shapeOf(text: string): { depth: number; members: number } {
  let open = 0;
  let depth = 0;
  let members = 0;
  for (let index = 0; index < text.length && depth <= DEEPEST; index++) {
    switch (text.charCodeAt(index)) {
      case QUOTE:
        index = endOfString(text, index);
        break;
      case COLON:
        members++;
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        depth = Math.max(depth, ++open);
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        open--;
    }
  }
  return { depth, members };
}

/** The position of the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) return index;
    if (code === BACKSLASH) index++;
  }
  return text.length;
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inner: unknown[] = Array.isArray(value) ? value : Object.values(value);
  return inner.reduce<number>((sum, each) => sum + countMembers(each), Array.isArray(value) ? 0 : inner.length);
}

interface Container {
  /** The names of an object. An array has none. */
  names: Set<string> | undefined;
  /** The member that is being read: its name, or its index in an array. */
  at: string | number;
}

function findRepeated(text: string): string[] {
  const repeated: string[] = [];
  const open: Container[] = [];
  let string = '';
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]/g)) {
    const inner = open.at(-1);
    if (token === '{') open.push({ names: new Set(), at: '' });
    else if (token === '[') open.push({ names: undefined, at: 0 });
    else if (token === '}' || token === ']') open.pop();
    else if (token === ',' && typeof inner?.at === 'number') inner.at++;
    else if (token === ':' && inner?.names) {
      const name: string = JSON.parse(string);
      inner.at = name;
      if (inner.names.has(name)) repeated.push(pointerTo(open));
      inner.names.add(name);
    } else string = token;
  }
  return repeated;
}

function pointerTo(open: readonly Container[]): string {
  return open.map(({ at }) => `/${String(at).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
