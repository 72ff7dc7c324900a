/**
 * Parses a WHATWG URL without throwing; returns null if the text is not a URL. It replaces `URL.canParse`, which is
 * wrong in Node.js 20 and 22: once V8 has optimized its caller, after some thousand calls, it returns false for hosts
 * with Latin-1 letters such as `münchen.de`.
 */
export function parseUrl(text: string, base?: string): URL | null {
  try {
    return new URL(text, base);
  } catch {
    return null;
  }
}
