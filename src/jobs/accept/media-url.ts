/**
 * Checks URLs of images and videos. Only the upstream fetches them, and it receives them exactly as they were sent,
 * because a signature covers the spelling. The checks parse URLs as WHATWG `URL` does, and reject a spelling in which
 * another parser may find a different host. Pure.
 */
import { domainToUnicode } from 'node:url';
import { isPublicHost } from '../../network/public-address.ts';
import { parseUrl } from '../../network/parse-url.ts';

const MAX_LENGTH = 2_048;

const media = {
  imageUrl: { what: 'The image must be JPG, JPEG or PNG', taken: ['jpg', 'jpeg', 'png'] },
  videoUrl: { what: 'The video must be MP4 or MOV', taken: ['mp4', 'mov'] },
} as const;

/** Extensions that name a format. Any other, such as `.php` or `.ashx`, does not indicate the response's format. */
const formats = new Set([
  ...[
    'jpg',
    'jpeg',
    'png',
    'gif',
    'webp',
    'bmp',
    'tif',
    'tiff',
    'svg',
    'ico',
    'heic',
    'heif',
    'avif',
    'jxl',
    'psd',
    'apng',
  ],
  ...['mp4', 'mov', 'avi', 'mkv', 'webm', 'wmv', 'flv', 'mpg', 'mpeg', '3gp', 'ogv', 'm3u8', 'mpd'],
  ...['mp3', 'wav', 'ogg', 'm4a', 'aac', 'flac', 'pdf', 'zip', 'rar'],
]);

type Code = 'INVALID_URL' | 'TOO_LONG' | 'URL_HAS_CREDENTIALS' | 'PRIVATE_ADDRESS' | 'INVALID_FORMAT';
type Violate = (code: Code, message: string) => void;

export function checkMediaUrl(text: string, field: keyof typeof media, violate: Violate): void {
  if (!/^\s*https?:/i.test(text))
    return violate('INVALID_URL', 'The URL must be absolute and begin with http:// or https://.');
  if (text.length > MAX_LENGTH) return violate('TOO_LONG', `The URL must have at most ${MAX_LENGTH} characters.`);
  const badCharacter = describeBadCharacter(text);
  if (badCharacter !== null) return violate('INVALID_URL', badCharacter);
  const [, authority, rest] = /^https?:\/\/([^/?#]+)(.*)$/i.exec(text) ?? [];
  const url = parseUrl(text);
  if (url === null || authority === undefined || rest === undefined)
    return violate('INVALID_URL', 'The URL must be absolute and begin with http:// or https:// and a host.');
  const host = authority.slice(authority.lastIndexOf('@') + 1).replace(/:\d*$/, '');
  const isClear = isSpelledClearly(host, url.hostname) && !/^[?#][^/]*[@\\]/.test(rest);
  if (authority.includes('@')) violate('URL_HAS_CREDENTIALS', 'The URL must not contain a user name or password.');
  if (!isPublicHost(url.hostname))
    violate('PRIVATE_ADDRESS', 'The host of the URL must be public, because the upstream fetches the file.');
  else if (!isClear)
    violate(
      'INVALID_URL',
      'The host of the URL must be in its usual form, without percent-encoding: programs interpret other forms differently.',
    );
  const extension = extensionOf(url.pathname);
  const { what, taken } = media[field];
  const isOther = extension !== null && formats.has(extension) && !(taken as readonly string[]).includes(extension);
  if (isOther) violate('INVALID_FORMAT', `${what}, but this URL ends in .${extension}.`);
}

/** Returns a message if the text contains characters that parsers drop or take for others; null otherwise. */
function describeBadCharacter(text: string): string | null {
  if (!text.isWellFormed()) return 'The URL must be well-formed Unicode text.';
  // eslint-disable-next-line no-control-regex -- the check looks for control characters
  if (/[\u0000-\u001f\u007f]/.test(text) || text !== text.trim())
    return 'The URL must not contain line breaks, tabs or other control characters, or begin or end with spaces.';
  if (text.includes(' ')) return 'The URL must not contain spaces: write %20.';
  // In a query that follows a path, a backslash is an ordinary character.
  if (/^[^?#]*\\/.test(text)) return 'The URL must not contain backslashes: write / or %5C.';
  return null;
}

/**
 * Returns true if every parser finds the same host: the text equals what WHATWG `URL` makes of it, apart from letter
 * case. An address in brackets has only one meaning.
 */
function isSpelledClearly(host: string, parsed: string): boolean {
  if (parsed.startsWith('[')) return host.startsWith('[');
  const lowered = host.toLowerCase();
  return lowered === parsed || lowered.normalize('NFC') === domainToUnicode(parsed);
}

function extensionOf(path: string): string | null {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const decoded = /%[0-9a-f]{2}/i.test(name) ? decodeOrKeep(name) : name;
  return /\.([a-z0-9]{2,5})$/i.exec(decoded)?.[1]?.toLowerCase() ?? null;
}

function decodeOrKeep(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
