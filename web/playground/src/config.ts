/** What the gateway says about itself; `apiKey` only to a browser on its own machine, and only with the sandbox. */
export interface PlaygroundConfig {
  /** From the gateway's root. */
  readonly graphqlPath: string;
  readonly apiKey: string | null;
  readonly sandbox: boolean;
}

/** The page's own path with a slash at its end, whatever prefix a proxy has put before it. */
const base = new URL(`${location.pathname.replace(/\/$/, '')}/`, location.origin);

/** Where a path of the gateway is, seen from this page. */
export const urlOf = (path: string): URL => new URL(`..${path}`, base);

export async function loadConfig(): Promise<PlaygroundConfig> {
  const response = await fetch(new URL('config.json', base), { cache: 'no-store' });
  if (!response.ok) throw new Error(`The gateway answered ${response.status} for its playground settings.`);
  return (await response.json()) as PlaygroundConfig;
}
