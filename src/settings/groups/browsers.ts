/** Settings of pages, browsers and hosts. */
import { z } from 'zod';
import { parseOrigin } from '../origins.ts';
import { LOOPBACK_NAMES, nullable, offInProduction, setting } from '../setting.ts';
import { hostNames, list } from '../values.ts';

const origins = list.transform((entries, context) =>
  entries.map((entry) => {
    const parsed = parseOrigin(entry);
    if (parsed === null) context.addIssue({ code: 'custom', message: 'not an origin' });
    return parsed ?? z.NEVER;
  }),
);

export const browserSettings = {
  PLAYGROUND: offInProduction({ meaning: 'Whether `/playground` is served' }),
  INTROSPECTION: offInProduction({ meaning: 'Whether introspection of the schema is allowed' }),
  ALLOWED_HOSTS: setting<readonly string[] | null>({
    schema: hostNames,
    expected: 'host names without ports, comma separated; `*.example.com` for those below it',
    default: {
      text: `with the sandbox on a loopback host \`${LOOPBACK_NAMES.join(', ')}\`, otherwise any`,
      derive: ({ isOpenSandbox }) => (isOpenSandbox ? LOOPBACK_NAMES : null),
    },
    meaning: 'Host names to which requests may be sent. Requests to other names are answered 421',
  }),
  CORS_ORIGINS: nullable({
    schema: origins,
    expected:
      'origins, comma separated: scheme and host, and the port unless it is the default one, without a path (`https://app.example.com`, `http://localhost:5173`); `https://*.example.com` for the names one label below it; `*` for any',
    default:
      'with the sandbox on a loopback host any port of `http(s)://localhost`, `127.0.0.1` and `[::1]`, otherwise none',
    meaning:
      'Browser origins that may call the gateway over HTTP and WebSocket. The origin of the gateway and that of `PUBLIC_URL` are always allowed',
  }),
};
