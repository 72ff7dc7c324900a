export function bundle(options: {
  readonly root: string;
  readonly entry: string;
  readonly outdir: string;
}): Promise<void>;
