// JSON.parse that keeps names as they were written. V8 (Node 24 and 26, nodejs/node issue 63785) mistakes a name with
// an escape for an earlier one: after {"h":1,"\\":1} it reads {"h":1,"\u0061":1} as {"h":1,"\\":1}. One caller's
// metadata would change another's.

const ESCAPED_NAME = /"[^"\\]*(?:\\.[^"\\]*)+"\s*:/;
const PART = /"[^"\\]*(?:\\.[^"\\]*)*"|[{[]\s*[}\]]?|[}\]:]/g;

/** Throws a SyntaxError, as JSON.parse does. The caller must bound the text's depth. */
export function parseText(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return text.includes('\\') && ESCAPED_NAME.test(text) ? built(JSON.parse(text.replace(PART, asArray))) : value;
}

// Turns names into values, which V8 reads correctly: {"a":[1]} becomes [0,"a",[1,1]].
function asArray(part: string): string {
  switch (part[0]) {
    case '{':
    case '[':
      return `[${part[0] === '{' ? 0 : 1}${part.length > 1 && /[}\]]$/.test(part) ? ']' : ','}`;
    case '}':
      return ']';
    case ':':
      return ',';
    default:
      return part;
  }
}

function built(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const [kind, ...parts] = value.map(built);
  if (kind === 1) return parts;
  const names = parts.filter((_part, index) => index % 2 === 0) as string[];
  return Object.fromEntries(names.map((name, index) => [name, parts[2 * index + 1]]));
}
