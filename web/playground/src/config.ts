/** What the gateway says about itself; `apiKey` only to a browser on its own machine, and only with the sandbox. */
export interface PlaygroundConfig {
  readonly graphqlPath: string;
  readonly apiKey: string | null;
  readonly sandbox: boolean;
}

export async function loadConfig(): Promise<PlaygroundConfig> {
  const response = await fetch('/playground/config.json', { cache: 'no-store' });
  if (!response.ok) throw new Error(`The gateway answered ${response.status} for its playground settings.`);
  return (await response.json()) as PlaygroundConfig;
}
