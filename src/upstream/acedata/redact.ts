/** Removes from external text what must not be stored or shown. */

/**
 * Characters of a link: plain, escaped in JSON (repeatedly for JSON within JSON), or percent-encoded (repeatedly for
 * links within links).
 */
const slash = String.raw`(?:\\*\/|\\+(?:u00|x)2f|%(?:25)*2f)`;
const hyphen = String.raw`(?:-|\\+(?:u00|x)2d|%(?:25)*2d)`;
const questionMark = /\?|\\(?:u00|x)3f|%(?:25)*3f/gi;

/**
 * Matches the beginning of a link. The two groups are the backslashes and the quote before a quoted link. The
 * lookbehind is evaluated only where a link begins, so that runs of blanks and backslashes are read only once.
 */
const linkBegins = /(?=http)(?<=(?:(\\*)(["'])\s*)?)https?(?::|\\+(?:u00|x)3a|%(?:25)*3a)/gi;
const unquotedLink = /(?:[^\s"\\]|\\+[^\s"\\])*/y;
const callbackToken = new RegExp(
  String.raw`(callbacks${slash}(?:[0-9a-f]|${hyphen}){36}${slash})(?:[^\s"'\\]|\\+[^\s"'\\])+`,
  'gi',
);

/**
 * Redacts a text. A signed link grants access to what it names, so the query of a link is removed, and so is the token
 * of one of our own callback URLs. NUL is removed because it cannot be stored. Takes time linear in the length of the
 * text.
 */
export function redactText(text: string): string {
  const plain = text.replaceAll('\0', '');
  let [kept, read] = ['', 0];
  for (const { 0: begin, 1: backslashes = '', 2: quote, index } of plain.matchAll(linkBegins)) {
    if (index < read) continue;
    const from = index + begin.length;
    const end = quote === undefined ? endOfUnquoted(plain, from) : endOfQuoted(plain, from, quote, backslashes.length);
    questionMark.lastIndex = from;
    const query = questionMark.exec(plain.slice(0, end));
    kept += query ? `${plain.slice(read, query.index)}?[redacted]` : plain.slice(read, end);
    read = end;
  }
  return (kept + plain.slice(read)).replace(callbackToken, '$1[redacted]');
}

/**
 * Returns the end of a quoted link. The closing quote has at most as many backslashes before it as the opening one; a
 * query may contain blanks, and quotes with more backslashes.
 */
function endOfQuoted(text: string, from: number, quote: string, backslashes: number): number {
  for (let at = text.indexOf(quote, from); at >= 0; at = text.indexOf(quote, at + 1)) {
    let end = at;
    while (end > from && text[end - 1] === '\\') end -= 1;
    if (at - end <= backslashes) return end;
  }
  return text.length;
}

function endOfUnquoted(text: string, from: number): number {
  unquotedLink.lastIndex = from;
  return from + unquotedLink.exec(text)![0].length;
}
