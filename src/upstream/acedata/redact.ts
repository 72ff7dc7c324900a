/** What of a text from outside is not kept and not shown. */

/**
 * Signs of a link as they are, escaped in JSON (more than once in JSON in JSON), or percent-encoded (more than once in
 * links in links).
 */
const slash = String.raw`(?:\\*\/|\\+(?:u00|x)2f|%(?:25)*2f)`;
const hyphen = String.raw`(?:-|\\+(?:u00|x)2d|%(?:25)*2d)`;
const questionMark = /\?|\\(?:u00|x)3f|%(?:25)*3f/gi;

/**
 * The two groups are what quotes the link, if anything does: backslashes and a quote. One looks back only from where a
 * link begins: runs of blanks and backslashes are read once.
 */
const linkBegins = /(?=http)(?<=(?:(\\*)(["'])\s*)?)https?(?::|\\+(?:u00|x)3a|%(?:25)*3a)/gi;
const unquotedLink = /(?:[^\s"\\]|\\+[^\s"\\])*/y;
const callbackToken = new RegExp(
  String.raw`(callbacks${slash}(?:[0-9a-f]|${hyphen}){36}${slash})(?:[^\s"'\\]|\\+[^\s"'\\])+`,
  'gi',
);

/**
 * Signed links open what they name: their query goes, and the token of one of our own callback URLs. NUL cannot be
 * stored. Takes time in proportion to the text.
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
 * The quote that closes has as many backslashes before it as the one that opened, or fewer; a query may hold blanks,
 * and quotes with more.
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
