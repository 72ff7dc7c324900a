/** The upstream API, from the settings: the vendor's, or the sandbox on this machine. */
import { createUpstreamClient } from '../upstream/acedata/client.ts';
import { createCallbackUrls } from '../upstream/callback-url.ts';
import { startSandbox } from '../upstream/sandbox/server.ts';
import type { Setup } from './lifecycle.ts';

export type UpstreamPart = Awaited<ReturnType<typeof startUpstream>>;

export async function startUpstream(setup: Setup, appSecrets: readonly string[]) {
  const { config, onStop } = setup;
  const sandbox = config.UPSTREAM === 'sandbox' ? await startOwnSandbox(setup) : null;
  let publicUrl = config.PUBLIC_URL;
  const callbackUrls = createCallbackUrls(appSecrets, () => publicUrl);
  const client = createUpstreamClient({
    id: config.UPSTREAM_ID,
    sandbox: sandbox !== null,
    baseUrl: sandbox?.url ?? config.ACEDATA_BASE_URL,
    token: config.ACEDATA_API_TOKEN ?? 'sandbox',
    callbackUrls,
    // The sandbox runs on this machine and is reached without a proxy.
    proxies: sandbox
      ? null
      : { httpsProxy: config.HTTPS_PROXY, httpProxy: config.HTTP_PROXY, noProxy: config.NO_PROXY },
    submitTimeoutMs: 1_000 * config.SUBMIT_TIMEOUT_SECONDS,
  });
  onStop(() => client.stop());
  return {
    client,
    sandbox,
    verifyCallback: callbackUrls.verify,
    /** True if the upstream is given a URL to call back. */
    isReachable: publicUrl !== null || sandbox !== null,
    publicUrl: () => publicUrl,
    /**
     * Gives the sandbox the address of the gateway unless `PUBLIC_URL` is set. The address is known once the gateway
     * listens, which is before any job is submitted.
     */
    listensOn(url: string): void {
      if (sandbox) publicUrl ??= url;
    },
  };
}

async function startOwnSandbox({ config, log, onStop }: Setup) {
  const sandbox = await startSandbox({
    host: '127.0.0.1',
    port: config.SANDBOX_PORT,
    token: null,
    seconds: config.SANDBOX_SECONDS,
    journalFile: `${config.DATA_DIR}/sandbox-tasks.jsonl`,
    log,
  });
  onStop(() => sandbox.stop());
  return sandbox;
}
