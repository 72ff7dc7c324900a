/** Whether a request was sent to a name of ours: a page of another site whose own name resolves to our address sends that name. */

export type HostCheck = (host: string | undefined) => boolean;

/** `allowed` has names without ports, `*` first for those below a domain; null allows every name. */
export function createHostCheck(allowed: readonly string[] | null): HostCheck {
  if (allowed === null) return () => true;
  const names = new Set(allowed.map((name) => name.toLowerCase()));
  return (host) => {
    if (host === undefined || !URL.canParse(`http://${host}`)) return false;
    const { hostname } = new URL(`http://${host}`);
    return names.has(hostname) || names.has(`*.${hostname.slice(hostname.indexOf('.') + 1)}`);
  };
}
